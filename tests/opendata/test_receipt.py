from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from opendata.errors import StateError
from opendata.receipt import Receipt, load_receipt, newest, receipt_path

CONTENT = b"siren\n005580501\n"


def receipt(content: bytes = CONTENT, **changes: Any) -> Receipt:
    fields: dict[str, Any] = {
        "dataset": "sirene",
        "resource": "legal_units",
        "portal": "datagouv",
        "dataset_id": "d1",
        "resource_id": "r1",
        "title": "Fichier StockUniteLegale du 01 août 2026",
        "publisher": "Insee",
        "licence_id": "lov2",
        "licence_title": "Licence Ouverte 2.0",
        "licence_url": "https://www.etalab.gouv.fr/licence-ouverte-open-licence",
        "url": "https://static.data.gouv.fr/stock.csv",
        "final_url": "https://static.data.gouv.fr/stock.csv",
        "publisher_date": date(2026, 8, 1),
        "publisher_modified": datetime(2026, 8, 1, 7, 40, tzinfo=UTC),
        "fetched_at": datetime(2026, 8, 1, 9, 0, tzinfo=UTC),
        "file": "stock.csv",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
    }
    return Receipt(**{**fields, **changes})


def save(data_dir: Path, made: Receipt, content: bytes = CONTENT) -> Path:
    path = made.path(data_dir)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    made.save(data_dir)
    return path


def test_a_receipt_lies_beside_its_file_and_reads_back_the_same(tmp_path: Path):
    made = receipt()
    path = save(tmp_path, made)
    assert path == tmp_path / "raw/sirene/legal_units" / made.sha256[:12] / "stock.csv"
    beside = path.with_name("stock.csv.receipt.json")
    assert receipt_path(path) == beside
    assert load_receipt(beside) == made
    assert json.loads(beside.read_text())["title"].endswith("août 2026")


def test_the_same_receipt_is_the_same_bytes(tmp_path: Path):
    first = save(tmp_path / "a", receipt()).with_name("stock.csv.receipt.json")
    second = save(tmp_path / "b", receipt()).with_name("stock.csv.receipt.json")
    assert first.read_bytes() == second.read_bytes()


def test_verify_accepts_what_was_received_only(tmp_path: Path):
    made = receipt()
    path = save(tmp_path, made)
    assert made.verify(tmp_path) == path
    path.write_bytes(CONTENT[::-1])
    with pytest.raises(StateError, match="not the one that was received"):
        made.verify(tmp_path)
    path.write_bytes(CONTENT + b"\n")
    with pytest.raises(StateError, match="not the one that was received"):
        made.verify(tmp_path)
    path.unlink()
    with pytest.raises(StateError, match=r"dataset sirene, resource legal_units.*missing"):
        made.verify(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b'{"unknown": 1}'])
def test_a_receipt_that_cannot_be_read_is_an_error(tmp_path: Path, content: bytes):
    path = tmp_path / "x.receipt.json"
    with pytest.raises(StateError, match="cannot be read"):
        load_receipt(path)
    path.write_bytes(content)
    with pytest.raises(StateError, match="cannot be read"):
        load_receipt(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"file": "../evil"},
        {"file": ".hidden"},
        {"sha256": "abc"},
        {"fetched_at": datetime(2026, 8, 1)},  # noqa: DTZ001
    ],
)
def test_a_receipt_that_could_mislead_cannot_be_made(changes: dict[str, Any]):
    with pytest.raises(ValidationError):
        receipt(**changes)


def test_newest_is_the_last_one_fetched(tmp_path: Path):
    assert newest(tmp_path, "sirene", "legal_units") is None
    old, new = receipt(), receipt(b"newer", fetched_at=receipt().fetched_at + timedelta(days=31))
    save(tmp_path, new, b"newer")
    save(tmp_path, old)
    assert newest(tmp_path, "sirene", "legal_units") == new
