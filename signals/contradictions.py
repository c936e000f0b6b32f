"""What two registers say of the same company and cannot both be true.

Belongs here: the table of contradictions, and the rules that compare Sirene with BODACC and
DECP. Does not belong here: Sirene against itself (:mod:`signals.site_contradictions`), the row
of one contradiction (:mod:`signals.disagreement`), deciding who is right, and events
(``detectors``): nothing happens when registers disagree.

Rows hold numbers, states and registered names of legal persons: no natural person is named.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import timedelta

import polars as pl

from signals.base import Frames
from signals.disagreement import (
    ACTIVE,
    CLOSED,
    SITES,
    STATE,
    UNITS,
    Side,
    as_contradictions,
    beside,
    latest_record,
    rules,
    schema,
    standing_notices,
    unanswered,
    units_in_state,
)
from signals.site_contradictions import (
    active_without_establishment,
    head_office_closed,
    head_office_not_flagged,
)
from sirene.names import MASK, core_key, full_key, glued_key

STRUCK, JUDGMENTS = "bodacc__strike_offs", "bodacc__insolvencies"
REGISTERED, SALES = "bodacc__registrations", "bodacc__sales"
AWARDS = "decp__awards"
#: Every table a rule reads: the table follows from these.
INPUTS = (UNITS, SITES, STRUCK, JUDGMENTS, REGISTERED, SALES, AWARDS)
OPEN = "O"
#: Natures (folded) of a closing that ends the company; after "extinction du passif" it lives on.
WITHOUT_ASSETS = r"(?i)insuffisance d.actif"


def contradictions(frames: Frames) -> pl.LazyFrame:
    """Return every contradiction between the tables that serve, by id.

    Args:
        frames: the current tables; a rule whose tables are not there finds nothing.

    Returns:
        Rows of :func:`schema`. The same tables give the same rows.
    """
    if not frames.has(UNITS):
        return pl.LazyFrame(schema=schema())
    found = [
        rule(frames) for rule, tables in RULES.items() if any(frames.has(one) for one in tables)
    ]
    rows = pl.collect_all(found, engine="streaming")
    return _identified(pl.concat(rows)).lazy() if rows else pl.LazyFrame(schema=schema())


def _identified(rows: pl.DataFrame) -> pl.DataFrame:
    names = ("kind", "siren", "siret", "since")
    keys = rows.select(
        pl.concat_str([pl.col(name).cast(pl.String).fill_null("") for name in names], separator="|")
    ).to_series()
    ids = [hashlib.blake2b(key.encode(), digest_size=16).hexdigest() for key in keys]
    return (
        rows.with_columns(pl.Series("contradiction_id", ids, dtype=pl.String))
        .select(pl.col(name).cast(dtype) for name, dtype in schema().items())
        .sort("contradiction_id", "right_record_key", nulls_last=True)
        .unique("contradiction_id", keep="first", maintain_order=True)
    )


def _active_but_struck_off(frames: Frames) -> pl.LazyFrame:
    """A strike-off that no later registration, nor a period opened since, answers.

    Struck off one court's register for another's, or reported: the company goes on.
    """
    struck = standing_notices(frames, STRUCK).filter(
        pl.col("moved_away").fill_null(False).not_(), pl.col("reported").fill_null(False).not_()
    )
    back = standing_notices(frames, REGISTERED).select(
        "siren", pl.col("date_parution").alias("registered")
    )
    answered = (
        latest_record(struck)
        .join(back, on="siren")
        .filter(
            # The new court often publishes before the old one strikes off.
            pl.col("registered") >= pl.col("date_parution").dt.offset_by("-180d")
        )
    )
    rows = latest_record(struck).join(answered.select("siren"), on="siren", how="anti")
    joined = unanswered(beside(rows, units_in_state(frames, ACTIVE)), "date_parution")
    return as_contradictions(
        joined,
        "active_but_struck_off",
        frames.today,
        Side(STATE, pl.col("etat_administratif"), pl.col("date_debut")),
        Side(
            f"{STRUCK}.notice_id",
            pl.lit("radiation"),
            pl.col("date_parution"),
            "source_id_other",
            pl.col("record_key"),
        ),
    )


def _active_but_liquidated(frames: Frames) -> pl.LazyFrame:
    latest = latest_record(standing_notices(frames, JUDGMENTS))
    closed = latest.filter(
        pl.col("stage") == "closure", pl.col("jugement_nature").str.contains(WITHOUT_ASSETS)
    )
    day = pl.coalesce("jugement_date", "date_parution")
    joined = unanswered(
        beside(closed.with_columns(day.alias("closed_on")), units_in_state(frames, ACTIVE)),
        "closed_on",
    )
    return as_contradictions(
        joined,
        "active_but_liquidated",
        frames.today,
        Side(STATE, pl.col("etat_administratif"), pl.col("date_debut")),
        Side(
            f"{JUDGMENTS}.jugement_nature",
            pl.col("jugement_nature"),
            pl.col("closed_on"),
            "source_id_other",
            pl.col("record_key"),
        ),
    )


def _active_after_the_end(
    rows: pl.LazyFrame, kind: str, frames: Frames, field: str, value: pl.Expr
) -> pl.LazyFrame:
    """Return what a closed unit did, by ``acted_on``, later than lag explains, and lately."""
    rule = rules().kinds[kind]
    joined = beside(rows, units_in_state(frames, CLOSED))
    ended = pl.col("date_debut").dt.offset_by(f"{rule.days}d")
    recent = frames.today - timedelta(days=rule.recent_days)
    later = joined.filter(pl.col("acted_on") > ended, pl.col("acted_on") >= recent)
    return as_contradictions(
        latest_record(later, "acted_on"),
        kind,
        # The lag was counted from the end of the unit: it is told at once.
        frames.today + timedelta(days=rule.days),
        Side(STATE, pl.col("etat_administratif"), pl.col("date_debut")),
        Side(field, value, pl.col("acted_on"), "source_id_other", pl.col("record_key")),
    )


def _closed_but_in_bodacc(frames: Frames) -> pl.LazyFrame:
    shared = ("record_key", "source_id")
    registered = standing_notices(frames, REGISTERED).select(
        "siren", pl.col("kind").alias("act"), pl.col("date_parution").alias("acted_on"), *shared
    )
    bought = standing_notices(frames, SALES).select(
        pl.col("buyer_siren").alias("siren"),
        pl.lit("achat").alias("act"),
        pl.col("date_parution").alias("acted_on"),
        *shared,
    )
    acts = pl.concat([registered, bought]).drop_nulls("siren")
    kind = "closed_but_in_bodacc"
    return _active_after_the_end(acts, kind, frames, "bodacc__notices.notice_id", pl.col("act"))


def _closed_but_awarded(frames: Frames) -> pl.LazyFrame:
    won = frames.current(AWARDS).select(
        pl.col("titulaire_siren").alias("siren"),
        pl.coalesce("date_premiere_notification", "date_notification").alias("acted_on"),
        "uid",
        "record_key",
        "source_id",
    )
    acts = won.filter(pl.col("acted_on") <= frames.today).drop_nulls("siren")
    return _active_after_the_end(acts, "closed_but_awarded", frames, f"{AWARDS}.uid", pl.col("uid"))


def _key(column: str) -> pl.Expr:
    name = pl.col(column)
    return glued_key(core_key(full_key(pl.when(name != MASK).then(name))))


def _name_differs(frames: Frames) -> pl.LazyFrame:
    """The name of the latest registration against every name that Sirene has of the unit.

    A name inside the other is the same one, cut or with an addition; a name that Sirene gave
    after the notice is a change, and no contradiction.
    """
    rule = rules().kinds["name_differs"]
    recent = frames.today - timedelta(days=rule.recent_days)
    told = latest_record(standing_notices(frames, REGISTERED)).filter(
        pl.col("company_name").is_not_null(), pl.col("date_parution") >= recent
    )
    names = ("denomination", "sigle", *(f"denomination_usuelle_{turn}" for turn in (1, 2, 3)))
    units = frames.current(UNITS).filter(
        pl.col("personne_morale"),
        pl.col("statut_diffusion") == OPEN,
        pl.col("etat_administratif") == ACTIVE,
        pl.col("denomination").is_not_null(),
    )
    joined = units.select("siren", "date_debut", "source_id", *names).join(
        told.select("siren", "company_name", "date_parution", "record_key", "source_id"),
        on="siren",
        suffix="_other",
    )
    said = _key("company_name")
    same = pl.any_horizontal(_alike(_key(name), said).fill_null(False) for name in names)
    differing = unanswered(joined, "date_parution").filter(
        ~same, said.is_not_null(), _key("denomination").is_not_null()
    )
    return as_contradictions(
        differing,
        "name_differs",
        frames.today,
        Side(f"{UNITS}.denomination", pl.col("denomination"), pl.col("date_debut")),
        Side(
            f"{REGISTERED}.company_name",
            pl.col("company_name"),
            pl.col("date_parution"),
            "source_id_other",
            pl.col("record_key"),
        ),
    )


def _alike(one: pl.Expr, other: pl.Expr) -> pl.Expr:
    inside = one.str.contains(other, literal=True) | other.str.contains(one, literal=True)
    return (one == other) | (
        inside & (pl.min_horizontal(one.str.len_chars(), other.str.len_chars()) >= 4)
    )


#: Each rule with the tables without any of which it can find nothing.
RULES: Mapping[Callable[[Frames], pl.LazyFrame], tuple[str, ...]] = {
    _active_but_struck_off: (STRUCK,),
    _active_but_liquidated: (JUDGMENTS,),
    _closed_but_in_bodacc: (REGISTERED, SALES),
    _closed_but_awarded: (AWARDS,),
    head_office_closed: (SITES,),
    active_without_establishment: (SITES,),
    head_office_not_flagged: (SITES,),
    _name_differs: (REGISTERED,),
}
