"""The nine-digit numbers that stand in a file, whatever its format.

Belongs here: reading the bytes of raw files, unpacked, in bounded memory. Does not belong
here: what the numbers are.
"""

from __future__ import annotations

import gzip
import re
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import polars as pl
from polars.exceptions import PolarsError

from opendata.errors import ArchiveError
from opendata.magic import DamagedError, identify, telling_damage

_CHUNK = 8 << 20
#: Bytes of a chunk looked at again with the next one, so that no number is cut in two.
_OVERLAP = 64
#: Nine digits, or the fourteen that begin with them, also written in groups.
_NUMBER = re.compile(rb"(?<!\d)(\d{3})[ .\xa0]?(\d{3})[ .\xa0]?(\d{3})(?:[ .\xa0]?\d{5})?(?!\d)")


def numbers_in(path: Path) -> Iterator[pl.Series]:
    """Give the numbers in ``path``, as integers, part by part.

    Zip, gzip, tar in gzip and workbooks are unpacked; of a Parquet file the columns of
    text and of whole numbers are read.

    Raises:
        ArchiveError: it cannot be unpacked or read, so that nobody knows who stands in it.
    """
    try:
        with telling_damage():
            yield from _numbers(path)
    except (DamagedError, PolarsError) as error:
        raise ArchiveError(
            "it cannot be unpacked, so that the numbers in it are not known",
            next_step="remove its folder and fetch the dataset again",
            file=path.name,
        ) from error


def _numbers(path: Path) -> Iterator[pl.Series]:
    if identify(path) == "parquet":
        yield from _in_columns(path)
        return
    for stream in _streams(path):
        with stream:
            yield from _in_bytes(stream)


def _streams(path: Path) -> Iterator[IO[bytes]]:
    """Give each file inside ``path``, or itself; one at a time."""
    kind = identify(path)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if not member.is_dir():
                    yield archive.open(member)
    elif kind == "gzip" and tarfile.is_tarfile(path):
        with tarfile.open(path, "r:gz") as packed:
            for entry in packed:
                inside = packed.extractfile(entry) if entry.isfile() else None
                if inside is not None:
                    yield inside
    else:
        yield cast(IO[bytes], gzip.GzipFile(path)) if kind == "gzip" else path.open("rb")


def _in_bytes(stream: IO[bytes]) -> Iterator[pl.Series]:
    rest = b""
    while chunk := stream.read(_CHUNK):
        text = rest + chunk
        yield _series({b"".join(groups) for groups in _NUMBER.findall(text)})
        rest = text[-_OVERLAP:]


def _in_columns(path: Path) -> Iterator[pl.Series]:
    rows = pl.scan_parquet(path, glob=False)
    for name, dtype in rows.collect_schema().items():
        if dtype == pl.String or dtype.is_integer():
            text = pl.col(name).cast(pl.String).str.replace_all(r"[ .\x{A0}]", "")
            found = text.str.extract(r"^(\d{9})(?:\d{5})?$").alias("number")
            column = rows.select(found).drop_nulls().unique().collect(engine="streaming")
            yield column.to_series().cast(pl.UInt64)


def _series(found: set[bytes]) -> pl.Series:
    return pl.Series("number", sorted(int(one) for one in found), dtype=pl.UInt64)
