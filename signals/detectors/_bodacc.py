"""How detectors read the BODACC tables, which hold notices about legal persons only.

Belongs here: what several notices-based rules share, first of all that a notice which
another one annuls or rectifies says nothing any more. Does not belong here: withdrawing
what such a notice had signalled (:mod:`signals.withdrawn`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import polars as pl

from signals.base import Frames, Signal
from signals.events import Reading, euros, events, folded, plausible_amount, titled

NOTICES = "bodacc__notices"
DISPOSALS = "bodacc__disposals"
#: Kinds of notice that take the place of the one they cite.
CORRECTIONS = ("annulation", "rectificatif")
#: Family of judgments that undo the one they cite, as an annulation does.
UNDONE = "RETRACTATION"
#: A notice states what a court registered; its free text was read by rules.
CONFIDENCE = 0.95
TRANSFER = "SUITE A TRANSFERT DE SON SIEGE SOCIAL"
LEASE = "LOCATION GERANCE"
#: A day of effect further back is that of another event.
EFFECT_BEFORE_NOTICE = timedelta(days=180)


def corrected(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return ``notice_id`` and ``reason`` of the notices that ``rows`` annul or rectify."""
    kind = pl.col("type_avis")
    undone = pl.lit(False)
    if "jugement_famille" in rows.collect_schema():
        undone = folded(pl.col("jugement_famille")).str.contains(UNDONE).fill_null(False)
    reason = pl.when(undone).then(pl.lit("annulation")).otherwise(kind)
    return (
        rows.filter(
            kind.is_in(CORRECTIONS).fill_null(False) | undone,
            pl.col("previous_notice_id").is_not_null(),
        )
        .select(notice_id="previous_notice_id", reason=reason)
        .unique("notice_id", keep="first")
    )


def standing(rows: pl.LazyFrame, frames: Frames, table: str) -> pl.LazyFrame:
    """Return the notices of ``rows``, from ``table``, that nothing known corrects."""
    known = [frames.current(name) for name in (table, NOTICES) if frames.has(name)]
    nothing = pl.LazyFrame(schema={"notice_id": pl.String})
    gone = pl.concat([nothing, *(corrected(part).select("notice_id") for part in known)])
    told = rows.filter((pl.col("type_avis") == "annulation").fill_null(False).not_())
    return told.join(gone, on="notice_id", how="anti")


def notices(frames: Frames, table: str) -> pl.LazyFrame:
    """Return the new notices of ``table`` that stand."""
    rows = frames.delta(table).filter(pl.col("_op") != "removed")
    return standing(rows, frames, table)


