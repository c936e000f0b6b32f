"""The file of profiles: what is wrong in it is told by line, key and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from opendata.errors import SettingsError
from pipelines.settings import ROOT
from signals.profile import load_profiles

BUNDLED = ROOT / "data" / "sample" / "profiles.yml"


def written(folder: Path, text: str) -> Path:
    path = folder / "profiles.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_bundled_profiles_can_be_used() -> None:
    profile = load_profiles(BUNDLED)["demo-btp"]
    assert profile.include.naf_rev2 == ("F", "71.1")
    assert profile.signals["renamed"].cool_down_days == 90
    assert profile.discovery is not None


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("accounts:\n  a:\n    include:\n      departements: [75]", 4, "in quotes"),
        ("accounts:\n  a:\n    include:\n      departements: ['99']", 4, "'99' is no code"),
        (
            "accounts:\n  a:\n    include:\n      naf_rev2:\n        - 'F'\n        - 'XX'",
            6,
            "'XX'",
        ),
        ("accounts:\n  a:\n    include:\n      tranches_effectifs: ['10']", 4, "'10'"),
        ("accounts:\n  a:\n    include:\n      categories_juridiques: ['0x']", 4, "'0x'"),
        ("accounts:\n  a:\n    colour: red", 3, "no such key"),
        ("accounts:\n  a:\n    signals:\n      won: {weight: 1}", 4, "'won' is no signal"),
        ("accounts:\n  a:\n    signals:\n      hq_moved: {weight: 9}", 4, "less than or equal"),
        ("accounts:\n  a:\n    outside: 1\n    outside: 0", 4, "stands twice"),
        ("accounts:\n  a: {}\n  a: {}", 3, "stands twice"),
        ("accounts:\n  a: [", 2, "not YAML"),
        ("", 1, "valid dictionary"),
    ],
)
def test_mistakes_are_told_by_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_profiles(written(tmp_path, text))
    assert f"line {line}" in caught.value.what
    assert said in caught.value.what
    assert caught.value.file == "profiles.yml"
    assert "scoring.md" in caught.value.next_step


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="SIGNALS_PROFILES"):
        load_profiles(tmp_path / "none.yml")


def test_the_version_tells_any_change(tmp_path: Path) -> None:
    one = load_profiles(written(tmp_path, "accounts: {a: {outside: 0.3}}"))["a"]
    same = load_profiles(written(tmp_path, "# why\naccounts: {a: {}}"))["a"]
    other = load_profiles(written(tmp_path, "accounts: {a: {outside: 0.2}}"))["a"]
    assert one.version == same.version != other.version
