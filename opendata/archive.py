"""Open an archive from outside without trusting it.

Belongs here: taking one file out of a zip, gzip or ``.taz`` (tar compressed by gzip), or all
XML documents of the latter as one, within limits. Does not belong here: what is in the file.

Nothing is written under a name that the archive chose: the caller gives the folder, and
the file keeps its last name only. Sizes are counted while reading, never believed.
"""

from __future__ import annotations

import codecs
import gzip
import re
import stat
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path, PurePosixPath
from typing import IO, Literal, Protocol, cast

from opendata import files
from opendata.errors import ArchiveError
from opendata.magic import DamagedError, telling_damage
from opendata.remote import safe_name

#: Bytes of one of the documents that are read together; those met so far have a few thousand.
DOCUMENT = 1 << 24
_AGAIN = "fetch it again; if it lasts, tell the publisher"
_DECLARATION = re.compile(
    rb"""<\?xml\s[^>]*?(?:encoding\s*=\s*["'](?P<encoding>[\w.-]+)["'][^>]*)?\?>"""
)


@dataclass(frozen=True)
class ArchiveLimits:
    """What an archive may contain.

    Attributes:
        members: number of members.
        size: bytes unpacked.
        ratio: bytes unpacked for one packed; text compresses 5 to 20 times.
        ratio_from: bytes unpacked below which the ratio says nothing.
    """

    members: int = 1000
    size: int = 64 << 30
    ratio: int = 200
    ratio_from: int = 16 << 20


