"""The readers of publishers' files: XML, JSON, CSV, workbooks, Parquet, and telling them apart.

Belongs here: their inputs and what must hold of what they make. Does not belong here: archives.
"""

# ruff: noqa: E501 - tables of inputs
from __future__ import annotations

import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import xlsxwriter
from fuzzing import Mutant, Target, require
from hypothesis import strategies as st

from opendata import (
    contract,
    counting,
    json_arrays,
    json_text,
    magic,
    numbers_in_files,
    raw_lines,
    readers,
    sniffing,
    typing_rules,
    warehouse,
    xml_records,
)
from opendata.catalogue import Resource
from opendata.content import check_content
from opendata.errors import ContractError
from opendata.remote import RemoteFile

DATA = Path(__file__).parents[1] / "data"
_TEXT = {"fr": "texte", "en": "text"}
COLUMNS: tuple[dict[str, Any], ...] = (
    {"name": "siren", "type": "code", "pattern": "[0-9]{9}", "luhn": {}, "pad_to": 9, **_TEXT},
    {"name": "nom", "personal": "sole_trader", "pattern": "[^=]*", "required": False, **_TEXT},
    {"name": "montant", "type": "decimal", "minimum": 0, "required": False, **_TEXT},
    {"name": "jour", "type": "date", "required": False, "on_error": "null", **_TEXT},
    {"name": "instant", "type": "timestamp", "required": False, **_TEXT},
    {"name": "actif", "type": "boolean", "required": False, **_TEXT},
    {"name": "reste", "type": "json", "required": False, **_TEXT},
)


def described(format: str, **changes: Any) -> Resource:
    """Return the description of a file with one column of each type."""
    return Resource.model_validate(
        {"name": "stock", "id": "x", "format": format, "columns": COLUMNS, **changes}
    )


# ------------------------------------------------------------------ XML


def _xml(data: bytes, box: Path) -> None:
    source, target = box / "in.xml", box / "out.jsonl"
    source.write_bytes(data)
    xml_records.xml_as_lines(source, "liste/avis", target)
    text = target.read_text(encoding="utf-8")
    require("EXPANDED" not in text, "an entity was expanded")
    for line in text.splitlines():
        json.loads(line)


_AVIS = (
    "<annonces><parution>A</parution><liste><avis n='1'><nom>Société</nom><x>1</x><x>2</x></avis>"
    "<avis><a><b><c>é</c></b></a></avis></liste></annonces>"
).encode()
_ENTITY = (
    b'<!DOCTYPE a [<!ENTITY x "EXPA"><!ENTITY y "&x;NDED">]>'
    b"<a><liste><avis><n>&y;</n></avis></liste></a>"
)
_OUTSIDE = (
    b'<!DOCTYPE a [<!ENTITY x SYSTEM "../beside.txt">]>'
    b"<a><liste><avis><n>&x;</n></avis></liste></a>"
)
_BOMB = (
    b'<!DOCTYPE a [<!ENTITY l0 "EXPANDED">'
    + b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 12))
    + b"]><a><liste><avis>&l11;</avis></liste></a>"
)


def _deep(depth: int) -> bytes:
    return b"<a><liste><avis>" + b"<d>" * depth + b"</d>" * depth + b"</avis></liste></a>"


_names = st.sampled_from(["avis", "liste", "a", "é", "x:y", "_", "n", "#text"])


@st.composite
def _elements(draw: st.DrawFn, depth: int = 0) -> str:
    name = draw(_names.filter(lambda text: text.isalpha()))
    inside = draw(st.text(max_size=8)).replace("&", "&amp;").replace("<", "&lt;")
    if depth < 4:
        inside += "".join(draw(st.lists(_elements(depth=depth + 1), max_size=2)))
    return f"<{name} k='{draw(st.integers())}'>{inside}</{name}>"


