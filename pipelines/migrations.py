"""Bringing a data folder to the format of this release.

Belongs here: the steps from each format to the next, and taking them. Does not belong here: the
number (``opendata.folder_format``). A step may be killed and is then taken again from its start:
it must do nothing to what it did already.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from opendata import folder_format
from opendata.errors import StateError
from opendata.files import reached

Step = Callable[[Path], None]
#: Format → the step that leads from it to the next. There was one format so far.
STEPS: Mapping[int, Step] = MappingProxyType({})


def migrate(
    data_dir: Path, *, steps: Mapping[int, Step] | None = None, to: int | None = None
) -> int:
    """Take every step that is missing; return how many. The caller holds the lock.

    Args:
        data_dir: the data folder.
        steps: :data:`STEPS` by default.
        to: the format of this release by default.

    Raises:
        StateError: the folder is newer than this release, or a step is unknown.
    """
    steps, to = steps or STEPS, to or folder_format.FORMAT
    number = folder_format.found(data_dir)
    if number > to:
        raise StateError(
            f"the data folder has format {number}, this release reads up to {to}",
            next_step="install the release that wrote it, or a newer one",
        )
    taken = 0
    while number < to:
        if number not in steps:
            raise StateError(
                f"no step leads from format {number} to the next",
                next_step="install the release that came after the one that wrote the folder",
            )
        steps[number](data_dir)
        reached("migration:step-taken")
        number += 1
        folder_format.note(data_dir, number)
        taken += 1
    return taken
