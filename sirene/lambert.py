"""From the register's metres to longitude and latitude.

Belongs here: the inverse of the projections in which INSEE gives coordinates, as Polars
expressions. Does not belong here: which territory uses which (``distances.py``).

INSEE projects each territory on its own grid, all on the GRS80 ellipsoid: Lambert-93 on the
mainland (EPSG 2154, conic with two standard parallels), UTM zones overseas. RGF93, RGAF09,
RGFG95, RGR92, RGSPM06 and RGM04 are realisations of the same system as WGS 84 to within a
metre: EPSG's transformations between them are null, and so are these.

Sources: EPSG Guidance Note 7-2 (Lambert Conic Conformal 2SP; Transverse Mercator, series of
Krüger as IOGP gives them); Snyder, USGS Professional Paper 1395, eq. 3-5 for the latitude
from the conformal one. Bounds are EPSG's areas of use: outside of its territory a pair of
coordinates is a typing error.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, log, pi, radians, sin, sqrt, tan

import polars as pl

from sirene.distances import MAINLAND, projection

_A = 6378137.0
_F = 1 / 298.257222101
_E2 = _F * (2 - _F)
_E = sqrt(_E2)
_N = _F / (2 - _F)
#: Decimals kept of a degree: a tenth of a metre.
DECIMALS = 6

# Lambert-93.
_LAT_0, _LAT_1, _LAT_2, _LON_0 = (radians(degrees) for degrees in (46.5, 44.0, 49.0, 3.0))
_EAST_0, _NORTH_0 = 700_000.0, 6_600_000.0

# UTM. The third term of the series is under two millimetres within a zone.
_EAST_UTM, _NORTH_SOUTHERN = 500_000.0, 10_000_000.0
_RADIUS = 0.9996 * _A / (1 + _N) * (1 + _N**2 / 4 + _N**4 / 64)
_FIRST = _N / 2 - 2 * _N**2 / 3 + 37 * _N**3 / 96
_SECOND = _N**2 / 48 + _N**3 / 15

# Snyder 3-5: terms of sin 2χ, sin 4χ, sin 6χ, sin 8χ.
_C1 = _E2 / 2 + 5 * _E2**2 / 24 + _E2**3 / 12 + 13 * _E2**4 / 360
_C2 = 7 * _E2**2 / 48 + 29 * _E2**3 / 240 + 811 * _E2**4 / 11520
_C3 = 7 * _E2**3 / 120 + 81 * _E2**4 / 1120
_C4 = 4279 * _E2**4 / 161280


@dataclass(frozen=True)
class Area:
    """Where a projection is used, in degrees; ``meridian`` and ``southern`` of a UTM zone."""

    west: float
    south: float
    east: float
    north: float
    meridian: float = 0.0
    southern: bool = False


AREAS = {
    MAINLAND: Area(-9.86, 41.15, 10.38, 51.56),
    5490: Area(-63.66, 14.08, -57.52, 18.54, -63),
    2972: Area(-54.61, 2.11, -49.45, 8.88, -51),
    2975: Area(51.83, -24.72, 58.24, -18.28, 57, southern=True),
    4467: Area(-57.1, 43.41, -55.9, 47.37, -57),
    4471: Area(43.68, -14.49, 46.7, -11.33, 45, southern=True),
}


def _t(latitude: float) -> float:
    flattening: float = ((1 - _E * sin(latitude)) / (1 + _E * sin(latitude))) ** (_E / 2)
    return tan(pi / 4 - latitude / 2) / flattening


def _m(latitude: float) -> float:
    return cos(latitude) / sqrt(1 - _E2 * sin(latitude) ** 2)


_CONE = (log(_m(_LAT_1)) - log(_m(_LAT_2))) / (log(_t(_LAT_1)) - log(_t(_LAT_2)))
_REACH = _A * _m(_LAT_1) / (_CONE * _t(_LAT_1) ** _CONE)
_RADIUS_0 = _REACH * _t(_LAT_0) ** _CONE

_EPSG, _EAST, _NORTH = pl.col("_epsg"), pl.col("_east"), pl.col("_north")
_DEGREES = pl.Struct({"longitude": pl.Float64(), "latitude": pl.Float64()})


def _of_area(side: str) -> pl.Expr:
    # Not by `replace_strict`, which takes the column into memory as a whole.
    return pl.coalesce(
        pl.when(code == _EPSG).then(float(getattr(area, side))) for code, area in AREAS.items()
    )


def _steps() -> list[dict[str, pl.Expr]]:
    """Return what is computed, one step from the other: nothing twice."""
    mainland = _EPSG == MAINLAND
    s, c, sh, ch = (pl.col(name) for name in ("_sin", "_cos", "_sinh", "_cosh"))
    # Conic: the cone's angle gives the longitude, the distance to its top the latitude.
    reach = (_EAST * _EAST + _NORTH * _NORTH).log() / 2 - log(_REACH)
    conic = {
        "_lon": pl.arctan2(_EAST, _NORTH) / _CONE + _LON_0,
        "_chi": pi / 2 - 2 * (reach / _CONE).exp().arctan(),
    }
    north = _NORTH - _FIRST * s * ch - _SECOND * (2 * s * c) * (1 + 2 * sh * sh)
    east = _EAST - _FIRST * c * sh - _SECOND * (1 - 2 * s * s) * (2 * sh * ch)
    chi = pl.col("_chi")
    latitude = chi + s * (_C1 - _C3 + c * (2 * _C2 - 4 * _C4 + c * (4 * _C3 + 8 * _C4 * c)))
    return [
        {
            "_east": pl.when(mainland)
            .then(pl.col("_east") - _EAST_0)
            .otherwise((pl.col("_east") - _EAST_UTM) / _RADIUS),
            "_north": pl.when(mainland)
            .then(_RADIUS_0 - (pl.col("_north") - _NORTH_0))
            .otherwise((pl.col("_north") - _of_area("southern") * _NORTH_SOUTHERN) / _RADIUS),
        },
        conic,
        {
            "_sin": (2 * _NORTH).sin(),
            "_cos": (2 * _NORTH).cos(),
            "_sinh": (2 * _EAST).sinh(),
            "_cosh": (2 * _EAST).cosh(),
        },
        {"_north": north, "_east": east},
        {
            "_lon": pl.when(mainland)
            .then("_lon")
            .otherwise(_of_area("meridian") * (pi / 180) + pl.arctan2(_EAST.sinh(), _NORTH.cos())),
            "_chi": pl.when(mainland)
            .then("_chi")
            .otherwise((_NORTH.sin() / _EAST.cosh()).arcsin()),
        },
        {"_sin": (2 * chi).sin(), "_cos": (2 * chi).cos()},
        {"_lon": pl.col("_lon") * (180 / pi), "_chi": latitude * (180 / pi)},
    ]


def with_wgs84(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Add ``longitude`` and ``latitude`` in degrees, to a tenth of a metre.

    Null without both coordinates, without a commune, in the Pacific (whose projections the
    register does not name), and where the result lies outside of the territory.

    Args:
        rows: ``lambert_x``, ``lambert_y`` in metres of the territory's own projection, and
            ``code_commune``, which tells the territory.
    """
    given = pl.struct("lambert_x", "lambert_y", "code_commune")
    degrees = given.map_batches(_degrees, return_dtype=_DEGREES, is_elementwise=True)
    return (
        rows.with_columns(degrees.alias("_degrees"))
        .with_columns(pl.col("_degrees").struct.unnest())
        .drop("_degrees")
    )


