"""What the pages of signals say of where each was seen: real examples are in the repository."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from assets import discovery
from signals.pages import UNSEEN, signal_page, signals_index
from signals.registry import registry

ROOT = Path(__file__).parents[2]
EXAMPLES = {
    code: one.signal.real_example
    for code, one in registry().items()
    if one.signal.real_example is not None
}


@cache
def sirens() -> frozenset[str]:
    """Return every number of nine digits in the bundled records and in the tests."""
    found: set[str] = set()
    bundled = [*(ROOT / "data/sample/expected").glob("*.csv"), *ROOT.glob("data/sample/*/**/*.*")]
    for path in [*bundled, *(ROOT / "tests").rglob("*.py"), *(ROOT / "tests/data").rglob("*.*")]:
        if path.is_file() and path.suffix in {".csv", ".jsonl", ".json", ".py", ".xml"}:
            text = path.read_text("utf-8", errors="replace")
            found |= set(re.findall(r"(?<!\d)(\d{9})(?:\d{5})?(?!\d)", text))
            found |= {one.replace(" ", "") for one in re.findall(r"\d{3} \d{3} \d{3}", text)}
    return frozenset(found)


@pytest.mark.parametrize("code", sorted(EXAMPLES))
def test_a_real_example_is_a_company_of_the_bundled_records(code: str) -> None:
    named = re.findall(r"(?<!\d)\d{9}(?!\d)", EXAMPLES[code])
    assert named, EXAMPLES[code]
    assert named[0] in sirens()


def test_the_page_gives_the_example_or_says_that_there_is_none() -> None:
    found = registry()["qualiopi_gained"]
    assert "LA POSTE (356000000)" in signal_page(found, discovery.owners())
    unseen = replace(found, signal=replace(found.signal, real_example=None))
    assert UNSEEN in signal_page(unseen, discovery.owners())


def test_the_list_counts_real_and_synthetic_ones() -> None:
    found = registry()
    text = signals_index(found)
    assert f"{len(found)} kinds: {len(EXAMPLES)} seen on real records" in text
    assert f"{len(found) - len(EXAMPLES)} only on fixtures" in text
    assert "[rge_lost](rge_lost.md): RGE label lost *(synthetic)*" in text
    assert text.count("*(synthetic)*") == len(found) - len(EXAMPLES)
