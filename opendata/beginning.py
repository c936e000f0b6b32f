"""The beginning of a file at its portal: enough to see its kind and its columns.

Belongs here: a small ranged read, and the headers that a beginning shows, through a zip or
a gzip if need be. Does not belong here: comparing them with anything
(:mod:`opendata.live_check`), taking a file (:mod:`opendata.download`).

A beginning may name persons: nothing of it but the headers is kept. Only a file that can
be read as a whole alone (a workbook, a Parquet file) is written, to a private temporary
folder, and removed at once.
"""

from __future__ import annotations

import csv
import json
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from opendata.catalogue import Resource
from opendata.errors import ContractError, DownloadError
from opendata.http import Http
from opendata.magic import Kind, sniff
from opendata.readers import open_table, wants

#: Bytes asked of a file whose beginning is enough.
SMALL = 64 << 10
#: A file that must be read whole is not looked into above this size.
WHOLE = 16 << 20
#: Bytes unpacked at most.
_UNPACKED = 1 << 20
_DELIMITERS = (",", ";", "\t", "|")
_WORKBOOK = ("[Content_Types].xml", "_rels/", "docProps/", "xl/")
_LOOK = "look at the file with a browser"


@dataclass(frozen=True)
class Beginning:
    """The first bytes of a file.

    Attributes:
        content: the bytes, as they were sent.
        whole: they are the whole file.
        kind: what they are; a workbook is told from another zip.
    """

    content: bytes
    whole: bool
    kind: Kind


def read_beginning(http: Http, url: str) -> Beginning:
    """Ask for the first bytes of the file at ``url``; for all of a small workbook or Parquet.

    Raises:
        PortalError: the file is not there, or the portal does not answer.
    """
    content, whole = _first(http, url, SMALL)
    kind = _kind(content)
    if kind in ("xlsx", "parquet") and not whole:
        content, whole = _first(http, url, WHOLE)
    return Beginning(content, whole, kind)


def _first(http: Http, url: str, size: int) -> tuple[bytes, bool]:
    """Return at most ``size`` bytes; a server that ignores the range is left after them."""
    headers = {"Accept-Encoding": "identity", "Accept": "*/*", "Range": f"bytes=0-{size - 1}"}
    received, whole = bytearray(), True
    for attempt in http.retrying():
        with attempt:
            received, whole = bytearray(), True
            # 416 is how a server says that there is not even a first byte.
            with http.stream(url, headers=headers, accept=(200, 206, 416)) as answer:
                for chunk in () if answer.status == 416 else answer.chunks():
                    received += chunk
                    if len(received) >= size:
                        whole = answer.headers.get("content-range", "").endswith(f"/{size}")
                        break
    return bytes(received[:size]), whole


def _kind(content: bytes) -> Kind:
    kind = sniff(content)
    if kind == "zip" and _member(content)[0].startswith(_WORKBOOK):
        return "xlsx"
    return kind


def headers_of(beginning: Beginning, resource: Resource) -> list[str]:
    """Return the headers that the beginning of a file shows, as the contract would read them.

    Raises:
        ContractError: they cannot be told from what there is.
    """
    if beginning.kind in ("xlsx", "parquet"):
        return _headers_of_whole(beginning, resource)
    content, whole = beginning.content, beginning.whole
    if beginning.kind == "zip":
        name, content = _member(content)
        if resource.member is not None and name != resource.member:
            raise _unseen(f"the archive begins with {name!r}, not with {resource.member!r}")
        whole = False
    elif beginning.kind == "gzip":
        content, whole = _inflated(content, zlib.MAX_WBITS | 16), False
    if sniff(content) == "json":
        return _json_headers(content)
    if sniff(content) != "text":
        raise _unseen(f"it begins with {sniff(content)} content")
    return _csv_headers(content, resource, whole=whole)


def _headers_of_whole(beginning: Beginning, resource: Resource) -> list[str]:
    if not beginning.whole:
        raise _unseen(f"it is larger than {WHOLE:,} bytes and can only be read whole")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(beginning.content)
        return open_table(path, resource, Path(folder)).headers


def _member(content: bytes) -> tuple[str, bytes]:
    """Return name and beginning of the first member of a zip (APPNOTE 4.3.7)."""
    if len(content) < 30:
        raise DownloadError("the archive is cut short", next_step=_LOOK)
    flags, method = (int.from_bytes(content[at : at + 2], "little") for at in (6, 8))
    name_length, extra_length = (int.from_bytes(content[at : at + 2], "little") for at in (26, 28))
    start = 30 + name_length + extra_length
    name = content[30 : 30 + name_length].decode("utf-8", errors="replace")
    if flags & 1 or method not in (0, 8):
        raise _unseen(f"its first member is packed in a way that is not read ({method})")
    packed = content[start:]
    return name, packed[:_UNPACKED] if method == 0 else _inflated(packed, -zlib.MAX_WBITS)


def _inflated(packed: bytes, bits: int) -> bytes:
    try:
        return zlib.decompressobj(bits).decompress(packed, _UNPACKED)
    except zlib.error as error:
        raise DownloadError("the archive is damaged", next_step=_LOOK) from error


def _json_headers(content: bytes) -> list[str]:
    """Return the keys of the first record of an array, of JSON lines or of ``results``."""
    text = content.decode("utf-8-sig", errors="replace").lstrip()
    try:
        record, _ = json.JSONDecoder().raw_decode(text.removeprefix("[").lstrip())
    except ValueError as error:
        raise _unseen("its first record is not JSON, or longer than what was read") from error
    if isinstance(record, dict) and isinstance(record.get("results"), list):
        record = next(iter(record["results"]), {})
    return list(record) if isinstance(record, dict) else []


def _csv_headers(content: bytes, resource: Resource, *, whole: bool) -> list[str]:
    """Return the header record; another delimiter counts if it alone gives every column."""
    encoding = "utf-8-sig" if resource.csv.encoding == "utf-8" else resource.csv.encoding
    text = content.decode(encoding, errors="replace")
    lines = text.splitlines(keepends=True)[resource.csv.skip_lines :]
    # A header alone that ends with its line is a file without records.
    if not whole and len(lines) < 2 and not text.endswith("\n"):
        raise _unseen("its header is longer than what was read")
    declared = resource.csv.delimiter
    readings = {
        mark: [cell.strip() for cell in next(csv.reader(lines, delimiter=mark), [])]
        for mark in (declared, *_DELIMITERS)
    }
    complete = (cells for cells in readings.values() if not wants(resource, cells))
    return next(complete, readings[declared])


def _unseen(what: str) -> ContractError:
    return ContractError(f"its columns were not compared: {what}", next_step=_LOOK)
