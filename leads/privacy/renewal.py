"""Renewing the key of the record, so that a kill at any instant leaves one whole record.

Belongs here: bringing the record, the audit log and the receipts under a further part of the key,
settling what was killed. Does not belong here: the hashes (``opendata.pseudonyms``), where the key
comes from (``leads.keys``).

The hashes cannot be made again without whom they stand for, but they can be hashed again. So all
files are written anew in a folder beside them, every hash under the further part too, every chain
and signature under the whole key. A note says when that folder is complete: from then on its files
take the place of the former ones, by whichever command comes next.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from leads import keys
from leads.privacy.receipts import read_receipt, receipts, write_receipt
from leads.privacy.suppressions import AUDIT, NAME, Suppressions, hashed_again, tag_again
from opendata import files
from opendata.errors import StateError
from opendata.lock import one_writer

_BESIDE, _READY = ".next", "ready.json"


@dataclass(frozen=True)
class Renewed:
    """What was brought under the key: entries of suppressions, of the audit log, receipts."""

    entries: int
    audit: int
    receipts: int


def renew(data_dir: Path, key: str, at: datetime, *, key_file: bool = False) -> Renewed | None:
    """Bring the record under every part of ``key``; ``None`` if it is already.

    The caller holds the lock.

    Args:
        data_dir: the data folder.
        key: all parts, oldest first; the record is under the first ones of them.
        at: instant of the entry that says so in the audit log.
        key_file: ``keys/record.key`` is replaced in the same change.

    Raises:
        StateError: the record is under none of them, or damaged.
    """
    settle(data_dir)
    folder, parts = data_dir / "privacy", keys.parts_of(key)
    known = _in_force(folder, parts)
    if known == len(parts):
        return None
    old = Suppressions(folder, lambda: parts[:known])
    beside = folder / _BESIDE
    beside.mkdir(mode=0o700, parents=True)
    new = Suppressions(beside, lambda: parts)
    done = _written_anew(old, new, at)
    if key_file:
        lines = "".join(f"{part.hex()}\n" for part in parts)
        target = _key_beside(data_dir)
        files.write_bytes(target, lines.encode(), point="renewal-key", private=True)
    files.write_json(beside / _READY, {}, point="renewal-ready", private=True)
    _forward(data_dir)
    return done


def settle(data_dir: Path) -> None:
    """Finish a renewal that was killed once its files were complete; else remove what it left.

    Raises:
        StateError: another process is at work there.
    """
    beside = data_dir / "privacy" / _BESIDE
    if (beside / _READY).exists():
        with one_writer(data_dir):
            _forward(data_dir)
    elif beside.exists() or _key_beside(data_dir).exists():
        try:
            with one_writer(data_dir):
                _swept(data_dir)
        except StateError:
            # It is being prepared by another process: the files still are the former ones.
            return


def _in_force(folder: Path, parts: tuple[bytes, ...]) -> int:
    """Return how many parts of the key the record is under; all where it has not begun."""
    if not any((folder / name).exists() for name in (NAME, AUDIT)):
        return len(parts)
    refused: StateError | None = None
    for number in range(len(parts), 0, -1):
        record = Suppressions(folder, lambda number=number: parts[:number])  # type: ignore[misc]
        try:
            record.entries()
            record.audit.entries()
        except StateError as error:
            refused = refused or error
        else:
            return number
    raise refused or StateError("the key has no part", next_step="give the key of the record")


def _written_anew(old: Suppressions, new: Suppressions, at: datetime) -> Renewed:
    former, hashes = old.keys().pseudonyms, new.keys().pseudonyms
    known = len(former.keys)

    def again(kind: str, said: Mapping[str, Any]) -> Mapping[str, Any]:
        return hashed_again(kind, said, hashes, known)

    entries = old.entries()
    if entries:
        old.ledger.written_anew(new.path, hashes.derived("ledger"), again)
    audit = old.audit.written_anew(new.audit.path, hashes.derived("audit"))
    marks = {"old": former.fingerprint(), "new": hashes.fingerprint()}
    audit.append("rotation", {"files": ["privacy"], **marks}, at)
    paths = receipts(old)
    for path in paths:
        receipt = read_receipt(old, path)
        # That of a change of diffusion counts those it is about, and has no hash.
        if receipt.action != "diffusion":
            tag = tag_again(receipt.subject, receipt.tag, hashes, known)
            receipt = receipt.model_copy(update={"tag": tag})
        write_receipt(new, receipt)
    if [one.id for one in new.entries()] != [one.id for one in entries]:
        raise StateError(
            "the record under the new key does not hold what the former one does",
            next_step="run again; what was there is unchanged",
        )
    return Renewed(len(entries), len(audit.entries()), len(paths))


def _forward(data_dir: Path) -> None:
    """Put the new key and files in place; doing it again goes on."""
    folder, beside = data_dir / "privacy", data_dir / "privacy" / _BESIDE
    if _key_beside(data_dir).exists():
        target = data_dir / "keys" / keys.RECORD_FILE
        files.replace(_key_beside(data_dir), target, point="renewal-key-file")
    for path in sorted(beside.rglob("*")):
        if path.is_file() and path.name != _READY:
            target = folder / path.relative_to(beside)
            target.parent.mkdir(mode=0o700, exist_ok=True)
            files.replace(path, target, point="renewal-file")
    (beside / _READY).unlink()
    files.reached("renewal:settled")
    _swept(data_dir)


def _swept(data_dir: Path) -> None:
    _key_beside(data_dir).unlink(missing_ok=True)
    shutil.rmtree(data_dir / "privacy" / _BESIDE, ignore_errors=True)
    files.reached("renewal:swept")


def _key_beside(data_dir: Path) -> Path:
    return data_dir / "keys" / f".{keys.RECORD_FILE}.next"
