"""The contract: one model, and frames and catalogue that cannot drift from it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from pydantic import ValidationError
from signal_tables import COMMON, SALE, SCHEMAS
from signal_world import sales, tell

from opendata.catalogue import load_catalogue
from opendata.errors import ContractError, SettingsError
from opendata.typing_rules import DTYPES
from signals.base import Signal
from signals.contract import (
    CANDIDATE_SCHEMA,
    SIGNAL_SCHEMA,
    Evidence,
    SignalRow,
    conform,
)
from signals.log import SignalLog
from signals.registry import discover, registry, signal_types

#: Columns of the published contract, in order: a change here is a change for every consumer. They
#: are written out, not derived: a list made from the model could not differ from it.
COLUMNS = [
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "timeprecision",
    "recordedtime",
    "sequence",
    "op",
    "supersedes",
    "reason",
    "signalid",
    "correlationid",
    "causationid",
    "nature",
    "title_fr",
    "title_en",
    "before",
    "after",
    "confidence",
    "score",
    "score_breakdown",
    "half_life_days",
    "expirytime",
    "siren",
    "siret",
    "counterparty_siren",
    "company_name",
    "departement",
    "lead_id",
    "account_id",
    "match_id",
    "match_probability",
    "match_status",
    "match_reasons",
    "is_baseline",
    "is_mass_operation",
    "evidence",
    "dataclassification",
    "prospecting_allowed",
    "run_id",
    "rule_version",
    "schema_version",
]


@pytest.fixture
def rows(tmp_path: Path) -> pl.DataFrame:
    log = SignalLog(tmp_path)
    tell(log, sales(SALE))
    return log.rows()


def test_columns_are_those_published() -> None:
    assert list(SignalRow.model_fields) == COLUMNS
    assert SIGNAL_SCHEMA.names() == COLUMNS
    assert CANDIDATE_SCHEMA.names() == [*COLUMNS, "amends_only"]


def test_every_field_says_what_it_means() -> None:
    for model in (SignalRow, Evidence):
        for name, field in model.model_fields.items():
            assert len(field.description or "") > 10, name


def test_attributes_of_cloudevents_are_lower_case_letters() -> None:
    cloud = COLUMNS[: COLUMNS.index("nature")]
    assert all(name.isalpha() and name.islower() for name in cloud)


def test_schema_holds_what_the_model_holds(rows: pl.DataFrame) -> None:
    for row in rows.iter_rows(named=True):
        model = SignalRow.model_validate(row)
        again = pl.DataFrame([model.model_dump()], schema=SIGNAL_SCHEMA)
        assert again.to_dicts() == [row]


def test_model_refuses_what_is_not_agreed(rows: pl.DataFrame) -> None:
    row = rows.to_dicts()[0]
    for wrong in ({"op": "DELETE"}, {"reason": "because"}, {"title_fr": None}, {"lead": "l1"}):
        with pytest.raises(ValidationError):
            SignalRow.model_validate({**row, **wrong})


@pytest.mark.parametrize(
    ("change", "column"),
    [
        (pl.lit("DELETE").alias("op"), "op"),
        (pl.lit("because").alias("reason"), "reason"),
        (pl.lit(None, dtype=pl.String).alias("title_fr"), "title_fr"),
        (pl.lit(1).alias("confidence"), "confidence"),
        (pl.lit(1).alias("more"), "more"),
    ],
)
def test_frame_that_breaks_the_contract_is_refused(
    rows: pl.DataFrame, change: pl.Expr, column: str
) -> None:
    assert conform(rows).equals(rows)
    with pytest.raises(ContractError, match=column):
        conform(rows.with_columns(change))


GOOD = """
from signals.detectors.site_opened import SIGNAL as OPENED, detect
from dataclasses import replace
SIGNAL = OPENED
"""


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "no detector"),
        ({"_shared.py": "SIGNAL = 1"}, "no detector"),
        ({"site_opened.py": "SIGNAL = 1"}, "SIGNAL, a Signal"),
        ({"site_opened.py": GOOD + "del detect"}, "detect"),
        ({"site_opened.py": GOOD, "twice.py": GOOD}, "its code is 'site_opened'"),
    ],
    ids=["empty", "only shared modules", "no signal", "no rule", "code twice"],
)
def test_folder_that_is_not_one_of_detectors_is_refused(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(SettingsError, match=message):
        discover(tmp_path)


def test_new_file_is_a_new_signal(tmp_path: Path) -> None:
    (tmp_path / "site_opened.py").write_text(GOOD)
    assert list(discover(tmp_path)) == ["site_opened"]


def test_every_signal_is_explained_and_dated() -> None:
    types = signal_types(registry().values())
    assert types.height == len(registry()) >= 20
    assert types["type"].is_unique().all()
    for detector in registry().values():
        signal = detector.signal
        assert signal.type == f"fr.company_signals.{signal.family}.{signal.code}.v1"
        assert all(len(guard) > 20 for guard in signal.guards)
        assert signal.explanation_fr != signal.explanation_en
        assert signal.half_life_days <= signal.window_days


@pytest.mark.parametrize(
    "wrong",
    [
        {"code": "Site-Opened"},
        {"guards": ()},
        {"inputs": ()},
        {"base_score": 101},
        {"half_life_days": 0},
        {"rule_version": "1"},
    ],
)
def test_signal_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    values: dict[str, object] = {
        "code": "x", "family": "y", "title_fr": "", "title_en": "", "explanation_fr": "",
        "explanation_en": "", "inputs": ("t",), "window_days": 1, "half_life_days": 1,
        "base_score": 1, "guards": ("g",),
    }  # fmt: skip
    assert Signal(**values).type == "fr.company_signals.y.x.v1"  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="it must hold"):
        Signal(**{**values, **wrong})  # type: ignore[arg-type]


@pytest.mark.parametrize("table", SCHEMAS)
def test_tables_of_these_tests_have_the_columns_of_the_real_ones(table: str) -> None:
    catalogue = load_catalogue(Path(__file__).parents[2] / "assets")
    (dataset,) = [one for one in catalogue.values() if table in one.tables]
    real = {column.name: DTYPES[column.type] for column in dataset.described_columns(table)}
    used = {**SCHEMAS[table], **{name: COMMON[name] for name in COMMON if name != "_op"}}
    assert {name: real.get(name) for name in used} == used
