"""The format of a data folder: one number for the layout of all that is kept in it.

Belongs here: the number, reading and noting it, refusing what this release cannot read. Does
not belong here: going from one number to the next (``pipelines.migrations``).

The number grows when a release can no longer read what an earlier one wrote. A folder without
it is of the first format, which did not write it.
"""

from __future__ import annotations

import json
from pathlib import Path

from opendata.errors import StateError
from opendata.files import write_json

#: What this release writes.
FORMAT = 1
NAME = "format.json"
#: Folders in which a restore keeps what comes and what goes.
ASIDES = (".restore", ".replaced")
#: Written by a restore once everything is ready, removed when everything is in its place.
RESTORING = Path(ASIDES[0]) / "ready.json"


def found(data_dir: Path) -> int:
    """Return the format of a folder; that of a new one is the present one.

    Raises:
        StateError: the number cannot be read.
    """
    path = data_dir / NAME
    if not path.exists():
        return 1 if (data_dir / "state").is_dir() else FORMAT
    try:
        return int(json.loads(path.read_bytes())["format"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise StateError(
            "the format of the data folder cannot be read",
            next_step="restore it from a backup",
            file=NAME,
        ) from error


def require(data_dir: Path, *, older: bool = False) -> None:
    """Refuse a folder that this release does not read as it is.

    Args:
        data_dir: the data folder.
        older: one of an earlier release will do, as for a copy of it.

    Raises:
        StateError: it is newer, older, or in the middle of being restored.
    """
    if (data_dir / RESTORING).exists():
        raise StateError(
            "a restore was interrupted",
            next_step="run `company-signals restore` again: it goes on where it stopped",
        )
    number = found(data_dir)
    if number > FORMAT:
        raise StateError(
            f"the data folder has format {number}, this release reads up to {FORMAT}",
            next_step="install the release that wrote it, or a newer one",
        )
    if number < FORMAT and not older:
        raise StateError(
            f"the data folder has format {number}, this release writes {FORMAT}",
            next_step="make a backup, then run `company-signals migrate`",
        )


def note(data_dir: Path, number: int = FORMAT) -> None:
    """Write the number, if it is another one."""
    if not (data_dir / NAME).exists() or found(data_dir) != number:
        write_json(data_dir / NAME, {"format": number}, point="format")
