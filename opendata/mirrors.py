"""The same tables from another official place.

Belongs here: descriptions that replace where a dataset comes from and what its files look like,
``mirrors/<mirror>.yml`` beside ``dataset.yml``, and which of them are chosen. Does not belong
here: the model of a description (:mod:`opendata.catalogue`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opendata.catalogue import Dataset, TableColumn, load_dataset
from opendata.errors import SettingsError
from opendata.yaml_text import NOT_YAML, load_plain

#: Environment variable that says which datasets are taken from a mirror.
SETTING = "SIGNALS_MIRRORS"


def chosen(text: str) -> dict[str, str]:
    """Return dataset → mirror from the value of :data:`SETTING`, ``bodacc=dila, decp=officiel``.

    Raises:
        SettingsError: it is not written like that.
    """
    pairs = [part.strip().split("=") for part in text.split(",") if part.strip()]
    if any(len(pair) != 2 for pair in pairs):
        raise SettingsError(
            f"{SETTING} is {text!r}", next_step="write it like `bodacc=dila`, separated by commas"
        )
    return {name.strip(): mirror.strip() for name, mirror in pairs}


def with_mirrors(
    catalogue: Mapping[str, Dataset], folder: Path, mirrors: Mapping[str, str]
) -> dict[str, Dataset]:
    """Return ``catalogue`` with the datasets named by ``mirrors`` as their mirrors describe them.

    Args:
        catalogue: descriptions by name.
        folder: the folder they were read from.
        mirrors: dataset → mirror.

    Raises:
        SettingsError: there is no such dataset or mirror, or it cannot be used.
    """
    unknown = sorted(mirrors.keys() - catalogue.keys())
    if unknown:
        raise SettingsError(
            f"there is no dataset {unknown[0]!r} to take from a mirror",
            next_step=f"correct {SETTING}",
        )
    changed = {name: load_mirror(folder / name, mirror) for name, mirror in mirrors.items()}
    return {**catalogue, **changed}


def load_mirror(folder: Path, mirror: str) -> Dataset:
    """Return the dataset of ``folder`` as its ``mirror`` describes it.

    Raises:
        SettingsError: it has no such mirror, or the description cannot be used.
    """
    path = folder / "mirrors" / f"{mirror}.yml"
    if not path.is_file():
        known = sorted(other.stem for other in path.parent.glob("*.yml"))
        raise SettingsError(
            f"it has no mirror {mirror!r}",
            next_step=f"use one of {', '.join(known) or 'none'} in {SETTING}",
            dataset=folder.name,
        )
    own = _own(path)
    usual = load_dataset(folder / "dataset.yml")
    return load_dataset(folder / "dataset.yml", {"tables": _spelled_out(usual), **own})


def _own(path: Path) -> dict[str, Any]:
    where = {"next_step": "correct the file", "file": path.name, "dataset": path.parent.parent.name}
    try:
        own = load_plain(path.read_bytes())
    except NOT_YAML as error:
        raise SettingsError(f"not valid YAML: {error}", **where) from error
    if not isinstance(own, dict) or not all(isinstance(key, str) for key in own):
        raise SettingsError("it is no mapping of names", **where)
    return own


def _spelled_out(dataset: Dataset) -> dict[str, Any]:
    """Return the tables with all that they inherit from the columns of the usual resources."""
    kept = set(TableColumn.model_fields)
    return {
        name: {
            **table.model_dump(exclude={"columns"}),
            "columns": [
                column.model_dump(include=kept) for column in dataset.described_columns(name)[:-1]
            ],
        }
        for name, table in dataset.tables.items()
    }
