"""Files of customers: leads and answers, and what becomes of their words in names, SQL and cells.

Belongs here: what a customer sends, and where it could do harm later. Does not belong here: files
of publishers.
"""

# ruff: noqa: E501 - tables of inputs
from __future__ import annotations

import base64
import csv as csv_module
import io
import zlib
from datetime import UTC, date, datetime
from pathlib import Path

import fastexcel
import polars as pl
from file_targets import WORKBOOK, _parquet, _workbook
from fuzzing import Mutant, Target, require
from hypothesis import strategies as st

from leads import answers, headers, intake, tables
from leads.labels import LABEL_SCHEMA
from leads.model import ACCOUNT_PATTERN, SCHEMA
from opendata import cells, query, warehouse
from opendata.warehouse import Warehouse
from pipelines import privacy
from signals.feed import export, spreadsheets

EXPORTS = Path(__file__).parents[1] / "data" / "lead_exports"
_SECRET = "zz-personal-9f2"  # noqa: S105 - a word to look for


def _leads(name: str):  # type: ignore[no-untyped-def]
    def run(data: bytes, box: Path) -> None:
        path = box / name
        path.write_bytes(data)
        found = intake.read_leads(path, default_account="acme")
        rows = found.accepted
        require(rows.height + found.rejected.height == found.read, "a row got lost")
        require(rows.columns == list(SCHEMA), "other columns")
        require(rows["account_id"].str.contains(ACCOUNT_PATTERN).all(), "an account of any form")
        ids = rows["lead_id"]
        require(ids.is_not_null().all(), "a lead without an id")
        for sign in ("/", "\\", "\n", "@", "'", '"', "\x00"):
            require(not ids.str.contains(sign, literal=True).any(), f"{sign!r} in an id")
        require(rows.select("account_id", "lead_id").is_unique().all(), "an id twice")
        shown = found.rejected["value"].drop_nulls()
        require(not shown.str.contains(_SECRET, literal=True).any(), "the words of a refused row")

    return run


_HOSTILE = ("=HYPERLINK(\"http://x\")", "'; DROP TABLE leads; --", "../../etc/passwd", "<script>", "",
            "552032534", "5,52E+08", "a@b.fr", "+33 6 00 00 00 00", _SECRET, "acme", "\u202e", "A" * 70,
            "\x00", "FR27552032534", "NaN", "75 001", "L-1", "x" * 400)  # fmt: skip
_rows = st.lists(
    st.lists(st.sampled_from(_HOSTILE) | st.text(max_size=5), min_size=5, max_size=5), max_size=4
)
_HEADER = ["company_name", "siren", "lead_id", "account_id", "Email"]


def _text(rows: list[list[str]]) -> bytes:
    out = io.StringIO()
    csv_module.writer(out, delimiter=";").writerows([_HEADER, *rows])
    return out.getvalue().encode("utf-8", errors="replace")


