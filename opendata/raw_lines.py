"""Finding a record again in the publisher's bytes.

Belongs here: the line of a raw text file that holds given values. Does not belong here:
what the values mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from opendata.counting import opened
from opendata.magic import DamagedError, identify, telling_damage

TEXT = ("zip", "gzip", "text", "json")


def find_line(path: Path, values: Sequence[str], member: str | None = None) -> int | None:
    """Return the number of the first line that holds every one of ``values``; 1 is the first.

    The file is read once, packed or not, in constant memory.

    Returns:
        ``None`` where no line does, or the file has no lines (a workbook, Parquet).
    """
    kind = identify(path)
    wanted = [value.encode() for value in values if value]
    if kind not in TEXT or not wanted:
        return None
    try:
        with telling_damage(), opened(path, kind, member) as stream:
            for number, line in enumerate(stream, start=1):
                if all(value in line for value in wanted):
                    return number
    except (DamagedError, OSError, IndexError):
        return None
    return None
