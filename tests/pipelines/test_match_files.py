"""From a file of leads to a file of answers: one row each, in order, whatever the row."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from registry_fixtures import SITES_2020, UNITS_2020, a_named_unit, rows_of

from opendata.errors import ContractError, StateError
from pipelines.match_files import OUTPUT, match_file
from pipelines.registry import RegistryFiles, build_registry

COMMAND = str(Path(sys.executable).with_name("company-signals"))


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("registry") / "index"
    return build_registry(RegistryFiles([UNITS_2020], [SITES_2020]), folder).index.folder


def answers(registry: Path, tmp_path: Path, text: str) -> pl.DataFrame:
    leads = tmp_path / "leads.csv"
    leads.write_text(text, encoding="utf-8")
    return match_file(registry, leads)


def test_names_alone_are_numbered_and_answered_in_order(registry: Path, tmp_path: Path) -> None:
    units = [a_named_unit(number) for number in (5, 0, 9)]
    names = [f'"{unit["denominationUniteLegale"].title()}"' for unit in units]
    found = answers(registry, tmp_path, "\n".join(["Company name", *names]) + "\n")
    assert found.schema == OUTPUT
    assert found["lead_id"].to_list() == ["1", "2", "3"]
    assert found["siren"].to_list() == [unit["siren"] for unit in units]
    assert found["probability"].is_between(0.5, 1).all()


def test_every_row_has_its_answer_even_those_refused(registry: Path, tmp_path: Path) -> None:
    unit = a_named_unit()
    found = answers(
        registry,
        tmp_path,
        "id;siren;company;city\n"
        f"b;{unit['siren']};;\n"
        "marie@exemple.fr;552032534;;\n"
        "\n"
        ";;;Lyon\n"
        "a;one cell too many;;;\n"
        f"b;{unit['siren']};;\n"
        "Lead n° 7;;Zzyzx Quuxly;\n",
    )
    assert found["lead_id"].to_list() == ["b", "row-2", "row-3", "row-4", "b", "Lead n° 7"]
    assert found["verdict"].to_list() == [
        "confirmed", "no_match", "no_match", "no_match", "confirmed", "no_match",
    ]  # fmt: skip
    assert found["reasons"].to_list()[1:4] == [
        ["rejected:lead_id_is_an_email"],
        ["rejected:nothing_identifies_a_company"],
        ["rejected:wrong_number_of_cells"],
    ]
    assert found["reasons"].to_list()[5] == ["candidates:none"]
    assert "marie" not in str(found.rows())
    assert found["alternatives"].null_count() == 0


def test_a_file_of_refused_rows_only_is_answered(registry: Path, tmp_path: Path) -> None:
    found = answers(registry, tmp_path, "id;company\n1;\n2;\n")
    assert found["verdict"].to_list() == ["no_match", "no_match"]


def test_the_order_of_the_rows_does_not_change_an_answer(registry: Path, tmp_path: Path) -> None:
    names = [row["denominationUniteLegale"] for row in rows_of(UNITS_2020)]
    text = [f'{number},"{name.lower()}"' for number, name in enumerate(names) if '"' not in name]
    forth = answers(registry, tmp_path, "\n".join(["id,name", *text]))
    back = answers(registry, tmp_path, "\n".join(["id,name", *reversed(text)]))
    assert back.reverse().equals(forth)
    assert forth.height == len(text)


def test_no_column_of_a_company_and_no_index_are_said(registry: Path, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="no column holds a company name"):
        answers(registry, tmp_path, "colour\nred\n")
    (tmp_path / "leads.csv").write_text("name\nAcme\n")
    with pytest.raises(StateError, match="no complete index"):
        match_file(tmp_path / "nowhere", tmp_path / "leads.csv")


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_both_commands_from_files_to_a_file(tmp_path: Path) -> None:
    folder, out = tmp_path / "index", tmp_path / "answers.parquet"
    half = tmp_path / "half.csv"
    lines = UNITS_2020.read_text(encoding="utf-8").splitlines(keepends=True)
    half.write_text("".join(lines[:180]), encoding="utf-8")
    rest = tmp_path / "rest.csv"
    rest.write_text("".join([lines[0], *lines[180:]]), encoding="utf-8")
    built = run(
        *("registry", "build", "--legal-units", half, rest),
        *("--establishments", SITES_2020, "--out", folder),
    )
    assert built.returncode == 0, built.stderr
    assert "361 records read" in built.stdout
    leads = tmp_path / "leads.csv"
    unit = a_named_unit()
    leads.write_text(f'name\n"{unit["denominationUniteLegale"]}"\n', encoding="utf-8")
    matched = run("match", "--registry", folder, "--leads", leads, "--out", out)
    assert matched.returncode == 0, matched.stderr
    assert pl.read_parquet(out)["siren"].to_list() == [unit["siren"]]


def test_half_of_the_options_is_refused(tmp_path: Path) -> None:
    done = run("match", "--registry", tmp_path)
    assert done.returncode == 1
    assert "go together" in done.stderr
