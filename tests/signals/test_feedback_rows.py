"""What a platform may say of signals: each row by the contract, or refused with its rule."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import polars as pl
import pytest
from signal_tables import SALE
from signal_world import BUYER, OTHER_SALE, account, match, publish, sales, stream, tell

from opendata.errors import ContractError, SettingsError
from pipelines.settings import ROOT
from signals.feed import history
from signals.feed.streams import account_source
from signals.feedback.contract import MODELS, REASONS, json_schemas
from signals.feedback.files import MAX_BYTES, MAX_ROWS, read_rows
from signals.feedback.inbox import of_folder
from signals.feedback.judging import judged_feedback, judged_offsets
from signals.log import SignalLog
from signals.reader import acknowledge as reader_module
from signals.reader.acknowledge import REASONS as REASONS_OF_READER

NOW = datetime(2021, 1, 9, 12, tzinfo=UTC)
SOURCE = account_source("acme")
GOOD = {"source": SOURCE, "signal_id": "a" * 32, "status": "handled", "at": "2021-01-09T10:00:00Z"}


def said(*rows: dict[str, Any]) -> bytes:
    return "".join(f"{json.dumps({**GOOD, **row})}\n" for row in rows).encode()


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in GOOD.items() if key != name}


BROKEN: list[tuple[dict[str, Any], str]] = [
    (without("source"), "source_missing"),
    (without("at"), "at_missing"),
    ({**GOOD, "source": "urn:company-signals:company"}, "source_wrong"),
    ({**GOOD, "signal_id": "A" * 32}, "signal_id_wrong"),
    ({**GOOD, "status": "done"}, "status_wrong"),
    ({**GOOD, "status": "wrong"}, "reason_not_of_status"),
    ({**GOOD, "reason": "wrong_company"}, "reason_not_of_status"),
    ({**GOOD, "reason": "he left in May"}, "reason_wrong"),
    ({**GOOD, "comment": "call Ms Doe"}, "unknown_field"),
    ({**GOOD, "at": "yesterday"}, "at_wrong"),
    ({**GOOD, "at": "0001-01-01T00:00:00+05:00"}, "at_wrong"),
    ({**GOOD, "at": "9999-12-31T23:59:59-05:00"}, "at_wrong"),
]


@pytest.mark.parametrize(("row", "rule"), BROKEN, ids=[rule for _, rule in BROKEN])
def test_a_row_that_breaks_a_rule_is_refused_alone_and_not_repeated(
    row: dict[str, Any], rule: str
) -> None:
    body = f"{json.dumps(GOOD)}\n{json.dumps(row)}\n{json.dumps(GOOD)}\n".encode()
    found = read_rows(body, "feedback")
    assert found.kept["line"].to_list() == [1, 3]
    assert found.refused.rows() == [(2, rule)]


@pytest.mark.parametrize("line", ["{", "[]", "5", "null", '"x"'])
def test_a_line_that_is_no_object_is_refused(line: str) -> None:
    found = read_rows(f"{line}\n{json.dumps(GOOD)}".encode(), "feedback")
    assert found.refused.rows() == [(1, "not_a_json_object")]
    assert found.kept.height == 1


@pytest.mark.parametrize("at", [1767225600, "2021-01-09T10:00:00", "2021-01-09"])
def test_an_instant_without_its_zone_is_refused(at: object) -> None:
    assert read_rows(said({"at": at}), "feedback").refused["rule"].to_list() == ["at_wrong"]


def test_the_json_schema_and_the_model_agree() -> None:
    schema = json.loads(json_schemas()["feedback.schema.json"])
    check = jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    every = [None, *sorted({one for reasons in REASONS.values() for one in reasons if one})]
    for status, allowed in REASONS.items():
        for reason in every:
            row = {**GOOD, "status": status, "reason": reason}
            taken = read_rows(said(row), "feedback").kept.height == 1
            assert check.is_valid(row) == taken == (reason in allowed), (status, reason)
    for row, rule in BROKEN:
        if rule != "at_wrong":  # the format of an instant is a note to most validators
            assert not check.is_valid(row), rule


def test_the_schemas_in_the_docs_are_these_and_the_reader_knows_the_same_reasons() -> None:
    for name, text in json_schemas().items():
        assert (ROOT / "docs" / "contract" / name).read_text(encoding="utf-8") == text
    assert dict(REASONS_OF_READER) == dict(REASONS)
    assert set(MODELS) == {"feedback", "consumer_offsets"}
    assert reader_module.__doc__


def test_parquet_is_read_as_json_lines_are() -> None:
    rows = pl.DataFrame([{**GOOD, "at": NOW}, {**GOOD, "status": "gone", "at": NOW}])
    buffer = io.BytesIO()
    rows.write_parquet(buffer)
    found = read_rows(buffer.getvalue(), "feedback")
    assert found.kept["at"].to_list() == [NOW]
    assert found.refused.rows() == [(2, "status_wrong")]


def parquet(*rows: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame(rows).write_parquet(buffer)
    return buffer.getvalue()


STRANGE: list[tuple[dict[str, Any], str]] = [
    ({"source": b"\xff"}, "source_wrong"),
    ({"source": "x" * 10_000}, "source_wrong"),
    ({"reason": 5}, "reason_wrong"),
    ({"at": 1767225600}, "at_wrong"),
    ({"comment": b"\xff"}, "unknown_field"),
    ({"comment": [b"\xff"]}, "unknown_field"),
    ({"comment": {"text": None}}, "unknown_field"),
]


@pytest.mark.parametrize(("strange", "rule"), STRANGE, ids=str)
def test_parquet_columns_of_other_types_fit_no_field(strange: dict[str, Any], rule: str) -> None:
    found = read_rows(parquet({**GOOD, **strange}), "feedback")
    assert found.refused.rows() == [(1, rule)]


def test_a_row_of_parquet_is_one_line_whatever_its_texts() -> None:
    body = parquet({**GOOD, "status": "a\u2028b"}, GOOD)
    found = read_rows(body, "feedback")
    assert (found.kept["line"].to_list(), found.refused.rows()) == ([2], [(1, "status_wrong")])


def test_a_small_file_of_too_many_rows_is_an_error() -> None:
    many = pl.select(status=pl.repeat("handled", MAX_ROWS + 1))
    buffer = io.BytesIO()
    many.write_parquet(buffer)
    assert len(buffer.getvalue()) < MAX_BYTES
    with pytest.raises(ContractError, match="more than 1,000,000 rows"):
        read_rows(buffer.getvalue(), "feedback")


@pytest.mark.parametrize(
    "body", [b"PAR1 and nothing more", b"\xff\xfe\x00", b"x" * (MAX_BYTES + 1)]
)
def test_a_file_that_cannot_be_read_is_an_error(body: bytes) -> None:
    with pytest.raises(ContractError, match="cannot be read"):
        read_rows(body, "feedback")


@pytest.fixture
def told(log: SignalLog, out: Path) -> pl.DataFrame:
    publish(log, out, match("l1", BUYER), match("l2", OTHER_SALE["buyer_siren"], "other"))
    return history.read(account(out)).told


def judged(told: pl.DataFrame, row: dict[str, Any], elsewhere: set[str] = frozenset()) -> Any:  # type: ignore[assignment]
    leads = pl.DataFrame({"lead_id": ["l1"]})
    return judged_feedback(
        read_rows(said(row), "feedback"), told, leads, source=SOURCE, now=NOW, elsewhere=elsewhere
    )


def test_a_row_about_a_signal_of_the_stream_names_its_lead_type_and_company(
    told: pl.DataFrame,
) -> None:
    found = judged(told, {"signal_id": told["signalid"][0]})
    assert found.refused.is_empty()
    row = found.kept.row(0, named=True)
    assert (row["lead_id"], row["siren"]) == ("l1", BUYER)
    assert row["type"] == told["type"][0]


def test_rows_about_anything_else_are_refused(
    told: pl.DataFrame, log: SignalLog, out: Path
) -> None:
    mine = str(told["signalid"][0])
    foreign = str(stream(account(out, "other"))["signalid"][0])
    for row, elsewhere, rule in [
        ({"signal_id": "0" * 32}, set[str](), "unknown_signal"),
        ({"signal_id": foreign}, {foreign}, "of_another_account"),
        ({"signal_id": mine, "source": account_source("other")}, set[str](), "of_another_account"),
        (
            {"signal_id": mine, "at": f"{NOW + timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}"},
            set[str](),
            "at_in_the_future",
        ),
    ]:
        assert judged(told, row, elsewhere).refused["rule"].to_list() == [rule]
    gone = told.with_columns(lead_id=pl.lit("l9"))
    assert judged(gone, {"signal_id": mine}).refused["rule"].to_list() == ["lead_gone"]
    log.erase([BUYER], reason="opposition", recorded=NOW, run_id="run-2")
    publish(log, out, match("l1", BUYER))
    erased = history.read(account(out)).told
    assert judged(erased, {"signal_id": mine}).refused["rule"].to_list() == ["erased_signal"]


def test_offsets_beyond_the_stream_or_of_another_are_refused() -> None:
    row = {"source": SOURCE, "consumer": "crm", "sequence": f"{3:020}", "at": GOOD["at"]}
    for change, last, rules in [
        ({}, 3, []),
        ({}, 2, ["sequence_beyond_the_stream"]),
        ({"source": account_source("other")}, 3, ["of_another_account"]),
        ({"consumer": "Jane Doe"}, 3, ["consumer_wrong"]),
        ({"sequence": "3"}, 3, ["sequence_wrong"]),
    ]:
        found = judged_offsets(
            read_rows(json.dumps({**row, **change}).encode(), "consumer_offsets"),
            source=SOURCE, last=f"{last:020}", now=NOW,
        )  # fmt: skip
        assert found.refused["rule"].to_list() == rules


def test_only_whole_files_of_known_names_are_letters(tmp_path: Path) -> None:
    for name in (
        "accounts/acme/feedback-1.jsonl", "accounts/acme/consumer_offsets.parquet",
        "company/consumer_offsets-2.jsonl", "accounts/acme/.feedback-2.jsonl.part",
        "accounts/acme/notes.txt", "feedback.jsonl", "accounts/acme/deeper/feedback.jsonl",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    found = of_folder(tmp_path)
    assert [(one.stream, one.kind) for one in found.letters] == [
        ("accounts/acme", "consumer_offsets"),
        ("accounts/acme", "feedback"),
        ("company", "consumer_offsets"),
    ]
    with pytest.raises(SettingsError, match="does not exist"):
        of_folder(tmp_path / "nowhere")


def test_a_stream_told_again_keeps_the_ids_that_feedback_names(log: SignalLog, out: Path) -> None:
    publish(log, out, match("l1", BUYER))
    first = stream(account(out))["signalid"].to_list()
    tell(log, sales({**SALE, "ville": "Ailleurs"}))
    publish(log, out, match("l1", BUYER))
    assert set(stream(account(out))["signalid"]) == set(first)
