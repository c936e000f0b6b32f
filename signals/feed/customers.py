"""What the exports know of the accounts beside their leads: profiles, companies, links.

Belongs here: the tables of an account that follow from its profile and from what companies
are. Does not belong here: the rules behind them (:mod:`signals.fit`,
:mod:`signals.discovery`, :mod:`signals.groups`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import polars as pl

from signals.contract import EXPORTED_VERDICTS
from signals.fit import COMPANY_SCHEMA, Rating, rating
from signals.groups import LINK_SCHEMA
from signals.insolvency import SCHEMA as STATE_SCHEMA
from signals.profile import Profile

#: ``siren`` of some companies → what the register says of them, in COMPANY_SCHEMA.
Register = Callable[[pl.LazyFrame], pl.LazyFrame]
KNOWN_SCHEMA = pl.Schema({"account_id": pl.String(), "siren": pl.String()})


def _nobody(_wanted: pl.LazyFrame) -> pl.LazyFrame:
    return COMPANY_SCHEMA.to_frame().lazy()


@dataclass(frozen=True)
class Customers:
    """What is known of the accounts.

    Attributes:
        profiles: account → profile.
        companies: looks companies up in the register.
        links: between companies, in :data:`signals.groups.LINK_SCHEMA`.
        known: account and SIREN of every company that is, or may be, a lead, whether or not
            its answer may be used: who objected must not come back as a discovery.
        insolvency: state of each company on the day (:func:`signals.insolvency.standing_on`).
    """

    profiles: Mapping[str, Profile] = field(default_factory=dict)
    companies: Register = _nobody
    links: pl.LazyFrame = field(default_factory=lambda: LINK_SCHEMA.to_frame().lazy())
    known: pl.DataFrame = field(default_factory=KNOWN_SCHEMA.to_frame)
    insolvency: pl.LazyFrame = field(default_factory=lambda: STATE_SCHEMA.to_frame().lazy())

    def of(self, standing: pl.DataFrame, matches: pl.DataFrame) -> Concerned:
        """Return what is known of the companies that have news, are leads, or are linked to one."""
        leads = matches.filter(pl.col("verdict").is_in(EXPORTED_VERDICTS)).select(
            "account_id", "lead_id", "siren"
        ).drop_nulls()  # fmt: skip
        mine = leads.select("siren").unique()
        links = self.links.join(mine.lazy(), on="siren", how="semi").collect()
        named = [links.select(siren="related_siren")]
        if self.profiles:
            named += [standing.select("siren"), mine]
        wanted = pl.concat(named).drop_nulls().unique()
        companies = _nobody(wanted.lazy()) if wanted.is_empty() else self.companies(wanted.lazy())
        one_each = companies.unique("siren", keep="any").collect().sort("siren")
        asked = pl.concat([standing.select("siren"), mine]).drop_nulls().unique()
        states = self.insolvency.join(asked.lazy(), on="siren", how="semi").collect()
        known = one_each.select(COMPANY_SCHEMA.names())
        return Concerned(self, known, links, leads, states.sort("siren"))


@dataclass(frozen=True)
class Concerned:
    """The companies of one export, and what the accounts make of them."""

    customers: Customers
    companies: pl.DataFrame
    links: pl.DataFrame
    leads: pl.DataFrame
    insolvency: pl.DataFrame

    def rating(self, account_id: str) -> Rating | None:
        """Return the account's profile and how the companies fit it; ``None`` without one."""
        profile = self.customers.profiles.get(account_id)
        return None if profile is None else rating(profile, self.companies)

    def known(self, account_id: str) -> pl.DataFrame:
        """Return the companies that are, or may be, a lead of the account."""
        mine = pl.col("account_id") == account_id
        rows = [self.customers.known, self.leads.select("account_id", "siren")]
        return pl.concat(rows).filter(mine).select("siren").unique()
