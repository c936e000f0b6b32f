"""BODACC notices → notices, sales of businesses, insolvency judgments, registrations.

Belongs here: which notice feeds which table, who plays which role, and what a judgment
means (``natures.csv``). Does not belong here: applying corrections to what was already
said (``type_avis`` and ``previous_notice_id`` let the signals do it), nor reading the
publisher's JSON and text (``_blocks.py``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl

from assets.bodacc._blocks import (
    AHEAD_DAYS,
    clean,
    fold,
    inside,
    persons,
    previous_id,
    price,
    siren,
    to_date,
)

NATURES = Path(__file__).with_name("natures.csv")
#: The table of natures is code in the form of data: changing it changes the result.
CODE_VERSION = f"1.{hashlib.sha256(NATURES.read_bytes()).hexdigest()[:8]}"

#: Folded nature (and folded words of the complement, when one nature covers several
#: procedures) → procedure and stage, in order of precedence.
RULES = (
    pl.read_csv(NATURES, schema_overrides=[pl.String] * 4)
    .with_row_index("rank")
    .with_columns(fold(pl.col("nature")), fold(pl.col("complement")))
)

#: The oldest insolvency law still applied in notices is that of 13 July 1967.
OLDEST_JUDGMENT = date(1967, 7, 13)

PARTIES = ("listepersonnes", "listeprecedentproprietaire", "listeprecedentexploitant")
AHEAD = pl.col("date_parution").dt.offset_by(f"{AHEAD_DAYS}d")


def normalise(raw: Mapping[str, pl.LazyFrame]) -> Mapping[str, pl.LazyFrame]:
    """Return the four tables; see ``docs/architecture.md`` for their columns.

    A notice is kept unless all the parties it names are natural persons. A company
    whose SIREN is missing or wrong is in ``bodacc__notices`` only.
    """
    received = _one_per_id(raw["annonces-commerciales"])
    # Small, and every table needs them: read the blocks once, not once per table.
    read = pl.collect_all([persons(received, block) for block in PARTIES])
    parties = {block: people.lazy() for block, people in zip(PARTIES, read, strict=True)}
    everyone = (
        pl.concat(list(parties.values()))
        .group_by("notice_id")
        .agg(
            pl.col("is_person").eq_missing(other=False).any().alias("names_company"),
            pl.col("is_person").eq_missing(other=True).any().alias("names_person"),
        )
    )
    kept = (
        received.join(everyone, on="notice_id", how="left")
        .filter(pl.col("names_company").fill_null(value=True) | ~pl.col("names_person"))
        .with_columns(
            previous_notice_id=previous_id("parutionavisprecedent"),
            record_key=pl.col("notice_id"),
            publication_date=pl.col("date_parution"),
        )
    )
    subjects = _subjects(parties["listepersonnes"], kept).collect().lazy()
    return {
        "bodacc__notices": _notices(kept, subjects),
        "bodacc__sales": _sales(kept, subjects, parties),
        "bodacc__insolvencies": _insolvencies(kept, subjects),
        "bodacc__registrations": _registrations(kept, subjects),
    }


def _one_per_id(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Keep one row per notice, the same whatever the order and the repetitions."""
    columns = [name for name in rows.collect_schema().names() if name != "_line"]
    return (
        rows.select(columns)
        .sort("notice_id", *[name for name in columns if name != "notice_id"], nulls_last=True)
        .unique("notice_id", keep="first", maintain_order=True)
    )


def _subjects(people: pl.LazyFrame, notices: pl.LazyFrame) -> pl.LazyFrame:
    """Return the companies a notice is about: notice_id, siren, name, capital_eur.

    When the only person of a notice is a company without number, ``registre`` gives it:
    it then holds a single SIREN. It is never read in a sale, where it mixes the roles.
    """
    alone = people.group_by("notice_id").agg(pl.len().alias("people"))
    register = (
        notices.filter(pl.col("famille_avis") != "vente")
        .select("notice_id", found=pl.col("registre").str.extract_all(r"\d{3} ?\d{3} ?\d{3}"))
        .explode("found")
        .select("notice_id", registered=siren(pl.col("found")))
        .group_by("notice_id")
        .agg(pl.col("registered").drop_nulls().unique())
        .filter(pl.col("registered").list.len() == 1)
        .select("notice_id", pl.col("registered").list.first())
    )
    return (
        people.filter(~pl.col("is_person"))
        .join(alone.filter(pl.col("people") == 1), on="notice_id", how="left")
        .join(register, on="notice_id", how="left")
        .with_columns(
            siren=pl.coalesce("siren", pl.when(pl.col("people") == 1).then(pl.col("registered")))
        )
        .filter(pl.col("siren").is_not_null())
        .sort("notice_id", "position")
        .unique(["notice_id", "siren"], keep="first", maintain_order=True)
        .select("notice_id", "siren", "name", "capital_eur")
    )


def _notices(notices: pl.LazyFrame, subjects: pl.LazyFrame) -> pl.LazyFrame:
    only = subjects.group_by("notice_id").agg(pl.len(), pl.col("siren").first())
    return (
        notices.join(only.filter(pl.col("len") == 1), on="notice_id", how="left")
        .select(
            "notice_id",
            "parution",
            "date_parution",
            "numero_annonce",
            "type_avis",
            "famille_avis",
            "siren",
            "numero_departement",
            clean(pl.col("tribunal")),
            clean(pl.col("ville")),
            "code_postal",
            "previous_notice_id",
            "url",
            "record_key",
            "publication_date",
        )
        .sort("notice_id")
    )


