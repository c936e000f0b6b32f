"""The next look at a source is the instant at which Dagster would start its schedule."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from dagster._utils.schedules import cron_string_iterator

from assets import discovery
from opendata.errors import SettingsError
from pipelines.jobs import PARIS
from pipelines.next_looks import next_look

CRONS = sorted({one.cadence.cron for one in discovery.catalogue().values()})
#: A plain day, the last minute of a year, both changes of the clock.
MOMENTS = [
    datetime(2026, 11, 23, 18, 34, 12, tzinfo=UTC),
    datetime(2025, 12, 31, 22, 59, tzinfo=UTC),
    datetime(2026, 3, 28, 23, 30, tzinfo=UTC),
    datetime(2026, 10, 24, 23, 30, tzinfo=UTC),
]


@pytest.mark.parametrize("cron", [*CRONS, "*/20 6-8 1,15 * *", "5 4 13 * 5", "0 0 29 2 *"])
@pytest.mark.parametrize("moment", MOMENTS, ids=str)
def test_it_is_the_instant_of_the_schedule(cron: str, moment: datetime) -> None:
    found = next_look(cron, moment)
    wanted = cron_string_iterator(moment.timestamp(), cron, PARIS)
    assert found == next(one for one in wanted if one > moment)


@pytest.mark.parametrize("cron", ["", "0 10 * *", "61 10 * * *", "0 x * * *", "0 10 30 2 *"])
def test_what_is_no_cadence_is_refused(cron: str) -> None:
    with pytest.raises(SettingsError):
        next_look(cron, MOMENTS[0])
