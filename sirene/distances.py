"""Distance between two establishments, from the coordinates the register gives.

Belongs here: which territory uses which projection, and the distance within one. Does not
belong here: finding coordinates from an address or a commune: where the register gives
none, there is no distance.

Source: EPSG codes by territory, INSEE's description of the Lambert coordinates; the
overseas territories each have their own projection, in metres as on the mainland.
"""

from __future__ import annotations

import polars as pl

#: Department → EPSG code; every other department is on the mainland (2154).
PROJECTIONS = {
    "971": 5490,
    "972": 5490,
    "973": 2972,
    "974": 2975,
    "975": 4467,
    "976": 4471,
    "977": 5490,
    "978": 5490,
}
MAINLAND = 2154


def projection(commune: pl.Expr) -> pl.Expr:
    """Return the EPSG code of the coordinates of a place; null in the Pacific and abroad."""
    overseas = commune.str.contains("^9[789]")
    department = commune.str.slice(0, 3)
    # Not by `replace_strict`, which takes the column into memory as a whole.
    codes = [
        pl.when(department == name).then(pl.lit(code, dtype=pl.Int32))
        for name, code in PROJECTIONS.items()
    ]
    return (
        pl.when(overseas)
        .then(pl.coalesce(codes))
        .when(commune.is_not_null())
        .then(pl.lit(MAINLAND, dtype=pl.Int32))
    )


def distance_km(suffix: str = "_left") -> pl.Expr:
    """Return the distance in kilometres, to a tenth, between the two places of a row.

    Args:
        suffix: of the columns ``code_commune``, ``lambert_x`` and ``lambert_y`` of the
            other place.
    """
    east = pl.col("lambert_x") - pl.col(f"lambert_x{suffix}")
    north = pl.col("lambert_y") - pl.col(f"lambert_y{suffix}")
    comparable = projection(pl.col("code_commune")) == projection(pl.col(f"code_commune{suffix}"))
    return pl.when(comparable).then(((east**2 + north**2).sqrt() / 1000).round(1))
