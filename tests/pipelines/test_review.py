"""The review loop on the bundled sample: asked, answered, matched again, remembered."""

from __future__ import annotations

import re
import stat
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from operating import copied
from replaying import Replayed

from assets.lead_intake import take_in
from assets.lead_matching import match_all
from assets.workspace import Workspace
from leads.refit import SERVING
from opendata.errors import SettingsError
from opendata.sample_portal import SamplePortal
from pipelines.review import export_review, import_answers, refit_model

HEADER = "account_id,lead_id,answer,answer_siren,proposed"


@pytest.fixture
def workspace(replayed: Replayed, portal: SamplePortal, tmp_path: Path) -> Workspace:
    return copied(replayed, portal, tmp_path)


def _match(workspace: Workspace, lead_id: str) -> dict[str, object]:
    return workspace.lead_store.matches().row(by_predicate=pl.col("lead_id") == lead_id, named=True)


def _answer(workspace: Workspace, *rows: str, **options: bool) -> tuple[int, list[str]]:
    path = workspace.data_dir.parent / "answers.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    found = import_answers(workspace, path, **options)
    return found.answered, found.refused["rule"].to_list()


def _ambiguous(workspace: Workspace) -> dict[str, str]:
    """Return an ambiguous lead with two candidates at least, as the queue shows it."""
    rows = export_review(workspace, workspace.data_dir.parent / "queue.parquet")
    found = rows.filter((pl.col("why") == "ambiguous") & pl.col("candidate_2_siren").is_not_null())
    return found.row(0, named=True)


def test_the_queue_is_private_in_every_form_and_holds_no_contact(workspace: Workspace) -> None:
    folder = workspace.data_dir.parent
    store = workspace.lead_store
    lead = _ambiguous(workspace)["lead_id"]
    touched = store.leads().filter(pl.col("lead_id") == lead).with_columns(
        contact_name=pl.lit("Prénom Nom"),
        contact_email=pl.lit("prenom.nom@personne.example"),
        phone=pl.lit("+33 6 00 00 00 00"),
        extra=pl.lit('{"note":"secret"}'),
    )  # fmt: skip
    store.upsert(touched)
    match_all(workspace)
    for suffix in ("csv", "parquet", "html"):
        out = folder / f"asked.{suffix}"
        rows = export_review(workspace, out)
        assert stat.S_IMODE(out.stat().st_mode) == 0o600
        content = out.read_bytes()
        if suffix == "parquet":
            content = pl.read_parquet(out).write_csv().encode()
        assert lead.encode() in content
        for private in (b"personne.example", b"secret", b"33 6 00", "Prénom Nom".encode()):
            assert private not in content
    assert rows["why"].is_in(["ambiguous", "near_threshold"]).all()
    assert rows.height > 1
    with pytest.raises(SettingsError, match="among the exports"):
        export_review(workspace, workspace.exports / "queue.csv")
    with pytest.raises(SettingsError, match="not written as"):
        export_review(workspace, folder / "queue.xml")


def test_a_yes_confirms_the_lead_now_after_a_new_import_and_by_another_model(
    workspace: Workspace,
) -> None:
    asked = _ambiguous(workspace)
    lead, chosen = asked["lead_id"], asked["candidate_2_siren"]
    assert _answer(workspace, f"{asked['account_id']},{lead},yes,{chosen},") == (1, [])
    answered = _match(workspace, lead)
    assert (answered["verdict"], answered["siren"]) == ("confirmed", chosen)
    assert answered["reasons"][0] == "review:yes"
    # The same list comes again in capitals: another row, the same text.
    shouted = workspace.lead_store.leads().with_columns(pl.col("company_name").str.to_uppercase())
    workspace.lead_store.upsert(shouted)
    again = match_all(workspace)
    assert again.again > 0
    assert _match(workspace, lead)["siren"] == chosen
    assert lead not in export_review(workspace, workspace.data_dir.parent / "q.csv")["lead_id"]


def test_a_no_bars_the_unit_and_only_that(workspace: Workspace) -> None:
    confirmed = (
        workspace.lead_store.matches()
        .filter((pl.col("verdict") == "confirmed") & (pl.col("tier") != "identifier"))
        .row(0, named=True)
    )
    lead, siren = confirmed["lead_id"], confirmed["siren"]
    others = workspace.lead_store.matches().filter(pl.col("lead_id") != lead)
    assert _answer(workspace, f"{confirmed['account_id']},{lead},no,{siren},") == (1, [])
    after = _match(workspace, lead)
    assert after["siren"] != siren
    assert siren not in [one["siren"] for one in after["alternatives"]]
    assert f"review:no({siren})" in after["reasons"]
    assert workspace.lead_store.matches().filter(pl.col("lead_id") != lead).equals(others)


