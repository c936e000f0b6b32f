"""The exports in an object store, stream by stream, each manifest last.

Belongs here: bringing the store to what the local exports say, and who may write there.
Does not belong here: making the streams (:mod:`signals.feed.export`), speaking to a store
(:mod:`opendata.stores`).

What is local is the truth; the store is its mirror, and a mirror that was cut short is
completed by the next one. Segments and versions go first under names that never get other
bytes, then the manifest in the place of the one last seen, then what no manifest names
goes. A note beside the data says which manifests are ours, written before they are: a
manifest that is not in it was put there by somebody else, and nothing is touched.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from opendata import files
from opendata.errors import StateError
from opendata.stores import ConflictError, Held, Store
from signals.feed import manifest

#: Says which installation publishes under an address; created once, never replaced.
OWNER = "publisher.json"
_ONE_WRITER = (
    "publish to another prefix, or restore the data folder of the installation that publishes here"
)


@dataclass(frozen=True)
class Mirrored:
    """What one mirroring did.

    Attributes:
        streams: streams whose manifest was replaced.
        removed: streams that are gone from the store.
        objects: objects stored, manifests included.
        swept: objects removed that no manifest names.
    """

    streams: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    objects: int = 0
    swept: int = 0


@dataclass
class _Note:
    """What we know to be ours: stream → digests of its manifest there, or about to be."""

    path: Path
    publisher: str = ""
    streams: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, url: str) -> _Note:
        note = cls(path)
        if not path.exists():
            note.publisher = secrets.token_hex(16)
            return note
        try:
            content = json.loads(path.read_bytes())
            if content["url"] != url:
                raise ValueError("of another address")
            note.publisher, note.streams = content["publisher"], content["streams"]
        except (ValueError, KeyError, TypeError) as error:
            raise StateError(
                f"the note of what was mirrored cannot be read ({error!r})",
                next_step="restore the data folder from a backup, or publish to another prefix",
                file=path.name,
            ) from error
        return note

    def write(self, url: str) -> None:
        content = {"url": url, "publisher": self.publisher, "streams": self.streams}
        files.write_json(self.path, content, point="store-note")


def note_path(folder: Path, url: str) -> Path:
    """Return where the note about an address is kept, outside the exports themselves."""
    return folder / f"{hashlib.sha256(url.encode()).hexdigest()[:12]}.json"


def mirror(
    exports: Path, store: Store, notes: Path, instead: Mapping[str, Path] | None = None
) -> Mirrored:
    """Bring the store to what ``exports`` holds; doing it again does nothing.

    Args:
        exports: the local ``exports`` folder, published.
        store: where to.
        notes: folder in which the note of this address is kept.
        instead: stream → the folder whose files are stored in the place of its own.

    Raises:
        ConflictError: another installation publishes there, or did so just now.
        StoreError: the store fails; what it serves stays whole.
    """
    url = store.address.url
    note = _Note.read(note_path(notes, url), url)
    note.write(url)
    _own(store, note.publisher)
    local = {path.parent.relative_to(exports).as_posix() for path in _manifests(exports)}
    # The company stream last, as it is published: accounts never refer to what is not there.
    order = sorted(local, key=lambda name: (name == "company", name))
    folders = {name: exports / name for name in order} | dict(instead or {})
    done = [_stream(folders[name], name, store, note) for name in order]
    gone = sorted(set(note.streams) - local)
    swept = sum(_remove(name, store, note) for name in gone)
    return Mirrored(
        streams=tuple(name for one in done for name in one.streams),
        removed=tuple(gone),
        objects=sum(one.objects for one in done),
        swept=swept + sum(one.swept for one in done),
    )


def adopt(store: Store, notes: Path) -> dict[str, int]:
    """Take the manifests that stand in the store for ours, as after a restore.

    What this installation put there since the copy was made is not in its note. Whoever else
    goes on from the same copy, or from the folder it was made of, is refused from the next
    manifest on, and so is this one if the other comes first.

    Args:
        store: where the exports are mirrored to.
        notes: folder in which the note of this address is kept.

    Returns:
        Stream → the last sequence that consumers may have read there; nothing if another
        installation publishes there, or none.
    """
    url = store.address.url
    note, held = _Note.read(note_path(notes, url), url), store.get(OWNER)
    if held is None or held.body != files.json_bytes({"publisher": note.publisher}):
        return {}
    last = {}
    for path in store.names(""):
        name, _, file = path.rpartition("/")
        standing = store.get(path) if file == manifest.NAME else None
        number = None if standing is None else _last(standing.body)
        if standing is not None and number is not None:
            last[name] = number
            known = [*note.streams.get(name, []), _digest(standing.body)]
            note.streams[name] = list(dict.fromkeys(known))
    note.write(url)
    return last


def _last(body: bytes) -> int | None:
    """Return the last sequence of a manifest; ``None`` of one that is none of ours."""
    try:
        return int(json.loads(body)["max_sequence"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def _manifests(exports: Path) -> Iterable[Path]:
    yield from exports.glob(f"company/{manifest.NAME}")
    yield from exports.glob(f"accounts/*/{manifest.NAME}")


def _own(store: Store, publisher: str) -> None:
    held = store.get(OWNER)
    body = files.json_bytes({"publisher": publisher})
    if held is None:
        store.create(OWNER, body, point="store-owner")
    elif held.body != body:
        raise ConflictError(
            "another installation publishes to this address", next_step=_ONE_WRITER, file=OWNER
        )


def _stream(folder: Path, name: str, store: Store, note: _Note) -> Mirrored:
    body = (folder / manifest.NAME).read_bytes()
    path = f"{name}/{manifest.NAME}"
    there = _ours(store, path, note.streams.get(name, []))
    known = note.streams.setdefault(name, [])
    if there is not None and there.body == body:
        if known == [_digest(body)]:
            return Mirrored()
        # The manifest was replaced and the run cut short: what it left unnamed is still there.
        swept = _sweep(name, store, body)
        stored: tuple[str, ...] = ()
    else:
        note.streams[name] = [*dict.fromkeys([*known, _digest(body)])]
        note.write(store.address.url)
        stored = _store(folder, name, store, body, there)
        store.replace(path, body, there, point="store-manifest")
        swept = _sweep(name, store, body)
    note.streams[name] = [_digest(body)]
    note.write(store.address.url)
    return Mirrored((name,) if stored else (), objects=len(stored), swept=swept)


def _store(
    folder: Path, name: str, store: Store, body: bytes, there: Held | None
) -> tuple[str, ...]:
    """Store what the new manifest names and the one in place does not; return the objects."""
    before = _named(there.body) if there else {}
    new = [path for path, digest in _named(body).items() if before.get(path) != digest]
    for path in new:
        store.create(f"{name}/{path}", (folder / path).read_bytes(), point="store-file")
    return (*new, manifest.NAME)


def _named(body: bytes) -> dict[str, str]:
    """Return path → hash of every file that a manifest names."""
    content = json.loads(body)
    parts = [*content["segments"], *content["resources"], content.get("compacted")]
    return {part["path"]: part["hash"] for part in parts if part}


def _sweep(name: str, store: Store, body: bytes) -> int:
    """Remove what neither the manifest in place names nor the version before it needs."""
    wanted = {f"{name}/{path}" for path in [manifest.NAME, *_named(body)]}
    former = json.loads(body)["previous_version"]
    kept = f"{name}/versions/{former}/"
    unnamed = [
        one
        for one in store.names(name)
        if one not in wanted and not (former and one.startswith(kept))
    ]
    store.delete(unnamed, point="store-sweep")
    return len(unnamed)


def _remove(name: str, store: Store, note: _Note) -> int:
    """Remove a stream that is gone here; its manifest first, so that nobody begins to read."""
    path = f"{name}/{manifest.NAME}"
    if _ours(store, path, note.streams[name]) is not None:
        store.delete([path], point="store-sweep")
    rest = store.names(name)
    store.delete(rest, point="store-sweep")
    del note.streams[name]
    note.write(store.address.url)
    return len(rest)


def _ours(store: Store, path: str, known: list[str]) -> Held | None:
    there = store.get(path)
    if there is not None and _digest(there.body) not in known:
        raise ConflictError(
            "the manifest there was not put there by this installation",
            next_step=_ONE_WRITER,
            file=path,
        )
    return there


def _digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"
