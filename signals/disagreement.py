"""One contradiction: two registers, what each says, and since when.

Belongs here: the kinds with their normal lag (``contradictions.yml``), the row in which both
values are kept, and the readings that several rules share. Does not belong here: any rule
(:mod:`signals.contradictions`, :mod:`signals.site_contradictions`).

Registers are late on each other by nature; ``contradictions.yml`` says how long that is normal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import polars as pl
import yaml
from pydantic import Field

from opendata.catalogue import Column, Model
from opendata.typing_rules import DTYPES
from signals.base import Frames
from signals.detectors._bodacc import standing

FILE = Path(__file__).with_name("contradictions.yml")
UNITS, SITES = "sirene__legal_units", "sirene__establishments"
ACTIVE, CLOSED = "A", "C"
STATE = f"{UNITS}.etat_administratif"


class Kind(Model):
    """One kind of contradiction; see ``contradictions.yml``."""

    days: int
    recent_days: int = 0
    left: tuple[str, ...] = ()
    right: tuple[str, ...] = ()
    confidence: float = Field(default=0.5, gt=0, lt=1)
    note_fr: str
    note_en: str


class Rules(Model):
    """The whole file."""

    kinds: dict[str, Kind]
    columns: tuple[Column, ...]


@cache
def rules() -> Rules:
    """Return the thresholds and the columns of this release."""
    return Rules.model_validate(yaml.safe_load(FILE.read_text(encoding="utf-8")))


def schema() -> dict[str, pl.DataType]:
    """Return the columns of the table with their types."""
    return {column.name: DTYPES[column.type] for column in rules().columns}


@dataclass(frozen=True)
class Side:
    """Where one register says something: field, value, date, version, key of the record."""

    field: str
    value: pl.Expr
    date: pl.Expr
    source: str = "source_id"
    key: pl.Expr | None = None


def as_contradictions(
    rows: pl.LazyFrame,
    kind: str,
    today: date,
    left: Side,
    right: Side,
    siret: pl.Expr | None = None,
) -> pl.LazyFrame:
    """Return rows as contradictions of one kind, once the normal lag is over.

    The later of the two dates begins it; where neither register gives one, it is told at once.
    """
    rule = rules().kinds[kind]
    nothing = pl.lit(None, dtype=pl.String)
    shown = rows.select(
        "siren",
        (nothing if siret is None else siret).alias("siret"),
        pl.lit(kind).alias("kind"),
        pl.lit(left.field).alias("left_field"),
        pl.col(left.source).alias("left_source_id"),
        left.value.alias("left_value"),
        left.date.alias("left_date"),
        pl.lit(right.field).alias("right_field"),
        pl.col(right.source).alias("right_source_id"),
        right.value.alias("right_value"),
        (nothing if right.key is None else right.key).alias("right_record_key"),
        right.date.alias("right_date"),
        pl.max_horizontal(left.date, right.date).alias("since"),
        pl.lit(rule.note_fr).alias("note_fr"),
        pl.lit(rule.note_en).alias("note_en"),
    )
    over = pl.col("since") <= today - timedelta(days=rule.days)
    return shown.filter(over.fill_null(True)).with_columns(
        pl.col("left_date", "right_date", "since").cast(pl.Date)
    )


def units_in_state(frames: Frames, state: str) -> pl.LazyFrame:
    """Return the legal units that are active, or closed."""
    return frames.current(UNITS).filter(pl.col("etat_administratif") == state)


def beside(rows: pl.LazyFrame, units: pl.LazyFrame) -> pl.LazyFrame:
    """Join the units to rows of another register, whose columns are told by ``_other``."""
    kept = ("siren", "etat_administratif", "date_debut", "personne_morale", "source_id")
    return units.select(kept).join(rows, on="siren", how="inner", suffix="_other")


def standing_notices(frames: Frames, table: str) -> pl.LazyFrame:
    """Return the notices of a table that nothing known corrects."""
    rows = frames.current(table)
    return standing(rows, frames, table) if frames.has(table) else rows


def latest_record(rows: pl.LazyFrame, day: str = "date_parution") -> pl.LazyFrame:
    """Keep the latest record of each company."""
    ordered = rows.sort("siren", day, "record_key", descending=[False, True, False])
    return ordered.unique("siren", keep="first", maintain_order=True)


def unanswered(rows: pl.LazyFrame, day: str) -> pl.LazyFrame:
    """Leave out what the unit has answered: a period that it opened after the record."""
    return rows.filter((pl.col("date_debut") <= pl.col(day).dt.offset_by("31d")).fill_null(True))
