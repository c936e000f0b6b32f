"""Test events in production shape: invented companies, made and published by the real code.

Belongs here: a small invented world, one signal of every type, and the life of its log: what is
asserted, amended, withdrawn, told again, erased. Does not belong here: what a consumer must make
of it (:mod:`signals.conformance`).

Nothing in it is real: the companies are called "ESSAI FICTIF", their numbers fail the check
digit of SIREN, so that they can be nobody's, and the source says that it is a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl

from opendata.clock import Clock
from signals.amend import retractions
from signals.base import Signal
from signals.contract import EVENT_SCHEMA, Reason, schema_of
from signals.detect import detect_all
from signals.feed.attribution import SOURCE_SCHEMA
from signals.feed.companions import Match, SourceStatus
from signals.feed.export import account_folder, export
from signals.log import SignalLog
from signals.registry import Detector, registry

ACCOUNT = "essai"
FIRST_DAY = date(2026, 1, 5)
_DATASET = "essai"
_LEADS_WITHOUT_ANSWER = 2
_MERGED: Reason = "identity_merge"


@dataclass
class World:
    """An invented log, its leads and its exports; each step is a day later.

    Args:
        folder: an empty folder to work in.
    """

    folder: Path
    day: date = FIRST_DAY
    gap: bool = False

    def __post_init__(self) -> None:
        self.log = SignalLog(self.folder / "signals")
        self.signals = [one.signal for one in registry().values()]

    @property
    def stream(self) -> Path:
        """Return the folder of the account's stream."""
        return self.folder / "exports" / "accounts" / account_folder(ACCOUNT)

    def tell(
        self, numbers: range, *, amount: int = 1, flawed: bool = False, code: str | None = None
    ) -> None:
        """Tell an event about the companies ``numbers``, each of the type of its number.

        Args:
            numbers: places in :attr:`signals`, which wrap around.
            amount: a value told with the event; another one amends it.
            flawed: every second event belongs to a mass operation, the others may not be used
                for prospecting.
            code: one type for all of them instead.
        """
        kind = None if code is None else self._named(code)
        found = [self._detector(number, amount, flawed, kind) for number in numbers]
        detectors = {f"{number}": one for number, one in zip(numbers, found, strict=True)}
        candidates = detect_all(
            _Today(self.day), recorded=self._now, run_id=self._run, detectors=detectors
        )
        self.log.append(candidates, {_DATASET: f"{self.day}"})

    def retract(self, *numbers: int) -> None:
        """Withdraw what was told of companies."""
        rows = self.log.current().filter(pl.col("siren").is_in([siren(one) for one in numbers]))
        self.log.retract(
            rows["signalid"].to_list(), reason="annulation", recorded=self._now, run_id=self._run
        )

    def merge(self, number: int, code: str) -> None:
        """Let a second source tell the event of a company: signal ``code`` stands for both."""
        known = self.log.current().filter(pl.col("siren") == siren(number))
        found = detect_all(
            _Today(self.day),
            recorded=self._now,
            run_id=self._run,
            detectors={code: self._detector(number, 2, False, self._named(code))},
        )
        records = pl.lit(known["evidence"].implode()).explode()
        both = found.with_columns(
            evidence=pl.concat_list("evidence", records), reason=pl.lit(_MERGED)
        )
        gone = retractions(
            known, known["signalid"].to_list(), reason=_MERGED, recorded=self._now,
            run_id=self._run,
        )  # fmt: skip
        self.log.append(both, {_DATASET: f"{self.day}"}, gone)

    def _named(self, code: str) -> Signal:
        return next(one for one in self.signals if one.code == code)

    def erase(self, *numbers: int) -> None:
        """Forget companies."""
        sirens = [siren(one) for one in numbers]
        self.log.erase(sirens, reason="opposition", recorded=self._now, run_id=self._run)

    def publish(
        self,
        companies: int,
        window: timedelta | None = None,
        read: Mapping[str, str] | None = None,
    ) -> Path:
        """Publish, one lead for each of the first ``companies``; go on to the next day.

        Args:
            companies: number of leads that are recognised.
            window: older rows leave the segments.
            read: stream → sequence up to which every consumer has read.

        Returns:
            The folder of the account's stream.
        """
        export(
            self.log,
            self.folder / "exports",
            matches=_matches(companies, self.day),
            sources=self._sources(),
            source_status=self._status(),
            clock=Clock.at(self.day),
            run_id=self._run,
            window=window,
            read=read,
        )
        self.day += timedelta(days=1)
        return self.stream

    @property
    def _now(self) -> datetime:
        return Clock.at(self.day).now()

    @property
    def _run(self) -> str:
        return f"essai-{self.day}"

    def _detector(
        self, number: int, amount: int, flawed: bool, kind: Signal | None = None
    ) -> Detector:
        usual = self.signals[number % len(self.signals)]
        signal = replace(kind or usual, inputs=(_DATASET,))
        event = _event(number, signal, self.day, amount, flawed)
        return Detector(signal, lambda _frames: event.lazy())

    def _sources(self) -> pl.DataFrame:
        days = [FIRST_DAY + timedelta(days=n) for n in range((self.day - FIRST_DAY).days + 1)]
        rows = [
            {
                "source_id": f"{_DATASET}@{day}",
                "dataset": _DATASET,
                "title": "Données d'essai",
                "publisher": "company-signals (essai)",
                "publisher_url": "https://example.org",
                "landing_page": "https://example.org/essai",
                "licence_id": "lov2",
                "licence_title": "Licence Ouverte 2.0",
                "licence_url": "https://www.etalab.gouv.fr/licence-ouverte-open-licence",
                "publication_date": day,
                "fetched_at": datetime(day.year, day.month, day.day, tzinfo=UTC),
                "attribution": f"Données inventées pour l'essai, {day:%d/%m/%Y}",
            }
            for day in days
        ]
        return pl.DataFrame(rows, schema=SOURCE_SCHEMA)

    def _status(self) -> pl.DataFrame:
        row = {
            "dataset": _DATASET,
            "state": "GAP" if self.gap else "OK",
            "publication_date": self.day,
            "last_checked": self.day,
            "message": "two days of the test are missing" if self.gap else None,
        }
        return pl.DataFrame([row], schema=schema_of(SourceStatus))


