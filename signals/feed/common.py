"""What the streams of one export share, and the tables that stand beside each log.

Belongs here: what an account's tables show of companies that are no leads, and which sources
that makes the stream cite. Does not belong here: the order of an export
(:mod:`signals.feed.export`), the files of a publication (:mod:`signals.feed.publication`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from opendata.clock import Clock
from signals.discovery import DISCOVERY_SCHEMA, discovered
from signals.feed import attribution
from signals.feed.customers import Concerned
from signals.feed.publication import Content
from signals.feed.registers import Registers
from signals.fit import Rating
from signals.groups import grouped

#: ``account_id``, ``lead_id`` → whether the lead must be forgotten.
Forgotten = Callable[[pl.DataFrame], pl.Series]


@dataclass(frozen=True)
class Common:
    """What every stream of one export shares.

    Attributes:
        standing: the company signals that stand, filled in.
        concerned: the companies of the export, and what the accounts make of them.
        window: rows older than that may leave the segments; ``None`` keeps all.
        read: stream → sequence up to which every consumer that reports has read.
        erased: rows of a stream that repeat a signal which the log has erased.
        floor: the highest number that may have been given before a restore.
    """

    sources: pl.DataFrame
    source_status: pl.DataFrame
    types: pl.DataFrame
    clock: Clock
    forgotten: Forgotten | None
    standing: pl.DataFrame
    concerned: Concerned
    registers: Registers
    window: timedelta | None
    read: Mapping[str, str]
    erased: pl.Expr
    floor: int

    def beside(self, account_id: str, rating: Rating | None) -> dict[str, pl.DataFrame]:
        """Return the tables of an account that follow from its profile and from companies."""
        concerned = self.concerned
        found = DISCOVERY_SCHEMA.to_frame()
        if rating is not None:
            found = discovered(
                self.standing,
                concerned.companies,
                rating,
                concerned.known(account_id),
                account_id=account_id,
                types=self.types,
                now=self.clock.now(),
                insolvency=concerned.insolvency,
            )
        leads = concerned.leads.filter(pl.col("account_id") == account_id)
        groups = grouped(leads, concerned.links, concerned.companies, self.standing)
        return {"discovery": found, "groups": groups}

    def _cited(self, tables: Mapping[str, pl.DataFrame]) -> frozenset[str]:
        """Return the sources behind what the tables show of companies that are no leads."""
        cited = self.registers.cited(tables)
        if "discovery" not in tables:
            attribution.require_open(cited, self.sources)
            return frozenset(cited.to_list())
        found, groups = tables["discovery"], tables["groups"]
        shown = pl.concat([found["signalids"], groups["signalids"]]).explode().drop_nulls()
        behind = self.standing.filter(pl.col("signalid").is_in(shown.unique().implode()))
        records = behind["evidence"].explode().struct.field("source_id")
        named = pl.concat([records, groups["source_id"], cited]).drop_nulls().unique()
        attribution.require_open(named, self.sources)
        return frozenset(named.to_list())

    def _judged(self, matches: pl.DataFrame | None) -> frozenset[str]:
        """Return the sources of the states that the scores of an account's leads rest on."""
        if matches is None:
            return frozenset()
        states = self.concerned.insolvency.join(matches, on="siren", how="semi")
        attribution.require_open(states["source_id"], self.sources)
        return frozenset(states["source_id"].to_list())

    def content(
        self,
        source: str,
        new: pl.DataFrame,
        matches: pl.DataFrame | None,
        rating: Rating | None = None,
        beside: Mapping[str, pl.DataFrame] | None = None,
    ) -> Content:
        """Return what a publication of the stream ``source`` is made of."""
        tables = dict(beside or {})
        return Content(
            rating=rating,
            insolvency=self.concerned.insolvency,
            beside=tables,
            cited=self._cited(tables) | self._judged(matches),
            new=new,
            matches=matches,
            sources=self.sources,
            source_status=self.source_status,
            types=self.types,
            now=self.clock.now(),
            window=self.window,
            read=self.read.get(source),
            floor=self.floor,
        )
