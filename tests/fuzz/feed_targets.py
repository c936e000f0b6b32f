"""The reader of the feed, what comes back, and texts that name companies: numbers, names, places.

Belongs here: what a consumer reads and writes, and single texts of the register and of leads.
"""

# ruff: noqa: E501 - tables of inputs
from __future__ import annotations

import hashlib
import io
import json
import re
from pathlib import Path

import polars as pl
from file_targets import TYPED, _parquet
from fuzzing import CANARY, Mutant, Target, require
from hypothesis import strategies as st

from leads import places
from opendata import free_text
from opendata.errors import ContractError
from signals.feedback import contract
from signals.feedback import files as feedback
from signals.reader import feed as feed_module
from signals.reader import manifest, rows
from signals.reader.errors import ReaderError
from signals.reader.feed import Feed
from sirene import identifiers, names

_HASH = "sha256:" + hashlib.sha256(TYPED).hexdigest()
_SEGMENT = {"path": "segments/a.parquet", "bytes": 9, "hash": _HASH,
            "first_sequence": f"{1:020}", "last_sequence": f"{3:020}"}  # fmt: skip
_MANIFEST = {
    "feed_version": "1.0", "schema_version": "1.2.0", "source": "urn:x", "segments": [_SEGMENT],
    "created": "2024-01-02T00:00:00Z", "min_sequence": f"{1:020}", "max_sequence": f"{3:020}",
    "snapshot": {"path": "s.parquet", "bytes": 1, "hash": _HASH, "as_of_sequence": f"{3:020}"},
    "resources": [{"name": "sources", "format": "parquet", "path": "so.parquet", "bytes": 1,
                   "hash": _HASH}],
}  # fmt: skip


def _dumped(value: object) -> bytes:
    return json.dumps(value).encode()


def _with(**changes: object) -> bytes:
    return _dumped({**_MANIFEST, **changes})


def _outside(path: str) -> list[bytes]:
    lure = f"sha256:{hashlib.sha256(CANARY.encode()).hexdigest()}"
    one = {**_SEGMENT, "path": path, "hash": lure}
    snapshot = {**_MANIFEST["snapshot"], "path": path, "hash": lure}  # type: ignore[dict-item]
    return [_with(segments=[one]), _with(snapshot=snapshot, min_sequence=f"{9:020}", segments=[])]


def _reads(data: bytes, box: Path) -> None:
    (box / "segments").mkdir()
    (box / "manifest.json").write_bytes(data)
    for name in ("segments/a.parquet", "s.parquet", "so.parquet"):
        (box / name).write_bytes(TYPED)
    stream = Feed.at(box)
    said = stream.manifest()
    for one in (*said.segments, said.snapshot, *said.tables.values()):
        require((box / one.path).resolve().is_relative_to(box), "a path elsewhere")
    stream.table("sources", said)
    for batch in stream.read(manifest=said):
        require(len(batch.rows) < 100, "more rows than there are")


_values = st.sampled_from([None, 0, -1, "", "a", "../beside.txt", "/etc/passwd", "0" * 20, "9" * 20,
                           [], {}, [[]], 1.5, "1", "2", "sha256:x"])  # fmt: skip
read = Target(
    "feed",
    _reads,
    seeds=[_dumped(_MANIFEST)],
    attacks=[b"", b"[]", b"1", b"[" * 100_000, b"\xff", b'{"feed_version": 1}', _with(feed_version="2.0"),
             *(one for path in ("../beside.txt", "segments/../../beside.txt", "/etc/passwd", "..",
                                "..\\beside.txt", "file:///etc/passwd", "C:/x", "", ".", "a\x00b")
               for one in _outside(path)),
             _with(segments=5), _with(segments=[1]), _with(resources=[1]), _with(resources=None),
             _with(created=5), _with(created="2024"), _with(created="x"), _with(snapshot=[]),
             _with(min_sequence="٠" * 20), _with(segments=[_SEGMENT, _SEGMENT]),
             _with(segments=[{**_SEGMENT, "bytes": "x"}]), _with(segments=[{**_SEGMENT, "bytes": 1e999}]),
             _with(resources=[{**_MANIFEST["resources"][0], "name": []}])],  # type: ignore[index]
    tokens=[b"..", b"/", b"null", b"[]", b"{}", b'"path": "../beside.txt"'],
    shapes=st.dictionaries(st.sampled_from(sorted(_MANIFEST)), _values, max_size=3).map(
        lambda changes: _with(**changes)),
    errors=(ReaderError,),
    mutants=[
        Mutant(manifest, 'if path.is_absolute() or ".." in path.parts or strange:', "if strange:",
               "paths elsewhere"),
        Mutant(manifest, "        ValueError,\n        LookupError,", "        LookupError,",
               "a broken manifest is not expected"),
        Mutant(feed_module, "if found and not found[0].keys() >= _NEEDED:", "if False:",
               "rows of another kind"),
        Mutant(manifest, "    if not _SEQUENCE.fullmatch(text):", "    if False:", "any sequence"),
    ],
)  # fmt: skip


