"""BODACC notices → notices, sales of businesses, insolvency judgments, registrations and filings.

Belongs here: which notice feeds which table, who plays which role, and what a judgment
means (``natures.csv``). Does not belong here: applying corrections to what was already
said (``type_avis`` and ``previous_notice_id`` let the signals do it), reading the
publisher's JSON and text (``_blocks.py``), its XML files (``_dila.py``), bulletins B and C
(``_filings.py``), sales (``_sales.py``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl

from assets.bodacc import _dila, _filings, _sales
from assets.bodacc._blocks import (
    AHEAD,
    TAIL,
    clean,
    fold,
    inside,
    persons,
    previous_id,
    siren,
    to_date,
)

NATURES = Path(__file__).with_name("natures.csv")
#: The table of natures is code in the form of data: changing it changes the result.
CODE_VERSION = f"3.{hashlib.sha256(NATURES.read_bytes()).hexdigest()[:8]}"

#: Folded nature (and folded words of the complement, when one nature covers several
#: procedures) → procedure and stage, in order of precedence. Lazy: importing starts no thread.
RULES = (
    pl.scan_csv(NATURES, schema_overrides=[pl.String] * 4)
    .with_row_index("rank")
    .with_columns(fold(pl.col("nature")), fold(pl.col("complement")))
)

#: The oldest insolvency law still applied in notices is that of 13 July 1967.
OLDEST_JUDGMENT = date(1967, 7, 13)

PARTIES = ("listepersonnes", "listeprecedentproprietaire", "listeprecedentexploitant")


def normalise(raw: Mapping[str, pl.LazyFrame]) -> Mapping[str, pl.LazyFrame]:
    """Return the nine tables; ``dataset.yml`` says their columns.

    The notices come from the portal, or from the XML files of the mirror ``dila``. A notice
    is kept unless all the parties it names are natural persons. A company whose SIREN is
    missing or wrong is in ``bodacc__notices`` only.
    """
    records = raw.get("annonces-commerciales")
    received = _one_per_id(_dila.notices(raw) if records is None else records)
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
        "bodacc__sales": _sales.sales(kept, subjects, parties),
        "bodacc__disposals": _sales.disposals(kept, subjects, parties),
        "bodacc__insolvencies": _insolvencies(kept, subjects),
        "bodacc__registrations": _registrations(kept, subjects),
        "bodacc__leases": _filings.leases(kept, subjects, parties["listeprecedentexploitant"]),
        "bodacc__accounts": _filings.accounts(kept, subjects),
        "bodacc__modifications": _filings.modifications(kept, subjects),
        "bodacc__strike_offs": _filings.strike_offs(kept, subjects),
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
            *TAIL,
        )
        .sort("notice_id")
    )


def _insolvencies(notices: pl.LazyFrame, subjects: pl.LazyFrame) -> pl.LazyFrame:
    judged = notices.with_columns(
        jugement_famille=inside("jugement", "$.famille"),
        jugement_nature=inside("jugement", "$.nature"),
        complement=fold(inside("jugement", "$.complementJugement")),
    ).filter(pl.col("jugement_nature").is_not_null())
    matched = (
        judged.select("notice_id", "complement", nature=fold(pl.col("jugement_nature")))
        .join(RULES.rename({"complement": "needed"}), on="nature")
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
            *TAIL,
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
            *TAIL,
        )
        .sort("notice_id", "siren")
    )