def test_no_to_a_given_number_makes_it_count_no_longer(workspace: Workspace) -> None:
    given = (
        workspace.lead_store.matches()
        .filter((pl.col("tier") == "identifier") & (pl.col("verdict") == "probable"))
        .row(0, named=True)
    )
    _answer(workspace, f"{given['account_id']},{given['lead_id']},non,{given['siren']},")
    after = _match(workspace, given["lead_id"])
    assert after["siren"] != given["siren"]
    # The sample is a part of the register and does not know the number.
    assert "siren_given_not_in_registry" in given["reasons"]
    assert "siren_given_not_in_registry" not in after["reasons"]


def test_answers_that_contradict_are_reported_and_not_taken(workspace: Workspace) -> None:
    asked = _ambiguous(workspace)
    start = f"{asked['account_id']},{asked['lead_id']}"
    first, second = asked["candidate_1_siren"], asked["candidate_2_siren"]
    odd = "answers_contradict_each_other"
    assert _answer(workspace, f"{start},yes,{first},", f"{start},yes,{second},") == (0, [odd, odd])
    assert _answer(workspace, f"{start},yes,{first},") == (1, [])
    assert _answer(workspace, f"{start},yes,{second},") == (0, ["contradicts_an_earlier_answer"])
    assert _match(workspace, asked["lead_id"])["siren"] == first
    assert _answer(workspace, f"{start},yes,{second},", replace=True) == (1, [])
    assert _match(workspace, asked["lead_id"])["siren"] == second


def test_each_unusable_answer_has_its_reason(workspace: Workspace) -> None:
    asked = _ambiguous(workspace)
    start = f"{asked['account_id']},{asked['lead_id']}"
    both = f"{asked['candidate_1_siren']} {asked['candidate_2_siren']}"
    taken, rules = _answer(
        workspace,
        f"{start},maybe,,{both}",
        f"{start},yes,,{both}",
        f"{start},other,123456789,{both}",
        f"{start},no,,",
        "nobody,L-000001,no,,",
        f"{start},,,{both}",
    )
    assert taken == 0
    assert rules == [
        "answer_unknown", "which_siren_is_not_said", "siren_wrong", "nothing_was_proposed",
        "lead_unknown",
    ]  # fmt: skip


def test_unsure_and_group_are_kept_and_not_asked_again(workspace: Workspace) -> None:
    asked = _ambiguous(workspace)
    start = f"{asked['account_id']},{asked['lead_id']}"
    assert _answer(workspace, f"{start},unsure,,") == (1, [])
    again = export_review(workspace, workspace.data_dir.parent / "q.parquet")
    assert asked["lead_id"] not in again["lead_id"].to_list()
    assert _answer(workspace, f"{start},groupe,,{asked['candidate_1_siren']}") == (1, [])
    assert _match(workspace, asked["lead_id"])["siren"] != asked["candidate_1_siren"]
    assert set(workspace.label_store.labels()["says"]) == {"unsure", "group"}


def test_answers_are_encrypted_and_can_be_erased(workspace: Workspace) -> None:
    asked = _ambiguous(workspace)
    _answer(workspace, f"{asked['account_id']},{asked['lead_id']},1,,{asked['candidate_1_siren']}")
    path = workspace.data_dir / "labels.duckdb"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    name = asked["company_name"].encode()
    assert name not in path.read_bytes()
    assert asked["company_name"] in workspace.label_store.labels()["text"][0]
    assert workspace.label_store.erase(asked["account_id"], asked["lead_id"]) == 1
    assert workspace.label_store.labels().is_empty()


def test_a_spreadsheet_computes_nothing_and_the_page_runs_nothing(workspace: Workspace) -> None:
    store = workspace.lead_store
    lead = _ambiguous(workspace)
    evil = store.leads().filter(pl.col("lead_id") == lead["lead_id"])
    script = f'=HYPERLINK("http://x") <script>alert(1)</script> {lead["company_name"]}'
    store.upsert(evil.with_columns(company_name=pl.lit(script), city=pl.lit("=1+1")))
    match_all(workspace)
    folder = workspace.data_dir.parent
    export_review(workspace, folder / "q.html", audit=10_000)
    export_review(workspace, folder / "q.csv", audit=10_000)
    page = (folder / "q.html").read_text(encoding="utf-8")
    table = (folder / "q.csv").read_text(encoding="utf-8-sig")
    assert "<script>alert" not in page
    assert page.count("<script>") == 1
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", page)
    assert not re.search(r'(?:^|,)"?=', table, re.MULTILINE)


def test_refit_needs_answers_and_the_shipped_model_serves_meanwhile(workspace: Workspace) -> None:
    with pytest.raises(SettingsError, match="200 are needed"):
        refit_model(workspace, precision=0.95, least=200)
    assert not (workspace.models / SERVING).exists()


def test_leads_taken_in_again_change_nothing(workspace: Workspace) -> None:
    before = workspace.lead_store.matches()
    counts = take_in(replace(workspace, leads_floor=0.4))
    assert counts["removed"] == counts["added"] == counts["changed"] == 0
    assert match_all(workspace).again == 0
    assert workspace.lead_store.matches().equals(before)
