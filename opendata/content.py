"""Is a file that arrived what was announced?

Belongs here: checks of a whole file by its bytes, before anything is made of it. Does not
belong here: columns and values (:mod:`opendata.contract`), unpacking
(:mod:`opendata.archive`).
"""

from __future__ import annotations

import csv
import gzip
import json
import zipfile
import zlib
from pathlib import Path

import pyarrow.parquet as pq
from pyarrow import ArrowException

from opendata import files
from opendata.catalogue import Resource
from opendata.errors import DownloadError
from opendata.magic import HEAD, Kind, complaint, identify
from opendata.remote import RemoteFile

#: Larger files are data, not error objects.
_ERROR_BYTES = 64 << 10
_AGAIN = "run again; if it lasts, look at the address with a browser and tell the portal"
#: Publishers turn a CSV into a workbook and back (Egapro did): the reader looks for itself.
_TABLES: frozenset[Kind] = frozenset({"text", "xlsx", "parquet"})
_PLAIN: dict[str, frozenset[Kind]] = {
    "csv": _TABLES,
    "parquet": _TABLES,
    "xlsx": _TABLES,
    "json": frozenset({"json"}),
    "jsonl": frozenset({"json"}),
    "xml": frozenset({"xml"}),
}
_PACKED: dict[str, frozenset[Kind]] = {
    "zip": frozenset({"zip", "xlsx"}),
    "gzip": frozenset({"gzip"}),
    "taz": frozenset({"gzip"}),
}


def check_announced(path: Path, remote: RemoteFile) -> None:
    """Compare size and checksum with what the portal announced, where it did.

    Raises:
        DownloadError: one of them differs.
    """
    size = path.stat().st_size
    if remote.size is not None and size != remote.size:
        raise DownloadError(
            f"the size differs: the portal says {remote.size:,} bytes, {size:,} came",
            next_step=_AGAIN,
        )
    if remote.checksum is not None:
        found = files.digest(path, remote.checksum.algorithm)
        if found != remote.checksum.value:
            raise DownloadError(
                f"the {remote.checksum.algorithm} checksum differs from the portal's",
                next_step=_AGAIN,
            )


def check_content(path: Path, resource: Resource, remote: RemoteFile) -> int | None:
    """Check that the file is whole and of the expected format; return its rows if counted.

    Raises:
        DownloadError: it is empty, an error page, an error object, cut short, of another
            format, or has another number of records than announced.
    """
    kind = identify(path)
    if kind == "empty":
        if remote.rows_expected == 0 and resource.format == "jsonl":
            return 0
        raise DownloadError("the answer is empty", next_step=_AGAIN)
    expected = _PACKED.get(resource.archive or "") or _PLAIN[resource.format]
    if kind == "json":
        _check_no_complaint(path)
    if kind not in expected:
        shown = "an HTML page" if kind == "html" else f"{kind} content"
        wanted = resource.archive or resource.format
        raise DownloadError(f"the answer is {shown} instead of {wanted}", next_step=_AGAIN)
    _check_whole(path, resource, kind)
    return _check_rows(path, resource, remote, kind)


def _check_no_complaint(path: Path) -> None:
    if path.stat().st_size > _ERROR_BYTES:
        return
    try:
        reason = complaint(json.loads(path.read_bytes()))
    except (ValueError, RecursionError):
        return
    if reason is not None:
        raise DownloadError(f"the portal sent an error as data: {reason}", next_step=_AGAIN)


def _check_whole(path: Path, resource: Resource, kind: Kind) -> None:
    if kind == "gzip":
        whole = _gzip_is_whole(path)
    elif kind in ("zip", "xlsx"):
        whole = zipfile.is_zipfile(path)
    elif kind == "parquet":
        whole = _tail(path).endswith(b"PAR1")
    elif kind == "json":
        closing = b"}" if resource.format == "jsonl" else (b"}", b"]")
        whole = _tail(path).rstrip().endswith(closing)
    elif kind == "xml":
        whole = _tail(path).rstrip().endswith(b">")
    else:
        whole = True
    if not whole:
        raise DownloadError(f"the {kind} file is cut short or damaged", next_step=_AGAIN)


def _gzip_is_whole(path: Path) -> bool:
    try:
        with gzip.open(path) as stream:
            while stream.read(files.CHUNK):
                pass
    except (EOFError, zlib.error, gzip.BadGzipFile):
        return False
    return True


def _tail(path: Path) -> bytes:
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - HEAD))
        return stream.read()


def _check_rows(path: Path, resource: Resource, remote: RemoteFile, kind: Kind) -> int | None:
    if resource.format == "parquet" and kind != "parquet":
        return None
    if resource.archive is not None or (
        remote.rows_expected is None and resource.format not in ("jsonl", "parquet")
    ):
        return None
    try:
        rows = count_rows(path, resource)
    except (ArrowException, csv.Error, ValueError, RecursionError) as error:
        raise DownloadError(
            f"the {resource.format} file is damaged: its records cannot be counted",
            next_step=_AGAIN,
        ) from error
    if rows is not None and remote.rows_expected not in (None, rows):
        raise DownloadError(
            f"the portal says {remote.rows_expected:,} records, {rows:,} came", next_step=_AGAIN
        )
    return rows


def count_rows(path: Path, resource: Resource) -> int | None:
    """Return the number of records of a plain file; ``None`` where that has no meaning."""
    if resource.format == "jsonl":
        with path.open("rb") as stream:
            return sum(1 for line in stream if line.strip())
    if resource.format == "parquet":
        return int(pq.read_metadata(path).num_rows)
    if resource.format == "csv":
        with path.open(encoding=resource.csv.encoding, newline="") as text:
            rows = sum(1 for row in csv.reader(text, delimiter=resource.csv.delimiter) if row)
        return max(0, rows - 1 - resource.csv.skip_lines)
    if resource.format == "json":
        content = json.loads(path.read_bytes())
        return len(content) if isinstance(content, list) else None
    return None
