"""Open an archive from outside without trusting it.

Belongs here: taking one file out of a zip, gzip or ``.taz`` (tar compressed by gzip),
within limits. Does not belong here: what is in the file.

Nothing is written under a name that the archive chose: the caller gives the folder, and
the file keeps its last name only. Sizes are counted while reading, never believed.
"""

from __future__ import annotations

import gzip
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Literal, Protocol, cast

from opendata import files
from opendata.errors import ArchiveError
from opendata.remote import safe_name

_AGAIN = "fetch it again; if it lasts, tell the publisher"
_DAMAGED = (
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    tarfile.TarError,
    zlib.error,
    EOFError,
    NotImplementedError,
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
        return openers[kind](path, folder, member, limits)
    except ArchiveError as error:
        error.located(file=path.name)
        raise
    except _DAMAGED as error:
        raise ArchiveError(
            f"the {kind} archive is cut short or damaged", next_step=_AGAIN, file=path.name
        ) from error


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
                _check_name(entry.name)
                if not (entry.isreg() or entry.isdir()):
                    kind = "a link" if entry.issym() or entry.islnk() else "a device"
                    raise _dangerous(kind, entry.name)
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


def _check_name(name: str) -> None:
    parts = PurePosixPath(name.replace("\\", "/"))
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
