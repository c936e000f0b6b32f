"""What a file is, from its bytes.

Belongs here: magic bytes, the header line of a delimited file, and where exactly a text
file departs from its encoding. Does not belong here: reading the rows (``readers.py``).

The extension of a file decides nothing: Egapro went from CSV to XLSX under the same
address, and ``scan_csv`` on a zip raises nothing and returns garbage.
"""

from __future__ import annotations

import codecs
import csv
import zipfile
from pathlib import Path
from typing import Literal

from opendata.errors import ContractError
from opendata.files import CHUNK
from opendata.magic import DamagedError, telling_damage

Kind = Literal["csv", "json", "jsonl", "parquet", "xlsx", "xml"]

_HEAD = 1 << 16
_OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PACKED = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"7z\xbc\xaf": "7z",
}
_WIDE = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


def kind_of(path: Path) -> Kind:
    """Return what the bytes of ``path`` are; delimited text if they are nothing else.

    Raises:
        ContractError: the file is empty, still packed, an HTML page, or in UTF-16.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    if head.startswith(b"PK\x03\x04"):
        if _is_workbook(path):
            return "xlsx"
        raise _refused(path, "the file is still a zip archive", "declare `archive: zip`")
    for magic, name in (_PACKED | _WIDE).items():
        if head.startswith(magic):
            raise _refused(path, f"the file is {name}", "declare its archive, or ask the publisher")
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(_OLE2):
        return "xlsx"
    return _kind_of_text(path, head.removeprefix(codecs.BOM_UTF8).lstrip())


def _kind_of_text(path: Path, text: bytes) -> Kind:
    if not text:
        raise _refused(path, "the file is empty", "fetch it again; the portal may have failed")
    start = text[:200].lower()
    if start.startswith((b"<!doctype html", b"<html")):
        raise _refused(path, "the file is a web page", "read it: it may be the portal's error")
    if start.startswith(b"<"):
        return "xml"
    if start.startswith(b"["):
        return "json"
    if start.startswith(b"{"):
        # One object a line is JSON lines; an object that goes on is one document.
        line, more, rest = text.partition(b"\n")
        one_a_line = line.rstrip().endswith(b"}") and (not more or rest.lstrip()[:1] in (b"{", b""))
        return "jsonl" if one_a_line and b'"results"' not in line[:4096] else "json"
    return "csv"


def _is_workbook(path: Path) -> bool:
    try:
        with telling_damage(), zipfile.ZipFile(path) as archive:
            return any(name.startswith("xl/workbook.") for name in archive.namelist())
    except DamagedError as error:
        raise _refused(path, f"a broken zip archive: {error}", "fetch it again") from error


def _refused(path: Path, what: str, next_step: str) -> ContractError:
    return ContractError(what, next_step=next_step, file=path.name)


def csv_header(path: Path, *, delimiter: str, encoding: str, skip_lines: int) -> list[str]:
    """Return the cells of the header record, trimmed and without byte order mark."""
    with path.open(encoding=_with_bom(encoding), errors="replace", newline="") as stream:
        for _ in range(skip_lines):
            stream.readline()
        cells = next(csv.reader(stream, delimiter=delimiter), [])
    return [cell.strip().removeprefix("\ufeff") for cell in cells]


def _with_bom(encoding: str) -> str:
    return "utf-8-sig" if encoding == "utf-8" else encoding


def last_record_is_cut(path: Path, *, delimiter: str, width: int) -> bool:
    """Tell whether the file ends inside a record: no final newline and too few fields."""
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(0, size - CHUNK))
        tail = stream.read()
    if tail.endswith((b"\n", b"\r")):
        return False
    line = tail.rpartition(b"\n")[2].decode("latin-1")
    fields = next(csv.reader([line], delimiter=delimiter), [])
    return len(fields) < width and '"' not in line


def first_bad_byte(path: Path, encoding: str) -> int | None:
    """Return the offset of the first byte that ``encoding`` does not allow, if any."""
    decoder = codecs.getincrementaldecoder(encoding)()
    offset = 0
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            held = len(decoder.getstate()[0])
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                return offset - held + error.start
            offset += len(chunk)
    held = len(decoder.getstate()[0])
    return offset - held if held else None


def encoding_error(path: Path, *, offset: int, encoding: str, delimiter: str) -> ContractError:
    """Return the error that says where the first bad byte is: line, column, offset."""
    line, start = 1, 0
    with path.open("rb") as stream:
        done = 0
        while done < offset:
            chunk = stream.read(min(CHUNK, offset - done))
            line += chunk.count(b"\n")
            cut = chunk.rfind(b"\n")
            start = done + cut + 1 if cut >= 0 else start
            done += len(chunk)
        stream.seek(start)
        before = stream.read(offset - start)
        byte = stream.read(1)
    # The fields before the bad byte are counted on the bytes: latin-1 maps each one.
    fields = next(csv.reader([before.decode("latin-1")], delimiter=delimiter), [""])
    declared = csv_header(path, delimiter=delimiter, encoding=encoding, skip_lines=0)
    at = max(len(fields), 1)
    name = f" ({declared[at - 1]})" if at <= len(declared) else ""
    return ContractError(
        f"byte 0x{byte.hex()} at offset {offset:,}, line {line:,}, column {at}{name} "
        f"is not {encoding}",
        next_step="ask the publisher, or declare `csv.encoding: windows-1252` if the whole file is",
        file=path.name,
    )