xml = Target(
    "XML records",
    _xml,
    seeds=[_AVIS, b"<?xml version='1.0' encoding='ISO-8859-1'?>" + _AVIS],
    attacks=[_ENTITY, _OUTSIDE, _BOMB, _deep(30), _deep(100), _deep(3000), b"", b"<", b"<a/>",
             b"<a><liste/></a>", b"<a xmlns='u'><liste><avis/></liste></a>",
             b"<?xml version='1.0' encoding='x-unknown'?><a/>",
             b"<?xml version='1.0' encoding='utf-16'?><a/>",
             b"<a><liste><avis " + b"a='1' " * 3 + b"/></liste></a>"],
    tokens=[b"<avis>", b"</avis>", b"<![CDATA[", b"]]>", b"<!--", b"&#x0;", b"&#1114112;", b"&lt;",
            b"<!DOCTYPE a [", b'<!ENTITY x "EXPANDED">', b"&x;", b"<?p ?>", b"xmlns:a='b'"],
    shapes=st.lists(_elements(), max_size=3).map(
        lambda parts: f"<a><liste>{''.join(parts)}</liste></a>".encode(errors="replace")
    ),
    mutants=[
        Mutant(xml_records, "forbid_dtd=True", "forbid_entities=False, forbid_external=False",
               "entities are expanded"),
        Mutant(xml_records, "if len(stack) > DEPTH:", "if False:", "no limit of depth"),
        Mutant(xml_records, "except (ParseError, ValueError, LookupError) as error:",
               "except (ValueError, LookupError) as error:", "a broken document is not expected"),
    ],
)  # fmt: skip


# ------------------------------------------------------------------ JSON


def _array(data: bytes, box: Path) -> None:
    source, target = box / "in.json", box / "out.jsonl"
    source.write_bytes(data)
    json_arrays.array_as_lines(source, "marches/marche", target)
    for line in target.read_text(encoding="utf-8", errors="surrogatepass").split("\n")[:-1]:
        json.loads(line)


_MARCHES = (
    b'{"x": [1, {"y": "z"}], "marches": {"n": 1, "marche": [{"id": "1", "m": 1.10}, {"b": []}]}}'
)
_JSON_TOKENS = (b"{", b"}", b"[", b"]", b":", b",", b'"', b"\\u0000", b"\\ud800", b"\\", b"1E400",
                b"-", b"0" * 50, b"/*", b"'a'", b"\x0c", b'"a":', b'{"a":1}', b"NaN",
                b"Infinity")  # fmt: skip
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner,
                                                                max_size=4),
    max_leaves=12,
)  # fmt: skip