def _degrees(given: pl.Series) -> pl.Series:
    """Compute the degrees of a batch, of the few rows that have coordinates."""
    rows = given.struct.unnest()
    places = (rows["lambert_x"].is_not_null() & rows["lambert_y"].is_not_null()).arg_true()
    found = _unprojected(rows[places])
    nothing = pl.repeat(None, len(given), dtype=pl.Float64, eager=True)
    return pl.DataFrame(
        {name: nothing.clone().scatter(places, found[name]) for name in ("longitude", "latitude")}
    ).to_struct()


def _unprojected(rows: pl.DataFrame) -> pl.DataFrame:
    frame = rows.with_columns(
        projection(pl.col("code_commune")).alias("_epsg"),
        pl.col("lambert_x").alias("_east"),
        pl.col("lambert_y").alias("_north"),
    )
    for step in _steps():
        frame = frame.with_columns(**step)
    longitude, latitude = pl.col("_lon"), pl.col("_chi")
    inside = longitude.is_between(_of_area("west"), _of_area("east")) & latitude.is_between(
        _of_area("south"), _of_area("north")
    )
    return frame.select(
        pl.when(inside).then(longitude.round(DECIMALS)).alias("longitude"),
        pl.when(inside).then(latitude.round(DECIMALS)).alias("latitude"),
    )
