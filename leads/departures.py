"""Which leads a customer no longer has.

Belongs here: deciding, when a file of leads is taken for the whole list, whether the leads that
are not in it may be removed. Does not belong here: removing them (``store``), what then
becomes of their signals (``signals.feed``).

A truncated export looks like a customer who lost most of its leads: below a floor nothing is
removed, and the account is named. A row that was refused is no departure: its lead stays as it
was; a row that could not even be cut into cells may be any lead's, so that nothing is removed.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from leads.intake import Intake

#: So few departures need no guard: a list of three may well lose two.
FEW = 10
_KEY = ["account_id", "lead_id"]


@dataclass(frozen=True)
class Departures:
    """What may leave.

    Attributes:
        complete_for: accounts whose absent leads are to be removed.
        staying: rows of the store to take in again: their row in the file was refused.
        held: account → why none of its absent leads is removed.
    """

    complete_for: tuple[str, ...]
    staying: pl.DataFrame
    held: dict[str, str]


def departures(stored: pl.DataFrame, intake: Intake, *, floor: float) -> Departures:
    """Judge what ``intake``, taken for the whole list, no longer has of ``stored``.

    Args:
        stored: the leads kept, columns of ``leads.model.SCHEMA``.
        intake: what was read of the file. Accounts it does not name are left alone.
        floor: least share of an account's leads that must be in the file for the others to
            be removed; 0 removes whatever is absent.
    """
    named = intake.accepted["account_id"].unique().sort().to_list()
    present = pl.concat([intake.accepted.select(_KEY), intake.refused_ids])
    before = stored.filter(pl.col("account_id").is_in(named))
    absent = before.join(present, on=_KEY, how="anti")
    leaving = dict(absent.group_by("account_id").len().iter_rows())
    known = dict(before.group_by("account_id").len().iter_rows())
    held = {}
    for account, gone in sorted(leaving.items()):
        left = known[account] - gone
        if intake.uncut:
            held[account] = (
                f"{gone:,} of {known[account]:,} leads are not in the file, but {intake.uncut:,} "
                "of its rows could not be read: none is removed"
            )
        elif gone > FEW and left < floor * known[account]:
            held[account] = (
                f"{gone:,} of {known[account]:,} leads are not in the file, more than the floor of "
                f"{floor:.0%} allows: none is removed"
            )
    refused = before.join(intake.refused_ids, on=_KEY, how="semi")
    staying = refused.join(intake.accepted.select(_KEY), on=_KEY, how="anti")
    return Departures(tuple(name for name in named if name not in held), staying, held)
