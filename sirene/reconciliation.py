"""What the flux said and the next stock says otherwise.

Belongs here: comparing the records that the flux brought with the stock that supersedes them.
Does not belong here: changes of companies (``changes.py``): drift is a fault of the transport, or
of INSEE, and not an event.

A record is compared only if the stock did not treat it again after the flux read it: then the
two should be the same, column for column.
"""

from __future__ import annotations

import hashlib
from datetime import date

import polars as pl

from sirene.flux import KEYS, TREATED, State
from sirene.registry import Registry

SCHEMA: dict[str, pl.DataType] = {
    "drift_id": pl.String(),
    "siren": pl.String(),
    "siret": pl.String(),
    "record": pl.String(),
    "record_key": pl.String(),
    "column": pl.String(),
    "flux_value": pl.String(),
    "stock_value": pl.String(),
    "flux_source_id": pl.String(),
    "stock_source_id": pl.String(),
    "flux_treated_at": pl.Datetime("us"),
    "stock_treated_at": pl.Datetime("us"),
    "observed_at": pl.Date(),
    "publication_date": pl.Date(),
}
#: The stock does not have the record at all.
ABSENT = "(record)"
_STOCK = "_stock"
_LINEAGE = frozenset({"source_id", "publication_date", "record_key", TREATED})


def drift(previous: State | None, current: State, *, observed_at: date) -> pl.LazyFrame:
    """Return one row per column in which the stock departs from what the flux had said.

    Args:
        previous: the state before, with the flux on top of its stock.
        current: the state after. If it stands on the same stock, nothing is superseded yet.
        observed_at: date of the stock that supersedes.

    Returns:
        Rows of ``SCHEMA`` by ``drift_id``; both values are kept, as text.
    """
    if previous is None or previous.flux is None or previous.stock_id == current.stock_id:
        return pl.LazyFrame(schema=SCHEMA)
    rows = pl.concat([_of(name, previous.flux, current.stock) for name in KEYS]).with_columns(
        pl.lit(observed_at).alias("observed_at"), pl.lit(observed_at).alias("publication_date")
    )
    named = rows.select("record", "record_key", "column", pl.col("observed_at").cast(pl.String))
    ids = [
        hashlib.blake2b("|".join(row).encode(), digest_size=16).hexdigest()
        for row in named.iter_rows()
    ]
    found = rows.with_columns(pl.Series("drift_id", ids, dtype=pl.String)).select(
        pl.col(column).cast(dtype) for column, dtype in SCHEMA.items()
    )
    return found.sort("drift_id").lazy()


def compared(previous: State, current: State) -> int:
    """Return how many records of the flux the stock supersedes."""
    if previous.flux is None or previous.stock_id == current.stock_id:
        return 0
    frames = [getattr(previous.flux, name).select(pl.len()) for name in KEYS]
    return sum(int(one.item()) for one in pl.collect_all(frames))


def _of(name: str, flux: Registry, stock: Registry) -> pl.DataFrame:
    """Return the drift of one kind of record."""
    key = list(KEYS[name])
    said: pl.DataFrame = getattr(flux, name).collect()
    now: pl.DataFrame = (
        getattr(stock, name)
        .join(said.lazy().select(key), on=key, how="semi", nulls_equal=True)
        .with_columns(pl.lit(True).alias("present"))
        .collect(engine="streaming")
    )
    # What the stock treated again since may differ; what it lacks or does not date is compared.
    again = pl.col(f"{TREATED}{_STOCK}") > pl.col(TREATED)
    both = said.join(now, on=key, how="left", nulls_equal=True, suffix=_STOCK).filter(
        ~again.fill_null(False)
    )
    compared = [
        one for one in said.columns if one not in {*key, *_LINEAGE} and one in set(now.columns)
    ]
    there = both.filter(pl.col("present"))
    parts = [
        _row(
            both.filter(pl.col("present").is_null()),
            name,
            ABSENT,
            pl.lit("present"),
            pl.lit(None, dtype=pl.String),
        )
    ]
    for one in compared:
        other = pl.col(f"{one}{_STOCK}")
        differs = there.filter(pl.col(one).ne_missing(other))
        parts.append(_row(differs, name, one, pl.col(one).cast(pl.String), other.cast(pl.String)))
    return pl.concat(parts)


def _row(rows: pl.DataFrame, name: str, column: str, said: pl.Expr, shown: pl.Expr) -> pl.DataFrame:
    key = KEYS[name]
    number = pl.col(key[1] if name == "successions" else key[0])
    parts = [pl.col(part).cast(pl.String).fill_null("") for part in key]
    return rows.select(
        number.str.slice(0, 9).alias("siren"),
        (pl.lit(None, dtype=pl.String) if name == "legal_units" else number).alias("siret"),
        pl.lit(name).alias("record"),
        pl.concat_str(parts, separator="/").alias("record_key"),
        pl.lit(column).alias("column"),
        said.alias("flux_value"),
        shown.alias("stock_value"),
        pl.col("source_id").alias("flux_source_id"),
        pl.col(f"source_id{_STOCK}").alias("stock_source_id"),
        pl.col(TREATED).alias("flux_treated_at"),
        pl.col(f"{TREATED}{_STOCK}").alias("stock_treated_at"),
    )
