"""What is delivered with the product: locked, listed, under licences that allow it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def locked(path: Path) -> set[tuple[str, str]]:
    found = re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;]+)", path.read_text(), re.MULTILINE)
    return {(name.lower().replace("_", "-"), version) for name, version in found}


def test_every_locked_package_has_one_version_and_a_hash_and_no_address() -> None:
    assert len(LOCKS) >= 4
    for path in LOCKS:
        text = path.read_text(encoding="utf-8")
        entries = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
        assert entries
        assert all(re.match(r"\S+==\S+", one) and "--hash=sha256:" in one for one in entries), path
        assert "://" not in text


def test_the_security_page_says_how_to_report_and_what_is_checked() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    for needed in ("make sbom", "make licences", "make audit", "Report"):
        assert needed in text


def run(*command: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PATH": path},
    )  # fmt: skip


@pytest.mark.full
def test_the_bill_of_materials_lists_every_package_that_runs_with_its_hashes(
    tmp_path: Path,
) -> None:
    target = tmp_path / "sbom.json"
    made = run(
        str(BIN / "cyclonedx-py"), "requirements", "requirements/run.txt",
        "--pyproject", "pyproject.toml", "--output-reproducible", "--of", "JSON",
        "-o", str(target),
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    bill = json.loads(target.read_text())
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "company-signals"
    listed = {(one["name"].lower().replace("_", "-"), one["version"]) for one in bill["components"]}
    assert listed == locked(ROOT / "requirements" / "run.txt")
    for one in bill["components"]:
        assert any(link.get("hashes") for link in one["externalReferences"]), one["name"]


@pytest.mark.full
def test_what_runs_is_under_licences_that_are_allowed_and_another_one_would_fail(
    tmp_path: Path,
) -> None:
    names = [name for name, _ in sorted(locked(ROOT / "requirements" / "run.txt"))]
    command = [str(BIN / "pip-licenses"), "--format=json", "--packages", *names]
    allowed = run(*command)
    assert allowed.returncode == 0, allowed.stderr
    assert len(json.loads(allowed.stdout)) > 80
    # It is the list of pyproject.toml that allows: one licence less, and what is under it fails.
    said = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert said.count(";MIT License;") == 1
    (tmp_path / "pyproject.toml").write_text(said.replace(";MIT License;", ";"), encoding="utf-8")
    refused = run(*command, folder=tmp_path)
    assert refused.returncode != 0
    assert "MIT License" in refused.stderr
