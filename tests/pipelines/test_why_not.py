"""Each thing that stops a lead is named, by the public commands, of a file and of the store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from operating import LAST, copied
from registry_fixtures import SITES_2020, UNITS_2020, a_named_unit
from replaying import Replayed, workspace_at
from typer.testing import CliRunner

from assets.lead_intake import take_in
from assets.lead_matching import match_all
from assets.workspace import Workspace
from leads.why_not import WhyNot
from opendata.errors import SettingsError
from opendata.sample_portal import SamplePortal
from pipelines.cli import app
from pipelines.registry import RegistryFiles, build_registry
from pipelines.review import import_answers
from pipelines.why_not import explain_file, explain_lead


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("registry") / "index"
    return build_registry(RegistryFiles([UNITS_2020], [SITES_2020]), folder).index.folder


UNIT, OTHER = a_named_unit(0), a_named_unit(5)
NAME = UNIT["denominationUniteLegale"].title()
LEADS = f"""lead_id,company,siren,country
known,"{NAME}",,
nothing,Zzyzx Quuxly,,
foreign,"{NAME}",,Allemagne
test,n/a,,
numbered,"{NAME}",{OTHER["siren"]},
marie@exemple.fr,"{NAME}",,
empty,,,
"""


@pytest.fixture
def leads(tmp_path: Path) -> Path:
    path = tmp_path / "leads.csv"
    path.write_text(LEADS, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("lead", "siren", "stop"),
    [
        ("known", None, "nothing"),
        ("known", UNIT["siren"], "nothing"),
        ("known", OTHER["siren"], "no_candidate"),
        ("known", "123456789", "out_of_registry"),
        ("known", "552032534", "out_of_registry"),
        ("nothing", None, "no_candidate"),
        ("nothing", UNIT["siren"], "no_candidate"),
        ("foreign", None, "out_of_registry"),
        ("foreign", UNIT["siren"], "out_of_registry"),
        ("test", None, "no_candidate"),
        ("row-6", None, "quarantined"),
        ("empty", None, "quarantined"),
    ],
)
def test_what_stopped_a_row_of_a_file(
    registry: Path, leads: Path, lead: str, siren: str | None, stop: str
) -> None:
    assert explain_file(registry, leads, lead, siren).stop == stop


def test_the_report_names_keys_words_candidates_and_costs(registry: Path, leads: Path) -> None:
    found = explain_file(registry, leads, "known", UNIT["siren"])
    text = "\n".join(found.lines)
    assert f"core {UNIT['denominationUniteLegale']}" in text or "core " in text
    assert "units)" in text
    assert f"→1. {UNIT['siren']}" in text
    assert "same name" in text
    assert "least probability: ambiguous" in text
    assert "in log-odds" in text
    assert explain_file(registry, leads, "known", UNIT["siren"]) == found


def test_the_command_says_it_in_its_exit_code(registry: Path, leads: Path) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(
            app, ["why-not", *arguments, "--registry", str(registry), "--leads", str(leads)]
        )
        return done.exit_code, done.output

    code, text = run("known")
    assert code == 0
    assert text.startswith("nothing: it is matched to")
    code, text = run("nothing")
    assert code == 3
    assert text.startswith("no_candidate: ")
    with pytest.raises(SettingsError, match="no lead of that id"):
        explain_file(registry, leads, "unheard-of", None)


@pytest.fixture
def workspace(replayed: Replayed, portal: SamplePortal, tmp_path: Path) -> Workspace:
    return copied(replayed, portal, tmp_path)


def _of(workspace: Workspace, condition: pl.Expr) -> dict[str, object]:
    return workspace.lead_store.matches().filter(condition).row(0, named=True)


def _why(workspace: Workspace, lead: object, siren: object = None) -> WhyNot:
    return explain_lead(workspace, str(lead), str(siren) if siren else None, None)


def test_what_stopped_a_lead_of_the_store(workspace: Workspace) -> None:
    doubtful = _of(workspace, pl.col("verdict") == "ambiguous")
    found = _why(workspace, doubtful["lead_id"])
    assert found.stop == "ambiguous"
    first = doubtful["alternatives"][0]
    assert first["siren"] in found.sentence
    assert _why(workspace, doubtful["lead_id"], first["siren"]).stop == "ambiguous"
    assert found.lines[-1].startswith("register    of 2017-05-01")
    sure = _of(workspace, (pl.col("verdict") == "confirmed") & (pl.col("tier") != "identifier"))
    assert _why(workspace, sure["lead_id"], sure["siren"]).stop == "nothing"


def test_what_a_person_refused_is_said_to_be(workspace: Workspace) -> None:
    sure = _of(workspace, (pl.col("verdict") == "confirmed") & (pl.col("tier") != "identifier"))
    path = workspace.data_dir.parent / "answers.csv"
    path.write_text(
        "account_id,lead_id,answer,answer_siren\n"
        f"{sure['account_id']},{sure['lead_id']},no,{sure['siren']}\n"
    )
    import_answers(workspace, path)
    assert _why(workspace, sure["lead_id"], sure["siren"]).stop == "reviewed"


def test_a_lead_that_is_not_in_the_store(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_text("lead_id,company\nfresh,Danone\nbroken,\n")
    reading = replace(workspace, leads=path)
    assert _why(reading, "broken").stop == "quarantined"
    assert _why(reading, "fresh").stop == "suppressed"
    with pytest.raises(SettingsError, match="no lead of that id"):
        _why(reading, "unheard-of")


def test_without_a_register_the_source_is_the_gap(portal: SamplePortal, tmp_path: Path) -> None:
    workspace = workspace_at(portal, LAST, tmp_path / "data")
    take_in(workspace)
    match_all(workspace)
    named = workspace.lead_store.matches().filter(pl.col("verdict") == "no_match")["lead_id"][0]
    assert _why(workspace, named).stop == "source_gap"