def siren(number: int) -> str:
    """Return the number of an invented company; no SIREN has its check digit."""
    body = f"9000{number:04d}"
    doubled = [int(one) * (1 + place % 2) for place, one in enumerate(body)]
    check = -sum(one - 9 if one > 9 else one for one in doubled) % 10
    return f"{body}{(check + 1) % 10}"


def company_name(number: int) -> str:
    """Return the name of an invented company."""
    return f"ESSAI FICTIF {number:04d}"


@dataclass(frozen=True)
class _Today:
    """Tables of a day on which only the invented dataset exists."""

    today: date

    def has(self, table: str) -> bool:
        return table == _DATASET

    def delta(self, table: str) -> pl.LazyFrame:
        raise AssertionError(table)

    current = delta

    def past(self, table: str, steps: int) -> pl.LazyFrame:
        raise AssertionError(table, steps)

    def since(self, table: str) -> date | None:
        raise AssertionError(table)


def _event(number: int, signal: Signal, day: date, amount: int, flawed: bool) -> pl.DataFrame:
    mine = siren(number)
    row = {
        "siren": mine,
        "siret": f"{mine}00011" if signal.subject == "siret" else None,
        "company_name": company_name(number),
        "event_key": f"essai-{number}",
        "occurred_at": FIRST_DAY,
        "title_fr": f"Essai : {signal.title_fr}",
        "title_en": f"Test: {signal.title_en}",
        "after": f'{{"essai":{amount}}}',
        "source_id": f"{_DATASET}@{day}",
        "record_key": f"essai-{number}-{amount}",
        "record_url": "https://example.org/essai",
        "publication_date": day,
        "confidence": 0.95,
        "dataclassification": "company",
        "prospecting_allowed": not flawed or number % 2 == 0,
        "is_mass_operation": flawed and number % 2 == 0,
        "amends_only": False,
        "departement": "75",
    }
    return pl.DataFrame([row], schema=EVENT_SCHEMA)


def _matches(companies: int, day: date) -> pl.DataFrame:
    """Return an answer per lead: confirmed, every fifth probable; the last two have none."""
    rows = []
    for number in range(companies + _LEADS_WITHOUT_ANSWER):
        verdict = "probable" if number % 5 == 4 else "confirmed"
        verdict = verdict if number < companies else "ambiguous"
        answered = verdict != "ambiguous"
        rows.append(
            {
                "match_id": f"essai-match-{number}",
                "lead_id": f"essai-lead-{number}",
                "account_id": ACCOUNT,
                "verdict": verdict,
                "siren": siren(number) if answered else None,
                "siret": None,
                "probability": {"confirmed": 0.98, "probable": 0.8}.get(verdict),
                "tier": "name_and_place",
                "matched_name": company_name(number) if answered else None,
                "matched_kind": "denomination" if answered else None,
                "reasons": ["name", "postcode"],
                "alternatives": [],
                "question": None if answered else "postcode",
                "matched_at": day,
                "registry_version": "essai",
                "model_version": "essai",
            }
        )
    return pl.DataFrame(rows, schema=schema_of(Match))
