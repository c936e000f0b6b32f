"""What the exports are told of the accounts and of companies, from the tables that serve.

Belongs here: reading the profiles, the register and the links between companies. Does not
belong here: what follows from them (:mod:`signals.feed.customers`).
"""

from __future__ import annotations

from functools import partial

import polars as pl

from assets.insolvency import JUDGMENTS, NOTICES
from assets.workspace import Workspace
from signals import groups, insolvency
from signals.contract import EXPORTED_VERDICTS
from signals.feed.customers import KNOWN_SCHEMA, Customers
from signals.fit import COMPANY_SCHEMA
from signals.groups import LINK_SCHEMA
from signals.profile import load_profiles

_LINKS = {
    "sirene__successions": groups.successions,
    "bodacc__sales": groups.sales,
    "egapro__declarations": groups.social_units,
}


def customers(workspace: Workspace) -> Customers:
    """Return what the exports need to know beside the log and the matches.

    Raises:
        SettingsError: the file of profiles cannot be used.
    """
    profiles = {} if workspace.profiles is None else load_profiles(workspace.profiles)
    register = partial(companies, workspace)
    return Customers(profiles, register, links(workspace), known(workspace), states(workspace))


def states(workspace: Workspace) -> pl.LazyFrame:
    """Return the state of insolvency of each company today, if judgments are loaded."""
    store = workspace.store
    if store.current("bodacc") is None:
        return insolvency.SCHEMA.to_frame().lazy()
    rows = insolvency.periods(store.scan(JUDGMENTS), store.scan(NOTICES))
    return insolvency.standing_on(rows, workspace.clock.today())


def companies(workspace: Workspace, wanted: pl.LazyFrame) -> pl.LazyFrame:
    """Return the ``wanted`` companies of the register, in :data:`signals.fit.COMPANY_SCHEMA`.

    Both tables are cut down to them before they meet: the cost is that of the news.
    """
    store = workspace.store
    if store.current("sirene") is None:
        return COMPANY_SCHEMA.to_frame().lazy()
    offices = store.scan("sirene__establishments").filter(pl.col("siege"))
    place = offices.select("siren", "departement").join(wanted, on="siren", how="semi")
    units = store.scan("sirene__legal_units").join(wanted, on="siren", how="semi")
    placed = units.join(place.unique("siren", keep="any"), on="siren", how="left")
    return placed.select(
        "siren",
        company_name="nom_complet",
        active=pl.col("etat_administratif") == "A",
        personne_morale="personne_morale",
        diffusible=pl.col("statut_diffusion") == "O",
        categorie_juridique="categorie_juridique",
        tranche_effectifs="tranche_effectifs",
        departement="departement",
        nomenclature_activite="nomenclature_activite",
        activite_principale="activite_principale",
        activite_principale_naf25="activite_principale_naf25",
    )


def links(workspace: Workspace) -> pl.LazyFrame:
    """Return the links between companies that the loaded registers show."""
    store = workspace.store
    found = [
        read(store.scan(table))
        for table, read in _LINKS.items()
        if store.current(table.split("__")[0]) is not None
    ]
    return pl.concat([LINK_SCHEMA.to_frame().lazy(), *found])


def known(workspace: Workspace) -> pl.DataFrame:
    """Return the companies that are, or may be, a lead, also of who objected to its use."""
    matches = workspace.lead_store.matches()
    doubted = matches.filter(pl.col("verdict").is_in(EXPORTED_VERDICTS).not_())
    others = doubted.select("account_id", "alternatives").explode("alternatives")
    rows = [
        matches.select(KNOWN_SCHEMA.names()),
        others.select("account_id", siren=pl.col("alternatives").struct.field("siren")),
    ]
    return pl.concat(rows).drop_nulls().unique().sort("account_id", "siren")
