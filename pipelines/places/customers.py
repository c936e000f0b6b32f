"""The leads of the customers and their answers.

Belongs here: finding the leads concerned in the encrypted store. Does not belong here: how
they are kept (``leads.store``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from assets.workspace import Workspace
from leads.labels import LABEL_SCHEMA, texts
from leads.privacy.facts import Facts
from leads.privacy.receipts import PlaceReport
from pipelines.places import Place

_KEY = ["account_id", "lead_id"]


@dataclass(frozen=True)
class Leads:
    """The encrypted store: leads, answers, corrections, days of use, what was said of signals."""

    workspace: Workspace
    name: str = "leads"
    order: int = 60
    follows: bool = False

    def find(self, facts: Facts) -> PlaceReport:
        """Return the leads about somebody, and the answers that name somebody."""
        leads, matches = self._concerned(facts)
        return PlaceReport(place=self.name, rows=leads.height + matches.height)

    def erase(self, facts: Facts) -> PlaceReport:
        """Forget those leads with all that is kept of them, and those answers."""
        if not self._exists:
            return PlaceReport(place=self.name)
        leads, matches = self._concerned(facts)
        store = self.workspace.lead_store
        # Rewritten in any case: freed pages of an attempt that was killed may hold them.
        store.forget(leads)
        if not matches.is_empty():
            # What was said of signals about such a company goes with the answer.
            store.forget(matches, tables=("matches", "feedback"))
        return PlaceReport(place=self.name, rows=leads.height + matches.height, files=1)

    @property
    def _exists(self) -> bool:
        return (self.workspace.data_dir / "leads.duckdb").exists()

    def _concerned(self, facts: Facts) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the leads to forget, and other leads whose answers to forget."""
        none = pl.DataFrame(schema=dict.fromkeys(_KEY, pl.String))
        if not self._exists:
            return none, none
        store, keys = self.workspace.lead_store, self.workspace.suppressions.keys()
        leads = store.leads()
        gone = leads.filter(keys.concerned(leads, facts)).select(_KEY) if facts.of_leads else none
        if not facts.hidden_units and not facts.natural_sites:
            return gone, none
        matches = store.matches()
        named = matches.select(
            *_KEY,
            siren=pl.concat_list(
                pl.concat_list("siren"),
                pl.col("siret").str.slice(0, 9),
                pl.col("alternatives").list.eval(pl.element().struct.field("siren")),
            ),
        ).explode("siren")
        wanted = pl.Series(sorted(facts.hidden_units), dtype=pl.UInt64).implode()
        hit = keys.units(pl.col("siren")).is_in(wanted).fill_null(False)
        answers = named.filter(hit).select(_KEY).unique().join(gone, on=_KEY, how="anti")
        return gone, answers.sort(_KEY)


@dataclass(frozen=True)
class Answers:
    """The encrypted store of what people answered about leads."""

    workspace: Workspace
    name: str = "answers"
    order: int = 61
    follows: bool = False

    def find(self, facts: Facts) -> PlaceReport:
        """Return the answers about leads concerned, or that name somebody."""
        return PlaceReport(place=self.name, rows=self._concerned(facts).height)

    def erase(self, facts: Facts) -> PlaceReport:
        """Forget them."""
        found = self._concerned(facts)
        for account, lead in found.select(_KEY).unique().sort(_KEY).iter_rows():
            self.workspace.label_store.erase(account, lead)
        return PlaceReport(place=self.name, rows=found.height, files=int(not found.is_empty()))

    def _concerned(self, facts: Facts) -> pl.DataFrame:
        exists = (self.workspace.data_dir / "labels.duckdb").exists()
        # Opening the store would make a key where there is none.
        none = pl.DataFrame(schema=LABEL_SCHEMA)
        labels = self.workspace.label_store.labels() if exists else none
        if labels.is_empty() or not (facts.of_leads or facts.natural):
            return labels.clear()
        keys = self.workspace.suppressions.keys()
        named = replace(facts, persons=facts.hidden_units)
        asked = texts(labels).rename({"lead_id": "key"})
        asked = asked.select("account_id", "key", "siren", "siret", "vat")
        about = labels.select("account_id", "key", "lead_id").join(
            asked, on=["account_id", "key"], how="left", maintain_order="left"
        )
        return labels.filter(keys.concerned(labels, named) | keys.concerned(about, named))


def places(workspace: Workspace) -> Sequence[Place]:
    """Return the places of this module."""
    return (Leads(workspace), Answers(workspace))