def _table(data: bytes, _box: Path) -> None:
    for row in rows.rows(data):
        json.dumps(row)


table = Target(
    "rows of the feed",
    _table,
    seeds=[TYPED, _parquet(pl.DataFrame({"a": ["x"], "b": [[1]]}))],
    attacks=[b"", b"PAR1", TYPED[:-9], TYPED[:-8] + b"\xff\xff\xff\x7fPAR1",
             _parquet(pl.DataFrame({"a": [b"\xff"]})), _parquet(pl.DataFrame({"a": [float("nan")]})),
             _parquet(pl.DataFrame({"a": [1]}).with_columns(pl.duration(days=1).alias("d"))),
             _parquet(pl.DataFrame({"a": ["1.5"]}).with_columns(pl.col("a").cast(pl.Decimal(9, 2)))),
             _parquet(pl.DataFrame({"a": [1]}).with_columns(pl.time(1).alias("t")))],
    tokens=[b"PAR1", b"\xff\xff\xff\x7f"],
    errors=(ReaderError,),
    mutants=[
        Mutant(rows, "    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:",
               "    except KeyError as error:",
               "broken Parquet"),
        Mutant(rows, "    if value is None or isinstance(value, str | int | float):", "    if True:",
               "values of any kind"),
    ],
    pace=0.6,
)  # fmt: skip


_SAID = {"source": "urn:company-signals:account:a", "signal_id": "0" * 32, "status": "wrong",
         "reason": "outdated", "at": "2024-01-02T00:00:00Z"}  # fmt: skip
_OFFSET = {"source": "urn:company-signals:company", "consumer": "crm", "sequence": "0" * 20,
           "at": "2024-01-02T00:00:00Z"}  # fmt: skip


def _said(data: bytes, _box: Path) -> None:
    for kind in ("feedback", "consumer_offsets"):
        found = feedback.read_rows(data, kind)
        judged = found.kept.height + found.refused.height
        if data.startswith(b"PAR1"):
            require(judged == pl.read_parquet(io.BytesIO(data)).height, "another number of rows")
        else:
            require(judged <= data.count(b"\n") + 1, "more rows than lines")
        for row in found.kept.drop("line", "at").iter_rows():
            require(all(text is None or len(text) <= 300 for text in row), "an endless text")


def _saying(**changes: object) -> bytes:
    return _dumped({**_SAID, **changes}) + b"\n" + _dumped({**_OFFSET, **changes})


def _stored(**changes: object) -> bytes:
    return _parquet(pl.DataFrame([{**_SAID, **changes}]))


back = Target(
    "feedback",
    _said,
    seeds=[_saying(), _stored(), _parquet(pl.DataFrame([_OFFSET]))],
    attacks=[b"", b"PAR1", b"[" * 100_000, b"\xff", b"\xef\xbb\xbf", b"{}\n[]\n5\nnull",
             _saying(at="0001-01-01T00:00:00+05:00"), _saying(at="9999-12-31T23:59:59-05:00"),
             _saying(at=1e308), _saying(at="2024-01-02T00:00:00.123456789Z"), _saying(at=None),
             _saying(source="urn:company-signals:account:" + "a" * 9000), _saying(reason=[]),
             _stored(source=b"\xff"), _stored(comment=[b"\xff"]), _stored(status="a\u2028b"),
             _stored(reason=1.5), _stored(at=5), _stored(comment={"a": {"b": b""}}),
             _stored(source="urn:company-signals:account:" + "a" * 9000)],
    tokens=[b"PAR1", b"\n", b"null", b"[]", b"9999-12-31", b"+23:59", b'"at":', "\u2028".encode()],
    shapes=st.dictionaries(st.sampled_from([*_SAID, *_OFFSET, "x"]), _values, max_size=3).map(
        lambda changes: _saying(**changes)),
    errors=(ContractError,),
    mutants=[
        Mutant(contract, "    except OverflowError as error:", "    except LookupError as error:",
               "instants that are none"),
        Mutant(feedback, "        (~(texts | instants | words | empty)).is_null(),\n", "",
               "columns of any type"),
        Mutant(feedback, 'return _as_json(rows).write_ndjson().split("\\n")',
               "return _as_json(rows).write_ndjson().splitlines()", "signs that end a line"),
    ],
    pace=0.6,
)  # fmt: skip


# ------------------------------------------------------------------ single texts


