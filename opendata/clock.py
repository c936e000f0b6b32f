"""The one clock of a run.

Belongs here: what time it is for a run. Legal dates are Europe/Paris; instants are
UTC. Nothing else in the project asks the system for the time, so that a replay of
past dates gives the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")


@dataclass(frozen=True)
class Clock:
    """A clock that either runs or stands still.

    Usage:
        ``Clock()`` follows the system; ``Clock.at(date(2017, 2, 2))`` stands at noon in
        Paris that day.
    """

    fixed: datetime | None = None

    @classmethod
    def at(cls, moment: date | datetime) -> Clock:
        """Return a clock that stands still at ``moment`` (a bare date means noon in Paris)."""
        if isinstance(moment, datetime):
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=PARIS)
            return cls(moment.astimezone(UTC))
        return cls(datetime.combine(moment, time(12), tzinfo=PARIS).astimezone(UTC))

    def now(self) -> datetime:
        """Return the instant, UTC, whole seconds."""
        return (self.fixed or datetime.now(UTC)).replace(microsecond=0)

    def today(self) -> date:
        """Return the legal date in Paris."""
        return self.now().astimezone(PARIS).date()
