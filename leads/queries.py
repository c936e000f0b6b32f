"""From leads as typed to what is looked up.

Belongs here: comparable forms of a lead's name, places, identifiers and domain, and the
remarks on what cannot be used. Does not belong here: the registry.

Leads that say the same thing are looked up once.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from leads.index import MAX_NAME
from leads.model import FIELDS
from leads.places import ADDRESSES, address_keys, place_keys, plain
from leads.words import FOREIGN_FORMS, FRANCE, NOT_A_NAME, PLATFORM_DOMAINS, TWO_PART_SUFFIXES
from sirene.identifiers import siren_is_valid, siren_of_tva, siret_is_valid
from sirene.names import with_name_keys
from sirene.nomenclatures import LEGAL_FORMS, table

_NOT_DIGITS = r"[\s\x{A0}\x{202F}.\-_/]+"
#: What makes two leads the same question.
ASKED = (
    "company_name", "siren", "siret", "vat", "address", "postcode", "city", "department", "country",
    "website", "email_domain",
)  # fmt: skip
REMARKS = pl.List(pl.String)


@dataclass(frozen=True)
class Queries:
    """What is asked.

    Attributes:
        leads: ``lead_id``, ``account_id``, ``lead`` (number of the question), input order.
        asked: one row per question: lead, siren, siret (valid ones only), name, has_name,
            foreign, foreign_form, ids_disagree, remarks, postcode, city, department.
        spellings: one row per spelling of a question's name: lead, variant, the keys of
            ``sirene.names``, the places, the address, domain, siren.
    """

    leads: pl.DataFrame
    asked: pl.DataFrame
    spellings: pl.DataFrame


def prepare(leads: pl.DataFrame) -> Queries:
    """Make the questions of ``leads``; columns that are absent count as empty."""
    text = leads.select(
        (pl.col(name).cast(pl.String) if name in leads.columns else pl.lit(None, pl.String)).alias(
            name
        )
        for name in FIELDS
    )
    distinct = text.select(ASKED).unique().sort(ASKED, nulls_last=True).with_row_index("lead")
    numbered = text.select("lead_id", "account_id", *ASKED).join(
        distinct, on=list(ASKED), how="left", nulls_equal=True, maintain_order="left"
    )
    # Folded once: what is made of a plain text asks for it again and again.
    folded = distinct.with_columns(
        plain(pl.col("company_name")).alias("plain_name"),
        plain(pl.col("country")).alias("plain_country"),
    )
    asked = _identified(folded).with_columns(
        *place_keys("postcode", "city", "department"),
        _name().alias("name"),
        _domain().alias("domain"),
        _foreign().alias("foreign"),
        pl.col("plain_name").str.contains(rf"(?-u:\b)(?:{FOREIGN_FORMS})$").fill_null(False)
        .alias("foreign_form"),
    ).with_columns(*_remarks(), *address_keys(pl.col("address")))  # fmt: skip
    asked = asked.with_columns(
        pl.when(~pl.col("ids_disagree")).then(pl.coalesce("siren_ok", "siret_siren", "vat_siren"))
        .alias("siren_given"),
        pl.when(~pl.col("ids_disagree")).then("siret_ok").alias("siret_given"),
    )  # fmt: skip
    return Queries(
        numbered.select("lead_id", "account_id", "lead"),
        asked.select(
            "lead", pl.col("siren_given").alias("siren"), pl.col("siret_given").alias("siret"),
            "name", "foreign", "foreign_form", "ids_disagree", "remarks",
            "postcode", "city", "department",
        ),
        _spellings(asked),
    )  # fmt: skip


def _identified(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with the numbers that can be used, and whether those given look like some."""
    # Step by step: within one expression Polars would compute the check digits for each use.
    bare = rows.with_columns(
        pl.col(name).str.replace_all(_NOT_DIGITS, "").alias(f"{name}_ok")
        for name in ("siren", "siret")
    )
    return bare.with_columns(
        pl.when(siren_is_valid(pl.col("siren_ok"))).then("siren_ok").alias("siren_ok"),
        pl.when(siret_is_valid(pl.col("siret_ok"))).then("siret_ok").alias("siret_ok"),
        siren_of_tva(pl.col("vat")).alias("vat_siren"),
        pl.col("siren_ok").str.contains(r"^[0-9]{9}$").alias("siren_shape"),
        pl.col("siret_ok").str.contains(r"^[0-9]{14}$").alias("siret_shape"),
    ).with_columns(pl.col("siret_ok").str.slice(0, 9).alias("siret_siren"))


