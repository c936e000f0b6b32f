"""Which leads a new version of the registry may answer otherwise.

Belongs here: what changed between two states of the registry, and the leads it touches. Does
not belong here: matching them (``matching``), the versions (``opendata.versions``).

The units that changed, as they were and as they are, make two small indexes; a lead is
touched when the generators of candidates find any of their names for it. Caps are looser
there than in the whole registry, so that no lead is missed. A lead is also touched when its
answer, one of its alternatives or the number it gives is such a unit, and when its
probability lies so near to a threshold that a small move of weights could carry it across.

Weights of words move a little with the size of the registry. A move below :data:`TOLERANCE`
since the last full matching is let be; beyond it everything is matched again, and an answer that
says the same as the one before, its probability within :data:`NEAR`, is no news (:func:`news`).
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from leads.contributions import LOG_ODDS, RUNNER_UP
from leads.index import Index, build_index
from leads.matching import with_candidates
from leads.queries import prepare
from leads.scoring import Model
from opendata.diff import diff

#: Move of a word's weight (natural logarithm) that is let be.
TOLERANCE = 0.02
#: Distance to a threshold within which such a move might change the verdict.
NEAR = 0.01
#: Above this share of changed units nearly as many leads are touched as there are: looking all
#: of them up is faster. Measured on 147,343 units and 4,000 typed leads: one unit in a thousand
#: touches 36 % of the leads, one in a hundred 59 %.
LARGEST_SHARE = 0.001
#: Columns that change without any consequence for matching.
IGNORED = (
    "source_id", "publication_date", "date_dernier_traitement", "annee_effectifs",
    "annee_categorie_entreprise",
)  # fmt: skip
#: Input of ``build_index`` → its key, and the columns that begin with the SIREN of a unit.
INPUTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "legal_units": (("siren",), ("siren",)),
    "establishments": (("siret",), ("siren",)),
    "successions": (
        ("siret_predecesseur", "siret_successeur", "date_lien"),
        ("siret_predecesseur", "siret_successeur"),
    ),
    "duplicates": (("siren_doublon", "siren"), ("siren", "siren_doublon")),
    "former": (("siren", "siret", "name"), ("siren",)),
}
#: Inputs of which a part is enough to find the names of the units that changed.
NAMED = ("legal_units", "establishments", "former")
_LEAD = ["account_id", "lead_id"]

Registry = Mapping[str, pl.LazyFrame]


def changed_units(before: Registry, after: Registry) -> pl.Series:
    """Return the SIRENs of units of which anything that matching reads has changed.

    Args:
        before: inputs of ``build_index`` as they were; one that is absent counts as empty.
        after: the same as they are.
    """
    parts = [pl.Series("siren", [], dtype=pl.String)]
    for name, (key, units) in INPUTS.items():
        old, new = before.get(name), after.get(name)
        one = new if old is None else old
        if one is None:
            continue
        old, new = (one.head(0) if side is None else side for side in (old, new))
        rows = diff(old, new, key, ignore=IGNORED)
        parts += [rows[unit].str.slice(0, 9).alias("siren") for unit in units]
    return pl.concat(parts).drop_nulls().unique().sort()


def touched(
    leads: pl.DataFrame,
    matches: pl.DataFrame,
    changed: pl.Series,
    states: tuple[Registry, Registry],
    model: Model,
    *,
    work: Path,
) -> pl.DataFrame:
    """Return ``account_id``, ``lead_id`` of the leads that must be matched again.

    Args:
        leads: as for ``matching.match_leads``.
        matches: the answers they have.
        changed: of :func:`changed_units`.
        states: the registry before and after.
        model: the model of the answers, and of those to come.
        work: folder for the small indexes; emptied at the end.
    """
    found = [_with_candidates(leads, state, changed, model, work) for state in states]
    queries = prepare(leads)
    named = queries.asked.filter(pl.col("siren").is_in(changed.implode())).select("lead")
    given = queries.leads.join(named, on="lead", how="semi")
    answered = matches.filter(
        pl.any_horizontal(
            pl.col(name).str.slice(0, 9).is_in(changed.implode()) for name in ("siren", "siret")
        ).fill_null(False)
        | pl.col("alternatives")
        .list.eval(pl.element().struct.field("siren").is_in(changed.implode()))
        .list.any()
        .fill_null(False)
    )
    thresholds = list(model.thresholds.values())
    unsure = matches.filter(
        pl.any_horizontal((pl.col("probability") - at).abs() <= NEAR for at in thresholds)
    )
    return pl.concat([rows.select(_LEAD) for rows in (*found, given, answered, unsure)]).unique()


def _with_candidates(
    leads: pl.DataFrame, state: Registry, changed: pl.Series, model: Model, work: Path
) -> pl.DataFrame:
    """Return the leads for which the units of ``changed`` in ``state`` bring candidates."""
    units = changed.to_frame().lazy()
    shutil.rmtree(work, ignore_errors=True)
    part = build_index(
        folder=work,
        **{
            name: state[name].join(units, on="siren", how="semi", maintain_order="left")
            for name in NAMED
            if name in state
        },
    )
    found = with_candidates(leads, part, model)
    shutil.rmtree(work)
    return found


def grown(units_before: int, index: Index) -> bool:
    """Tell whether the registry is so much larger or smaller that all words weigh otherwise."""
    units = int(index.meta["rows"]["units"])
    return abs(math.log(max(units, 1) / max(units_before, 1))) > TOLERANCE


def news(found: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """Return the answers of ``found`` that say something else than those of ``kept``.

    Day and version of an answer, how many units bear a word, and what a probability is made of
    move with every version of the registry: they alone are no news.

    Args:
        found: columns of ``matching.MATCH_SCHEMA``.
        kept: the same, as they were.
    """
    before = kept.select(*_LEAD, _said().alias("said"), *_likely("before"))
    now = found.select(*_LEAD, _said().alias("said"), *_likely("now"))
    both = now.join(before, on=[*_LEAD, "said"])
    moved = [
        (pl.col("p_now") - pl.col("p_before")).abs().fill_null(0.0),
        (pl.col("others_now") - pl.col("others_before"))
        .list.eval(pl.element().abs()).list.max().fill_null(0.0),
    ]  # fmt: skip
    same = both.filter(pl.max_horizontal(moved) <= NEAR)
    return found.join(same, on=_LEAD, how="anti", maintain_order="left")


def _said() -> pl.Expr:
    """Return what an answer says, numbers that move left out, as text."""
    sums = pl.element().str.starts_with(LOG_ODDS) | pl.element().str.starts_with(RUNNER_UP)
    # At most eight digits: a number of the registry has nine or fourteen.
    counts = pl.element().str.replace_all(r"\([0-9]{1,8}\)|:[0-9]{1,8}$", "")
    one = pl.element().struct
    return pl.struct(
        "match_id", "verdict", "siren", "siret", "tier", "matched_name", "matched_kind",
        "question", "model_version", pl.col("probability").is_null().alias("none"),
        pl.col("reasons").list.eval(counts.filter(~sums)),
        pl.col("alternatives").list.eval(
            pl.struct(one.field("siren"), one.field("siret"), one.field("name"))
        ),
    ).struct.json_encode()  # fmt: skip


def _likely(when: str) -> tuple[pl.Expr, pl.Expr]:
    others = pl.col("alternatives").list.eval(pl.element().struct.field("probability"))
    return pl.col("probability").alias(f"p_{when}"), others.alias(f"others_{when}")