def _numbers(data: bytes, _box: Path) -> None:
    """One value at a time and as a column: both must say the same."""
    text = data.decode("utf-8", errors="replace")
    for kind, valid in ((identifiers.Siren, identifiers.siren_is_valid),
                        (identifiers.Siret, identifiers.siret_is_valid)):  # fmt: skip
        found = kind.normalize(text)
        require(found is None or (found.isascii() and len(found) == kind.LENGTH), "no number")
        if found and (begun := re.match(r"[^eE]*", text)) and begun[0] != text:
            digits = sum(sign.isdigit() for sign in begun[0])
            require(digits >= kind.LENGTH, "digits that were rounded away are guessed")
        column = pl.select(valid(pl.lit(text))).item()
        exact = found == text
        require(bool(column) == exact, f"{kind.NAME}: alone {found}, in a column {column}")
    vat = identifiers.Tva.normalize(text)
    siren = pl.select(identifiers.siren_of_any(pl.lit(text))).item()
    require(siren is None or identifiers.Siren.is_valid(siren), "a number that is none")
    if vat and vat[2:4].isdigit():
        require(
            pl.select(identifiers.siren_of_tva(pl.lit(text))).item() == vat[4:], "another number"
        )


_digit = st.sampled_from("0123456789 .-,eE+FR٣²\u00a0'")
numbers = Target(
    "SIREN, SIRET, VAT",
    _numbers,
    seeds=[b"552032534", b"552 032 534 00646", b"FR27552032534", b"9.8918678e13", b"356000000 00048"],
    attacks=[b"", b"0" * 9, b"0" * 14, b"9" * 400, b"1e99", b"1.008E8", *(b"%d.%03dE8" % divmod(n, 1000) for n in range(1000, 1100)), "٥٥٢٠٣٢٥٣٤".encode(), "²²²²²²²²²".encode(),
             b"5.52032534E8", b"1.9e99", b"552032534.0", b"-552032534", b"+552032534", b"\x00" * 9,
             "552032534".encode("utf-16"), b"FR" + b"0" * 11, b"FRAA552032534", b"5.5e+08",
             b"552032534\n"],
    tokens=[b"0", b" ", b".", b"E", b"FR", "٣".encode(), b"\n"],
    shapes=st.text(_digit, max_size=18).map(str.encode),
    errors=(),
    mutants=[
        Mutant(identifiers, 'return digits != "0" * cls.LENGTH and luhn.is_valid(digits)',
               "return True", "no check digit"),
        Mutant(identifiers, "if len(found[2]) != int(found[3]):", "if False:", "rounded numbers"),
    ],
)  # fmt: skip


def _words(data: bytes, _box: Path) -> None:
    text = data.decode("utf-8", errors="replace")
    keys = names.keys_of(text)
    require(keys == names.keys_of(text), "not the same twice")
    frame = pl.DataFrame({"t": [text, None], "postcode": ["75001"] * 2, "city": ["X"] * 2})
    made = frame.select(
        places.postcode_key(pl.col("t")).alias("p"), places.department_key(pl.col("t")).alias("d"),
        places.city_key(pl.col("t")).alias("c"), free_text.without_people(pl.col("t")).alias("f"),
        names.full_key(pl.col("t")).alias("n"),
        *(key.alias(f"a{at}") for at, key in enumerate(places.address_keys(pl.col("t")))),
    )  # fmt: skip
    require(made.height == 2 and made["n"][1] is None, "another number of rows")
    shown = made["f"][0] or ""
    require(not re.search(r"[A-Za-z0-9]@[A-Za-z0-9]", shown), "an address in free text")


words = Target(
    "names and places",
    _words,
    seeds=["SOCIÉTÉ GÉNÉRALE S.A.".encode(), b"12 rue de l'Eglise 75001 PARIS CEDEX 01",
           b"contact: a@b.fr", b"2A004 AJACCIO"],
    attacks=[b"", b" ", b"." * 5000, b"S.A." * 800, "ﬁ\u0301\u202e\ufeff".encode(), b"((((((" * 300,
             b"A" * 20_000, "²³¹".encode(), b"\x00", "中文公司".encode(), b"CEDEX " * 500, b"a@b" * 900,
             b"1" * 5000, b"- " * 3000],
    tokens=[b"S.A.R.L", b" ET ", b"&", b"CEDEX", "é".encode(), b"@", b"75001", b"2A", "œ".encode()],
    errors=(),
    mutants=[
        Mutant(free_text, "return pl.when((plain != \"\") & shows.not_()).then(plain)",
               "return plain", "addresses in free text"),
    ],
    pace=0.4,
)  # fmt: skip

TARGETS = (read, table, back, numbers, words)