class _Reader(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class _Metered:
    """A stream that refuses to give more than the limits allow."""

    def __init__(self, source: _Reader, packed: int, limits: ArchiveLimits) -> None:
        self._source = source
        self._packed = max(1, packed)
        self._limits = limits
        self._given = 0

    def read(self, size: int = -1, /) -> bytes:
        # Never all at once: a bomb must not reach the memory before it is weighed.
        chunk = self._source.read(files.CHUNK if size < 0 else min(size, files.CHUNK))
        self._given += len(chunk)
        limits = self._limits
        inflated = self._given > limits.ratio_from and (self._given > limits.ratio * self._packed)
        if inflated or self._given > limits.size:
            raise ArchiveError(
                f"it unpacks to more than {self._given:,} bytes from {self._packed:,}",
                next_step="do not open it; tell the publisher",
            )
        return chunk


def unpack(
    path: Path,
    kind: Literal["zip", "gzip", "taz"],
    folder: Path,
    *,
    member: str | None = None,
    limits: ArchiveLimits | None = None,
) -> Path:
    """Take one file out of an archive and return its path in ``folder``.

    Args:
        path: the archive.
        kind: how it is packed.
        folder: where the file goes; made if needed.
        member: name of the file in the archive, with or without its folders; the only
            file if not given.
        limits: what is tolerated.

    Raises:
        ArchiveError: damaged, dangerous, or without exactly one such file.
        StateError: the disk is full.
    """
    limits = limits or ArchiveLimits()
    openers = {"zip": _from_zip, "gzip": _from_gzip, "taz": _from_tar}
    try:
        with telling_damage():
            return openers[kind](path, folder, member, limits)
    except ArchiveError as error:
        error.located(file=path.name)
        raise
    except DamagedError as error:
        raise ArchiveError(
            f"the {kind} archive is cut short or damaged", next_step=_AGAIN, file=path.name
        ) from error


def unpack_documents(
    path: Path,
    folder: Path,
    members: str,
    *,
    lines: tuple[str, str] | None = None,
    limits: ArchiveLimits | None = None,
) -> Path:
    """Write the XML documents of a ``.taz`` one after another, under one root, to one file.

    Each keeps its own root element, and loses what stands before it only once in a file:
    byte order mark and XML declaration.

    Args:
        path: the archive.
        folder: where the file goes; made if needed.
        members: regular expression that the whole name of a document matches.
        lines: regular expression of the names of text files, and the name of an element: each of
            their lines becomes a document of that name which holds it in ``LINE``.
        limits: what is tolerated; by default more members than where one file is wanted.

    Raises:
        ArchiveError: damaged, dangerous, without any document, or a document that is not UTF-8.
        StateError: the disk is full.
    """
    limits = limits or ArchiveLimits(members=200_000)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "documents.xml"
    try:
        with (
            telling_damage(),
            files.atomic_file(target, point="unpack") as temporary,
            temporary.open("wb") as sink,
        ):
            files.require_free(folder, path.stat().st_size)
            sink.write(b'<?xml version="1.0" encoding="UTF-8"?>\n<documents>\n')
            listed = (re.compile(lines[0]), lines[1]) if lines is not None else None
            if not _joined(path, sink, re.compile(members), listed, limits):
                raise ArchiveError(
                    f"none of its files matches {members}",
                    next_step="correct `members` in dataset.yml, or tell the publisher",
                )
            sink.write(b"</documents>\n")
    except ArchiveError as error:
        error.located(file=path.name)
        raise
    except DamagedError as error:
        raise ArchiveError(
            "the taz archive is cut short or damaged", next_step=_AGAIN, file=path.name
        ) from error
    return target


def _joined(
    path: Path,
    sink: IO[bytes],
    members: re.Pattern[str],
    lines: tuple[re.Pattern[str], str] | None,
    limits: ArchiveLimits,
) -> int:
    """Write what a tar has of documents and of lines; return the number of documents."""
    found = 0
    with gzip.open(path) as source:
        metered = _Metered(source, path.stat().st_size, limits)
        with _tar(metered) as archive:
            for number, entry in enumerate(archive, start=1):
                _check_count(number, limits)
                _check_entry(entry)
                if entry.isreg() and members.fullmatch(entry.name):
                    sink.write(_bare(_content(archive, entry), entry.name) + b"\n")
                    found += 1
                elif entry.isreg() and lines is not None and lines[0].fullmatch(entry.name):
                    text = _content(archive, entry).decode("utf-8", errors="replace")
                    sink.writelines(_as_documents(text, lines[1]))
        while metered.read(files.CHUNK):
            pass  # to the end, where gzip keeps its checksum
    return found


def _content(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    if entry.size > DOCUMENT:
        raise _dangerous(f"a document of {entry.size:,} bytes", entry.name)
    content = archive.extractfile(entry)
    return content.read() if content is not None else b""


def _as_documents(text: str, element: str) -> Iterator[bytes]:
    for line in text.splitlines():
        if line.strip():
            yield f"<{element}><LINE>{escape(line.strip())}</LINE></{element}>\n".encode()


def _bare(document: bytes, name: str) -> bytes:
    """Return a document without what may stand only once at the beginning of a file."""
    plain = document.removeprefix(codecs.BOM_UTF8).lstrip()
    declared = _DECLARATION.match(plain)
    encoding = declared["encoding"].decode().lower() if declared and declared["encoding"] else ""
    if encoding not in ("", "utf-8", "utf8", "us-ascii"):
        raise ArchiveError(
            f"{safe_name(name, 'a document')} is in {encoding}, not UTF-8",
            next_step="tell the publisher; nothing was changed",
        )
    return plain[declared.end() :] if declared else plain


def _from_zip(path: Path, folder: Path, member: str | None, limits: ArchiveLimits) -> Path:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        _check_count(len(entries), limits)
        for entry in entries:
            _check_name(entry.filename)
            if stat.S_ISLNK(entry.external_attr >> 16):
                raise _dangerous("a symbolic link", entry.filename)
            if entry.flag_bits & 0x1:
                raise ArchiveError("it is encrypted", next_step="tell the publisher")
        names = [entry.filename for entry in entries if not entry.is_dir()]
        chosen = entries[[e.filename for e in entries].index(_choose(names, member))]
        with archive.open(chosen) as source:
            return _write(source, chosen.filename, folder, chosen.compress_size, limits)


def _from_gzip(path: Path, folder: Path, member: str | None, limits: ArchiveLimits) -> Path:
    with gzip.open(path) as source:
        return _write(source, member or path.stem, folder, path.stat().st_size, limits)


def _from_tar(path: Path, folder: Path, member: str | None, limits: ArchiveLimits) -> Path:
    names = _tar_names(path, limits)
    chosen = _choose(names, member)
    size = path.stat().st_size
    with (
        gzip.open(path) as source,
        _tar(_Metered(source, size, limits)) as archive,
    ):
        for entry in archive:
            if entry.name == chosen and (content := archive.extractfile(entry)) is not None:
                return _write(content, entry.name, folder, size, limits)
    raise ArchiveError("its list of files changed while it was read", next_step=_AGAIN)


def _tar_names(path: Path, limits: ArchiveLimits) -> list[str]:
    """Return the files of a tar after reading all of it: a cut one shows at its end."""
    names: list[str] = []
    with gzip.open(path) as source:
        metered = _Metered(source, path.stat().st_size, limits)
        with _tar(metered) as archive:
            for number, entry in enumerate(archive, start=1):
                _check_count(number, limits)
                _check_entry(entry)
                if entry.isreg():
                    names.append(entry.name)
        while metered.read(files.CHUNK):
            pass  # to the end, where gzip keeps its checksum
    return names


def _tar(metered: _Metered) -> tarfile.TarFile:
    """Open a tar as a stream, which only ever calls ``read``."""
    return tarfile.open(fileobj=cast("IO[bytes]", metered), mode="r|")


def _check_count(count: int, limits: ArchiveLimits) -> None:
    if count > limits.members:
        raise ArchiveError(
            f"it has more than {limits.members:,} members",
            next_step="do not open it; tell the publisher",
        )


def _check_entry(entry: tarfile.TarInfo) -> None:
    _check_name(entry.name)
    if not (entry.isreg() or entry.isdir()):
        kind = "a link" if entry.issym() or entry.islnk() else "a device"
        raise _dangerous(kind, entry.name)


def _check_name(name: str) -> None:
    parts = PurePosixPath(name.replace("\\", "/"))
    if not name:
        raise _dangerous("a file without a name", name)
    if parts.is_absolute() or ".." in parts.parts or "\x00" in name or ":" in name:
        raise _dangerous("a path that leaves its folder", name)


def _dangerous(what: str, name: str) -> ArchiveError:
    return ArchiveError(
        f"it contains {what} ({safe_name(name, 'unnamed')})",
        next_step="do not open it; tell the publisher",
    )


def _choose(names: Iterable[str], member: str | None) -> str:
    """Return the wanted name: exactly, else by its last part; the only one if none is given."""
    known = list(names)
    if member is None:
        found = known
    else:
        found = [name for name in known if name == member] or [
            name for name in known if PurePosixPath(name).name == member
        ]
    if len(found) != 1:
        wanted = f"named {member}" if member else "at all, one is expected"
        shown = ", ".join(sorted(safe_name(name, "unnamed") for name in known)[:5])
        raise ArchiveError(
            f"it has {len(found)} files {wanted}; it contains: {shown or 'nothing'}",
            next_step="name the file as `member` in dataset.yml, or tell the publisher",
        )
    return found[0]


def _write(source: _Reader, name: str, folder: Path, packed: int, limits: ArchiveLimits) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / safe_name(PurePosixPath(name).name, "data")
    metered = _Metered(source, packed, limits)
    with files.atomic_file(target, point="unpack") as temporary, temporary.open("wb") as sink:
        files.require_free(folder, packed)
        while chunk := metered.read(files.CHUNK):
            sink.write(chunk)
    return target
