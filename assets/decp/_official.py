"""Contracts in the two official JSON formats in the form of decp.info's table.

Belongs here: the shapes of the orders of 22 March 2019 and of 22 December 2022, brought to one
row a winner and version. Does not belong here: which version counts and which winner is kept
(``normalise.py``).

Both list a contract's winners and its modifications. In 2019 they are bare objects, in 2022 each
is wrapped under its name; some publishers of 2019 wrap winners in one more list. A modification
says only what changes. Concessions are not contracts and are left out.
"""

from __future__ import annotations

import polars as pl

#: What a modification may change; what it does not say stays as it was.
_CHANGED = ("montant", "duree_mois", "titulaires")
_TEXT = pl.lit(None, dtype=pl.String)


def versions(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return the rows decp.info would give: contract × winner × version.

    Args:
        rows: contracts as their contract in ``dataset.yml`` types them, ``acheteur``,
            ``titulaires`` and ``modifications`` as JSON text.
    """
    contracts = rows.with_row_index("contract").with_columns(
        acheteur_id=pl.coalesce(
            pl.col("acheteur").str.json_path_match("$.id"), pl.col("acheteur_id_plat")
        ),
        acheteur_nom=pl.coalesce(
            pl.col("acheteur").str.json_path_match("$.nom"), pl.col("acheteur_nom_plat")
        ),
        modification_id=pl.lit(0, dtype=pl.Int64),
    )
    every = _states(contracts)
    last = pl.col("modification_id") == pl.col("modification_id").max().over("contract")
    return _winners(every.with_columns(donnees_actuelles=last)).select(
        "uid",
        "id",
        "acheteur_id",
        "acheteur_nom",
        "titulaire_id",
        "titulaire_type_identifiant",
        "titulaire_nom",
        "nature",
        _TEXT.alias("type_marche"),
        "code_cpv",
        "procedure",
        "montant",
        "duree_mois",
        "offres_recues",
        "date_notification",
        "date_publication",
        _TEXT.alias("acheteur_departement"),
        _TEXT.alias("titulaire_departement"),
        "modification_id",
        "donnees_actuelles",
    )


def _states(contracts: pl.LazyFrame) -> pl.LazyFrame:
    """Add to each contract one row a modification, with all that held from then on."""
    item = _first(
        "modifications", "$[{}].modification", "$[{}]", "$.modification[{}]", alone="$.modification"
    )
    changes = (
        _numbered(contracts, "modifications")
        .with_columns(item=item)
        .filter(pl.col("item").str.starts_with("{"))
        .with_columns(
            montant=_number("$.montant"),
            duree_mois=_number("$.dureeMois").cast(pl.Int64),
            titulaires=_inside("$.titulaires"),
            date_notification=pl.coalesce(
                _inside("$.dateNotificationModification"), _inside("$.dateSignatureModification")
            ),
            date_publication=_inside("$.datePublicationDonneesModification"),
            modification_id=pl.col("position").cast(pl.Int64) + 1,
        )
        .select(contracts.collect_schema().names())
    )
    together = pl.concat([contracts, changes]).sort("contract", "modification_id")
    return together.with_columns(
        pl.col(name).forward_fill().over("contract", order_by="modification_id")
        for name in _CHANGED
    )


def _winners(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Give each version one row a winner."""
    ways = ("$[{}].titulaire", "$[{}][0]", "$[{}]", "$.titulaire[{}]")
    found = (
        _numbered(rows, "titulaires")
        .with_columns(item=_first("titulaires", *ways, alone="$.titulaire"))
        .filter(pl.col("item").str.starts_with("{"))
    )
    return found.with_columns(
        titulaire_id=_inside("$.id"),
        titulaire_type_identifiant=_inside("$.typeIdentifiant"),
        titulaire_nom=_inside("$.denominationSociale"),
    )


def _numbered(rows: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """Repeat each row once for each place its list may have: braces bound their number."""
    braces = pl.col(column).str.count_matches("{", literal=True)
    places = rows.filter(braces > 0).with_columns(position=pl.int_ranges(0, braces, dtype=pl.Int32))
    return places.explode("position")


def _first(column: str, *ways: str, alone: str) -> pl.Expr:
    """Return the item of a list at ``position``, in whichever way the list is written."""
    listed = [pl.col(column).str.json_path_match(pl.format(way, "position")) for way in ways]
    single = pl.when(pl.col("position") == 0).then(pl.col(column).str.json_path_match(alone))
    wrapped = pl.when(single.str.starts_with("{")).then(single)
    return pl.coalesce(*listed, wrapped)


def _inside(path: str) -> pl.Expr:
    value = pl.col("item").str.json_path_match(path)
    return pl.when(value.is_in(["", "null"]).not_()).then(value)


def _number(path: str) -> pl.Expr:
    return _inside(path).cast(pl.Float64, strict=False)