def _remarks() -> list[pl.Expr]:
    """Note what was given and cannot be used; each note is a reason of the match."""
    sirens = pl.concat_list("siren_ok", "siret_siren", "vat_siren").list.drop_nulls()
    disagree = sirens.list.n_unique() > 1

    def note(condition: pl.Expr, reason: str) -> pl.Expr:
        return pl.when(condition.fill_null(False)).then(pl.lit(reason))

    notes = []
    for name in ("siren", "siret"):
        wrong = pl.col(name).is_not_null() & pl.col(f"{name}_ok").is_null()
        notes.append(note(wrong & pl.col(f"{name}_shape"), f"{name}:wrong_check_digit"))
        notes.append(note(wrong & ~pl.col(f"{name}_shape"), f"{name}:wrong_length"))
    french_vat = pl.col("vat").str.contains(r"(?i)^\s*FR")
    notes.append(note(french_vat & pl.col("vat_siren").is_null(), "vat:wrong_key"))
    notes.append(note(disagree, "identifiers:disagree"))
    notes.append(note(pl.col("company_name").is_null(), "name:missing"))
    unusable = pl.col("company_name").is_not_null() & pl.col("name").is_null()
    notes.append(note(unusable, "name:unusable"))
    notes.append(note(pl.col("foreign"), "country:foreign"))
    notes.append(note(pl.col("foreign_form"), "form:foreign"))
    return [
        disagree.alias("ids_disagree"),
        pl.concat_list(notes).list.drop_nulls().cast(REMARKS).alias("remarks"),
    ]


def _name() -> pl.Expr:
    """Return the name, null if it is none: ``test``, ``n/a``, ``xxx``, ``S.A.S``, digits."""
    text = pl.col("company_name").str.slice(0, MAX_NAME)
    key = pl.col("plain_name").str.slice(0, MAX_NAME)
    letters = key.str.replace_all(" ", "", literal=True)
    one_letter = letters.str.extract_all(".").list.n_unique() == 1
    mashed = one_letter & (letters.str.len_chars() != 2)
    forms = table(LEGAL_FORMS)["form"].str.replace_all(" ", "", literal=True)
    only_a_form = letters.is_in(forms.implode())
    usable = key.str.contains("[A-Z]") & ~key.is_in(NOT_A_NAME) & ~mashed & ~only_a_form
    return pl.when(usable).then(text)


def _foreign() -> pl.Expr:
    country = pl.col("plain_country")
    return country.is_not_null() & ~country.is_in(FRANCE)


def _domain() -> pl.Expr:
    """Return the registered label of the site or e-mail domain, glued: ``CREABOIS``."""
    labels = []
    for name in ("website", "email_domain"):
        host = (
            pl.col(name)
            .str.to_lowercase()
            .str.extract(r"^\s*(?:[a-z]+://)?(?:[^/@\s]*@)?(?:www\d?\.)?([^/:?#\s]+)")
            .str.replace(rf"\.(?:{TWO_PART_SUFFIXES})$", ".x")
        )
        own = host.str.extract(r"([^.]+)\.[^.]+$")
        domain = host.str.extract(r"([^.]+\.[^.]+)$")
        labels.append(pl.when(~domain.is_in(PLATFORM_DOMAINS)).then(own))
    glued = pl.coalesce(labels).str.to_uppercase().str.replace_all("[^A-Z0-9]", "")
    return pl.when(glued.str.len_chars() >= 3).then(glued)


def _spellings(asked: pl.DataFrame) -> pl.DataFrame:
    """Key each name; what stands in parentheses is a second spelling of the same question."""
    shared = (
        "lead", *ADDRESSES, "postcode", "city", "department", "domain",
        pl.col("siren_given").alias("siren"),
    )  # fmt: skip
    first = asked.select(*shared, "name", pl.lit(0, pl.Int8).alias("variant"))
    keyed = first.pipe(with_name_keys, "name")
    again = keyed.filter(pl.col("second").is_not_null()).select(
        *(name for name in shared if isinstance(name, str)),
        "siren",
        pl.col("second").alias("name"),
        pl.lit(1, pl.Int8).alias("variant"),
    )
    both = keyed
    if again.height:
        both = pl.concat([keyed, again.pipe(with_name_keys, "name").select(keyed.columns)])
    return both.filter(pl.col("core").is_not_null()).drop("second").sort("lead", "variant")
