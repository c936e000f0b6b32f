from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from opendata.clock import PARIS
from opendata.errors import PortalError
from opendata.remote import DateWindow, date_in_title, instant, licence_id, published


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Sirene : Fichier StockUniteLegale du 01 Mai 2026", date(2026, 5, 1)),
        ("Fichier StockUniteLegale - 01 septembre 2026 (format parquet)", date(2026, 9, 1)),
        ("du 1er Août 2026", date(2026, 8, 1)),
        ("du 01 DÉCEMBRE 2025", date(2025, 12, 1)),
        ("du 31 fevrier 2026", None),
        ("export-dataset-20250407.csv", None),
    ],
)
def test_french_dates_in_titles(title: str, expected: date | None):
    assert date_in_title(title) == expected


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Licence Ouverte v2.0 (Etalab)", "lov2"),
        ("Licence Ouverte / Open Licence", "fr-lo"),
        ("Licence Ouverte / Open Licence version 2.0", "lov2"),
        ("Open Database License (ODbL)", "Open Database License (ODbL)"),
        ("", "notspecified"),
        (None, "notspecified"),
    ],
)
def test_licences_known_by_title(title: str | None, expected: str):
    assert licence_id(title) == expected


def test_instants_are_utc_whatever_the_portal_writes():
    assert instant("2026-08-01T07:40:00Z") == datetime(2026, 8, 1, 7, 40, tzinfo=UTC)
    assert instant("2026-08-01T09:40:00+02:00") == datetime(2026, 8, 1, 7, 40, tzinfo=UTC)
    assert instant("2026-08-01T09:40:00", local=PARIS) == datetime(2026, 8, 1, 7, 40, tzinfo=UTC)
    assert instant(None) is None
    with pytest.raises(PortalError, match="no timestamp"):
        instant("hier")


def test_a_window_is_not_fresher_than_its_source():
    window = DateWindow(date(2026, 8, 1), date(2026, 8, 10))
    stale, fresh = datetime(2026, 8, 4, 5, tzinfo=UTC), datetime(2026, 8, 20, 5, tzinfo=UTC)
    assert published("t", stale, window) == date(2026, 8, 4)
    assert published("t", fresh, window) == date(2026, 8, 10)
    assert published("t", None, window) == date(2026, 8, 10)
    assert window.days == 10


def test_a_publication_without_any_date_is_an_error():
    with pytest.raises(PortalError, match="gives no date"):
        published("Stock", None, None)
