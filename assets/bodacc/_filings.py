"""Notices of bulletins B and C → accounts filed, modifications, companies struck off; and leases.

Belongs here: what these notices say, as facts without the free text they say it in, which names
directors and liquidators. Does not belong here: sales, judgments, registrations
(``normalise.py``), reading JSON and French numbers (``_blocks.py``).
"""

from __future__ import annotations

import polars as pl

from assets.bodacc._blocks import AHEAD, TAIL, fold, inside, siren, to_date

#: Word of the description (folded, whole words) → column that says so.
CHANGES = {
    "administration": r"\badministration\b|\bdirection\b|\bgerante?s?\b|\bgerance\b",
    "capital": r"\bcapital\b",
    "siege": r"\btransfert d[ue]|\bsiege\b",
    "denomination": r"\bdenomination\b",
    "forme_juridique": r"\bforme juridique\b",
    # Never the bare letters: "diffusion" and "infusion" hold them too.
    "fusion": r"\bfusion\b|\bfusion-absorption\b|\bscission\b|\bapport partiel\b",
    "transmission_universelle": r"\btransmission universelle\b",
    "dissolution": r"\bdissolution\b|\bmise en sommeil\b|\bcessation (totale )?d'activite\b",
    "location_gerance": r"\blocation[- ]gerance\b",
}
#: How a notice says which side of a merger its company is on.
ABSORBED = (
    r"\babsorbee? par\b|\bau profit de\b"
    r"|\btransmission universelle d[ue] (son )?patrimoine (a|au)\b|\bfusion.absorption par\b"
    r"|\bson associe unique\b"
)
ABSORBING = (
    r"\babsorption de (la|l')? ?societe\b|\bsocietes? absorbees?\b|\babsorbe la societe\b"
    r"|\bfusion.absorption de\b|\bayant participe a (l'operation|la fusion)"
)
#: A number in the middle of an amount or of another number is no SIREN.
NUMBER = r"(?:^|[^\d.,])(\d{3}[ .]?\d{3}[ .]?\d{3})(?:[^\d.,€]|[.,](?:\D|$)|$)"
AMOUNT = r"(?i)\s*(€|eur|euros?|actions?|parts?)\b"


def accounts(notices: pl.LazyFrame, subjects: pl.LazyFrame) -> pl.LazyFrame:
    """Return filings of accounts; a confidential one (art. L. 232-25) shows no numbers."""
    kind = fold(inside("depot", "$.typeDepot"))
    remark = fold(inside("depot", "$.descriptif")).fill_null("")
    return (
        notices.filter(pl.col("famille_avis") == "dpc")
        .join(subjects, on="notice_id")
        .select(
            "notice_id",
            "date_parution",
            "type_avis",
            "siren",
            pl.col("name").alias("company_name"),
            inside("depot", "$.typeDepot").alias("type_depot"),
            to_date(inside("depot", "$.dateCloture"), latest=pl.col("date_parution")).alias(
                "date_cloture"
            ),
            kind.str.contains("consolide", literal=True).alias("consolidated"),
            remark.str.contains("confidentialite", literal=True).alias("confidential"),
            *TAIL,
        )
        .sort("notice_id", "siren")
    )


def modifications(notices: pl.LazyFrame, subjects: pl.LazyFrame) -> pl.LazyFrame:
    """Return what a notice says has changed, one flag a matter, and the other company named."""
    text = inside("modificationsgenerales", "$.descriptif")
    words = fold(text).fill_null("")
    # A lease is no change of manager.
    people = words.str.replace_all(CHANGES["location_gerance"], "")
    flags = {
        name: (people if name == "administration" else words).str.contains(pattern)
        for name, pattern in CHANGES.items()
    }
    absorbed, absorbing = words.str.contains(ABSORBED), words.str.contains(ABSORBING)
    merged = flags["fusion"] | flags["transmission_universelle"]
    role = (
        pl.when(merged & absorbed & ~absorbing)
        .then(pl.lit("absorbed"))
        .when(merged & absorbing & ~absorbed)
        .then(pl.lit("absorbing"))
    )
    rows = notices.filter(pl.col("famille_avis") == "modification").with_columns(_text=text)
    return (
        rows.join(subjects, on="notice_id")
        .join(_others(rows, subjects), on="notice_id", how="left")
        .select(
            "notice_id",
            "date_parution",
            "type_avis",
            "siren",
            pl.col("name").alias("company_name"),
            *(flag.alias(name) for name, flag in flags.items()),
            role.alias("merger_role"),
            "other_siren",
            "capital_eur",
            to_date(inside("modificationsgenerales", "$.dateEffet"), latest=AHEAD).alias(
                "date_effet"
            ),
            *TAIL,
        )
        .sort("notice_id", "siren")
    )


