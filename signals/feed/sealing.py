"""The streams of accounts that asked for it, encrypted under a key of their own.

Belongs here: making the sealed twin of a stream and opening one. Does not belong here: which
accounts are sealed and where their keys come from (``leads.keys``), sending it away
(:mod:`signals.feed.remote`).

Every table of the twin is a Parquet file encrypted as a whole, footer included, by DuckDB with
AES-256-GCM; spreadsheets and JSON lines, which have no such form, are left out. Hashes in its
manifest are of the encrypted bytes. Encryption never gives the same bytes twice, so that what is
new is told by the plain files: their hashes stand in a note beside, which is not sent away.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from leads.keys import fingerprint
from opendata import files
from opendata.errors import SettingsError, StateError
from opendata.warehouse import Warehouse
from signals.feed import manifest
from signals.segments import file_hash, sweep

NOTE = "sealed.json"
ALGORITHM = "AES-256-GCM, Parquet modular encryption, footer key"
#: Files beside the tables that say nothing of a customer: the attribution and the contract.
_OPEN = ("md", "yaml", "json")
_AGAIN = "remove the sealed folder of this account; the next publication makes it anew"


def seal(stream: Path, twin: Path, key: str, *, temporary: Path) -> bool:
    """Bring ``twin`` to what ``stream`` publishes; return whether anything was written.

    Args:
        stream: the folder of the account's stream.
        twin: the folder of its encrypted form; files and folders of the owner only.
        key: 64 hexadecimal digits.
        temporary: folder for spilled data, which is encrypted too.

    Raises:
        StateError: the note beside the twin is damaged.
        SettingsError: nothing can be encrypted here.
    """
    body = (stream / manifest.NAME).read_bytes()
    mark = {"of": hashlib.sha256(body).hexdigest(), "key": fingerprint(key)}
    before = _note(twin / NOTE)
    if {name: before.get(name) for name in mark} == mark and (twin / manifest.NAME).is_file():
        return False
    kept = before.get("files", {}) if before.get("key") == mark["key"] else {}
    said = json.loads(body)
    for folder in (twin.parent, twin):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with Warehouse.sealing(key, temporary=temporary) as db:
        done = {
            part["path"]: _sealed(db, stream, twin, part, kept.get(part["path"]))
            for part in _parts(said)
        }
    files.write_json(
        twin / manifest.NAME, _rewritten(said, done, mark["key"]), point="seal", private=True
    )
    files.write_json(twin / NOTE, {**mark, "files": done}, point="seal", private=True)
    sweep(twin, ".", [manifest.NAME, NOTE, *(one["path"] for one in done.values())])
    return True


def unseal(twin: Path, target: Path, key: str, *, temporary: Path) -> int:
    """Write a sealed stream as one that any reader of the feed takes; return its tables.

    Raises:
        StateError: the stream is not sealed, or a file is not the one described.
        SettingsError: it was sealed with another key.
    """
    said = json.loads((twin / manifest.NAME).read_bytes())
    about = said.pop("encryption", None)
    if about is None:
        raise StateError("the stream is not encrypted", next_step="read it as it is")
    if about["key_fingerprint"] != fingerprint(key):
        raise SettingsError(
            "the stream was encrypted with another key",
            next_step=f"give the key whose fingerprint is {about['key_fingerprint']}",
        )
    done = {}
    with Warehouse.sealing(key, temporary=temporary) as db:
        for part in _parts(said):
            source, into = twin / part["path"], target / part["path"]
            if not source.resolve().is_relative_to(twin.resolve()) or not source.is_file():
                raise StateError("a file of the stream is missing", next_step="fetch it again")
            if file_hash(source) != part["hash"]:
                raise StateError("a file is not the one described", next_step="fetch it again")
            with files.atomic_file(into, point="unseal", private=True) as part_file:
                if source.suffix == ".parquet":
                    db.copy_parquet(source, part_file, opened=True)
                else:
                    part_file.write_bytes(source.read_bytes())
            done[part["path"]] = _entry(target, part["path"], "")
    whole = _rewritten(said, done, "")
    whole.pop("encryption")
    files.write_json(target / manifest.NAME, whole, point="unseal", private=True)
    return sum(path.endswith(".parquet") for path in done)


def _parts(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    parts = [*said["segments"], *said["resources"], said.get("compacted")]
    return [one for one in parts if one and one["path"].rpartition(".")[2] in ("parquet", *_OPEN)]


def _sealed(
    db: Warehouse, stream: Path, twin: Path, part: Mapping[str, Any], kept: Any
) -> dict[str, Any]:
    """Return the entry of one file of the twin, written unless the same one is there."""
    if kept is not None and kept["plain"] == part["hash"] and (twin / kept["path"]).is_file():
        return dict(kept)
    source = stream / part["path"]
    fresh = twin / "fresh" / source.name
    with files.atomic_file(fresh, point="seal", private=True) as part_file:
        if source.suffix == ".parquet":
            metadata = pq.read_metadata(source).metadata or {}
            texts = {name.decode(): text.decode() for name, text in metadata.items()}
            texts.pop("ARROW:schema", None)
            db.copy_parquet(source, part_file, metadata=texts)
        else:
            part_file.write_bytes(source.read_bytes())
    # Under a name of its own: in a store a name never gets other bytes.
    path = f"files/{files.digest(fresh)[:16]}/{source.name}"
    (twin / path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    files.replace(fresh, twin / path, point="seal")
    return _entry(twin, path, part["hash"])


def _entry(folder: Path, path: str, plain: str) -> dict[str, Any]:
    file = folder / path
    return {"path": path, "bytes": file.stat().st_size, "hash": file_hash(file), "plain": plain}


def _rewritten(
    said: Mapping[str, Any], done: Mapping[str, Mapping[str, Any]], mark: str
) -> dict[str, Any]:
    """Return the manifest with the files that take the place of the plain ones."""

    def other(part: Mapping[str, Any]) -> dict[str, Any]:
        found = done[part["path"]]
        return {**part, **{name: found[name] for name in ("path", "bytes", "hash")}}

    by_path = done.keys()
    contract = done.get(said["contract"], {"path": said["contract"]})
    return {
        **said,
        "contract": contract["path"],
        "segments": [other(part) for part in said["segments"]],
        "resources": [other(part) for part in said["resources"] if part["path"] in by_path],
        "compacted": other(said["compacted"]) if said.get("compacted") else None,
        "snapshot": other(said["snapshot"]),
        "encryption": {"algorithm": ALGORITHM, "key_fingerprint": mark},
    }


def _note(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
        _ = content["of"], content["key"], content["files"]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise StateError(
            "the note of what was sealed cannot be read", next_step=_AGAIN, file=NOTE
        ) from error
    return content
