"""Which rows each stream gains.

Belongs here: the company stream, which repeats the log, and each account's stream, which
is the log seen through the account's matches. Both are pure: what was published and what
is known go in, the rows to add come out. Does not belong here: files.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from opendata.clock import Clock
from signals.amend import blank, followed, renamed
from signals.caps import WAITING_SCHEMA, within
from signals.contract import EXPORTED_VERDICTS, SIGNAL_SCHEMA
from signals.fit import Rating
from signals.identity import hashed
from signals.scoring import scored
from signals.segments import latest

_STANDS = pl.col("op").is_in(["ASSERT", "AMEND"])
_NO_TEXT = pl.lit(None, dtype=pl.String)
_MATCH = ("lead_id", "account_id", "match_id", "match_probability", "match_status", "match_reasons")


def account_source(account_id: str) -> str:
    """Return the URI of an account's stream."""
    return f"urn:company-signals:account:{account_id}"


@dataclass(frozen=True)
class Before:
    """What an account's stream looked like when it was last published.

    Attributes:
        rows: every row published.
        leads: ids of the leads it then had.
        company_sequence: last sequence of the company log that any stream took into
            account before now; what comes after it is new to everybody.
        forgotten: leads that must be forgotten: their rows end without values.
        waiting: signals that a cap held back.
    """

    rows: pl.DataFrame
    leads: frozenset[str]
    company_sequence: str
    forgotten: frozenset[str] = frozenset()
    waiting: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Wish:
    """What the account asked for: how companies fit its profile, and what never waits."""

    rating: Rating
    silencing: frozenset[str]


@dataclass(frozen=True)
class AccountRows:
    """The rows an account gains, and the signals that its caps hold back."""

    told: pl.DataFrame
    waiting: pl.DataFrame


def account_rows(
    company: pl.DataFrame,
    matches: pl.DataFrame,
    before: Before,
    *,
    now: datetime,
    run_id: str,
    wish: Wish | None = None,
) -> AccountRows:
    """Return the rows that bring an account's stream up to date, without sequence.

    A lead's signal stands when the company's signal stands and its match is confirmed or
    probable. One that is new is asserted if not expired; one whose company signal changed
    is amended; one that no longer stands is retracted, or erased with the company's.

    Args:
        company: the company log, or its last rows, with evidence filled.
        matches: matches of this account only.
        before: what was published.
        now: instant of the publication, UTC.
        run_id: name of the run.
        wish: what the account asked for, if it has a profile.
    """
    told = latest(before.rows)
    last = latest(company)
    wanted = _wanted(last, matches)
    new = _asserted(wanted, told, before, now)
    changed = _amended(wanted, told)
    gone = _withdrawn(told, last, wanted, matches, before.forgotten, now, run_id)
    day = Clock.at(now).today()
    base = pl.col("score_breakdown").str.json_path_match("$.base").cast(pl.Int64)
    said = pl.concat([new, changed]).with_columns(base_score=base)
    rated = scored(said, day) if wish is None else _rated(said, day, wish.rating)
    kept, waiting = rated, WAITING_SCHEMA.to_frame()
    if wish is not None:
        fresh = pl.col("op") == "ASSERT"
        heard, waiting = within(
            rated.filter(fresh), before.rows, wish.rating.profile, wish.silencing, day
        )
        kept = pl.concat([heard, rated.filter(fresh.not_())])
    said = kept.with_columns(
        recordedtime=pl.lit(now).cast(pl.Datetime("us", "UTC")), run_id=pl.lit(run_id)
    )
    first = pl.col("supersedes").is_null()
    rows = pl.concat(
        [
            said.filter(first).with_columns(id=pl.col("signalid")).select(SIGNAL_SCHEMA.names()),
            renamed(said.filter(first.not_())),
            renamed(gone.filter(pl.col("op") != "ERASE")),
            renamed(gone.filter(pl.col("op") == "ERASE")),
        ]
    )
    return AccountRows(rows.sort("time", "type", "subject", "lead_id", "signalid"), waiting)


def _rated(rows: pl.DataFrame, day: date, rating: Rating) -> pl.DataFrame:
    return scored(rating.rated(rows), day, rating.factors()).drop("fit")


