"""Which companies fit a profile: yes, no, or the register does not tell.

Belongs here: reading the criteria of a profile as whole columns, both activity
nomenclatures included, and the factors of the score that follow. Does not belong here: the
file of profiles (:mod:`signals.profile`).

Every criterion has three answers. An empty or masked value is no "no": the fit is then
``unknown`` unless another criterion already decides. NAF rév. 2 gives way to NAF 2025 on
2027-01-01; a company coded in the one is compared with codes of the other through the pairs
that INSEE's own double coding shows, and where there is no pair the answer is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from signals.profile import Criteria, Profile
from sirene import nomenclatures

FITS, UNKNOWN, OUTSIDE = "fits", "unknown", "outside"
#: What must be known of a company.
COMPANY_SCHEMA = pl.Schema(
    {
        "siren": pl.String(),
        "company_name": pl.String(),
        "active": pl.Boolean(),
        "personne_morale": pl.Boolean(),
        "diffusible": pl.Boolean(),
        "categorie_juridique": pl.String(),
        "tranche_effectifs": pl.String(),
        "departement": pl.String(),
        "nomenclature_activite": pl.String(),
        "activite_principale": pl.String(),
        "activite_principale_naf25": pl.String(),
    }
)
_MASKED = "[ND]"
_NOT_KNOWN = pl.lit(None, dtype=pl.Boolean)


@dataclass(frozen=True)
class Rating:
    """A profile and how companies fit it.

    Attributes:
        profile: what the account wants.
        fits: ``siren``, ``fit``; a company that is not there is unknown.
    """

    profile: Profile
    fits: pl.DataFrame

    def rated(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return ``rows`` with ``fit``."""
        joined = rows.join(self.fits, on="siren", how="left", maintain_order="left")
        return joined.with_columns(pl.col("fit").fill_null(UNKNOWN))

    def factors(self) -> Mapping[str, pl.Expr]:
        """Return the factors of the score of rows with ``fit`` and ``type``."""
        code = pl.col("type").str.split(".").list.get(-2)
        weights = {name: policy.weight for name, policy in self.profile.signals.items()}
        values = {FITS: 1.0, UNKNOWN: self.profile.unknown, OUTSIDE: self.profile.outside}
        return {
            "profile": pl.col("fit").replace_strict(values, return_dtype=pl.Float64),
            "weight": code.replace_strict(weights, default=1.0, return_dtype=pl.Float64),
        }


def rating(profile: Profile, companies: pl.DataFrame) -> Rating:
    """Return how ``companies``, in :data:`COMPANY_SCHEMA`, fit ``profile``."""
    return Rating(profile, companies.select("siren", fit=fit(profile)))


def fit(profile: Profile) -> pl.Expr:
    """Return ``fits``, ``unknown`` or ``outside`` for each company."""
    wanted = pl.all_horizontal(pl.lit(True), *_answers(profile.include))
    refused = pl.any_horizontal(pl.lit(False), *_answers(profile.exclude))
    answer = wanted & refused.not_()
    return pl.when(answer).then(pl.lit(FITS)).when(answer.not_()).then(pl.lit(OUTSIDE)).otherwise(
        pl.lit(UNKNOWN)
    )  # fmt: skip


def _answers(criteria: Criteria) -> list[pl.Expr]:
    """Return one answer per criterion that asks something."""
    headcount = _known("tranche_effectifs")
    # NN mixes "no employee" and "not known": only who names it gets it.
    if "NN" not in criteria.tranches_effectifs:
        headcount = pl.when(headcount != "NN").then(headcount)
    answers = {
        "departements": _known("departement").is_in(list(criteria.departements)),
        "tranches_effectifs": headcount.is_in(list(criteria.tranches_effectifs)),
        "categories_juridiques": _begins("categorie_juridique", criteria.categories_juridiques),
    }
    asked = [answer for name, answer in answers.items() if getattr(criteria, name)]
    if criteria.naf_rev2 or criteria.naf_2025:
        asked.append(_activity(criteria))
    return asked


def _activity(criteria: Criteria) -> pl.Expr:
    code, kind = _known("activite_principale"), pl.col("nomenclature_activite")
    rev2 = pl.when(kind == "NAFRev2").then(code)
    naf25 = pl.coalesce(_known("activite_principale_naf25"), pl.when(kind == "NAF2025").then(code))
    pairs = nomenclatures.table("naf_correspondence")
    old = _expanded(criteria.naf_rev2, nomenclatures.NAF_REV2)
    new = _expanded(criteria.naf_2025, nomenclatures.NAF_2025)
    direct = [
        answer
        for answer, asked in ((rev2.is_in(old), old), (naf25.is_in(new), new))
        if asked
    ]  # fmt: skip
    translated = [
        pl.when(codes.is_in(pairs[mine].unique().to_list())).then(
            codes.is_in(pairs.filter(pl.col(theirs).is_in(asked))[mine].to_list())
        )
        for codes, mine, theirs, asked in (
            (naf25, "naf_2025", "naf_rev2", old),
            (rev2, "naf_rev2", "naf_2025", new),
        )
        if asked
    ]
    return pl.coalesce(_any_known(direct), _any_known(translated))


def _any_known(answers: Sequence[pl.Expr]) -> pl.Expr:
    """Return whether one of the answers that are known is yes; null where none is known."""
    return pl.max_horizontal(_NOT_KNOWN, *answers)


def _expanded(begins: Sequence[str], table: str) -> list[str]:
    rows = nomenclatures.table(table)
    hit = [pl.col("section").eq(one) | pl.col("code").str.starts_with(one) for one in begins]
    return rows.filter(pl.any_horizontal(pl.lit(False), *hit))["code"].to_list()


def _begins(column: str, begins: Sequence[str]) -> pl.Expr:
    value = _known(column)
    return pl.any_horizontal(
        pl.when(value.is_not_null()).then(pl.lit(False)),
        *(value.str.starts_with(one) for one in begins),
    )


def _known(column: str) -> pl.Expr:
    return pl.when(pl.col(column).is_in(["", _MASKED]).not_()).then(pl.col(column))
