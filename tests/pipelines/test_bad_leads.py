"""Whatever people put into a list of leads: one row each, one reason each, no invented match.

Through the public command from file to file, and through the store.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from operating import copied
from registry_fixtures import SITES_2020, UNITS_2020, a_named_unit
from replaying import Replayed
from typer.testing import CliRunner

from assets.lead_intake import take_in
from assets.lead_matching import match_all
from opendata.sample_portal import SamplePortal
from pipelines.cli import app
from pipelines.registry import RegistryFiles, build_registry

UNIT, OTHER = a_named_unit(0), a_named_unit(5)
NAME = UNIT["denominationUniteLegale"]

#: What is typed → the reason that must be told. None of these is a company of the registry.
HOPELESS: dict[str, tuple[dict[str, str], str]] = {
    "empty": ({"company_name": ""}, "rejected:nothing_identifies_a_company"),
    "blank": ({"company_name": " \u00a0\t"}, "rejected:nothing_identifies_a_company"),
    "long": ({"company_name": "zq" * 5000}, "candidates:none"),
    "long words": ({"company_name": "zzyzx quuxly " * 800}, "candidates:none"),
    "emoji": ({"company_name": "🎉🚀💼"}, "name:unusable"),
    "right to left": ({"company_name": "\u202eشركة الاختبار\u202c"}, "name:unusable"),
    "hebrew": ({"company_name": "חברת בדיקה"}, "name:unusable"),
    "sql": ({"company_name": "Zzyzx'); DROP TABLE leads;--"}, "candidates:none"),
    "formula": ({"company_name": '=HYPERLINK("http://zzyzx.example";"Quuxly")'},
                "candidates:none"),
    "command": ({"company_name": "@ZZYZX|'/C quuxly'!A0"}, "candidates:none"),
    "nul": ({"company_name": "\x01\x02\x7f"}, "name:unusable"),
    "test": ({"company_name": "test"}, "name:unusable"),
    "n/a": ({"company_name": "n/a"}, "name:unusable"),
    "dashes": ({"company_name": "---"}, "name:unusable"),
    "digits": ({"company_name": "123456"}, "name:unusable"),
    "only a form": ({"company_name": "SARL"}, "name:unusable"),
    "person": ({"company_name": "Jean Dupont"}, "candidates:too_unlikely"),
    "titled person": ({"company_name": "Mme Zoé Quuxly"}, "candidates:none"),
    "foreign form": ({"company_name": "Zzyzx Maschinenbau GmbH"}, "form:foreign"),
    "foreign country": ({"company_name": NAME, "country": "Germany"}, "country:foreign"),
    "wrong luhn": ({"company_name": "Zzyzx Quuxly", "siren": "552032535"},
                   "siren:wrong_check_digit"),
    "short siren": ({"company_name": "Zzyzx Quuxly", "siren": "5520325"}, "siren:wrong_length"),
    "wrong siret": ({"siret": "55203253400647"}, "siret:wrong_check_digit"),
    "wrong vat": ({"vat": "FR99552032534"}, "vat:wrong_key"),
    "rounded": ({"company_name": "Zzyzx Quuxly", "siren": "5.5E+08"}, "siren:wrong_length"),
    "numbers disagree": ({"company_name": "Zzyzx Quuxly", "siren": UNIT["siren"],
                          "siret": OTHER["siren"] + "00000"}, "siret:wrong_check_digit"),
}  # fmt: skip
FIELDS = ("company_name", "siren", "siret", "vat", "country")


def _file(path: Path, rows: dict[str, dict[str, str]]) -> Path:
    listed = [
        {"lead_id": f"L{at}", **{name: row.get(name, "") for name in FIELDS}}
        for at, row in enumerate(rows.values())
    ]
    pl.DataFrame(listed).write_csv(path, quote_style="always")
    return path


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("registry") / "index"
    return build_registry(RegistryFiles([UNITS_2020], [SITES_2020]), folder).index.folder


def _match(registry: Path, leads: Path, folder: Path) -> pl.DataFrame:
    """Run the public command and read what it wrote."""
    out = folder / "answers.parquet"
    done = CliRunner().invoke(
        app, ["match", "--registry", str(registry), "--leads", str(leads), "--out", str(out)]
    )
    assert done.exit_code == 0, done.output
    return pl.read_parquet(out)


@pytest.fixture(scope="module")
def hopeless(
    registry: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, object]]:
    folder = tmp_path_factory.mktemp("hopeless")
    leads = _file(folder / "leads.csv", {name: row for name, (row, _) in HOPELESS.items()})
    found = _match(registry, leads, folder)
    assert found["lead_id"].to_list() == [f"L{at}" for at in range(len(HOPELESS))]
    return dict(zip(HOPELESS, found.iter_rows(named=True), strict=True))


@pytest.mark.parametrize("name", HOPELESS)
def test_nothing_is_invented_and_the_reason_is_told(
    name: str, hopeless: dict[str, dict[str, object]]
) -> None:
    answer = hopeless[name]
    if name != "numbers disagree":
        assert answer["verdict"] in {"no_match", "ambiguous"}
        assert answer["siren"] is None
    assert HOPELESS[name][1] in answer["reasons"]


def test_a_number_that_the_name_contradicts_is_a_conflict_not_an_answer(
    registry: Path, tmp_path: Path
) -> None:
    rows = {
        "against": {"company_name": NAME, "siren": OTHER["siren"]},
        "unlike": {"company_name": "Zzyzx Quuxly", "siren": OTHER["siren"]},
        "agreed": {"company_name": NAME, "siren": UNIT["siren"]},
    }
    against, unlike, agreed = _match(
        registry, _file(tmp_path / "leads.csv", rows), tmp_path
    ).iter_rows(named=True)
    assert (against["verdict"], against["siren"]) == ("ambiguous", None)
    assert "conflict:siren_against_name" in against["reasons"]
    named = {one["siren"] for one in against["alternatives"]}
    assert named >= {UNIT["siren"], OTHER["siren"]}
    assert unlike["verdict"] == "probable"
    assert "name:nothing_in_common" in unlike["reasons"]
    assert (agreed["verdict"], agreed["siren"]) == ("confirmed", UNIT["siren"])


def test_a_million_identical_leads_are_looked_up_once(registry: Path, tmp_path: Path) -> None:
    """In a process of its own: time and peak are those of the whole command."""
    number, leads, out = 1_000_000, tmp_path / "leads.parquet", tmp_path / "answers.parquet"
    pl.select(
        pl.int_range(number).cast(pl.String).alias("lead_id"), pl.lit(NAME).alias("company_name")
    ).write_parquet(leads)
    command = Path(sys.executable).with_name("company-signals")
    started = subprocess.Popen(
        [command, "match", "--registry", registry, "--leads", leads, "--out", out],
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(started.pid, 0)
    started.returncode = os.waitstatus_to_exitcode(status)
    assert started.returncode == 0
    found = pl.read_parquet(out, columns=["lead_id", "siren", "verdict"])
    assert found["lead_id"].to_list() == [str(at) for at in range(number)]
    assert found["siren"].unique().to_list() == [UNIT["siren"]]
    assert found["verdict"].n_unique() == 1
    # One by one they would take minutes, and gigabytes. Seen: 3 s, 407 MB.
    assert used.ru_utime + used.ru_stime < 60
    assert used.ru_maxrss * 1024 < 1.5e9


def test_the_same_list_through_the_store(
    replayed: Replayed, portal: SamplePortal, tmp_path: Path
) -> None:
    workspace = copied(replayed, portal, tmp_path)
    path = _file(tmp_path / "bad.csv", {name: row for name, (row, _) in HOPELESS.items()})
    bad = replace(workspace, leads=path, leads_complete=False, default_account="bad")
    counts = take_in(bad)
    empty = [name for name, (_, reason) in HOPELESS.items() if reason.startswith("rejected")]
    assert counts["rejected_by_rule"] == {"nothing_identifies_a_company": len(empty)}
    match_all(bad)
    found = workspace.lead_store.matches("bad")
    assert found["lead_id"].n_unique() == found.height == len(HOPELESS) - len(empty)
    names = [name for name in HOPELESS if name not in {*empty, "numbers disagree"}]
    known = [f"L{list(HOPELESS).index(name)}" for name in names]
    mine = found.filter(pl.col("lead_id").is_in(known))
    assert mine["siren"].null_count() == mine.height
    assert mine["reasons"].list.len().min() >= 1
