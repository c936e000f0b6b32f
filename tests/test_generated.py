"""Generated files are those that the code would write now."""

from __future__ import annotations

from pathlib import Path

from pipelines.generated import FOLDERS, pages

ROOT = Path(__file__).resolve().parent.parent


def test_no_generated_file_is_stale_or_missing() -> None:
    stale = [
        path
        for path, content in pages().items()
        if not (ROOT / path).is_file() or (ROOT / path).read_text("utf-8") != content
    ]
    assert stale == [], "run `make generated`"


def test_no_page_outlives_its_subject() -> None:
    wanted = set(pages())
    for folder in FOLDERS:
        found = {str(path.relative_to(ROOT)) for path in (ROOT / folder).glob("*")}
        assert found <= wanted
