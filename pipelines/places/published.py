"""What was said and published: the log, the streams, the file that analysts query.

Belongs here: finding whom they name, and publishing them anew without. Does not belong
here: how a stream forgets (``signals.log``, ``signals.feed``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from assets import feed
from assets.workspace import Workspace
from leads.privacy.facts import Facts
from leads.privacy.receipts import PlaceReport
from opendata.assembly import assemble
from opendata.files import digest
from pipelines.places import Place
from signals.feed import history, manifest
from signals.feed.export import forget_account


@dataclass(frozen=True)
class Log:
    """The company log: ERASE for natural persons, no prospecting for legal ones."""

    workspace: Workspace
    name: str = "signals"
    order: int = 70
    follows: bool = False

    def find(self, facts: Facts) -> PlaceReport:
        """Return the rows that name somebody."""
        sirens, sirets = self._named(facts.hidden_units, facts.natural_sites)
        if not sirens and not sirets:
            return PlaceReport(place=self.name)
        rows = self.workspace.log.rows()
        held = pl.col("siren").is_in(sirens) | pl.col("counterparty_siren").is_in(sirens)
        held |= pl.col("siret").is_in(sirets)
        return PlaceReport(place=self.name, rows=rows.filter(held).height)

    def erase(self, facts: Facts) -> PlaceReport:
        """Write the segments again that name somebody; add what every stream must be told."""
        found = self.find(facts)
        log, now, run = self.workspace.log, self.workspace.clock.now(), self.workspace.run_id
        before = {part.path for part in log.state().segments}
        sirens, sirets = self._named(facts.hidden_units, facts.natural_sites)
        if sirens or sirets:
            log.erase(sirens, sirets=sirets, reason="opposition", recorded=now, run_id=run)
        legal, sites = self._named(facts.legal, facts.legal_sites)
        closed = 0
        if legal or sites:
            closed = log.close_to_prospecting(
                legal, sirets=sites, recorded=now, run_id=run
            ).rows.height
        rewritten = before - {part.path for part in log.state().segments}
        return PlaceReport(place=self.name, rows=found.rows + closed, files=len(rewritten))

    def _named(self, units: Iterable[int], sites: Iterable[int]) -> tuple[list[str], list[str]]:
        """Return the SIREN and SIRET of the log that are among the hashes."""
        wanted, wanted_sites = sorted(units), sorted(sites)
        if not wanted and not wanted_sites:
            return [], []
        keys = self.workspace.suppressions.keys()
        rows = self.workspace.log.rows().select("siren", "counterparty_siren", "siret")
        sirens = pl.concat([rows["siren"], rows["counterparty_siren"]]).drop_nulls().unique()
        return (
            _among(sirens, keys.units(pl.col("number")), wanted),
            _among(rows["siret"].drop_nulls().unique(), keys.sites(pl.col("number")), wanted_sites),
        )


def _among(numbers: pl.Series, hashed: pl.Expr, wanted: Sequence[int]) -> list[str]:
    if not wanted:
        return []
    tags = pl.Series(wanted, dtype=pl.UInt64).implode()
    found = numbers.rename("number").to_frame().filter(hashed.is_in(tags))
    return found["number"].sort().to_list()


@dataclass(frozen=True)
class Exports:
    """The streams that the platform fetches; former versions of their files go too."""

    workspace: Workspace
    name: str = "exports"
    order: int = 80
    follows: bool = True

    def find(self, facts: Facts) -> PlaceReport:
        """Return the rows of streams about leads that must be forgotten, and whole accounts."""
        if not facts.of_leads:
            return PlaceReport(place=self.name)
        rows = files = 0
        for account, told in self._streams():
            leads = told.select("lead_id").drop_nulls()
            hit = self._concerned(account, leads, facts)
            rows, files = rows + int(hit.sum()), files + int(hit.any())
        return PlaceReport(place=self.name, rows=rows, files=files)

    def erase(self, facts: Facts) -> PlaceReport:
        """Forget accounts, then publish: what was erased elsewhere is erased here."""
        if not self.workspace.exports.exists():
            return PlaceReport(place=self.name)
        found = self.find(facts)
        keys = self.workspace.suppressions.keys()
        for account, _ in self._streams():
            if keys.account(account) in facts.accounts:
                forget_account(self.workspace.exports, account)
        report = feed.publish(self.workspace)
        written = sum(stream.published for stream in report.streams)
        return PlaceReport(place=self.name, rows=found.rows, files=max(written, found.files))

    def _streams(self) -> list[tuple[str, pl.DataFrame]]:
        streams = []
        for path in sorted((self.workspace.exports / "accounts").glob(f"*/{manifest.NAME}")):
            published = manifest.read(path.parent)
            if published.account_id:
                rows = history.read(path.parent, published).told
                streams.append((published.account_id, rows.select("lead_id")))
        return streams

    def _concerned(self, account: str, leads: pl.DataFrame, facts: Facts) -> pl.Series:
        rows = leads.with_columns(account_id=pl.lit(account))
        return self.workspace.suppressions.keys().concerned(rows, facts)


@dataclass(frozen=True)
class Warehouse:
    """The DuckDB file that analysts query: built anew from the tables, free pages and all."""

    workspace: Workspace
    name: str = "warehouse"
    order: int = 90
    follows: bool = True

    def find(self, facts: Facts) -> PlaceReport:
        """Return nothing: it holds what the tables hold, which are counted."""
        return PlaceReport(place=self.name)

    def erase(self, facts: Facts) -> PlaceReport:
        """Build it again, if the tables are no longer those it was built from."""
        path = self.workspace.warehouse
        if not facts.of_units or not path.exists():
            return PlaceReport(place=self.name)
        before = digest(path)
        assemble(
            feed.warehouse_contents(self.workspace),
            path,
            memory_limit=self.workspace.memory_limit,
        )
        return PlaceReport(place=self.name, files=int(digest(path) != before))


def places(workspace: Workspace) -> Sequence[Place]:
    """Return the places of this module."""
    return (Log(workspace), Exports(workspace), Warehouse(workspace))
