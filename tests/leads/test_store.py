"""The encrypted store: what changes, what is forgotten, and that nothing is in plain sight."""

from __future__ import annotations

import os
import stat
from datetime import date
from pathlib import Path

import lead_registry as registry
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from leads.matching import match_leads
from leads.model import SCHEMA
from leads.store import LeadStore
from opendata.errors import SettingsError

KEY = "5a" * 32


def rows(*names: str, account: str = "acme", mark: str = "") -> pl.DataFrame:
    return pl.DataFrame(
        [{"lead_id": name, "account_id": account, "company_name": f"Xylophone {name}{mark}"}
         for name in names],
        schema=SCHEMA,
    )  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> LeadStore:
    return LeadStore(tmp_path / "leads.duckdb", KEY, temporary=tmp_path / "tmp")


def ids(frame: pl.DataFrame) -> list[str]:
    return frame["lead_id"].to_list()


def test_changes_between_two_files(store: LeadStore) -> None:
    assert ids(store.upsert(rows("1", "2", "3")).added) == ["1", "2", "3"]
    both = pl.concat([rows("1"), rows("2", mark="!"), rows("4")])
    changes = store.upsert(both)
    assert (ids(changes.added), ids(changes.changed), ids(changes.removed)) == (["4"], ["2"], [])
    assert changes.unchanged == 1
    assert ids(store.leads()) == ["1", "2", "3", "4"]
    assert store.leads()["company_name"][1] == "Xylophone 2!"


def test_leads_vanish_only_from_accounts_declared_complete(store: LeadStore) -> None:
    store.upsert(pl.concat([rows("1", "2"), rows("1", "2", account="globex")]))
    changes = store.upsert(rows("1"), complete_for=("acme",))
    assert changes.removed.rows() == [("acme", "2")]
    assert store.leads().select("account_id", "lead_id").rows() == [
        ("acme", "1"), ("globex", "1"), ("globex", "2"),
    ]  # fmt: skip


def test_matches_come_back_as_they_were(store: LeadStore) -> None:
    leads = rows("1", "2")
    store.upsert(leads)
    both = pl.concat([leads, rows("never stored")])
    matches = match_leads(both, None, matched_at=date(2026, 11, 23), registry_version="r1")
    store.put_matches(matches)
    store.put_matches(matches)
    assert_frame_equal(store.matches(), matches.head(2))


def test_erasing_takes_the_matches_and_the_bytes(store: LeadStore, tmp_path: Path) -> None:
    leads = pl.concat([rows("1", "2"), rows("1", account="globex")])
    store.upsert(leads)
    store.put_matches(
        match_leads(leads, None, matched_at=date(2026, 11, 23), registry_version="r1")
    )
    # Held open, so that its number is not given to the next file.
    with (tmp_path / "leads.duckdb").open("rb") as before:
        assert store.erase("acme", "1") == 1
        assert store.erase("acme", "1") == 0
        rewritten = (tmp_path / "leads.duckdb").stat().st_ino
        assert rewritten != os.fstat(before.fileno()).st_ino
    assert ids(store.leads("acme")) == ids(store.matches("acme")) == ["2"]
    assert store.erase("acme") == 1
    assert store.leads()["account_id"].to_list() == ["globex"]
    assert store.matches()["account_id"].to_list() == ["globex"]


def test_nothing_is_readable_on_disk(store: LeadStore, tmp_path: Path) -> None:
    store.upsert(rows(*(str(number) for number in range(2000))))
    store.erase("acme", "7")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    for path in files:
        content = path.read_bytes()
        assert b"Xylophone" not in content, path.name
        assert b"company_name" not in content, path.name
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path.name


def test_another_key_opens_nothing(store: LeadStore, tmp_path: Path) -> None:
    store.upsert(rows("1"))
    other = LeadStore(tmp_path / "leads.duckdb", "6b" * 32, temporary=tmp_path / "tmp")
    with pytest.raises(SettingsError) as caught:
        other.leads()
    assert "6b6b" not in str(caught.value)


def test_a_failed_upsert_changes_nothing(store: LeadStore) -> None:
    store.upsert(rows("1"))
    with pytest.raises(Exception, match=r"(?i)constraint|duplicate"):
        store.upsert(
            pl.concat([rows("2"), rows("3").with_columns(lead_id=pl.lit(None, pl.String))])
        )
    assert ids(store.leads()) == ["1"]


def test_hostile_text_is_only_text(store: LeadStore) -> None:
    hostile = "x'); DROP TABLE leads; --"
    frame = registry.leads({"company_name": hostile, "account_id": "acme", "lead_id": "1"})
    store.upsert(pl.concat([pl.DataFrame(schema=SCHEMA), frame], how="diagonal"))
    assert store.leads()["company_name"].to_list() == [hostile]
    assert store.erase("acme", hostile) == 0
