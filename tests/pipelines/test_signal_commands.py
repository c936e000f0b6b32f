"""The commands on the rules, as an operator types them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import polars as pl
import pytest
from replaying import Replayed, hashes, stream_rows
from typer.testing import CliRunner, Result

from pipelines.cli import app
from pipelines.settings import ROOT
from signals.registry import registry

BUNDLED = str(ROOT / "data" / "sample" / "profiles.yml")


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setattr("pipelines.console.console.width", 220)
    return CliRunner()


def run(runner: CliRunner, *words: str) -> Result:
    return runner.invoke(app, list(words))


def test_the_catalogue_lists_every_signal(typed: CliRunner) -> None:
    result = run(typed, "signals")
    assert result.exit_code == 0
    rows = {line.split()[0]: line for line in result.output.splitlines() if line.strip()}
    for code, one in registry().items():
        assert one.signal.title_en in rows[code]
        assert one.signal.polarity in rows[code]
        assert f"{one.signal.window_days} d" in rows[code]
        golden = "synthetic" if one.signal.real_example is None else "real"
        assert rows[code].rstrip().endswith(golden)
        assert f" {', '.join(one.signal.inputs)} " in result.output
    real = sum(one.signal.real_example is not None for one in registry().values())
    assert f"{len(registry())} signals: {real} seen on real records" in result.output


def test_one_family_only(typed: CliRunner) -> None:
    family = registry()["contract_won"].signal.family
    shown = run(typed, "signals", "--family", family).output
    assert "contract_won" in shown
    assert "insolvency_opened" not in shown
    wrong = run(typed, "signals", "--family", "none")
    assert family in str(wrong.exception)


def test_a_backtest_on_the_replayed_sample_writes_nothing(
    typed: CliRunner, replayed: Replayed
) -> None:
    kept = [replayed.data_dir / name for name in ("signals", "state", "exports")]
    before = [hashes(folder) for folder in kept]
    result = run(
        typed, "backtest", "contract_won", "--months", "240",
        "--data-dir", str(replayed.data_dir), "--at", "2025-12-01",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "a day." in result.output
    months = [line.split() for line in result.output.splitlines() if line.startswith("2024-")]
    total = sum(int(line[2]) for line in months)
    assert total > 0
    assert f"{total:,} signals in" in result.output
    assert [hashes(folder) for folder in kept] == before
    unknown = run(typed, "backtest", "won", "--data-dir", str(replayed.data_dir))
    assert "there is no signal 'won'" in str(unknown.exception)


def test_every_rule_of_a_family_is_counted_or_named_as_without_history(
    typed: CliRunner, replayed: Replayed
) -> None:
    result = run(
        typed, "backtest", "--family", "insolvency", "--months", "240",
        "--data-dir", str(replayed.data_dir), "--at", "2025-12-01",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    one = run(
        typed, "backtest", "insolvency_opened", "--months", "240",
        "--data-dir", str(replayed.data_dir), "--at", "2025-12-01",
    )  # fmt: skip
    total = re.search(r"([\d,]+) signals in", one.output)
    (row,) = [line for line in result.output.splitlines() if "insolvency_opened" in line]
    assert total is not None
    assert total[1] in row.split()
    named = {code for code, rule in registry().items() if rule.signal.family == "insolvency"}
    assert all(code in result.output for code in named)
    assert "egapro_index_below_75" not in result.output
    register = run(
        typed, "backtest", "--family", "environment", "--months", "240",
        "--data-dir", str(replayed.data_dir), "--at", "2025-12-01",
    )  # fmt: skip
    (due,) = [line for line in register.output.splitlines() if "carbon_report_due" in line]
    assert due.rstrip().endswith("beges__reports")
    nothing = run(
        typed, "backtest", "--family", "label", "--data-dir", str(replayed.data_dir),
        "--at", "2025-12-01",
    )  # fmt: skip
    assert "Without dated history to be replayed on" in nothing.output
    assert "rge_lost" in nothing.output


def test_the_profiles_are_shown(typed: CliRunner, tmp_path: Path) -> None:
    shown = run(typed, "profiles", "--profiles", BUNDLED, "--data-dir", str(tmp_path)).output
    assert "demo-btp" in shown
    assert "renamed every 90 d" in shown
    none = run(typed, "profiles", "--data-dir", str(tmp_path))
    assert "SIGNALS_PROFILES" in str(none.exception)


def test_a_dataset_that_does_not_exist_is_not_backfilled(typed: CliRunner, tmp_path: Path) -> None:
    words = ("backfill", "bodac", "--from", "2020-01-01", "--to", "2020-01-31")
    result = run(typed, *words, "--data-dir", str(tmp_path))
    assert "bodacc" in str(result.exception)


def test_an_account_without_profile_has_the_tables_empty(replayed: Replayed) -> None:
    folder = replayed.exports / "accounts" / "demo-btp"
    assert pl.read_parquet(folder / "waiting.parquet").is_empty()
    assert pl.read_parquet(folder / "discovery.parquet").is_empty()
    told = stream_rows(folder).filter(pl.col("op") == "ASSERT")["score_breakdown"][0]
    assert set(json.loads(told)) == {
        "base",
        "confidence",
        "freshness",
        "match",
        "age_days",
        "contradicted_by",
    }