def dumped(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", errors="surrogatepass")


array = Target(
    "JSON arrays",
    _array,
    seeds=[_MARCHES, (DATA / "decp" / "decp-2019.json").read_bytes()[:6000]],
    attacks=[b"", b"{", b"[]", b'{"marches": ' * 3, b'{"marches": {"marche": ' + b"[" * 200_000,
             b'{"x": ' + b"[" * 200_000, b'{"x": ' + b'{"a":' * 200_000, b'{"' + b"a" * 5000,
             b'{"marches": {"marche": [' + b"9" * 6000 + b"]}}",
             b'{"marches": {"marche": ["\\ud800"]}}', b"\xff\xfe{\x00}\x00",
             b'{"marches": {"marche": [1 2]}}', b'{"marches": {"marche": [1,]}}'],
    tokens=[*_JSON_TOKENS, b'"marches":', b'"marche":'],
    shapes=_values.map(lambda value: dumped({"a": value, "marches": {"b": value, "marche": [value,
                                                                                       value]}})),
    mutants=[
        Mutant(json_arrays, "except (ValueError, RecursionError) as error:",
               "except ValueError as error:", "documents nested without end"),
        Mutant(json_arrays, "    except (ValueError, RecursionError) as error:",
               "    except (LookupError, RecursionError) as error:", "broken JSON not expected"),
    ],
)  # fmt: skip


def _records(kind: str) -> Any:
    def run(data: bytes, box: Path) -> None:
        source, target = box / f"in.{kind}", box / "out.parquet"
        source.write_bytes(data)
        try:
            keys = json_text.json_as_text(source, kind, target)
        except ContractError:
            require(data != _HOSTILE_ROW, "names that are only strange are refused")
            raise
        if keys:
            assert pl.read_parquet_schema(target).names() == ["_line", *keys]
        _judge_keys(data, kind, keys)

    return run


def _judge_keys(data: bytes, kind: str, keys: list[str]) -> None:
    """Compare with the standard library where it reads plain objects of plain names."""
    try:
        rows = [json.loads(line) for line in data.splitlines()] if kind == "jsonl" else []
    except (ValueError, RecursionError):
        return
    if rows and all(isinstance(row, dict) for row in rows):
        expected = sorted({key for row in rows for key in row})
        require(sorted(keys) == expected, f"keys {keys} instead of {expected}")


_HOSTILE_NAMES = (
    'a"', 'x" AS y) TO \'../pwned.parquet\' --', "a'; COPY (SELECT 1) TO '../pwned.csv'; --",
    "_line", "a b", "select", "é", "$.a", "[0]", "a.b", "{}", "%", "\\", "'", '"; ATTACH \'x.db',
)  # fmt: skip
_records_tokens = [*_JSON_TOKENS, *(json.dumps(name).encode() for name in _HOSTILE_NAMES)]
_rows = st.lists(
    st.dictionaries(st.sampled_from(_HOSTILE_NAMES) | st.text(max_size=5), _values, max_size=4),
    min_size=1, max_size=3,
)  # fmt: skip
_HOSTILE_ROW = dumped(dict.fromkeys(_HOSTILE_NAMES[:3] + _HOSTILE_NAMES[4:], "v"))

records = Target(
    "JSON lines",
    _records("jsonl"),
    seeds=[b'{"a": 1, "b": {"c": null}}\n{"a": "x"}\n', _HOSTILE_ROW,
           (DATA / "registers" / "beges.jsonl").read_bytes()],
    attacks=[b"", b"{}", b"[]", b"1\n2\n", b'{"a": 1', b'{"a": ' + b"[" * 100_000, b'{"a":1,"A":2}',
             b'{"a":1,"a":2}', b'{"":1}', b'{"_line": 7}', b'{"a\\u0000b": 1}', b'{"a":' * 5000,
             b"\x00", b"{}\n{}\n", b'{"\\ud800": 1}'],
    tokens=_records_tokens,
    shapes=_rows.map(lambda rows: b"\n".join(dumped(row) for row in rows)),
    mutants=[
        Mutant(warehouse, """return '"' + name.replace('"', '""') + '"'""",
               """return '"' + name + '"'""", "names are not quoted"),
        Mutant(json_text, "except duckdb.Error as error:", "except LookupError as error:",
               "broken JSON not expected"),
    ],
    pace=0.6,
)  # fmt: skip
pages = Target(
    "JSON results",
    _records("json"),
    seeds=[b'[{"a": 1}, {"b": "x"}]', b'{"total": 1, "results": [{"a": 1}]}'],
    attacks=[b"", b"[]", b"[1]", b"[[]]", b"{}", b'{"results": 1}', b'{"results": [1]}',
             b"[" * 100_000, b'{"results": ' + b"[" * 100_000, b'[{"a": 1}', b'[{"a": 1}] []'],
    tokens=[*_records_tokens, b'"results":'],
    shapes=_rows.map(dumped) | _rows.map(lambda rows: dumped({"results": rows})),
    mutants=[
        Mutant(json_text, "except duckdb.Error as error:", "except LookupError as error:",
               "broken JSON not expected"),
    ],
    pace=0.6,
)  # fmt: skip


# ------------------------------------------------------------------ whole files by contract


def _read(format: str, name: str, **changes: Any) -> Any:
    resource = described(format, **changes)

    def run(data: bytes, box: Path) -> None:
        source = box / name
        source.write_bytes(data)
        found = contract.read_resource(resource, [source], work=box / "work", empty_ok=True)
        rows = found.rows.collect()
        require(found.accepted + found.rejected_rows == found.read, "a record got lost")
        require(rows.height == found.accepted, "a record got lost")
        require(rows["siren"].drop_nulls().str.contains("^[0-9]{9}$|^\\[ND\\]$").all(),
                "a value that breaks its rule")  # fmt: skip
        require((rows["montant"].drop_nulls() >= 0).all(), "a value below its least")
        if found.rejected is not None:
            hidden = pl.read_parquet(found.rejected).filter(pl.col("column") == "nom")
            require(hidden["value"].drop_nulls().is_in(["<personal>"]).all(), "a name is shown")

    return run


_LEAST_RULE = "if column.minimum is not None:"
_CSV = (
    "siren;nom;montant;jour;instant;actif;reste\n"
    '552032534;"L\'Été; SA";1,5;2024-01-31;2024-01-31T10:00:00Z;oui;{}\n'
    "054806542;=1+1;-3;;;;\n552032534;a;-3;;;;\n[ND];Nom;x;31/01/2024;;;[1\n"
).encode()
_CSV_TOKENS = (b";", b",", b"\t", b'"', b'""', b"\n", b"\r\n", b"\r", b"siren", b"552032534", b"[ND]",
               b"1E308", b"-inf", b"2024-02-30", b"+99999-01-01", b"\xe9", b"\xc2\xa0",
               b"9.8918E8", b";" * 300)  # fmt: skip
_cells = st.lists(
    st.lists(st.sampled_from(["552032534", "5,52E+08", "", "[ND]", "é", '"', "2024-01-01"])
             | st.text(max_size=6), min_size=1, max_size=9),
    max_size=5,
)  # fmt: skip

csv = Target(
    "CSV",
    _read("csv", "f.csv", csv={"delimiter": ";"}),
    seeds=[_CSV, _CSV.replace(b";", b","), b"\xef\xbb\xbf" + _CSV],
    attacks=[b"", b"siren", b"siren\n", b"\n\n\n", b'siren;nom\n"552032534', b"siren;siren\n1;2\n",
             b"siren;nom\n" + b'"' * 9999, b"siren\n" + b"\x00" * 50, b"siren;nom\n1;2;3\n1\n",
             b"siren;nom\n552032534;\xe9\n", b"\xff\xfes\x00", b"siren" + b";" * 20_000 + b"\n1\n",
             b"siren;nom\r552032534;a\r", b"siren;nom\n" + b"1;2\n" * 3 + b"55203",
             b"PK\x03\x04", b"PAR1", b"<html>", b"BZh9", b"\x1f\x8b\x08\x00", b'"siren;nom\n1;2\n',
             b"siren;nom\n1;" + b"a" * 300_000 + b"\n", b"siren;nom\n\"1\"x;2\n",
             b"siren;nom\n1;2;3\n\"" + b"x" * 200_000],
    tokens=_CSV_TOKENS,
    shapes=_cells.map(
        lambda rows: ("siren;nom;montant\n" + "\n".join(";".join(row) for row in rows)).encode(
            errors="replace")
    ),
    mutants=[
        Mutant(contract, 'text = pl.when(text.is_not_null()).then(pl.lit(HIDDEN))', "pass",
               "names in the quarantine"),
        Mutant(typing_rules, _LEAST_RULE, "if False:", "bounds are not checked"),
    ],
    pace=0.7,
)  # fmt: skip
latin = Target(
    "CSV of Windows",
    _read("csv", "f.csv", csv={"delimiter": ";", "encoding": "windows-1252"}),
    seeds=[_CSV.decode().encode("windows-1252")],
    attacks=[b"siren;nom\n1;\x81\n", b"siren;nom\n1;\x81;\x9d", b"\x81", b"siren\n\x90"],
    tokens=[*_CSV_TOKENS, b"\x81", b"\x80"],
    mutants=[Mutant(typing_rules, _LEAST_RULE, "if False:", "bounds are not checked")],
    pace=0.4,
)  # fmt: skip


def _workbook(rows: list[list[str]]) -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        sheet = book.add_worksheet("s")
        for line, cells in enumerate(rows):
            for at, cell in enumerate(cells):
                sheet.write_string(line, at, cell)
        sheet.write_formula(len(rows), 0, "=1/0")
    return buffer.getvalue()


_ROWS = [line.split(";") for line in _CSV.decode().splitlines()]
WORKBOOK = _workbook(_ROWS)
xlsx = Target(
    "workbooks",
    _read("xlsx", "f.xlsx"),
    seeds=[WORKBOOK, _workbook([["siren"]])],
    attacks=[b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", WORKBOOK[:-30], WORKBOOK[:500],
             b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\xff" * 2000, _workbook([])],
    tokens=[b"xl/workbook.xml", b"PK\x01\x02", b"PK\x05\x06", b"\xff\xff\xff\xff"],
    shapes=_cells.map(lambda rows: _workbook([["siren", "nom"], *rows])),
    mutants=[
        Mutant(readers, "fastexcel.FastExcelError, csv.Error, UnicodeError)",
               "csv.Error, UnicodeError)", "a broken workbook is not expected"),
    ],
    pace=0.5,
)  # fmt: skip


def _parquet(rows: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    rows.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


TYPED = _parquet(
    pl.DataFrame(
        {"siren": ["552032534", "1", None], "nom": ["a", None, "b"], "montant": [1, -2, None],
         "jour": [date(2024, 1, 1), None, None], "reste": [[1], [], None],
         "actif": [True, None, False]}
    )
)  # fmt: skip
parquet = Target(
    "Parquet",
    _read("parquet", "f.parquet"),
    seeds=[TYPED, _parquet(pl.DataFrame({"siren": [5]}))],
    attacks=[b"PAR1", b"PAR1" * 3, TYPED[:-8], TYPED[:200] + b"PAR1",
             TYPED[:-8] + b"\xff\xff\xff\x7fPAR1", _parquet(pl.DataFrame({"a": [1]})),
             _parquet(pl.DataFrame({"siren": [{"a": 1}]})), _parquet(pl.DataFrame({"_line": [1]})),
             _parquet(pl.DataFrame({"siren": ["1"], "SIREN": ["2"]}))],
    tokens=[b"PAR1", b"\x15\x04", b"\xff\xff\xff\xff\x7f"],
    mutants=[
        Mutant(readers, "UNREADABLE = (pl.exceptions.PolarsError, ", "UNREADABLE = (",
               "a broken file is not expected"),
    ],
    pace=0.5,
)  # fmt: skip


# ------------------------------------------------------------------ telling files apart


def _looks(data: bytes, box: Path) -> None:
    path = box / "f.bin"
    path.write_bytes(data)
    magic.identify(path)
    raw_lines.find_line(path, ["552032534"])
    for format in ("csv", "jsonl", "json", "xlsx"):
        counting.count_records(path, described(format))
    for numbers in numbers_in_files.numbers_in(path):
        require(numbers.dtype == pl.UInt64, "no numbers")
    remote = RemoteFile(
        "datagouv", "d", "r", "https://h/f", "t", "lov2", "csv", "f", date(2024, 1, 1)
    )
    check_content(path, described("csv"), remote)
    sniffing.kind_of(path)


looks = Target(
    "what a file is",
    _looks,
    seeds=[_CSV, _AVIS, _MARCHES, WORKBOOK, TYPED, b"[1]", b"<html>",
           (DATA / "bodacc" / "RCS-A_BXA20210005.taz").read_bytes()[:40_000]],
    attacks=[b"", b"\x00", b"PK\x03\x04", b"PK\x05\x06" + b"\x00" * 18, b"\x1f\x8b", b"PAR1PAR1",
             b"[" * 60_000, b'{"message": ' * 9000, b'{"error": {"message": {"message": 1}}}',
             b'{"status": 500, "message": ["a"]}', b"\xef\xbb\xbf", b" " * 70_000,
             b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", WORKBOOK[: len(WORKBOOK) // 2]],
    tokens=[b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"PAR1", b"\x1f\x8b", b"ustar", b"<?xml"],
    mutants=[
        Mutant(magic, "    zipfile.BadZipFile,\n    tarfile", "    tarfile", "half a zip"),
    ],
    pace=0.6,
)  # fmt: skip

TARGETS = (xml, array, records, pages, csv, latin, xlsx, parquet, looks)
