"""Conditions that may be taken out unnoticed, and why.

Belongs here: one reason for each condition whose removal changes no event. Does not belong
here: a condition that a row could be made to need; such a row belongs into the tests.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from signals.registry import registry


@dataclass(frozen=True)
class Reason:
    """Why a condition may go unnoticed.

    Attributes:
        where: module and function.
        removed: the condition, as written.
        why: one sentence.
        signals: the codes for which this holds; all if none is given.
        datasets: those that the signal must read nothing else than; any if none is given.
    """

    where: str
    removed: str
    why: str
    signals: Collection[str] = ()
    datasets: Collection[str] = ()

    def holds(self, signal: str, where: str, removed: str) -> bool:
        """Return whether this is the reason for that mutant."""
        read = set(registry()[signal].signal.datasets)
        asked = (not self.signals or signal in self.signals) and (
            not self.datasets or read <= set(self.datasets)
        )
        return asked and (self.where, self.removed) == (where, removed)


_COMPANIES = "Its tables hold legal persons only."
_NOBODY = "Its rule asks for a SIREN by itself, more exactly."
#: Sources that publish, or of which we keep, legal persons only.
_LEGAL = ("bodacc", "sitadel", "boamp")
_ANTI = "What is to be left out may be listed twice."
_TITLES = "Its titles name no amount of the contract."
_CORRECTION = "Why a notice is withdrawn matters where it is taken back (signals/withdrawn.py)."
REASONS = (
    Reason("events.events", "when reading.company", _COMPANIES, (), _LEGAL),
    Reason("events.events", "when reading.company.not_()", _COMPANIES, (), _LEGAL),
    Reason("events.events", "pl.col('siren').is_not_null()", _NOBODY, (), ("decp", "boamp")),
    Reason("events.events", "pl.col('siren').is_not_null()", _NOBODY, ("big_win",)),
    Reason(
        "events.events",
        "pl.col('siren').is_not_null()",
        "Its rows are joined by SIREN before.",
        (
            "business_acquired",
            "carbon_report_due",
            "dpo_designated",
            "qualiopi_gained",
            "qualiopi_lost",
            "revenue_drop",
            "revenue_growth",
            "site_taken_over",
            "turned_to_loss",
            "turned_to_profit",
        ),
    ),
    *(
        Reason(where, one, "It looks at the last 90 days only.", ("winning_streak",))
        for where, one in (
            ("SIGNAL", "window"),
            ("signals.events.recent", "future"),
            ("events.events", "recent(pl.col('occurred_at'), signal, today)"),
        )
    ),
    Reason(
        "signals.events.recent",
        "future",
        "It tells the days that passed since it last looked.",
        ("late_accounts",),
    ),
    Reason(
        "_acco.topic",
        "coded if name == 'benefits' else False",
        "Restructuring comes before benefits.",
        ("restructuring_agreement",),
    ),
    Reason(
        "_ratios.compared",
        "when usable",
        "Each of the two turnovers is left out for the other's sake.",
        ("revenue_growth", "revenue_drop"),
    ),
    Reason("_bodacc.corrected", ".unique('notice_id', keep='first')", _ANTI),
    Reason("_bodacc.corrected", "when undone", _CORRECTION),
    Reason(
        "_bodacc.corrected",
        "pl.col('previous_notice_id').is_not_null()",
        "No notice is without a number, so that none is left out for it.",
    ),
    Reason("_bodacc.corrected", "undone", "Only judgments are undone by another one."),
    Reason("_sirene.sites_of", ".unique()", _ANTI),
    Reason("_registers.newcomers", ".unique()", _ANTI),
    Reason(
        "_registers.newcomers",
        "condition",
        "Its register lists holders only.",
        ("dpo_designated", "epv_gained", "rge_gained"),
    ),
    Reason("_registers.leavers", "condition", "Its register lists holders only.", ("rge_lost",)),
    Reason("late_accounts._gone", ".unique()", _ANTI),
    Reason("egapro_first_declaration.detect", ".unique()", "It is the right of a semi-join."),
    Reason(
        "_decp.award_events",
        "when pl.col('framework').not_()",
        _TITLES,
        ("big_win", "contract_extension", "contract_renewal_window", "winning_streak"),
    ),
    Reason(
        "_decp.awards",
        "pl.col('_op') != 'removed'",
        "It looks at added rows only.",
        ("contract_renewal_window", "winning_streak"),
    ),
    Reason(
        "events.plausible_amount",
        "amount >= LOWEST_AMOUNT_EUR",
        "Its own threshold is higher.",
        ("big_win",),
    ),
    Reason(
        "contract_renewal_window.detect",
        "if since is None",
        "Nothing is later than no day, and a baseline has no news.",
    ),
    Reason(
        "contract_renewal_window.detect",
        "pl.col('end').dt.offset_by(CLOSES) >= pl.lit(frames.today)",
        "The window of the signal ends within days of it.",
    ),
    Reason("late_accounts.detect", "since is None", "Nothing is later than no day."),
    Reason(
        "late_accounts.detect",
        "pl.col('date_cloture').is_not_null()",
        "Rows without a day are sorted first, and the last one is kept.",
    ),
    *(
        Reason("contract_won.detect", one, "A table that is not loaded has no rows; spares a scan.")
        for one in (
            "if not (frames.has(TABLE) and frames.has(AWARDS))",
            "frames.has(TABLE)",
            "frames.has(AWARDS)",
        )
    ),
    *(
        Reason(
            "carbon_report_due.detect",
            one,
            "A table that is not loaded has no rows; spares a scan.",
        )
        for one in (
            "if not (frames.has(TABLE) and frames.has(UNITS))",
            "frames.has(TABLE)",
            "frames.has(UNITS)",
        )
    ),
    Reason(
        "care_site_opened.detect",
        "if not frames.has(TABLE)",
        "A table that is not loaded has no rows; spares a scan.",
    ),
    Reason(
        "_ratios.compared",
        "now / was >= LOWEST_RATIO",
        "It looks at growth only.",
        ("revenue_growth",),
    ),
    Reason(
        "_ratios.compared",
        "now / was <= HIGHEST_RATIO",
        "It looks at drops only.",
        ("revenue_drop",),
    ),
    Reason(
        "_ratios._copied",
        "pl.col(name) != 0",
        "A result of 0 is no turn.",
        ("turned_to_loss", "turned_to_profit"),
    ),
)


def reason(signal: str, where: str, removed: str) -> str | None:
    """Return why the tests of ``signal`` need not notice; ``None`` if they must."""
    found = (one.why for one in REASONS if one.holds(signal, where, removed))
    return next(found, None)
