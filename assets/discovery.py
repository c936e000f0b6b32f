"""Which datasets there are: every folder here that holds a ``dataset.yml``.

Belongs here: pairing a description with its normaliser. There is no list to edit.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

from opendata.catalogue import Dataset, load_catalogue
from opendata.errors import SettingsError
from opendata.ingest import Source

FOLDER = Path(__file__).resolve().parent


@cache
def sources() -> dict[str, Source]:
    """Return every dataset with its normaliser, by name, in alphabetical order.

    Raises:
        SettingsError: a folder has a description but no usable ``normalise.py``.
    """
    found = {}
    for name, dataset in load_catalogue(FOLDER).items():
        module = import_module(f"assets.{name}.normalise")
        wanted = "normalise" if dataset.derived_from is None else "derive"
        try:
            function = {wanted: getattr(module, wanted)}
            found[name] = Source(dataset, module.CODE_VERSION, **function)
        except AttributeError as error:
            raise SettingsError(
                f"normalise.py has no {error.name}",
                next_step=f"define `CODE_VERSION` and `{wanted}` in it",
                dataset=name,
            ) from error
    return found


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
