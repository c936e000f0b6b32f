"""Distances in the projection of each territory."""

from __future__ import annotations

import polars as pl
import pytest

from sirene.distances import distance_km, projection


@pytest.mark.parametrize(
    ("here", "there", "expected"),
    [
        (("75101", 652000.0, 6862000.0), ("69381", 842000.0, 6519000.0), 392.1),
        (("75101", 0.0, 0.0), ("75102", 300.0, 400.0), 0.5),
        (("97101", 0.0, 0.0), ("97209", 3000.0, 4000.0), 5.0),
        (("97101", 0.0, 0.0), ("75101", 3000.0, 4000.0), None),
        (("97411", 0.0, 0.0), ("97302", 3000.0, 4000.0), None),
        (("98735", 0.0, 0.0), ("98735", 3000.0, 4000.0), None),
        (("75101", None, None), ("75102", 300.0, 400.0), None),
        ((None, 0.0, 0.0), ("75102", 300.0, 400.0), None),
    ],
)
def test_a_distance_needs_both_places_in_one_projection(
    here: tuple[str | None, float | None, float | None],
    there: tuple[str | None, float | None, float | None],
    expected: float | None,
) -> None:
    names = ("code_commune", "lambert_x", "lambert_y")
    row = dict(zip(names, here, strict=True))
    row |= {f"{name}_left": value for name, value in zip(names, there, strict=True)}
    frame = pl.DataFrame(
        [row],
        schema={
            f"{name}{end}": pl.String if name == "code_commune" else pl.Float64
            for end in ("", "_left")
            for name in names
        },
    )
    assert frame.select(distance_km().alias("d"))["d"].to_list() == [expected]


def test_each_territory_has_its_projection() -> None:
    codes = pl.Series(["75101", "2A004", "97101", "97801", "97302", "97411", "97501", "97611"])
    found = pl.select(projection(pl.lit(codes))).to_series().to_list()
    assert found == [2154, 2154, 5490, 5490, 2972, 2975, 4467, 4471]
