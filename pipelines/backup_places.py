"""Where backups are kept: a folder, or an object store.

Belongs here: putting, getting and removing lists and parts by name. Does not belong here: what
they mean (``backup``). Files are of mode 0600 in folders of mode 0700.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from opendata.errors import SettingsError, StateError
from opendata.files import write_bytes
from opendata.stores import Store, StoreAddress
from pipelines.settings import Settings

_LISTS, _PARTS = "backups", "parts"


class BackupPlace(Protocol):
    """A place for lists and parts; ids of lists sort by time."""

    def lists(self) -> list[str]: ...  # noqa: D102 - see above
    def get_list(self, name: str) -> bytes: ...  # noqa: D102
    def put_list(self, name: str, body: bytes) -> None: ...  # noqa: D102
    def remove_list(self, name: str) -> None: ...  # noqa: D102
    def parts(self) -> set[str]: ...  # noqa: D102
    def get_part(self, name: str) -> bytes | None: ...  # noqa: D102
    def put_part(self, name: str, body: bytes) -> None: ...  # noqa: D102
    def remove_part(self, name: str) -> None: ...  # noqa: D102


@dataclass(frozen=True)
class Folder:
    """A folder, on another disk if it is to survive this one."""

    root: Path

    def lists(self) -> list[str]:
        """Return the ids of the copies, oldest first."""
        return sorted(path.stem for path in (self.root / _LISTS).glob("[!.]*.json"))

    def get_list(self, name: str) -> bytes:
        """Return a list."""
        return self._list(name).read_bytes()

    def put_list(self, name: str, body: bytes) -> None:
        """Write a list."""
        self._write(self._list(name), body)

    def remove_list(self, name: str) -> None:
        """Remove a list."""
        self._list(name).unlink(missing_ok=True)

    def parts(self) -> set[str]:
        """Return the names of all parts."""
        return {path.name for path in (self.root / _PARTS).glob("??/[!.]*")}

    def get_part(self, name: str) -> bytes | None:
        """Return a part, if it is there."""
        path = self._part(name)
        return path.read_bytes() if path.is_file() else None

    def put_part(self, name: str, body: bytes) -> None:
        """Write a part."""
        self._write(self._part(name), body)

    def remove_part(self, name: str) -> None:
        """Remove a part."""
        self._part(name).unlink(missing_ok=True)

    def _list(self, name: str) -> Path:
        return self.root / _LISTS / f"{name}.json"

    def _part(self, name: str) -> Path:
        return self.root / _PARTS / name[:2] / name

    def _write(self, path: Path, body: bytes) -> None:
        for folder in (self.root, path.parent.parent, path.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_bytes(path, body, point="backup", private=True)


@dataclass(frozen=True)
class Bucket:
    """A prefix of an object store."""

    store: Store

    def lists(self) -> list[str]:
        """Return the ids of the copies, oldest first."""
        names = self.store.names(_LISTS)
        return sorted(name.rsplit("/", 1)[-1].removesuffix(".json") for name in names)

    def get_list(self, name: str) -> bytes:
        """Return a list."""
        held = self.store.get(f"{_LISTS}/{name}.json")
        if held is None:
            raise StateError("there is no such backup", next_step="look at what is in that place")
        return held.body

    def put_list(self, name: str, body: bytes) -> None:
        """Write a list."""
        self.store.create(f"{_LISTS}/{name}.json", body, point="backup")

    def remove_list(self, name: str) -> None:
        """Remove a list."""
        self.store.delete([f"{_LISTS}/{name}.json"], point="backup")

    def parts(self) -> set[str]:
        """Return the names of all parts."""
        return {name.rsplit("/", 1)[-1] for name in self.store.names(_PARTS)}

    def get_part(self, name: str) -> bytes | None:
        """Return a part, if it is there."""
        held = self.store.get(f"{_PARTS}/{name}")
        return None if held is None else held.body

    def put_part(self, name: str, body: bytes) -> None:
        """Write a part."""
        self.store.create(f"{_PARTS}/{name}", body, point="backup")

    def remove_part(self, name: str) -> None:
        """Remove a part."""
        self.store.delete([f"{_PARTS}/{name}"], point="backup")


def place_of(address: str, settings: Settings) -> BackupPlace:
    """Return the place at ``address``: a folder, or ``s3://bucket/prefix``.

    The store is spoken to as that of the exports; its key comes from the environment alone.

    Raises:
        SettingsError: the folder is inside the data folder, or the store cannot be used.
    """
    if "://" not in address:
        folder = Path(address).resolve()
        if folder.is_relative_to(settings.data_dir.resolve()):
            raise SettingsError(
                "a backup inside the data folder would be lost with it",
                next_step="name a folder elsewhere, best on another machine",
            )
        return Folder(folder)
    return Bucket(
        Store.open(
            StoreAddress(
                address,
                settings.export_endpoint,
                settings.export_region,
                settings.export_encryption,
                settings.attempts,
            )
        )
    )
