from __future__ import annotations

import stat
from pathlib import Path

import pytest

from leads.keys import VARIABLE, generate, load, read
from opendata.errors import SettingsError


def test_a_new_key_is_private_random_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "lead.key"
    key = generate(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(bytes.fromhex(key)) == 32
    assert read(path) == load(path, {}) == key
    assert generate(tmp_path / "other.key") != key


def test_a_key_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "lead.key"
    key = generate(path)
    with pytest.raises(SettingsError, match="a key already"):
        generate(path)
    assert read(path) == key


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "lead.key"
    generate(path)
    path.chmod(mode)
    with pytest.raises(SettingsError, match="others than its owner"):
        read(path)


@pytest.mark.parametrize("text", ["", "abc", "z" * 64, "a" * 63, "a" * 66])
def test_what_is_no_key_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    path = tmp_path / "lead.key"
    path.touch(mode=0o600)
    path.write_text(text)
    for attempt in (lambda: read(path), lambda: load(path, {VARIABLE: text})):
        with pytest.raises(SettingsError, match="64 hexadecimal digits") as caught:
            attempt()
        assert not text or text not in str(caught.value)


def test_the_environment_wins_and_no_file_is_made(tmp_path: Path) -> None:
    path = tmp_path / "lead.key"
    assert load(path, {VARIABLE: f" {'AB' * 32} \n"}) == "ab" * 32
    assert not path.exists()


def test_a_missing_key_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "lead.key"
    with pytest.raises(SettingsError, match="no key"):
        read(path)
    assert load(path, {}) == load(path, {})
