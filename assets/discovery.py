"""Which datasets there are: every folder here that holds a ``dataset.yml``.

Belongs here: pairing a description with its normaliser. There is no list to edit.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path

from opendata.catalogue import Dataset, load_catalogue
from opendata.errors import SettingsError
from opendata.ingest import Source
from opendata.likeness import completed
from opendata.mirrors import SETTING, chosen, with_mirrors

FOLDER = Path(__file__).resolve().parent


@cache
def sources() -> dict[str, Source]:
    """Return every dataset with its normaliser, by name, in alphabetical order.

    Raises:
        SettingsError: a folder has a description but no usable ``normalise.py``.
    """
    found = {}
    mirrors = chosen(os.environ.get(SETTING, ""))
    described = with_mirrors(load_catalogue(FOLDER), FOLDER, mirrors)
    for name, dataset in completed(described).items():
        module = import_module(f"assets.{name}.normalise")
        wanted = "normalise" if dataset.derived_from is None else "derive"
        try:
            functions = {wanted: getattr(module, wanted)}
            if hasattr(module, "further"):
                functions["further"] = module.further
            found[name] = Source(dataset, module.CODE_VERSION, **functions)
        except AttributeError as error:
            raise SettingsError(
                f"normalise.py has no {error.name}",
                next_step=f"define `CODE_VERSION` and `{wanted}` in it",
                dataset=name,
            ) from error
    over = _overlays(found)
    return {
        name: replace(source, overlay=over.get(str(source.dataset.derived_from)))
        for name, source in found.items()
    }


def overlays() -> dict[str, Dataset]:
    """Return snapshot → description of the dataset that overlays it."""
    return _overlays(sources())


def _overlays(found: Mapping[str, Source]) -> dict[str, Dataset]:
    described = [source.dataset for source in found.values()]
    return {one.overlays.dataset: one for one in described if one.overlays is not None}


def tables() -> dict[str, str]:
    """Return table → name of the dataset that makes it."""
    return {table: dataset.name for table, dataset in owners().items()}


def owners() -> dict[str, Dataset]:
    """Return table → description of the dataset that makes it."""
    found = sources().values()
    return {table: source.dataset for source in found for table in source.dataset.tables}


def catalogue() -> dict[str, Dataset]:
    """Return every description by name, in alphabetical order."""
    return {name: source.dataset for name, source in sources().items()}
