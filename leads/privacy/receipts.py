"""The signed proof that a request was carried out.

Belongs here: what a receipt says, writing and checking it. It names nobody: the subject is
a keyed hash, places are named, rows and files counted.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, ValidationError

from leads.privacy.suppressions import Suppressions
from opendata.catalogue import Model
from opendata.errors import StateError
from opendata.files import json_bytes, write_bytes


class PlaceReport(Model):
    """What was done in one place: rows taken away or masked, files rewritten or removed."""

    place: str
    rows: int = 0
    files: int = 0


class Receipt(Model):
    """What was done about one subject, everywhere, and when."""

    request: str
    action: str
    subject: str
    tag: str
    asked_on: str
    done_at: AwareDatetime
    places: tuple[PlaceReport, ...]
    signature: str = ""


def write_receipt(record: Suppressions, receipt: Receipt) -> Path:
    """Sign a receipt and keep it; return where."""
    path = receipts_folder(record) / f"{receipt.request}.json"
    signed = receipt.model_copy(update={"signature": record.sign(json_bytes(_body(receipt)))})
    write_bytes(path, json_bytes(signed.model_dump(mode="json")), point="receipt", private=True)
    return path


def read_receipt(record: Suppressions, path: Path) -> Receipt:
    """Return a receipt once its signature was checked.

    Raises:
        StateError: it cannot be read, or is not the one that was written.
    """
    try:
        receipt = Receipt.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise _broken(path, "cannot be read") from error
    if not hmac.compare_digest(record.sign(json_bytes(_body(receipt))), receipt.signature):
        raise _broken(path, "is not the one that was written: its signature is wrong")
    return receipt


def receipts(record: Suppressions) -> list[Path]:
    """Return every receipt, by name."""
    return sorted(receipts_folder(record).glob("*.json"))


def receipts_folder(record: Suppressions) -> Path:
    """Return the folder of receipts."""
    return record.folder / "receipts"


def merged(earlier: Sequence[PlaceReport], later: Sequence[PlaceReport]) -> tuple[PlaceReport, ...]:
    """Return the sum of what two attempts did, place by place."""
    names = dict.fromkeys(one.place for one in (*earlier, *later))
    return tuple(
        PlaceReport(
            place=name,
            rows=sum(one.rows for one in (*earlier, *later) if one.place == name),
            files=sum(one.files for one in (*earlier, *later) if one.place == name),
        )
        for name in names
    )


def _body(receipt: Receipt) -> dict[str, Any]:
    content = receipt.model_dump(mode="json")
    content.pop("signature")
    return content


def _broken(path: Path, what: str) -> StateError:
    return StateError(f"the receipt {what}", next_step="restore it from a backup", file=path.name)
