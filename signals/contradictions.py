"""What two registers say of the same company and cannot both be true.

Belongs here: the rules, and the table in which both values are kept. Does not belong here:
deciding who is right, and events (``detectors``): nothing happens when registers disagree.

Registers are late on each other by nature; ``contradictions.yml`` says how long that is normal.
Rows hold numbers, states and registered names of legal persons: no natural person is named.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import polars as pl
import yaml
from pydantic import Field

from opendata.catalogue import Column, Model
from opendata.typing_rules import DTYPES
from signals.base import Frames
from signals.detectors._bodacc import standing
from sirene.names import MASK, core_key, full_key, glued_key

FILE = Path(__file__).with_suffix(".yml")
UNITS, SITES = "sirene__legal_units", "sirene__establishments"
STRUCK, JUDGMENTS = "bodacc__strike_offs", "bodacc__insolvencies"
REGISTERED, SALES = "bodacc__registrations", "bodacc__sales"
AWARDS = "decp__awards"
#: Every table a rule reads: the table follows from these.
INPUTS = (UNITS, SITES, STRUCK, JUDGMENTS, REGISTERED, SALES, AWARDS)
ACTIVE, CLOSED, OPEN = "A", "C", "O"
#: Natures (folded) of a closing that ends the company; after "extinction du passif" it lives on.
WITHOUT_ASSETS = r"(?i)insuffisance d.actif"
_STATE = f"{UNITS}.etat_administratif"


class Kind(Model):
    """One kind of contradiction; see ``contradictions.yml``."""

    days: int
    recent_days: int = 0
    left: tuple[str, ...] = ()
    right: tuple[str, ...] = ()
    confidence: float = Field(default=0.5, gt=0, lt=1)
    note_fr: str
    note_en: str


class Rules(Model):
    """The whole file."""

    kinds: dict[str, Kind]
    columns: tuple[Column, ...]


@cache
def rules() -> Rules:
    """Return the thresholds and the columns of this release."""
    return Rules.model_validate(yaml.safe_load(FILE.read_text(encoding="utf-8")))


def schema() -> dict[str, pl.DataType]:
    """Return the columns of the table with their types."""
    return {column.name: DTYPES[column.type] for column in rules().columns}


@dataclass(frozen=True)
class Side:
    """Where one register says something: field, value, date, version, key of the record."""

    field: str
    value: pl.Expr
    date: pl.Expr
    source: str = "source_id"
    key: pl.Expr | None = None


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


def _told(
    rows: pl.LazyFrame,
    kind: str,
    today: date,
    left: Side,
    right: Side,
    siret: pl.Expr | None = None,
) -> pl.LazyFrame:
    """Return rows as contradictions of one kind, once the normal lag is over.

    The later of the two dates begins it; where neither register gives one, it is told at once.
    """
    rule = rules().kinds[kind]
    nothing = pl.lit(None, dtype=pl.String)
    shown = rows.select(
        "siren",
        (nothing if siret is None else siret).alias("siret"),
        pl.lit(kind).alias("kind"),
        pl.lit(left.field).alias("left_field"),
        pl.col(left.source).alias("left_source_id"),
        left.value.alias("left_value"),
        left.date.alias("left_date"),
        pl.lit(right.field).alias("right_field"),
        pl.col(right.source).alias("right_source_id"),
        right.value.alias("right_value"),
        (nothing if right.key is None else right.key).alias("right_record_key"),
        right.date.alias("right_date"),
        pl.max_horizontal(left.date, right.date).alias("since"),
        pl.lit(rule.note_fr).alias("note_fr"),
        pl.lit(rule.note_en).alias("note_en"),
    )
    over = pl.col("since") <= today - timedelta(days=rule.days)
    return shown.filter(over.fill_null(True)).with_columns(
        pl.col("left_date", "right_date", "since").cast(pl.Date)
    )


def _units(frames: Frames, state: str) -> pl.LazyFrame:
    return frames.current(UNITS).filter(pl.col("etat_administratif") == state)


def _beside(rows: pl.LazyFrame, units: pl.LazyFrame) -> pl.LazyFrame:
    """Join the units to rows of another register, whose columns are told by ``_other``."""
    kept = ("siren", "etat_administratif", "date_debut", "personne_morale", "source_id")
    return units.select(kept).join(rows, on="siren", how="inner", suffix="_other")


def _standing(frames: Frames, table: str) -> pl.LazyFrame:
    """Return the notices of a table that nothing known corrects."""
    rows = frames.current(table)
    return standing(rows, frames, table) if frames.has(table) else rows


def _latest(rows: pl.LazyFrame, day: str = "date_parution") -> pl.LazyFrame:
    """Keep the latest record of each company."""
    ordered = rows.sort("siren", day, "record_key", descending=[False, True, False])
    return ordered.unique("siren", keep="first", maintain_order=True)


def _since_then(rows: pl.LazyFrame, day: str) -> pl.LazyFrame:
    """Leave out what the unit has answered: a period that it opened after the record."""
    return rows.filter((pl.col("date_debut") <= pl.col(day).dt.offset_by("31d")).fill_null(True))


def _active_but_struck_off(frames: Frames) -> pl.LazyFrame:
    """A strike-off that no later registration, nor a period opened since, answers.

    Struck off one court's register for another's, or reported: the company goes on.
    """
    struck = _standing(frames, STRUCK).filter(
        pl.col("moved_away").fill_null(False).not_(), pl.col("reported").fill_null(False).not_()
    )
    back = _standing(frames, REGISTERED).select(
        "siren", pl.col("date_parution").alias("registered")
    )
    answered = (
        _latest(struck)
        .join(back, on="siren")
        .filter(
            # The new court often publishes before the old one strikes off.
            pl.col("registered") >= pl.col("date_parution").dt.offset_by("-180d")
        )
    )
    rows = _latest(struck).join(answered.select("siren"), on="siren", how="anti")
    joined = _since_then(_beside(rows, _units(frames, ACTIVE)), "date_parution")
    return _told(
        joined,
        "active_but_struck_off",
        frames.today,
        Side(_STATE, pl.col("etat_administratif"), pl.col("date_debut")),
        Side(
            f"{STRUCK}.notice_id",
            pl.lit("radiation"),
            pl.col("date_parution"),
            "source_id_other",
            pl.col("record_key"),
        ),
    )


def _active_but_liquidated(frames: Frames) -> pl.LazyFrame:
    latest = _latest(_standing(frames, JUDGMENTS))
    closed = latest.filter(
        pl.col("stage") == "closure", pl.col("jugement_nature").str.contains(WITHOUT_ASSETS)
    )
    day = pl.coalesce("jugement_date", "date_parution")
    joined = _since_then(
        _beside(closed.with_columns(day.alias("closed_on")), _units(frames, ACTIVE)), "closed_on"
    )
    return _told(
        joined,
        "active_but_liquidated",
        frames.today,
        Side(_STATE, pl.col("etat_administratif"), pl.col("date_debut")),
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
    joined = _beside(rows, _units(frames, CLOSED))
    ended = pl.col("date_debut").dt.offset_by(f"{rule.days}d")
    recent = frames.today - timedelta(days=rule.recent_days)
    later = joined.filter(pl.col("acted_on") > ended, pl.col("acted_on") >= recent)
    return _told(
        _latest(later, "acted_on"),
        kind,
        # The lag was counted from the end of the unit: it is told at once.
        frames.today + timedelta(days=rule.days),
        Side(_STATE, pl.col("etat_administratif"), pl.col("date_debut")),
        Side(field, value, pl.col("acted_on"), "source_id_other", pl.col("record_key")),
    )


def _closed_but_in_bodacc(frames: Frames) -> pl.LazyFrame:
    shared = ("record_key", "source_id")
    registered = _standing(frames, REGISTERED).select(
        "siren", pl.col("kind").alias("act"), pl.col("date_parution").alias("acted_on"), *shared
    )
    bought = _standing(frames, SALES).select(
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


def _sites(frames: Frames) -> pl.LazyFrame:
    return frames.current(SITES).select(
        "siren", "siret", "etat_administratif", "date_debut", "siege", "source_id"
    )


def _offices(frames: Frames) -> pl.LazyFrame:
    """Return the active units beside the establishment that they call their head office."""
    units = _units(frames, ACTIVE).select(
        "siren",
        "nic_siege",
        "etat_administratif",
        "date_debut",
        "source_id",
        pl.concat_str("siren", "nic_siege").alias("siret"),
    )
    return units.join(_sites(frames).drop("siren"), on="siret", how="inner", suffix="_other")


def _head_office_closed(frames: Frames) -> pl.LazyFrame:
    """A closed head office beside an open site; without any, another kind says so."""
    elsewhere = _sites(frames).filter(pl.col("etat_administratif") == ACTIVE).select("siren")
    closed = _offices(frames).filter(pl.col("etat_administratif_other") != ACTIVE)
    return _told(
        closed.join(elsewhere, on="siren", how="semi"),
        "head_office_closed",
        frames.today,
        Side(_STATE, pl.col("etat_administratif"), pl.col("date_debut")),
        Side(
            f"{SITES}.etat_administratif",
            pl.col("etat_administratif_other"),
            pl.col("date_debut_other"),
            "source_id_other",
            pl.col("siret"),
        ),
        pl.col("siret"),
    )


def _active_without_establishment(frames: Frames) -> pl.LazyFrame:
    """An active unit all of whose establishments are closed, the head office among them.

    Where the head office itself is not known, the tables are an extract and tell nothing.
    """
    sites = _sites(frames)
    open_sites = sites.filter(pl.col("etat_administratif") == ACTIVE).select("siren")
    last = _latest(
        sites.join(open_sites, on="siren", how="anti").rename({"siret": "record_key"}),
        "date_debut",
    )
    joined = _beside(last, _units(frames, ACTIVE)).join(
        _offices(frames).select("siren"), on="siren", how="semi"
    )
    return _told(
        joined,
        "active_without_establishment",
        frames.today,
        Side(_STATE, pl.col("etat_administratif"), pl.col("date_debut")),
        Side(
            f"{SITES}.etat_administratif",
            pl.col("etat_administratif_other"),
            pl.col("date_debut_other"),
            "source_id_other",
            pl.col("record_key"),
        ),
    )


def _head_office_not_flagged(frames: Frames) -> pl.LazyFrame:
    wrong = _offices(frames).filter(pl.col("siege").fill_null(True).not_())
    return _told(
        wrong,
        "head_office_not_flagged",
        frames.today,
        Side(f"{UNITS}.nic_siege", pl.col("nic_siege"), pl.col("date_debut")),
        Side(
            f"{SITES}.siege",
            pl.lit("false"),
            pl.col("date_debut_other"),
            "source_id_other",
            pl.col("siret"),
        ),
        pl.col("siret"),
    )


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
    told = _latest(_standing(frames, REGISTERED)).filter(
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
    differing = _since_then(joined, "date_parution").filter(
        ~same, said.is_not_null(), _key("denomination").is_not_null()
    )
    return _told(
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
    _head_office_closed: (SITES,),
    _active_without_establishment: (SITES,),
    _head_office_not_flagged: (SITES,),
    _name_differs: (REGISTERED,),
}