def _sellers(buyers: pl.LazyFrame, parties: Mapping[str, pl.LazyFrame]) -> pl.LazyFrame:
    """Return the seller of each (notice, buyer): owner if one is named, else operator.

    Among several, a company with a SIREN comes first, then a company without, then a
    person, who stays without name and SIREN.
    """
    owners = parties["listeprecedentproprietaire"].filter(pl.col("is_person").is_not_null())
    operators = parties["listeprecedentexploitant"].filter(pl.col("is_person").is_not_null())
    return (
        pl.concat([owners, operators.join(owners, on="notice_id", how="anti")])
        .join(buyers.select("notice_id", "buyer_siren"), on="notice_id")
        .filter(pl.col("siren").ne_missing(pl.col("buyer_siren")))
        .sort("notice_id", "buyer_siren", "is_person", pl.col("siren").is_null(), "position")
        .unique(["notice_id", "buyer_siren"], keep="first", maintain_order=True)
        .select(
            "notice_id",
            "buyer_siren",
            seller_siren=pl.when(~pl.col("is_person")).then(pl.col("siren")),
            seller_name="name",
            seller_is_person="is_person",
        )
    )


def _sales(
    notices: pl.LazyFrame, subjects: pl.LazyFrame, parties: Mapping[str, pl.LazyFrame]
) -> pl.LazyFrame:
    sold = notices.filter(pl.col("famille_avis") == "vente")
    buyers = sold.join(subjects, on="notice_id").rename(
        {"siren": "buyer_siren", "name": "buyer_name"}
    )
    category = inside("acte", "$.vente.categorieVente")
    business = pl.col("listeetablissements").str.json_path_match("$.etablissement")
    return (
        buyers.join(_sellers(buyers, parties), on=["notice_id", "buyer_siren"], how="left")
        .select(
            "notice_id",
            "date_parution",
            "type_avis",
            "buyer_siren",
            "buyer_name",
            "seller_siren",
            "seller_name",
            "seller_is_person",
            category=category,
            provisional=fold(category).str.contains("insertion provisoire"),
            price_eur=price(business, inside("acte", "$..descriptif")),
            date_effet=to_date(inside("acte", "$..dateEffet"), latest=AHEAD),
            activite=inside(
                "listeetablissements", "$.etablissement.activite", "$.etablissement[0].activite"
            ),
            code_postal="code_postal",
            ville=clean(pl.col("ville")),
            previous_notice_id="previous_notice_id",
            url="url",
            record_key="record_key",
            publication_date="publication_date",
        )
        .sort("notice_id", "buyer_siren")
    )


def _insolvencies(notices: pl.LazyFrame, subjects: pl.LazyFrame) -> pl.LazyFrame:
    judged = notices.with_columns(
        jugement_famille=inside("jugement", "$.famille"),
        jugement_nature=inside("jugement", "$.nature"),
        complement=fold(inside("jugement", "$.complementJugement")),
    ).filter(pl.col("jugement_nature").is_not_null())
    matched = (
        judged.select("notice_id", "complement", nature=fold(pl.col("jugement_nature")))
        .join(RULES.lazy().rename({"complement": "needed"}), on="nature")
        .filter(
            pl.col("needed").is_null()
            | pl.col("complement").str.contains(pl.col("needed"), literal=True)
        )
        .sort("notice_id", "rank")
        .unique("notice_id", keep="first", maintain_order=True)
        .select("notice_id", "procedure", "stage")
    )
    return (
        judged.join(matched, on="notice_id", how="left")
        .join(subjects, on="notice_id")
        .select(
            "notice_id",
            "date_parution",
            "type_avis",
            "siren",
            pl.col("name").alias("company_name"),
            "jugement_famille",
            "jugement_nature",
            # A judgment is published after it is given, never before.
            to_date(
                inside("jugement", "$.date"),
                oldest=OLDEST_JUDGMENT,
                latest=pl.col("date_parution"),
            ).alias("jugement_date"),
            "procedure",
            pl.col("stage").fill_null("other"),
            "previous_notice_id",
            "url",
            "record_key",
            "publication_date",
        )
        .sort("notice_id", "siren")
    )


def _registrations(notices: pl.LazyFrame, subjects: pl.LazyFrame) -> pl.LazyFrame:
    return (
        notices.filter(pl.col("famille_avis").is_in(["creation", "immatriculation"]))
        .join(subjects, on="notice_id")
        .select(
            "notice_id",
            "date_parution",
            "type_avis",
            pl.col("famille_avis").alias("kind"),
            "siren",
            pl.col("name").alias("company_name"),
            inside(
                "acte",
                "$.creation.categorieCreation",
                "$.immatriculation.categorieImmatriculation",
            ).alias("category"),
            to_date(inside("acte", "$..dateImmatriculation"), latest=AHEAD).alias(
                "date_immatriculation"
            ),
            to_date(inside("acte", "$..dateCommencementActivite"), latest=AHEAD).alias(
                "date_commencement"
            ),
            "capital_eur",
            "previous_notice_id",
            "url",
            "record_key",
            "publication_date",
        )
        .sort("notice_id", "siren")
    )
