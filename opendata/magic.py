"""What a content is, by looking at it and not at its name.

Belongs here: the first bytes of the formats we meet, and the shapes of the error objects
that portals send in the place of data. Does not belong here: what to do about them.
"""

from __future__ import annotations

import errno
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OverflowError,
    IndexError,  # a member without a name
    RuntimeError,  # an encrypted member; NotImplementedError, a way of packing nobody uses
    ValueError,
)
Kind = Literal["zip", "gzip", "xlsx", "parquet", "html", "json", "xml", "text", "binary", "empty"]

#: Bytes enough to tell the formats apart.
HEAD = 4096
_BOM = b"\xef\xbb\xbf"
_ERROR_KEYS = ("error", "errors", "fault", "error_code", "errorcode")
_MESSAGE_KEYS = ("message", "description", "detail")
_BARE_MESSAGE = {"message", "detail", "title", "type", "path", "timestamp", "instance"}


class DamagedError(Exception):
    """Bytes that the library which unpacks them does not understand."""


@contextmanager
def telling_damage() -> Iterator[None]:
    """Turn what the standard library raises on a damaged archive into one error.

    Raises:
        DamagedError: whatever it was. Failures of the disk stay what they are.
    """
    try:
        yield
    except _DAMAGED as error:
        raise DamagedError(type(error).__name__) from error
    except OSError as error:
        # Without a number it is of a decoder (gzip, bzip2), not of the system; with EINVAL it is a
        # place before the beginning of the file, asked for because a number in it is wrong.
        if error.errno not in (None, errno.EINVAL):
            raise
        raise DamagedError(type(error).__name__) from error


def sniff(head: bytes) -> Kind:
    """Return the kind of a content from its first :data:`HEAD` bytes.

    A workbook cannot be told from another zip this way: see :func:`identify`.
    """
    if not head:
        return "empty"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith(b"PAR1"):
        return "parquet"
    return _sniff_text(head)


def _sniff_text(head: bytes) -> Kind:
    if b"\x00" in head:
        return "binary"
    start = head.removeprefix(_BOM).lstrip()
    lowered = start[:512].lower()
    if lowered.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "html"
    if lowered.startswith((b"<?xml", b"<!doctype")):
        return "html" if b"<html" in lowered else "xml"
    if start.startswith(b"<"):
        return "html" if b"<html" in lowered or b"<title" in lowered else "xml"
    if start.startswith((b"{", b"[")):
        return "json"
    return "text" if start else "empty"


def identify(path: Path) -> Kind:
    """Return the kind of the file at ``path``; a zip that holds ``xl/`` is a workbook."""
    with path.open("rb") as stream:
        kind = sniff(stream.read(HEAD))
    if kind == "zip" and zipfile.is_zipfile(path):
        # The end of a zip can be there and its list of files be damaged.
        with suppress(DamagedError), telling_damage(), zipfile.ZipFile(path) as archive:
            if any(name.startswith("xl/") for name in archive.namelist()):
                return "xlsx"
    return kind


def complaint(content: Any) -> str | None:
    """Return what a portal complains about when ``content`` is an error object, else ``None``.

    Opendatasoft sends ``error_code``, INSEE ``header.statut`` or ``fault``, data.gouv.fr a
    lone ``message``, some with status 200.
    """
    if not isinstance(content, dict):
        return None
    header = content.get("header")
    if isinstance(header, dict) and _is_failure(header.get("statut")):
        return _message(header)
    if any(content.get(key) for key in _ERROR_KEYS):
        return _message(content)
    explained = not content.keys().isdisjoint(_MESSAGE_KEYS)
    failed = any(_is_failure(content.get(key)) for key in ("status", "statusCode", "code"))
    if explained and (failed or content.keys() <= _BARE_MESSAGE):
        return _message(content)
    return None


def _is_failure(status: Any) -> bool:
    return isinstance(status, int) and not isinstance(status, bool) and 400 <= status < 600


def _message(content: dict[str, Any]) -> str:
    for key in (*_MESSAGE_KEYS, *_ERROR_KEYS):
        value = content.get(key)
        if isinstance(value, dict):
            return _message(value)
        if value:
            return " ".join(str(value).split())[:200]
    return "no message"
