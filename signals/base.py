"""What a signal is, and what a detector is given.

Belongs here: the description of one kind of signal and the view of the tables that its
rule reads. Does not belong here: the rules (``signals/detectors``), the columns
(:mod:`signals.contract`), reading files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, Protocol

import polars as pl

from opendata.errors import SettingsError
from signals.contract import TYPE_PREFIX

Polarity = Literal["opportunity", "risk", "suppressor"]
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, kw_only=True)
class Confirms:
    """The signal that this one only confirms once both are known of a company.

    Attributes:
        code: that signal.
        days: how far apart the two dates of one event may lie.
        same_counterparty: the other party must be the same, too.
        same_site: the establishment must be the same, too.
        confidence: how sure, at most, a record of this signal is of that event.
    """

    code: str
    days: int
    same_counterparty: bool = False
    same_site: bool = False
    confidence: float = 0.7


@dataclass(frozen=True, kw_only=True)
class Signal:
    """One kind of signal. Its licence is that of its inputs, never stated here.

    Attributes:
        code: stable name; the name of its module under ``signals/detectors``.
        family: group of codes in the ``type``.
        title_fr, title_en: name of the kind of signal, one line.
        explanation_fr, explanation_en: what happened and why it matters to a seller.
        inputs: tables read, the most authoritative first; it runs when one of them exists.
        rule_version: ``<major>.<minor>``; a new major makes a new ``type``.
        window_days: older events are not signalled, younger ones expire then.
        half_life_days: days in which the score halves.
        base_score: 0-100, before confidence, freshness and match.
        polarity: ``suppressor`` silences the opportunities of the same company.
        nature: ``fact`` if the register says so, ``inference`` if the rule does.
        guards: what the rule refuses, one sentence each, shown in the documentation.
        subject: what the event is about.
        time_precision: how exactly the register dates the event.
        time_driven: the mere passing of time makes events, so it also runs when no source moved.
        register_forgets: its register drops rows as time passes, so that a record that is gone
            takes nothing back.
        confirms: the signal of another source that tells the same event.
        real_example: company, SIREN, day and record in which it was seen; none if it never was
            seen on real data.
    """

    code: str
    family: str
    title_fr: str
    title_en: str
    explanation_fr: str
    explanation_en: str
    inputs: tuple[str, ...]
    rule_version: str = "1.0"
    window_days: int
    half_life_days: int
    base_score: int
    polarity: Polarity = "opportunity"
    nature: Literal["fact", "inference"] = "fact"
    guards: tuple[str, ...]
    subject: Literal["siren", "siret"] = "siren"
    time_precision: Literal["day", "year"] = "day"
    time_driven: bool = False
    register_forgets: bool = False
    confirms: Confirms | None = None
    real_example: str | None = None
    type: str = field(init=False)

    def __post_init__(self) -> None:
        problems = [
            text
            for text, wrong in (
                ("code and family are lower case words", not self._names_are_plain()),
                ("inputs and guards are not empty", not (self.inputs and self.guards)),
                ("base_score is between 0 and 100", not 0 <= self.base_score <= 100),
                (
                    "window and half-life are positive",
                    min(self.window_days, self.half_life_days) < 1,
                ),
                (
                    "rule_version is <major>.<minor>",
                    not re.fullmatch(r"\d+\.\d+", self.rule_version),
                ),
            )
            if wrong
        ]
        if problems:
            raise SettingsError(
                f"signal {self.code!r}: it must hold that {problems[0]}",
                next_step="correct SIGNAL in its module",
            )
        major = self.rule_version.split(".")[0]
        object.__setattr__(self, "type", f"{TYPE_PREFIX}.{self.family}.{self.code}.v{major}")

    def _names_are_plain(self) -> bool:
        return all(_NAME.fullmatch(name) for name in (self.code, self.family))

    @property
    def datasets(self) -> tuple[str, ...]:
        """Return the datasets of the inputs, without repetition, in order."""
        return tuple(dict.fromkeys(table.split("__")[0] for table in self.inputs))


class Frames(Protocol):
    """The tables, as one run sees them."""

    @property
    def today(self) -> date:
        """Return the legal date of the run, Europe/Paris."""

    def has(self, table: str) -> bool:
        """Return whether ``table`` has a current version."""

    def delta(self, table: str) -> pl.LazyFrame:
        """Return what is new since the last run, with ``_op``: added, modified or removed.

        Empty on the baseline of its dataset.
        """

    def current(self, table: str) -> pl.LazyFrame:
        """Return all current rows of ``table``."""

    def past(self, table: str, steps: int) -> pl.LazyFrame:
        """Return the rows of an earlier version of a snapshot.

        Step 1 is the version last looked at, step 2 the good one before it. Empty when there
        is no such version any more, and as long as nothing came after the one last looked at.
        """

    def since(self, table: str) -> date | None:
        """Return the legal day the version last looked at was made; ``None`` on the baseline.

        A rule that is driven by time tells what became true after that day.
        """
