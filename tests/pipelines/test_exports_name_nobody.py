"""No exported file shows a natural person."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from personal_patterns import EMAIL, PERSON_KEYS, PHONE, ROSTER, TITLE
from replaying import Replayed


def _texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Give every exported file as text: Parquet as JSON lines, workbooks unzipped."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".parquet":
            yield path.name, pl.read_parquet(path, glob=False).write_ndjson()
        elif path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as book:
                for part in book.namelist():
                    yield f"{path.name}/{part}", book.read(part).decode("utf-8", "replace")
        elif path.is_file():
            yield path.name, path.read_text("utf-8")


@pytest.fixture(scope="module")
def exported(replayed: Replayed) -> list[tuple[str, str]]:
    return list(_texts(replayed.exports))


def test_the_scan_reads_what_was_exported(exported: list[tuple[str, str]]) -> None:
    everything = "\n".join(text for _, text in exported)
    assert "BELLEVUE" in everything
    assert {Path(name.split("/")[0]).suffix for name, _ in exported} >= {
        ".parquet",
        ".xlsx",
        ".csv",
        ".json",
        ".md",
    }


#: The manifest lists the word "opposition" as a reason; what counts is a field of that name.
PERSON_FIELDS = re.compile(rf"{PERSON_KEYS.pattern}\s*:")


@pytest.mark.parametrize("pattern", [EMAIL, PHONE, TITLE, ROSTER, PERSON_FIELDS])
def test_no_contact_title_or_roster(
    pattern: re.Pattern[str], exported: list[tuple[str, str]]
) -> None:
    for name, text in exported:
        assert not pattern.findall(text), name
