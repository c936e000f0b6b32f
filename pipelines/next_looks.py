"""When each source is looked at next, by the cadence of its description.

Belongs here: reading the five fields of ``cadence.cron`` (numbers, ranges, lists, steps).
Does not belong here: running anything then (:mod:`pipelines.jobs`, a timer, cron).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from opendata.clock import PARIS
from opendata.errors import SettingsError

#: Longest wait that is looked for: a day of February that only leap years have.
_DAYS = 4 * 366
_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def next_look(cron: str, after: datetime) -> datetime:
    """Return the first instant of ``cron`` after ``after``, Paris time.

    As in cron, a day counts if its date or its weekday is named, where both are restricted.

    Raises:
        SettingsError: it is not a cron expression, or no day of four years fits.
    """
    texts = cron.split()
    if len(texts) != len(_BOUNDS):
        raise SettingsError(f"{cron!r} has not five fields", next_step="correct the cadence")
    fields = [_values(text, *bounds) for text, bounds in zip(texts, _BOUNDS, strict=True)]
    minutes, hours, dates, months, weekdays = fields
    weekdays = {day % 7 for day in weekdays}
    start = after.astimezone(PARIS).replace(second=0, microsecond=0, tzinfo=None)
    for ahead in range(_DAYS):
        day = start.date() + timedelta(days=ahead)
        by_date, by_weekday = day.day in dates, day.isoweekday() % 7 in weekdays
        either = "*" not in (texts[2], texts[4])
        fits = (by_date or by_weekday) if either else (by_date and by_weekday)
        if day.month not in months or not fits:
            continue
        for hour in sorted(hours):
            for minute in sorted(minutes):
                moment = datetime(day.year, day.month, day.day, hour, minute)  # noqa: DTZ001
                if moment > start:
                    return moment.replace(tzinfo=PARIS)
    raise SettingsError(f"no day fits {cron!r}", next_step="correct the cadence")


def _values(text: str, first: int, last: int) -> set[int]:
    """Return the numbers of one field."""
    found: set[int] = set()
    try:
        for part in text.split(","):
            span, _, step = part.partition("/")
            low, _, high = (f"{first}-{last}" if span == "*" else span).partition("-")
            upper = int(high or (last if step else low))
            found |= set(range(int(low), upper + 1, int(step or 1)))
    except ValueError as error:
        raise SettingsError(
            f"{text!r} is no cron field", next_step="correct the cadence"
        ) from error
    if not found or min(found) < first or max(found) > last:
        raise SettingsError(f"{text!r} is no cron field", next_step="correct the cadence")
    return found