def _frame(rows: list[list[str]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(_HEADER, pl.String), orient="row")


_FEW = [["Danone", "552032534", f"L{n}", "acme", _SECRET + "@x.fr"] for n in range(3)]
_REFUSED = [["Danone", "1", f"{_SECRET}@x.fr", "acme", ""], ["", "", "L9", "../a", ""]]
_TOKENS = [b";", b",", b'"', b"\n", b"siren", b"company_name", b"sep=;\n", b"\t", b"|", b"'", b"L1",
           _SECRET.encode(), b"@", b"acme"]  # fmt: skip
_MUTANTS = (
    Mutant(intake, 'masked = pl.concat_str(\n        pl.lit("<"),',
           'masked = pl.concat_str(\n        pl.col("lead_id").fill_null(""),',
           "words of refused rows are shown"),
    Mutant(intake, "~pl.col(\"account_id\").str.contains(ACCOUNT_PATTERN)", "pl.lit(False)",
           "accounts of any form"),
)  # fmt: skip
csv = Target(
    "leads in CSV",
    _leads("leads.csv"),
    seeds=[*(path.read_bytes() for path in sorted(EXPORTS.glob("*.csv"))), _text(_FEW)],
    attacks=[b"", b"a", b"siren", b"siren\n", b"sep=;\nsiren;a\n1;2\n", b"\xff\xfes\x00i\x00",
             b"siren\n" + b'"' * 5000, b'siren;"a\n1;2\n', b"siren;siren;siren\n1;2;3\n",
             b"\x00siren\n1\n", b"siren" + b";" * 5000 + b"\n1\n", b"siren\n" + b"a" * 200_000,
             _text(_REFUSED), b"_line;siren\n1;2\n", b"extra;siren\n1;2\n", b"siren\r1\r2\r",
             b"siren;siren (2);siren\n1;2;3\n", b"lead_id;siren;rule;derived\na;1;b;c\n"],
    tokens=_TOKENS,
    shapes=_rows.map(_text),
    mutants=[
        *_MUTANTS,
        Mutant(tables, "        except csv.Error:", "        except LookupError:",
               "a cell that is too long"),
        Mutant(tables, "    names = _unique([LINE, *header])[1:]", "    names = header",
               "headers that stand twice"),
    ],
    pace=0.8,
)  # fmt: skip
xlsx = Target(
    "leads in workbooks",
    _leads("leads.xlsx"),
    seeds=[_workbook([_HEADER, *_FEW]), WORKBOOK],
    attacks=[b"PK\x03\x04", _workbook([_HEADER, *_REFUSED]), _workbook([]), WORKBOOK[:400],
             _workbook([["siren", "siren"], ["1", "2"]]), _workbook([["_line", "siren"], ["1", "2"]])],
    tokens=[b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"xl/workbook.xml"],
    shapes=_rows.map(lambda rows: _workbook([_HEADER, *rows])),
    mutants=[
        Mutant(tables, "PanicException, fastexcel.FastExcelError, UnicodeError) as error:",
               "PanicException) as error:", "a broken workbook is not expected"),
    ],
    pace=0.4,
)  # fmt: skip
#: A file of one column, damaged by the fuzz: the reader of Parquet panics on it.
_PANICS = zlib.decompress(base64.b85decode(
    'c-oaxT~6CT5FT$KimE&WiLtzrA1oxIL`67Rew<VSX@aamTY-safky|&ArN9@11UKGkDQ^G=q-'
    'ATUZYB9U0NX?5RAN@Z}yv=(ayI4bs9K>Z_)mY0s)}<!~N~d)&L9+rU+QZg(arSSipk44pn1n8Pk7>MFJ2U2%p$K5'
    'oNTM`+a&BxUM@M>-`;~zV?3pJ^Vb)Pc-^Ve#oKExqP_2L+#xAx*l6zhbTz-'
    'P?Nziwfnlx7sl;Lc=U1D?b8NWyFoGx)6A(}-'
    'd>$1qndNmOS3^Ta@2BTx$acE*Mni?cyX()40wYjxdw%@v}UtG+8bfX6y}+EZ&Wrb#YcCQb3!uE3qhK^VVj$H!~js'
    'prR|wCNv==;mKMcBDKLe!rCs@H*e`5i-U*yHe;K#{Op8j9Q|5Imt3;j7-r@V~<g|AYTHg&<n_B%p$>t5m-'
    '}WC*`1MNMj-M)V@VpWet%RRby7l(%<;lg@Yod+UsnCs9;y6-'
    'X95+?eSXEv#thYkdT8m>9dtonXshYHH9`!lD$bg^gA0^79?f'
))  # fmt: skip
parquet = Target(
    "leads in Parquet",
    _leads("leads.parquet"),
    seeds=[_parquet(_frame(_FEW))],
    attacks=[_PANICS, b"PAR1", _parquet(_frame(_REFUSED)), _parquet(pl.DataFrame({"_line": [1], "siren": [2]})),
             _parquet(pl.DataFrame({"siren": [b"\xff"]})), _parquet(pl.DataFrame({"siren": [{"a": 1}]})),
             _parquet(pl.DataFrame({"siren": [1.5], "company_name": [True]})),
             _parquet(pl.DataFrame({"siren": [date(2024, 1, 1)]})), _parquet(_frame(_FEW))[:-9]],
    tokens=[b"PAR1", b"\xff\xff\xff\x7f"],
    mutants=[
        Mutant(tables, "(PolarsError, PanicException, fastexcel.FastExcelError, UnicodeError)",
               "(PanicException, fastexcel.FastExcelError)", "a broken file is not expected"),
        Mutant(tables, "(PolarsError, PanicException, fastexcel", "(PolarsError, fastexcel",
               "a panic is not expected"),
    ],
    pace=0.4,
)  # fmt: skip
jsonl = Target(
    "leads in JSON lines",
    _leads("leads.jsonl"),
    seeds=[_frame(_FEW).write_ndjson().encode()],
    attacks=[b"{}", b"1", b"[" * 100_000, b'{"siren": ' + b"[" * 5000, _frame(_REFUSED).write_ndjson().encode(),
             b'{"siren": {"a": 1}}', b'{"siren": 1}\n{"siren": [1]}', b'{"siren": 1, "siren": 2}',
             b'{"_line": 1, "siren": 2}', b"\xff", b'{"siren": "\\ud800"}', b'{"a": null}'],
    tokens=[*_TOKENS, b"{", b"}", b"[", b"null", b"1e400", b"\\u0000"],
    shapes=_rows.map(lambda rows: _frame(rows).write_ndjson().encode()),
    mutants=_MUTANTS[:1],
    pace=0.6,
)  # fmt: skip


def _answers(data: bytes, box: Path) -> None:
    path = box / "answers.csv"
    path.write_bytes(data)
    known = SCHEMA.to_frame() if hasattr(SCHEMA, "to_frame") else pl.DataFrame(schema=SCHEMA)
    leads = pl.concat([known, _lead_rows()], how="diagonal_relaxed").select(list(SCHEMA))
    found = answers.read_answers(path, leads, LABEL_SCHEMA.to_frame(), on=date(2024, 1, 2))
    require(found.labels["siren"].str.contains("^$|^[0-9]{9}$").all(), "a label of no number")


def _lead_rows() -> pl.DataFrame:
    return pl.DataFrame({"account_id": ["acme"] * 3, "lead_id": ["L0", "L1", "L2"],
                         "company_name": ["a", "b", "c"]})  # fmt: skip


_ANSWERS = (b"account_id;lead_id;answer;answer_siren;candidate_1_siren\nacme;L0;1;;552032534\n"
            b"acme;L1;other;552 032 534;\nacme;L2;non;;\n")  # fmt: skip
answered = Target(
    "answers",
    _answers,
    seeds=[_ANSWERS],
    attacks=[b"", b"account_id;lead_id;answer\n", _ANSWERS.replace(b"1;;", b"99999999999999999999;;"),
             _ANSWERS.replace(b"answer;", b"ANSWER;Answer;"), _ANSWERS * 2,
             _ANSWERS.replace(b"answer_siren", b"answer"), _ANSWERS.replace(b";1;", b";-1;")],
    tokens=[*_TOKENS, b"yes", b"other", b"-1", b"1.0", b"proposed"],
    mutants=[
        Mutant(answers, "    if len({*names}) < len(names):", "    if False:", "columns twice"),
        Mutant(answers, "needs & ~siren_is_valid(pl.col(\"siren\"))", "pl.lit(False)",
               "numbers that are none"),
    ],
    pace=0.5,
)  # fmt: skip


def _recognised(data: bytes, _box: Path) -> None:
    names = data.decode("utf-8", errors="replace").split("\n")
    for field, found in headers.recognise(names).items():
        require(field in SCHEMA and set(found) <= set(names), "a header nobody wrote")


head = Target(
    "headers of leads",
    _recognised,
    seeds=[b"SIREN\nRaison sociale\nE-mail", b"account_id\nAccount ID"],
    attacks=[b"", b"\n\n", "ÉTÉ\u0301\u202e\nﬁ".encode(), b"a" * 9000],
    tokens=["é".encode(), b"\xc2\xb0", b"siren", b"nom", b"prenom"],
    mutants=[Mutant(headers, "return {\n        field: [headers[position] for",
                    "return {\n        field + '!': [headers[position] for", "fields that are none")],
)  # fmt: skip


# ------------------------------------------------------------------ where words could do harm


def _places(data: bytes, _box: Path) -> None:
    """Folders and subjects named by an id."""
    text = data.decode("utf-8", errors="replace")
    for kind in ("account", "lead", "email", "phone", "person"):
        subject = privacy.Subject(kind, text)  # type: ignore[arg-type]
        if kind == "lead":
            account, lead = subject.lead
            require(account and lead, "half a lead")
    folder = export.account_folder(text)
    require(Path(folder).name == folder and folder not in (".", ".."), "a folder elsewhere")
    require("@" not in folder and len(folder) < 128, "an id that names somebody names a folder")


names = Target(
    "ids in names of folders",
    _places,
    seeds=[b"acme/L-1", b"acme"],
    attacks=[b"", b"/", b"a/", b"../x/y", b"..", b".", b"a@b.fr/1", b"\x00/1", b"CON/1", b"a/../b",
             b"x" * 5000 + b"/1", b"acme\n/1"],
    tokens=[b"/", b"..", b"@", b"\x00", b"\\"],
    mutants=[
        Mutant(export, "    if _SAFE.fullmatch(account_id):", "    if account_id:", "any folder"),
        Mutant(privacy, "        if not account or not lead:", "        if False:", "half a lead"),
    ],
)  # fmt: skip


def _sql(data: bytes, box: Path) -> None:
    """Tables, columns and files whose names are the input, in a real database."""
    text = data.decode("utf-8", errors="replace")
    name = text.replace("\x00", "")[:60] or "x"
    file = box / (name.replace("/", "_")[:40].encode()[:200].decode(errors="ignore") + ".parquet")
    pl.DataFrame({name: [text], "n": [1]}).write_parquet(file)
    before = {path.name for path in box.iterdir()}
    with Warehouse.in_memory() as db:
        db.execute("CREATE TABLE canary AS SELECT 42 AS n")
        if name.lower() in ("n", "canary"):
            return
        db.write(name, pl.DataFrame({name: [text], "n": [1]}))
        path, table = warehouse.literal(file), warehouse.identifier(name + "_v")
        db.execute(f"CREATE VIEW {table} AS FROM read_parquet([{path}])")
        require(
            db.rows(f"SELECT {warehouse.identifier(name)}, n FROM {table}") == [(text, 1)], "lost"
        )
        tables = {row[0] for row in db.rows("SELECT table_name FROM duckdb_tables()")}
        require(tables == {"canary", name}, f"tables {tables}")
        require(db.rows("SELECT n FROM canary") == [(42,)], "the table beside was changed")
    require({path.name for path in box.iterdir()} == before, "a file was made")


_STATEMENTS = ("a\"; DROP TABLE canary; --", "a'; DROP TABLE canary; --", "a') TO 'x.csv' --", "a\"\"b",
               "a''b", "a]); COPY canary TO 'pwned.csv'; --", "select", "a\nb", "é", "a;b", "$1", "?",
               "a*b", "[x]", "{a,b}", "\\'", "a%2e")  # fmt: skip
sql = Target(
    "names in SQL",
    _sql,
    seeds=[b"table", b"a b"],
    attacks=[text.encode() for text in _STATEMENTS],
    tokens=[b"'", b'"', b";", b"--", b"/*", b"DROP TABLE canary", b"COPY canary TO 'x'", b"*", b"]"],
    errors=(),
    mutants=[
        Mutant(warehouse, """return '"' + name.replace('"', '""') + '"'""",
               """return '"' + name + '"'""", "identifiers are not quoted"),
        Mutant(warehouse, """return "'" + str(text).replace("'", "''") + "'\"""",
               """return "'" + str(text) + "'\"""", "texts are not quoted"),
    ],
    pace=0.4,
)  # fmt: skip


def _question(data: bytes, box: Path) -> None:
    database = box / "w.duckdb"
    with Warehouse.open(database, temporary=box / "tmp") as db:
        db.execute("CREATE TABLE t AS SELECT 1 AS a")
    before = {path.name: path.stat().st_size for path in box.iterdir()}
    text = data.decode("utf-8", errors="replace").replace("BESIDE", str(box.parent / "beside.txt"))
    try:
        found = query.ask(database, text.replace("BOX", str(box)), limit=5)
        require("canary-9d1c7e" not in repr(found.rows), "a file beside is shown")
    finally:
        now = {path.name: path.stat().st_size for path in box.iterdir()}
        require(now == before, f"files changed: {sorted(now)}")


questions = Target(
    "questions in SQL",
    _question,
    seeds=[b"SELECT * FROM t", b"PIVOT t ON a USING sum(a)", b"SHOW TABLES"],
    attacks=[b"", b";", b"COPY t TO 'BOX/x.csv'", b"ATTACH 'BOX/y.db' AS y", b"DROP TABLE t",
             b"SELECT * FROM read_text('BESIDE')", b"SELECT * FROM 'BESIDE'",
             b"SELECT * FROM read_csv('BESIDE', header=false)", b"INSTALL httpfs", b"LOAD httpfs",
             b"SET enable_external_access = true; SELECT 1", b"CREATE TABLE z AS SELECT 1; SELECT 1",
             b"CREATE SECRET s (TYPE s3); SELECT 1", b"SELECT getenv('HOME')", b"PRAGMA database_list",
             b"EXPORT DATABASE 'BOX/d'; SELECT 1", b"SELECT * FROM glob('/etc/*')",
             b"SELECT content FROM read_blob('BESIDE')", b"CREATE MACRO m() AS 1; SELECT m()",
             b"SELECT " + b"(" * 5000, b"WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT 1 FROM r) "
             b"SELECT * FROM r LIMIT 3", b"CALL pragma_version()", b"CHECKPOINT; SELECT 1"],
    tokens=[b";", b"COPY t TO 'BOX/x'", b"read_text('BESIDE')", b"SELECT", b"--", b"SET ", b"ATTACH "],
    mutants=[
        Mutant(query, 'opened.execute("SET enable_external_access = false")', "pass",
               "files can be read"),
        Mutant(query, "        except duckdb.Error as error:", "        except LookupError as error:",
               "questions that are none"),
    ],
    pace=0.3,
)  # fmt: skip

_AT = datetime(2024, 1, 2, tzinfo=UTC)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠", "|")


def _cells(data: bytes, _box: Path) -> None:
    text = data.decode("utf-8", errors="replace")
    rows = cells.harmless(pl.DataFrame({"a": [text, None], "n": [-1, 2]}))
    cell = rows["a"][0]
    require(cell in (text, "'" + text), "another text")
    first = cell.lstrip(" \n\x0b\x0c\x00") if cell == text else ""
    require(not first.startswith(_FORMULA), f"a formula: {cell[:20]!r}")
    written = spreadsheets.csv_bytes(rows).decode("utf-8-sig")
    back = next(iter(list(csv_module.reader(io.StringIO(written, newline=""), delimiter=";"))[1:]))
    require(len(back) == 2 and back[1] == "-1", "a cell that breaks out of its row")
    if text and all(ord(sign) >= 32 for sign in text) and len(text) < 30_000:
        book = spreadsheets.xlsx_bytes(rows, _AT, text)
        sheet = fastexcel.read_excel(book).load_sheet("signals", dtypes="string").to_polars()
        require((sheet["a"][0] or "") == cell.strip() or sheet["a"][0] == cell, "another cell")


formulas = Target(
    "cells of exports",
    _cells,
    seeds=[b"Danone", b"=1+1", "－1".encode()],
    attacks=[b"", *(sign.encode() + b"cmd|' /C calc'!A0" for sign in _FORMULA), b" =1", b"\n=1",
             b"\x00=1", b"\x0b=1", b"\x00\rx", b'"=1', b";=1", b'=1";=2', "\u00a0=1".encode(), b"'=1", b"\r\n=1",
             b"_x0041_", b"http://x", b"\x1b[31m", b"=" * 40_000],
    tokens=[b"=", b"+", b"@", b"\t", b"\r", b"\n", b'"', b";", b"_x000D_"],
    errors=(),
    mutants=[
        Mutant(cells, 'pl.when(formula).then(pl.lit("\'") + text)', "pl.when(formula).then(text)",
               "formulas are left"),
        Mutant(cells, r'[=+\-@＝＋－＠|\t\r\n]"', r'[=+\-]"', "some formulas are left"),
    ],
    pace=0.6,
)  # fmt: skip

TARGETS = (csv, xlsx, parquet, jsonl, answered, head, names, sql, questions, formulas)
