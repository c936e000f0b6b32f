"""Who must be named for what is published.

Belongs here: completing evidence with publisher, licence and attribution, refusing what
may not be published, the texts beside an export. Does not belong here: the catalogue of
datasets (:mod:`opendata.attribution`).
"""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from opendata.attribution import NOT_OFFICIAL
from opendata.catalogue import OPEN_LICENCES
from opendata.errors import LicenceError
from signals.contract import EVIDENCE_TYPE, SIGNAL_SCHEMA
from signals.segments import PIECE

SOURCE_SCHEMA = pl.Schema(
    {
        "source_id": pl.String(),
        "dataset": pl.String(),
        "title": pl.String(),
        "publisher": pl.String(),
        "publisher_url": pl.String(),
        "landing_page": pl.String(),
        "licence_id": pl.String(),
        "licence_title": pl.String(),
        "licence_url": pl.String(),
        "publication_date": pl.Date(),
        "fetched_at": pl.Datetime("us", "UTC"),
        "attribution": pl.String(),
    }
)


def enriched(rows: pl.DataFrame, sources: pl.DataFrame) -> pl.DataFrame:
    """Return ``rows`` with the evidence of each saying publisher, licence and attribution.

    Raises:
        LicenceError: a record comes from a source that ``sources`` does not describe, or
            whose licence is not an open one.
    """
    require_open(cited_by(rows), sources)
    record = pl.element().struct

    def said(column: str) -> pl.Expr:
        """Return what ``sources`` say in ``column``; a look-up, for versions are few."""
        old, new = sources["source_id"], sources[column]
        return record.field("source_id").replace_strict(
            old, new, default=None, return_dtype=new.dtype
        )

    filled = {
        "url": pl.coalesce(record.field("url"), said("landing_page")),
        "source_last_update": said("publication_date"),
        "publisher": said("publisher"),
        "licence": said("licence_id"),
        "attribution": said("attribution"),
    }
    fields = [field.name for field in EVIDENCE_TYPE.fields]  # type: ignore[attr-defined]
    whole = pl.struct(filled.get(name, record.field(name)).alias(name) for name in fields)
    # In pieces as large as those of a file: a writer that cuts one long list into row groups
    # looks at all of it for each, which doubles the work of a million rows.
    pieces = [
        piece.with_columns(pl.col("evidence").list.eval(whole)).select(SIGNAL_SCHEMA.names())
        for piece in rows.iter_slices(PIECE)
    ]
    return pl.concat(pieces, rechunk=False) if pieces else SIGNAL_SCHEMA.to_frame()


def cited_by(rows: pl.DataFrame) -> pl.Series:
    """Return the sources that the evidence of ``rows`` names, each once."""
    named = rows["evidence"].list.eval(pl.element().struct.field("source_id"))
    return named.list.explode().drop_nulls().unique()


def require_open(used: pl.Series, sources: pl.DataFrame) -> None:
    """Raise :class:`LicenceError` unless every source used is described and openly licensed."""
    wanted = set(used.unique().to_list())
    unknown = sorted(wanted - set(sources["source_id"].to_list()))
    if unknown:
        raise LicenceError(
            f"nothing is known about {unknown[0]}, and it may not be published without",
            next_step="give its publisher, licence and date with the sources of the export",
            dataset=unknown[0].split("@")[0],
        )
    closed = sources.filter(
        pl.col("source_id").is_in(list(wanted)),
        pl.col("licence_id").is_in(list(OPEN_LICENCES)).fill_null(False).not_(),
    )
    if closed.height:
        raise LicenceError(
            f"licence {closed['licence_id'][0]!r} does not allow publishing",
            next_step="read the licence; until it is allowed, leave the dataset out",
            dataset=closed["dataset"][0],
        )


def used_sources(named: Collection[str], sources: pl.DataFrame) -> pl.DataFrame:
    """Return the ``sources`` that are ``named``, each once, in order."""
    wanted = pl.Series(list(named), dtype=pl.String)
    used = sources.filter(pl.col("source_id").is_in(wanted.implode())).sort("source_id")
    return used.select(SOURCE_SCHEMA.names()).cast(SOURCE_SCHEMA)


def page(sources: pl.DataFrame) -> str:
    """Return ``ATTRIBUTION.md`` of an export: each dataset once, with its latest version."""
    lines = ["# Attribution", "", NOT_OFFICIAL, ""]
    for source in newest(sources).iter_rows(named=True):
        lines += [
            f"## {source['title']}",
            "",
            source["attribution"],
            "",
            f"- Publisher: [{source['publisher']}]({source['publisher_url']})",
            f"- Dataset: <{source['landing_page']}>",
            f"- Licence: [{source['licence_title']}]({source['licence_url']})",
            f"- Last update used: {source['publication_date']:%Y-%m-%d}",
            "",
        ]
    return "\n".join(lines).rstrip() + "\n"


def newest(sources: pl.DataFrame) -> pl.DataFrame:
    """Return the latest version of each dataset."""
    ordered = sources.sort("dataset", "publication_date", "source_id")
    return ordered.unique("dataset", keep="last", maintain_order=True)


def parquet_metadata(sources: pl.DataFrame, stream: str, schema_version: str) -> dict[str, str]:
    """Return what each Parquet file says about itself."""
    latest = newest(sources)
    return {
        "stream": stream,
        "schema_version": schema_version,
        "licence": "; ".join(sorted(set(latest["licence_title"].to_list()))),
        "attribution": " ".join(latest["attribution"].to_list()),
        "sources": ", ".join(latest["source_id"].to_list()),
    }
