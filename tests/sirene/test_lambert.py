"""Metres to degrees, against PROJ."""

from __future__ import annotations

import polars as pl
import pytest

from sirene.lambert import with_wgs84

#: commune, easting, northing, longitude, latitude: PROJ 9.5.1 by pyproj 3.7.2, from the EPSG code
#: of the territory to EPSG:4326.
PROJ = [
    ("75101", 652469.02, 6862035.26, 2.352199963, 48.856600005),
    ("69384", 843025.0, 6519021.5, 4.840038460, 45.755796892),
    ("06088", 1040000.0, 6300000.0, 7.220155652, 43.717238164),
    ("29232", 150000.0, 6850000.0, -4.458322613, 48.516296614),
    ("2A004", 1220000.0, 6100000.0, 9.250322710, 41.815572129),
    ("18033", 700000.0, 6600000.0, 3.0, 46.5),
    ("97105", 655000.0, 1798000.0, -61.549544820, 16.257786772),
    ("97209", 690000.0, 1630000.0, -61.235063290, 14.737163120),
    ("97701", 512000.0, 1982000.0, -62.886692782, 17.925980543),
    ("97801", 485000.0, 2000000.0, -63.141763966, 18.088656866),
    ("97302", 353000.0, 545000.0, -52.325805899, 4.929341645),
    ("97353", 190000.0, 590000.0, -53.796815686, 5.331396608),
    ("97411", 339000.0, 7690000.0, 55.452204789, -20.883231961),
    ("97416", 370000.0, 7640000.0, 55.746379332, -21.337337697),
    ("97502", 560000.0, 5181000.0, -56.214013019, 46.779849796),
    ("97611", 523000.0, 8588000.0, 45.211904498, -12.772617777),
]
SCHEMA = {"code_commune": pl.String, "lambert_x": pl.Float64, "lambert_y": pl.Float64}


def degrees(*rows: tuple[str | None, float | None, float | None]) -> list[tuple[object, object]]:
    frame = with_wgs84(pl.LazyFrame(rows, schema=SCHEMA, orient="row")).collect()
    assert frame.columns == [*SCHEMA, "longitude", "latitude"], "nothing temporary is left"
    return list(frame.select("longitude", "latitude").iter_rows())


def test_every_projection_agrees_with_proj_to_a_tenth_of_a_metre() -> None:
    found = degrees(*(row[:3] for row in PROJ))
    for (commune, _, _, longitude, latitude), ours in zip(PROJ, found, strict=True):
        assert ours == pytest.approx((longitude, latitude), abs=1e-6), commune


def test_the_territory_decides_and_not_the_numbers() -> None:
    east, north = 655000.0, 1798000.0
    (there,) = degrees(("97105", east, north))
    assert there != (None, None)
    assert degrees(("75101", east, north)) == [(None, None)], (
        "far from the mainland: a typing error"
    )


@pytest.mark.parametrize(
    "place",
    [
        ("75101", None, 6862035.26),
        ("75101", 652469.02, None),
        (None, 652469.02, 6862035.26),
        ("98818", 446000.0, 214000.0),
        ("75101", 0.0, 0.0),
    ],
)
def test_what_is_not_known_has_no_place(
    place: tuple[str | None, float | None, float | None],
) -> None:
    assert degrees(place) == [(None, None)]
