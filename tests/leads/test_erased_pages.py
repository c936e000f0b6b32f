"""What was erased is on no page of the file, freed pages included.

The pages of an encrypted file cannot be read from outside, so that the same operations are done
on a twin without encryption, by the same code, and every byte of its file is searched.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from leads import labels, store
from leads.labels import LABEL_SCHEMA, LabelStore
from leads.model import SCHEMA
from leads.store import LeadStore
from opendata.warehouse import Warehouse

KEY = "5a" * 32
CANARY = "Zuleika Vantongeren"
DAY = date(2026, 11, 23)
TEXT = '{"company_name":"Zuleika Vantongeren"}'


class PlainLeads(LeadStore):
    """The store of leads in a file that can be searched."""

    @contextmanager
    def _transaction(self) -> Iterator[Warehouse]:
        with Warehouse.open(self._path, temporary=self._temporary) as database:
            database.execute("BEGIN")
            for statement in store._TABLES:
                database.execute(statement)
            yield database
            database.execute("COMMIT")


class PlainLabels(LabelStore):
    """The store of answers in a file that can be searched."""

    @contextmanager
    def _transaction(self) -> Iterator[Warehouse]:
        with Warehouse.open(self._path, temporary=self._temporary) as database:
            database.execute("BEGIN")
            database.execute(labels._TABLE)
            yield database
            database.execute("COMMIT")


def rows(count: int) -> pl.DataFrame:
    """Return leads, one of them with the canary."""
    return pl.DataFrame(
        [
            {
                "lead_id": str(number),
                "account_id": "acme",
                "company_name": f"Xylophone {number}",
                "contact_name": CANARY if number == 7 else f"Person {number * 7919:x}",
            }
            for number in range(count)
        ],
        schema=SCHEMA,
    )


def answers() -> pl.DataFrame:
    given = [
        {"account_id": "acme", "key": str(number), "siren": "", "says": "unsure",
         "lead_id": str(number), "text": TEXT if number == 7 else str(number),
         "answered_at": DAY, "applied": False}
        for number in range(3000)
    ]  # fmt: skip
    return pl.DataFrame(given, schema=LABEL_SCHEMA)


def bytes_of(folder: Path) -> bytes:
    """Return the bytes of every file: the database, its log, whatever was left beside."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def twin(tmp_path: Path) -> PlainLeads:
    twin = PlainLeads(tmp_path / "leads.duckdb", KEY, temporary=tmp_path / "tmp")
    twin.upsert(rows(50), on=DAY)
    return twin


def erased(lead: str = "7") -> pl.DataFrame:
    return pl.DataFrame({"account_id": ["acme"], "lead_id": [lead]})


def test_an_erased_lead_is_on_no_page(twin: PlainLeads, tmp_path: Path) -> None:
    assert CANARY.encode() in bytes_of(tmp_path), "the search finds what is there"
    twin.forget(erased())
    assert CANARY.encode() not in bytes_of(tmp_path)
    assert twin.leads().height == 49
    assert b"Xylophone" in bytes_of(tmp_path), "what stays is found"


def test_deleting_alone_would_leave_it(
    twin: PlainLeads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the rewriting that removes the bytes: without it this search finds them."""
    monkeypatch.setattr(PlainLeads, "_rewrite", lambda self: None)
    twin.forget(erased())
    assert twin.leads().height == 49
    assert CANARY.encode() in bytes_of(tmp_path)


def test_a_value_put_right_leaves_no_former_one(twin: PlainLeads, tmp_path: Path) -> None:
    assert twin.correct("acme", "7", {"contact_name": "Someone Else"}, DAY)
    assert CANARY.encode() not in bytes_of(tmp_path)
    assert b"Someone Else" in bytes_of(tmp_path)


def test_an_erased_answer_is_on_no_page(tmp_path: Path) -> None:
    twin = PlainLabels(tmp_path / "labels.duckdb", KEY, temporary=tmp_path / "tmp")
    twin.put(answers())
    assert CANARY.encode() in bytes_of(tmp_path)
    assert twin.erase("acme", "7") == 1
    assert CANARY.encode() not in bytes_of(tmp_path)


@pytest.mark.parametrize("kind", [LeadStore, PlainLeads])
def test_the_twin_does_what_the_encrypted_store_does(kind: type[LeadStore], tmp_path: Path) -> None:
    one = kind(tmp_path / "leads.duckdb", KEY, temporary=tmp_path / "tmp")
    one.upsert(rows(100), on=DAY)
    one.forget(erased())
    assert "7" not in one.leads()["lead_id"].to_list()
    assert (CANARY.encode() in bytes_of(tmp_path)) is False
    assert (b"Xylophone 8" in bytes_of(tmp_path)) is (kind is PlainLeads)
