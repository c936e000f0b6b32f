"""Records of XML: their shape, and the documents that are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from establishments import column, read, rows

from opendata import xml_records
from opendata.errors import ContractError
from opendata.xml_records import xml_as_lines

DOCUMENT = (
    "<?xml version='1.0' encoding='{}'?><root xmlns:x='urn:x'><issue>20210005</issue>"
    "<day>2021-01-08</day><list><note>not a record</note>"
    "<item><name>Été</name><kind><sale/></kind><who n='1'>A</who><who>B</who>"
    "<x:place><town>Paris</town></x:place></item>"
    "<item><name/></item></list><issue>late</issue></root>"
)


def lines(path: Path, records: str = "list/item") -> list[dict[str, object]]:
    target = path.with_suffix(".jsonl")
    xml_as_lines(path, records, target)
    return [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]


def document(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "a.xml"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1252", "utf-16"])
def test_elements_become_objects_and_what_stands_before_is_repeated(
    tmp_path: Path, encoding: str
) -> None:
    found = lines(document(tmp_path, DOCUMENT.format(encoding), encoding))
    assert found == [
        {
            "issue": "20210005",
            "day": "2021-01-08",
            "note": "not a record",
            "name": "Été",
            "kind": {"sale": ""},
            "who": [{"@n": "1", "#text": "A"}, "B"],
            "place": {"town": "Paris"},
        },
        {"issue": "20210005", "day": "2021-01-08", "note": "not a record", "name": ""},
    ]


def test_the_contract_reads_them_like_any_file(tmp_path: Path) -> None:
    path = document(tmp_path, DOCUMENT.format("utf-8"))
    wanted = (column("name"), column("issue"), column("place", type="json", required=False))
    result = read(path, tmp_path / "w", *wanted, format="xml", records="list/item")
    assert rows(result).rows() == [
        (1, "Été", "20210005", '{"town":"Paris"}'),
        (2, None, "20210005", None),
    ]
    assert result.new_columns == ("day", "kind", "note", "who")
    missing = column("siren")
    with pytest.raises(ContractError, match="columns not found: siren"):
        read(path, tmp_path / "w", missing, format="xml", records="list/item")


def test_xml_where_a_table_is_declared_is_refused(tmp_path: Path) -> None:
    path = document(tmp_path, DOCUMENT.format("utf-8"))
    with pytest.raises(ContractError, match="the file is xml, csv was declared"):
        read(path, tmp_path / "w", column("name"))


LAUGHS = (
    "<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY lol 'lol'>"
    "<!ENTITY lol2 '&lol;&lol;&lol;&lol;'>]><root><list><item>&lol2;</item></list></root>"
)
FOREIGN = (
    "<?xml version='1.0'?><!DOCTYPE r [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"
    "<root><list><item>&x;</item></list></root>"
)


@pytest.mark.parametrize("text", [LAUGHS, FOREIGN, "<!DOCTYPE r><root><list/></root>"])
def test_entities_and_document_types_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ContractError, match="it declares a document type"):
        lines(document(tmp_path, text))


def test_endless_nesting_is_refused(tmp_path: Path) -> None:
    deep = "<a>" * 10_000 + "</a>" * 10_000
    with pytest.raises(ContractError, match="nested more than 64 deep"):
        lines(document(tmp_path, f"<root><list><item>{deep}</item></list></root>"))


def test_a_record_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_records, "RECORD", 1 << 18)
    small = "<item><name>x</name></item>" * 40_000
    assert len(lines(document(tmp_path, f"<root><list>{small}</list></root>"))) == 40_000
    large = f"<item><name>{'x' * (1 << 19)}</name></item>"
    with pytest.raises(ContractError, match="no record ends within 262,144 bytes"):
        lines(document(tmp_path, f"<root><list>{large}</list></root>"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<root><list><item><name>x</name></item>", "not readable as XML"),
        ("<root><other><item/></other></root>", "it has no list"),
        ("<root><list><item>\x01</item></list></root>", "not readable as XML"),
    ],
)
def test_what_is_not_such_a_document_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ContractError, match=message) as caught:
        lines(document(tmp_path, text))
    assert caught.value.file == "a.xml"


def test_an_empty_list_has_no_records(tmp_path: Path) -> None:
    assert lines(document(tmp_path, "<root><list/></root>")) == []
