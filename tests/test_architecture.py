"""The shape of the project: layers, sizes, what opens every module."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("opendata", "sirene", "leads", "signals", "assets", "pipelines")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def test_imports_point_downwards_only() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_module_says_what_belongs_in_it_and_is_not_too_long(path: Path) -> None:
    text = path.read_text("utf-8")
    docstring = ast.get_docstring(ast.parse(text))
    assert docstring
    assert len(text.splitlines()) <= 450


def test_a_dataset_is_a_folder_of_a_description_and_a_normaliser() -> None:
    folders = sorted(path.parent for path in (ROOT / "assets").glob("*/dataset.yml"))
    assert len(folders) >= 5
    for folder in folders:
        assert (folder / "normalise.py").is_file()


@pytest.mark.parametrize("pattern", ["/work/", "/root/", "pypi" + ".org", "python" + "hosted"])
def test_nothing_committed_names_a_machine_or_a_package_host(pattern: str) -> None:
    found = subprocess.run(
        ["git", "grep", "-lIF", pattern, "--", ".", ":!tests/test_architecture.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout == ""