def _others(rows: pl.LazyFrame, subjects: pl.LazyFrame) -> pl.LazyFrame:
    """Return the one other company that the text of a notice numbers, if there is only one."""
    amounts = pl.col("_text").str.replace_all(rf"[\d .,]+{AMOUNT}", " ")
    found = (
        rows.select("notice_id", number=amounts.str.extract_all(NUMBER))
        .explode("number")
        .select("notice_id", other_siren=siren(pl.col("number").str.replace_all(r"\D", "")))
        .filter(pl.col("other_siren").is_not_null())
        .join(
            subjects.select("notice_id", "siren"),
            left_on=["notice_id", "other_siren"],
            right_on=["notice_id", "siren"],
            how="anti",
        )
        .unique()
    )
    alone = pl.col("other_siren").n_unique() == 1
    return (
        found.group_by("notice_id")
        .agg(pl.col("other_siren").first(), alone.alias("alone"))
        .filter("alone")
        .drop("alone")
    )


def strike_offs(notices: pl.LazyFrame, subjects: pl.LazyFrame) -> pl.LazyFrame:
    """Return companies struck off, with the remarks that make it another thing."""
    remark = fold(inside("radiationaurcs", "$.commentaire")).fill_null("")
    reported = remark.str.contains(r"\brapport de (la )?radiation\b")
    return (
        notices.filter(pl.col("famille_avis") == "radiation")
        .join(subjects, on="notice_id")
        .select(
            "notice_id",
            "date_parution",
            "type_avis",
            "siren",
            pl.col("name").alias("company_name"),
            remark.str.contains("d'office", literal=True).alias("ex_officio"),
            reported.alias("reported"),
            remark.str.contains(r"\btransfert du siege hors ressort\b").alias("moved_away"),
            *TAIL,
        )
        .sort("notice_id", "siren")
    )


def leases(notices: pl.LazyFrame, subjects: pl.LazyFrame, operators: pl.LazyFrame) -> pl.LazyFrame:
    """Return businesses taken in location-gérance, with the company that ran them before.

    The tenant who buys (``locataire-gérant``) ends a lease: it is a sale.
    """
    category = inside(
        "acte",
        "$.immatriculation.categorieImmatriculation",
        "$.vente.categorieVente",
        "$.creation.categorieCreation",
    )
    origin = inside(
        "listeetablissements", "$.etablissement.origineFonds", "$.etablissement[0].origineFonds"
    )
    told = fold(pl.concat_str(category, origin, separator=" ", ignore_nulls=True)).fill_null("")
    leased = told.str.contains(r"location[- ]gerance") & ~told.str.contains(
        r"\bachat\b|\bacqui(s|se)\b|locataire"
    )
    before = (
        operators.filter(~pl.col("is_person"), pl.col("siren").is_not_null())
        .sort("notice_id", "position")
        .unique("notice_id", keep="first", maintain_order=True)
        .select("notice_id", operator_siren="siren", operator_name="name")
    )
    return (
        notices.filter(
            pl.col("famille_avis").is_in(["creation", "immatriculation", "vente"]), leased
        )
        .join(subjects, on="notice_id")
        .join(before, on="notice_id", how="left")
        .select(
            "notice_id",
            "date_parution",
            "type_avis",
            "siren",
            pl.col("name").alias("company_name"),
            "operator_siren",
            "operator_name",
            category.alias("category"),
            inside(
                "listeetablissements", "$.etablissement.activite", "$.etablissement[0].activite"
            ).alias("activite"),
            to_date(inside("acte", "$..dateCommencementActivite"), latest=AHEAD).alias(
                "date_commencement"
            ),
            "code_postal",
            "ville",
            *TAIL,
        )
        .sort("notice_id", "siren")
    )