def _wanted(company: pl.DataFrame, matches: pl.DataFrame) -> pl.DataFrame:
    """Return the standing company signals of each matched lead, as rows of the lead."""
    usable = (
        matches.filter(pl.col("verdict").is_in(EXPORTED_VERDICTS), pl.col("siren").is_not_null())
        .sort("probability", "match_id", descending=[True, False])
        .unique(["lead_id", "siren"], keep="first", maintain_order=True)
        .select(
            "siren",
            "lead_id",
            "account_id",
            "match_id",
            match_probability=pl.col("probability").cast(pl.Float64),
            match_status="verdict",
            match_reasons="reasons",
        )
    )
    own = company.filter(_STANDS).drop(_MATCH)
    joined = own.join(usable, on="siren").with_columns(causationid=pl.col("id"))
    return joined.with_columns(signalid=hashed(["correlationid", "lead_id"]))


def _asserted(
    wanted: pl.DataFrame, told: pl.DataFrame, before: Before, now: datetime
) -> pl.DataFrame:
    """Return what the account does not hold, or no longer holds, and is still of use."""
    valid = pl.col("expirytime") > pl.lit(now, dtype=pl.Datetime("us", "UTC"))
    held = told.filter(_STANDS | (pl.col("op") == "ERASE"))
    new = wanted.filter(valid).join(held, on="signalid", how="anti")
    withdrawn = told.select("signalid", supersedes="id")
    new = new.drop("supersedes").join(withdrawn, on="signalid", how="left")
    older = pl.col("sequence") <= before.company_sequence
    known_lead = pl.col("lead_id").is_in(list(before.leads))
    reason = (
        pl.when(pl.col("signalid").is_in(list(before.waiting)))
        .then(pl.lit("held_back"))
        .when(older & known_lead)
        .then(pl.lit("match_changed"))
        .when(older)
        .then(pl.lit("lead_added"))
        .when(pl.col("supersedes").is_not_null() | (pl.col("reason") == "identity_merge"))
        .then(pl.col("reason"))
        .otherwise(_NO_TEXT)
    )
    return new.with_columns(op=pl.lit("ASSERT"), reason=reason).select(SIGNAL_SCHEMA.names())


def _amended(wanted: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """Return what the account holds and what the company log or the match now says otherwise."""
    held = told.filter(_STANDS).select(
        "signalid", _told="id", _status="match_status", _cause="causationid"
    )
    both = wanted.join(held, on="signalid")
    news = pl.col("_cause") != pl.col("causationid")
    return (
        both.filter(news | (pl.col("_status") != pl.col("match_status")))
        .with_columns(
            op=pl.lit("AMEND"),
            supersedes=pl.col("_told"),
            reason=pl.when(news).then("reason").otherwise(pl.lit("match_changed")),
        )
        .select(SIGNAL_SCHEMA.names())
    )


def _withdrawn(
    told: pl.DataFrame,
    company: pl.DataFrame,
    wanted: pl.DataFrame,
    matches: pl.DataFrame,
    forgotten: frozenset[str],
    now: datetime,
    run_id: str,
) -> pl.DataFrame:
    """Return the end of what the account holds and no longer should."""
    state = company.select(correlationid="signalid", _op="op", _reason="reason")
    held = told.filter(pl.col("op") != "ERASE").join(state, on="correlationid", how="left")
    of_lead = pl.col("lead_id").is_in(list(forgotten)).fill_null(False)
    ended = (pl.col("_op").fill_null("") == "ERASE") | of_lead
    # Why the company's signal was erased; a lead that was forgotten has no such reason.
    why_erased = pl.when(pl.col("_op") == "ERASE").then("_reason")
    erased = held.filter(ended).with_columns(_reason=why_erased.fill_null("opposition"))
    gone = held.filter(_STANDS, ~ended).join(wanted, on="signalid", how="anti")
    present = pl.col("lead_id").is_in(matches["lead_id"].unique().to_list())
    why = (
        pl.when(pl.col("_op") == "RETRACT")
        .then("_reason")
        .when(present)
        .then(pl.lit("match_changed"))
        .otherwise(pl.lit("lead_removed"))
    )
    retracted = followed(gone.with_columns(_why=why), "RETRACT", "", now, run_id)
    retracted = retracted.with_columns(reason=pl.col("_why")).select(SIGNAL_SCHEMA.names())
    last = followed(erased, "ERASE", "", now, run_id)
    emptied = blank(last, "opposition").with_columns(reason=last["_reason"])
    return pl.concat([retracted, emptied.select(SIGNAL_SCHEMA.names())])
