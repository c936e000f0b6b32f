"""A column that a publisher adds: kept in the raw file, warned about, reported once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import Loopback
from structlog.testing import capture_logs
from world import HEADER, OCTOBER, SEPTEMBER, Variant, csv, october, september


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback() as started:
        yield started


def _with_naf25(rows: list, *, value: str = "62.20G") -> bytes:
    return csv([(*row, value) for row in rows], header=(*HEADER, "naf25"))


def test_a_new_column_is_warned_about_once_and_stays_raw(server: Loopback, tmp_path: Path) -> None:
    template = september(tmp_path / "september", server, Variant())
    later = october(template, tmp_path / "october")
    later.publish(_with_naf25(OCTOBER))
    with capture_logs() as logs:
        first = later.run()
    assert first.status == "published"
    warned = [check.message for check in first.checks if check.name == "new_columns"]
    assert len(warned) == 1
    assert "stock.naf25" in warned[0]
    assert [entry["columns"] for entry in logs if entry["event"] == "new columns"] == [
        ["stock.naf25"]
    ]
    assert first.version.new_columns == ("stock.naf25",)
    assert not any("naf25" in name for name in later.store.scan("essai__units").collect().columns)
    later.publish(_with_naf25(OCTOBER, value="62.10Y")[:-1] + b"\n")
    with capture_logs() as logs:
        second = later.run()
    assert second.status == "published"
    assert [check.name for check in second.checks if check.name == "new_columns"] == []
    assert [entry for entry in logs if entry["event"] == "new columns"] == []
    assert SEPTEMBER[0][0] in later.store.scan("essai__units").collect()["siren"].to_list()
