"""What the pages point at is there."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from pipelines.settings import ROOT

PAGES = [
    path.relative_to(ROOT).as_posix()
    for path in (
        *sorted((ROOT / "docs").rglob("*.md")),
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "ATTRIBUTION.md")),
        ROOT / "data" / "sample" / "README.md",
    )
]
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)(?:\s+\"[^\"]*\")?\)")
_CODE = re.compile(r"`(?P<text>[^`\n]+)`")
_FENCED = re.compile(r"^( *)```.*?^\1```\s*$", re.M | re.S)
#: Code text that is a path of the repository: one of its folders, or a file of its root.
_FOLDERS = (
    "assets", "benchmarks", "data/sample", "docs", "leads", "opendata", "pipelines",
    "requirements", "signals", "sirene", "tests",
)  # fmt: skip
_FILES = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Makefile",
    "README.md",
    "dagster.yaml",
    "pyproject.toml",
)
#: Paths under the data folder that begin like a folder of the repository, and placeholders.
_MADE = re.compile(r"^signals/$|^tests/data/")
_PATTERN = re.compile(r"[<>*{}…()\s|]")


def _text(page: str) -> str:
    return _FENCED.sub("", (ROOT / page).read_text(encoding="utf-8"))


def _anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    titles = re.findall(r"^#+ +(.+?)\s*$", path.read_text(encoding="utf-8"), re.M)
    kept = (re.sub(r"[^\w\- ]", "", title.lower()) for title in titles)
    return {title.replace(" ", "-") for title in kept}


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_leads_somewhere(page: str) -> None:
    broken = []
    for found in _LINK.finditer(_text(page)):
        target = found["target"].strip("<>")
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / unquote(path) if path else ROOT / page
        if not file.exists() or (anchor and anchor not in _anchors(file)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES)
def test_every_path_named_in_the_text_exists(page: str) -> None:
    missing = [
        text
        for found in _CODE.finditer(_text(page))
        if _is_path(text := found["text"])
        and not (ROOT / text).exists()
        and not (ROOT / page).parent.joinpath(text).exists()
    ]
    assert missing == []


def _is_path(text: str) -> bool:
    if _PATTERN.search(text) or _MADE.match(text):
        return False
    return text in _FILES or any(text.startswith(f"{folder}/") for folder in _FOLDERS)


def test_a_path_is_told_from_other_code() -> None:
    assert _is_path("signals/contract.py")
    assert _is_path("Makefile")
    assert not _is_path("signals/detectors/<code>.py")
    assert not _is_path("exports/company/")
