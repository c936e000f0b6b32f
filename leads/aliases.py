"""Matching with what people answered.

Belongs here: what an answer does to the match of a lead. Does not belong here: keeping answers
(``labels``), matching itself (``matching``).

"Yes" makes the number an alias of the lead's text, worth more than any likeness of names; "no"
and "group" bar that unit, and the others are weighed as if it did not exist. The register has
the last word: a unit that opposed the use of its data stays so, one that another took over
is followed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import polars as pl

from leads.index import Index
from leads.labels import GROUP, NO, YES, with_key
from leads.matching import match_leads
from leads.scoring import Model
from leads.verdicts import AMBIGUOUS, CONFIRMED, NO_MATCH, PROBABLE

Match = Callable[[pl.DataFrame], pl.DataFrame]
_TEXT = ["account_id", "key"]
#: Reasons that the answer has settled.
_SETTLED = ("siren:given", "name:nothing_in_common", "conflict:siren_against_name")


def match_answered(
    leads: pl.DataFrame,
    labels: pl.DataFrame,
    index: Index | None,
    *,
    matched_at: date,
    registry_version: str,
    model: Model,
) -> pl.DataFrame:
    """Match leads as :func:`leads.matching.match_leads` does, minding ``labels``.

    Args:
        leads: as for ``match_leads``.
        labels: columns of ``leads.labels.LABEL_SCHEMA``.
        index: as for ``match_leads``.
        matched_at: as for ``match_leads``.
        registry_version: as for ``match_leads``.
        model: as for ``match_leads``.
    """

    def match(rows: pl.DataFrame, denied: pl.DataFrame | None = None) -> pl.DataFrame:
        return match_leads(
            rows, index, matched_at=matched_at, registry_version=registry_version, model=model,
            denied=denied,
        )  # fmt: skip

    keyed = with_key(leads)
    sure = labels.filter(pl.col("says") == YES).select(*_TEXT, pl.col("siren").alias("alias"))
    barred = labels.filter(pl.col("says").is_in([NO, GROUP])).select(*_TEXT, "siren", "says")
    aliased = keyed.join(sure, on=_TEXT)
    others = keyed.join(sure, on=_TEXT, how="anti")
    doubted = others.join(barred, on=_TEXT, how="semi")
    free = others.join(barred, on=_TEXT, how="anti")
    parts = [match(free)]
    if aliased.height:
        parts.append(_known(aliased, match(_asked_by_number(aliased)), match))
    # One account at a time: what is barred for one customer is not for another.
    for (account,), rows in doubted.group_by("account_id", maintain_order=True):
        pairs = rows.select("lead_id", *_TEXT).join(barred, on=_TEXT)
        parts.append(match(rows, pairs.filter(pl.col("account_id") == account)))
    order = leads.select("account_id", "lead_id")
    return order.join(
        pl.concat(parts), on=["account_id", "lead_id"], how="left", maintain_order="left"
    ).select(parts[0].columns)


def _asked_by_number(aliased: pl.DataFrame) -> pl.DataFrame:
    """Ask for the alias as if the lead gave it; an establishment of another unit is dropped."""
    own = pl.col("siret").str.slice(0, 9) == pl.col("alias")
    return aliased.with_columns(
        pl.col("alias").alias("siren"),
        pl.when(own).then("siret").alias("siret"),
        pl.lit(None, pl.String).alias("vat"),
    )


def _known(aliased: pl.DataFrame, first: pl.DataFrame, match: Match) -> pl.DataFrame:
    """Let the answer win where the name, or another number, spoke against it."""
    lost = first.filter(pl.col("verdict").is_in([AMBIGUOUS, NO_MATCH])).select(
        "account_id", "lead_id"
    )
    again = aliased.join(lost, on=["account_id", "lead_id"], how="semi")
    nameless = _asked_by_number(again).with_columns(pl.lit(None, pl.String).alias("company_name"))
    second = match(nameless) if again.height else first.clear()
    both = pl.concat([first.join(lost, on=["account_id", "lead_id"], how="anti"), second])
    alias = aliased.select("account_id", "lead_id", "alias")
    rows = both.join(alias, on=["account_id", "lead_id"], how="left")
    followed = pl.col("siren") != pl.col("alias")
    settled = pl.col("reasons").list.eval(pl.element().filter(~pl.element().is_in(list(_SETTLED))))
    return rows.with_columns(
        pl.when((pl.col("verdict") == PROBABLE) & ~followed)
        .then(pl.lit(CONFIRMED))
        .otherwise("verdict")
        .alias("verdict"),
        pl.concat_list(pl.lit("review:yes"), settled).alias("reasons"),
        pl.lit(None, pl.String).alias("question"),
    ).select(first.columns)
