"""One array out of a JSON document of any size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from establishments import column, read, rows

from opendata import json_arrays
from opendata.errors import ContractError
from opendata.json_arrays import array_as_lines

ITEMS = [{"id": str(n), "amount": 0.1, "text": 'a "b" ]}\n,é', "in": [{"x": 1}]} for n in range(50)]
NESTED = {"before": [1, {"marches": "no"}], "marches": {"other": {"a": 1.5}, "marche": ITEMS}}


def lines(folder: Path, content: Any, records: str, **dumping: Any) -> list[Any]:
    path, target = folder / "a.json", folder / "a.jsonl"
    text = content if isinstance(content, str) else json.dumps(content, **dumping)
    path.write_text(text, encoding="utf-8")
    array_as_lines(path, records, target)
    return [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
@pytest.mark.parametrize("indent", [None, 2])
def test_the_items_are_those_of_the_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int, indent: int | None
) -> None:
    monkeypatch.setattr(json_arrays, "CHUNK", chunk)
    assert lines(tmp_path, NESTED, "marches/marche", indent=indent) == ITEMS
    assert lines(tmp_path, {"marches": ITEMS}, "marches", ensure_ascii=False) == ITEMS
    assert lines(tmp_path, {"marches": []}, "marches") == []
    assert lines(tmp_path, {"a": 12, "marches": [12, 345]}, "marches") == [12, 345]


def test_digits_are_copied_as_they_are(tmp_path: Path) -> None:
    path, target = tmp_path / "a.json", tmp_path / "a.jsonl"
    path.write_text('\ufeff{"m": [{"v": 0.10000000000000000001}]}', encoding="utf-8")
    array_as_lines(path, "m", target)
    assert target.read_text(encoding="utf-8") == '{"v": 0.10000000000000000001}\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"marches": {"autre": []}}', "no key 'marche'"),
        ('{"marches": {"marche": {}}}', r"'\[' is missing"),
        ('{"marches": {"marche": [{"a": 1}, {"a"', "not readable"),
        ('{"marches": {"marche": [{"a": 1} {"b": 2}]}}', "',' is missing"),
        ("[]", "'{' is missing"),
        ("", "the end"),
    ],
)
def test_another_shape_or_a_cut_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        lines(tmp_path, text, "marches/marche")


def test_an_endless_value_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_arrays, "LARGEST", 1 << 12)
    monkeypatch.setattr(json_arrays, "CHUNK", 1 << 8)
    with pytest.raises(ContractError, match=r"longer than 4,096 characters"):
        lines(tmp_path, {"m": ["x" * (1 << 13)]}, "m")


def test_the_contract_reads_them_like_any_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(NESTED), encoding="utf-8")
    wanted = (column("id", type="code"), column("in", type="json"))
    result = read(path, tmp_path / "w", *wanted, format="json", records="marches/marche")
    assert (result.read, rows(result).row(1)) == (50, (2, "1", '[{"x":1}]'))
