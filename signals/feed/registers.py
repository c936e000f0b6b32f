"""What the registers say of companies, beside what happened to them.

Belongs here: which part of it each stream carries, and what it cites. Does not belong
here: reading the registers, finding contradictions (:mod:`signals.contradictions`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from signals.contract import EXPORTED_VERDICTS, schema_of
from signals.feed.companions import Company, Contradiction

COMPANY_TABLE = schema_of(Company)
CONTRADICTION_TABLE = schema_of(Contradiction)
#: table → columns that name a source.
_CITING = {
    "companies": ("source_id",),
    "contradictions": ("left_source_id", "right_source_id"),
}


@dataclass(frozen=True)
class Registers:
    """What the registers say.

    Attributes:
        companies: one row per legal unit, in :data:`COMPANY_TABLE`.
        contradictions: in :data:`CONTRADICTION_TABLE`.
    """

    companies: pl.LazyFrame = field(default_factory=lambda: COMPANY_TABLE.to_frame().lazy())
    contradictions: pl.DataFrame = field(default_factory=CONTRADICTION_TABLE.to_frame)

    def of_all(self) -> dict[str, pl.DataFrame]:
        """Return the tables of the company stream."""
        return {"contradictions": self.contradictions.sort("contradiction_id")}

    def of_leads(self, matches: pl.DataFrame) -> dict[str, pl.DataFrame]:
        """Return the tables of an account: what is said of its leads' companies, no other."""
        exported = matches.filter(pl.col("verdict").is_in(EXPORTED_VERDICTS))
        mine = exported.select("siren").drop_nulls().unique()
        companies = self.companies.join(mine.lazy(), on="siren", how="semi").collect()
        found = self.contradictions.join(mine, on="siren", how="semi")
        return {
            "companies": companies.select(COMPANY_TABLE.names()).sort("siren"),
            "contradictions": found.sort("contradiction_id"),
        }

    @staticmethod
    def cited(tables: Mapping[str, pl.DataFrame]) -> pl.Series:
        """Return the sources that ``tables`` name, each once."""
        named = [
            tables[table][column]
            for table, columns in _CITING.items()
            for column in columns
            if table in tables
        ]
        nothing = pl.Series(dtype=pl.String)
        return pl.concat([nothing, *named]).drop_nulls().unique()