def hq_registrations(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return registrations caused by a head office transfer, with ``registered_on``.

    That is the day of the notice: these notices repeat the company's first registration
    and the beginning of its activity, most often years before (42 of 45 real ones).
    """
    caused = folded(pl.col("category")).str.contains(TRANSFER, literal=True)
    return rows.filter(caused).with_columns(registered_on=pl.col("date_parution"))


def sales(frames: Frames) -> pl.LazyFrame:
    """Return the new sales of businesses between different parties, with a plausible price.

    A lease (location-gérance) is not a sale. ``amount`` is null where the price is a
    placeholder or absurd; ``sale`` names the sale by price, else by date, so that the
    provisional and the definitive notice of one sale carry one name. ``happened`` is the
    day of effect where it is near the notice, else the day of the notice: some notices
    announce a coming effect, others repeat when the business first opened.
    """
    rows = notices(frames, "bodacc__sales")
    return _told(rows.filter(pl.col("buyer_siren") != pl.col("seller_siren").fill_null("")))


def disposals(frames: Frames) -> pl.LazyFrame:
    """Return the new sales by a company to buyers without number, in the form of :func:`sales`.

    Nothing says who the buyer is, only whether it is a natural person.
    """
    nobody = pl.lit(None, dtype=pl.String)
    return _told(notices(frames, DISPOSALS)).with_columns(buyer_siren=nobody)


def _told(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return ``rows`` but leases, with ``amount``, ``happened`` and ``sale``."""
    lease = folded(pl.col("category")).str.contains(LEASE, literal=True).fill_null(False)
    bought = folded(pl.col("category")).str.contains("LOCATAIRE GERANT", literal=True)
    named = rows.filter(lease.not_() | bought.fill_null(False))
    amount = plausible_amount(pl.col("price_eur"))
    lead = pl.col("date_parution") - pl.col("date_effet")
    agreed = pl.col("price_eur").round(0).cast(pl.Int64, strict=False).cast(pl.String)
    return named.with_columns(
        amount=amount,
        happened=pl.when((lead >= timedelta(0)) & (lead <= EFFECT_BEFORE_NOTICE))
        .then("date_effet")
        .otherwise("date_parution"),
        sale=pl.coalesce(
            pl.lit("price ") + agreed,
            pl.lit("date ") + pl.col("date_effet").cast(pl.String),
            pl.lit("place ") + pl.col("code_postal"),
        ),
    )


def sale_events(
    rows: pl.LazyFrame,
    signal: Signal,
    today: date,
    side: str,
    other: str,
    more: Mapping[str, pl.Expr] | None = None,
) -> pl.LazyFrame:
    """Return ``rows`` of :func:`sales` as events of ``side``, ``other`` being the counterparty.

    ``more`` is added to what is known after.
    """
    amount = pl.col("amount")
    reading = Reading(
        siren=pl.col(f"{side}_siren"),
        counterparty=pl.col(f"{other}_siren"),
        name=pl.col(f"{side}_name"),
        key=[pl.col(f"{other}_siren"), pl.col("sale")],
        occurred=pl.col("happened"),
        title_fr=titled(signal.title_fr, euros(amount, french=True), " pour "),
        title_en=titled(signal.title_en, euros(amount, french=False), " for "),
        after={
            f"{other}_siren": pl.col(f"{other}_siren"),
            "price_eur": amount,
            "date_effet": pl.col("date_effet").cast(pl.String),
            "category": pl.col("category"),
            "activite": pl.col("activite"),
            "code_postal": pl.col("code_postal"),
            "ville": pl.col("ville"),
            **(more or {}),
        },
        url=pl.col("url"),
        departement=department(pl.col("code_postal")),
        company=pl.lit(True),
        confidence=CONFIDENCE,
    )
    return events(rows, signal, today, reading)


def department(postcode: pl.Expr) -> pl.Expr:
    """Return the département of a postcode; null for Corsica, where it does not tell."""
    overseas = postcode.str.starts_with("97") | postcode.str.starts_with("98")
    code = pl.when(overseas).then(postcode.str.head(3)).otherwise(postcode.str.head(2))
    return pl.when(postcode.str.contains(r"^\d{5}$") & postcode.str.starts_with("20").not_()).then(
        code
    )


def insolvency_events(
    rows: pl.LazyFrame,
    signal: Signal,
    today: date,
    key: pl.Expr,
    titles: tuple[pl.Expr, pl.Expr],
    after: Mapping[str, pl.Expr],
) -> pl.LazyFrame:
    """Return judgments as events dated by the judgment, named by its date and ``key``."""
    judged = pl.coalesce("jugement_date", "date_parution")
    reading = Reading(
        siren=pl.col("siren"),
        name=pl.col("company_name"),
        key=[judged, key],
        occurred=judged,
        title_fr=titles[0],
        title_en=titles[1],
        after={"jugement_nature": pl.col("jugement_nature"), **after},
        url=pl.col("url"),
        company=pl.lit(True),
        prospecting_allowed=pl.lit(True),
        confidence=CONFIDENCE,
    )
    return events(rows, signal, today, reading)


def judgments(frames: Frames, *stages: str) -> pl.LazyFrame:
    """Return the new judgments of these stages."""
    rows = notices(frames, "bodacc__insolvencies")
    return rows.filter(pl.col("stage").is_in(stages))


def creation_category(column: str = "category") -> pl.Expr:
    """Return whether a registration is a start of business, not a shell or an arrival."""
    category = folded(pl.col(column)).fill_null("")
    shell = category.str.contains("SANS ACTIVITE", literal=True)
    return (shell | category.str.contains(TRANSFER, literal=True)).not_()
