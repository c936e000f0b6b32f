"""Files of feedback as rows: each row is taken as the contract has it, or refused with the rule.

Belongs here: JSON lines and Parquet, and the name of the rule that a row breaks. Does not belong
here: where the files lie (:mod:`signals.feedback.inbox`).

Rows are looked at one by one: they are what people clicked, never bulk data. What a refused row
says is not repeated anywhere: it may be what ought not to have been sent.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Literal

import polars as pl
from polars.exceptions import PolarsError
from pydantic import ValidationError

from opendata.errors import ContractError
from signals.contract import polars_type
from signals.feedback.contract import MISFIT, MODELS

Kind = Literal["feedback", "consumer_offsets"]
MAX_BYTES = 64 << 20
#: Rows of a Parquet file, whose bytes do not tell how many it has.
MAX_ROWS = 1_000_000
#: Longer than any value of the contract: a text is cut there, and refused for its length.
_LONGEST = 301
REFUSED_SCHEMA = pl.Schema({"line": pl.Int64(), "rule": pl.String()})
_AT = pl.Datetime("us", "UTC")
#: Type of a pydantic error → how its rule ends, after the name of the field.
_ENDINGS = {"missing": "missing"}


@dataclass(frozen=True)
class Rows:
    """What a file says.

    Attributes:
        kept: ``line`` and the columns of the model.
        refused: ``line``, ``rule`` of the other rows, :data:`REFUSED_SCHEMA`.
    """

    kept: pl.DataFrame
    refused: pl.DataFrame


def schema_of_rows(kind: Kind) -> pl.Schema:
    """Return the columns of :attr:`Rows.kept`."""
    fields = MODELS[kind].model_fields
    types = {name: _AT if name == "at" else polars_type(str) for name in fields}
    return pl.Schema({"line": pl.Int64(), **types})


def read_rows(body: bytes, kind: Kind) -> Rows:
    """Return the rows of a file: Parquet by its first bytes, else JSON lines in UTF-8.

    Raises:
        ContractError: the file as a whole cannot be read.
    """
    if len(body) > MAX_BYTES:
        raise _unreadable(f"it has {len(body):,} bytes, more than {MAX_BYTES:,}")
    model = MODELS[kind]
    kept, refused = [], []
    for line, text in enumerate(_lines(body), start=1):
        if not text.strip():
            continue
        try:
            kept.append({"line": line, **model.model_validate_json(text).model_dump()})
        except ValidationError as error:
            refused.append({"line": line, "rule": _rule(error, set(model.model_fields))})
    return Rows(
        pl.DataFrame(kept, schema=schema_of_rows(kind)),
        pl.DataFrame(refused, schema=REFUSED_SCHEMA),
    )


def _lines(body: bytes) -> list[str]:
    if body[:4] == b"PAR1":
        try:
            rows = pl.scan_parquet(io.BytesIO(body)).head(MAX_ROWS + 1).collect()
        except PolarsError as error:
            raise _unreadable(f"it is no whole Parquet file ({type(error).__name__})") from error
        if rows.height > MAX_ROWS:
            raise _unreadable(f"it has more than {MAX_ROWS:,} rows")
        return _as_json(rows).write_ndjson().split("\n")
    try:
        return body.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise _unreadable("it is neither Parquet nor text in UTF-8") from error


def _as_json(rows: pl.DataFrame) -> pl.DataFrame:
    """Return ``rows`` as the contract's texts; a column of another type fits no field."""
    texts, instants = pl.selectors.string(), pl.selectors.datetime()
    words = pl.selectors.categorical() | pl.selectors.enum()
    empty = pl.selectors.by_dtype(pl.Null)
    return rows.with_columns(
        texts.str.head(_LONGEST),
        instants.dt.to_string("iso:strict"),
        words.cast(pl.String),
        # Whatever it holds, none of it can be written as JSON for certain: a flag stands for it.
        (~(texts | instants | words | empty)).is_null(),
    )


def _rule(error: ValidationError, fields: set[str]) -> str:
    """Return the first rule broken; an unknown field is not named, for it may say anything."""
    first = error.errors(include_input=False, include_context=False, include_url=False)[0]
    if first["type"] == MISFIT:
        return MISFIT
    name = str(first["loc"][0]) if first["loc"] else ""
    if name not in fields:
        return "unknown_field" if name else "not_a_json_object"
    return f"{name}_{_ENDINGS.get(first['type'], 'wrong')}"


def _unreadable(what: str) -> ContractError:
    return ContractError(
        f"a file of feedback cannot be read: {what}",
        next_step="write it as docs/consume.md says; nothing of it was taken",
    )
