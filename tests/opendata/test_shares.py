"""Cuts into shares: nothing is lost, nothing is done twice, all agree."""

from __future__ import annotations

import polars as pl
import pytest

from opendata.errors import SettingsError
from opendata.shares import Share, dealt

WEIGHTS = {"75": 900, "13": 400, "2A": 10, "": 5, "48": 10, "69": 380}


@pytest.mark.parametrize("of", [1, 2, 3, 7])
def test_every_unit_is_dealt_once(of: int) -> None:
    hands = [dealt(WEIGHTS, Share(number, of)) for number in range(1, of + 1)]
    assert sorted(unit for hand in hands for unit in hand) == sorted(WEIGHTS)


def test_the_heaviest_stands_alone_where_the_others_weigh_less_together() -> None:
    assert dealt(WEIGHTS, Share(1, 2)) == ["75"]
    # The order in which they are told changes nothing.
    other = dict(reversed(WEIGHTS.items()))
    assert [dealt(other, Share(n, 3)) for n in (1, 2, 3)] == [
        dealt(WEIGHTS, Share(n, 3)) for n in (1, 2, 3)
    ]


@pytest.mark.parametrize("of", [1, 2, 3])
def test_every_company_is_of_one_share_also_none(of: int) -> None:
    rows = pl.DataFrame({"siren": ["552100554", "000000018", None, "", "ABC", "732829320"]})
    parts = [rows.filter(Share(number, of).of_companies()) for number in range(1, of + 1)]
    assert sum(part.height for part in parts) == rows.height
    assert pl.concat(parts).sort("siren").equals(rows.sort("siren"))


@pytest.mark.parametrize("height", [0, 1, 5, 6])
def test_stretches_follow_one_another(height: int) -> None:
    rows = pl.DataFrame({"n": range(height)})
    parts = [Share(number, 3).slice_of(rows) for number in (1, 2, 3)]
    assert pl.concat(parts).equals(rows)


def test_a_share_is_named_by_its_place() -> None:
    assert Share.parse("2/3") == Share(2, 3)
    assert str(Share(2, 3)) == "2/3"
    for wrong in ("0/3", "4/3", "2", "a/b", "1/65", ""):
        with pytest.raises(SettingsError):
            Share.parse(wrong)
