"""How many records a raw file holds.

Belongs here: counting without typing anything, packed or not. Does not belong here:
whether the number is right (:mod:`opendata.content`, :mod:`opendata.quality`).
"""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import fastexcel
import pyarrow.parquet as pq
from pyarrow import ArrowException

from opendata.catalogue import Resource
from opendata.files import CHUNK
from opendata.magic import DamagedError, Kind, identify, telling_damage

#: What an archive may unpack to while it is only counted: bytes, or times its size.
UNPACKED, RATIO = 64 << 20, 200


def count_records(path: Path, resource: Resource) -> int | None:
    """Return the records of a raw file; ``None`` where that cannot be told, or not safely.

    Delimited text is counted by its line ends outside quotes (RFC 4180), less the header. A
    file that unpacks to suspiciously much, or not at all, is left to the one who opens it.
    """
    kind = identify(path)
    if kind in ("parquet", "xlsx"):
        return _whole(path, kind)
    if resource.archive == "taz" or resource.format not in ("csv", "xlsx", "jsonl"):
        return None
    limit = max(UNPACKED, RATIO * path.stat().st_size)
    try:
        with telling_damage(), opened(path, kind, resource.member) as stream:
            lines = _lines_outside_quotes(stream, limit)
    except (DamagedError, OSError, IndexError):
        return None
    if lines is None:
        return None
    if resource.format == "jsonl":
        return lines
    return max(0, lines - 1 - resource.csv.skip_lines)


def _whole(path: Path, kind: Kind) -> int | None:
    try:
        if kind == "parquet":
            return int(pq.read_metadata(path).num_rows)
        return fastexcel.read_excel(path).load_sheet(0).height
    except (ArrowException, OSError, fastexcel.FastExcelError):
        return None


@contextmanager
def opened(path: Path, kind: Kind, member: str | None) -> Iterator[IO[bytes]]:
    """Open what is in a packed file, or a plain one, as a stream of bytes."""
    if kind == "zip":
        with zipfile.ZipFile(path) as archive:
            files = [name for name in archive.namelist() if not name.endswith("/")]
            wanted = next((name for name in files if name.split("/")[-1] == member), files[0])
            with archive.open(wanted) as stream:
                yield stream
    elif kind == "gzip":
        with gzip.open(path) as packed:
            yield packed  # type: ignore[misc]
    else:
        with path.open("rb") as plain:
            yield plain


def _lines_outside_quotes(stream: IO[bytes], limit: int) -> int | None:
    """Count lines that are not blank, a last one without its end too; stop past ``limit``."""
    lines, read, quoted, pending = 0, 0, False, False
    while chunk := stream.read(CHUNK):
        read += len(chunk)
        if read > limit:
            return None
        for part in chunk.split(b'"'):
            if not quoted:
                *whole, rest = part.split(b"\n")
                for line in whole:
                    lines += bool(pending or line.strip())
                    pending = False
                pending = pending or bool(rest.strip())
            else:
                pending = True
            quoted = not quoted
        # The parts of one chunk end where the next chunk goes on.
        quoted = not quoted
    return lines + pending
