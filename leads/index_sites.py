"""Units and establishments as arrays.

Belongs here: what each unit and establishment is and where, the places, addresses and
successions. Does not belong here: names (``index_names``).

A place is a postcode, a commune and a department together: France has some fifty thousand, so
that an establishment needs but the number of its own.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from leads import arrays
from leads.array_files import (
    ascending,
    growing,
    growing_texts,
    write,
    write_multimap,
    write_texts,
)
from leads.arrays import U32, U64, Array, runs
from leads.families import category_families
from leads.index_arrays import (
    DIFFUSION,
    LEVELS,
    LOOKED_THROUGH,
    NEIGHBOURS,
    PLACES,
    numbers,
    parts,
    place_key,
)
from leads.places import ADDRESSES
from opendata.errors import StateError

#: States of an establishment, the best first: open head office, open branch, closed ones.
CLOSED, BRANCH = 2, 1


def write_units(folder: Path) -> None:
    """Write the arrays of the table ``units``."""
    with (
        growing(folder, "unit.siren", np.uint32) as siren,
        growing(folder, "unit.hq", np.uint64) as seat,
        growing(folder, "unit.family", np.uint8) as family,
        growing(folder, "unit.status", np.uint8) as status,
        growing(folder, "unit.active", np.bool_) as active,
        growing(folder, "unit.moral", np.bool_) as moral,
        growing_texts(folder, "unit.name") as name,
    ):
        for part in parts(
            folder / "units.parquet", numbers("siren"), numbers("hq"), "category",
            "statut_diffusion", "name", pl.col("active", "personne_morale").fill_null(False),
        ):  # fmt: skip
            siren.add(part["siren"].to_numpy())
            seat.add(part["hq"].to_numpy())
            family.add(category_families(part["category"]))
            codes = part["statut_diffusion"].replace_strict(
                list(DIFFUSION), range(len(DIFFUSION)), default=0, return_dtype=pl.UInt8
            )
            status.add(codes.to_numpy())
            active.add(part["active"].to_numpy())
            moral.add(part["personne_morale"].to_numpy())
            name.add(part["name"])


def write_places(folder: Path) -> None:
    """Write the arrays of the table ``places``; place 0 is nowhere."""
    places = pl.read_parquet(folder / "places.parquet")
    for level in PLACES:
        codes = arrays.codes(places[level])
        write(folder, f"place.{level}", np.concatenate([np.zeros(1, np.uint32), codes]))
    seat = pl.concat_str("city", pl.format(" ({})", "department"), ignore_nulls=True)
    write_texts(folder, "place.seat", [pl.Series([""]), places.select(seat).to_series()])


def write_links(folder: Path) -> None:
    """Write the arrays of the table ``successions``."""
    rows = pl.read_parquet(folder / "successions.parquet")
    for name, column in (("link.siret", "siret"), ("link.successor", "successor")):
        write(folder, name, rows.select(numbers(column)).to_series().to_numpy())


def write_sites(folder: Path, addresses: pl.LazyFrame | None) -> dict[str, int]:
    """Write the arrays of the table ``establishments``, and who stands at which address.

    Args:
        folder: of the index.
        addresses: ``siret`` and the keys of its address.

    Returns:
        Multimap → how many keys it has.

    Raises:
        StateError: a SIRET is no number of fourteen digits.
    """
    table = folder / "establishments.parquet"
    total = int(pl.scan_parquet(table, glob=False).select(pl.len()).collect().item())
    sirets, place = np.empty(total, np.uint64), np.empty(total, np.uint32)
    state = np.empty(total, np.uint8)
    start = 0
    for part in parts(
        table, numbers("siret"), pl.col("place").fill_null(0),
        CLOSED * pl.col("active").fill_null(False).not_().cast(pl.UInt8)
        + BRANCH * pl.col("hq").fill_null(False).not_().cast(pl.UInt8),
    ):  # fmt: skip
        rows = slice(start, start + part.height)
        columns = part.get_columns()
        sirets[rows], place[rows], state[rows] = (column.to_numpy() for column in columns)
        start += part.height
    if (sirets[1:] <= sirets[:-1]).any():
        raise StateError(
            "the SIRETs of the establishments are not all numbers of fourteen digits",
            next_step="pad them with zeros in front",
        )
    write(folder, "site.siret", sirets)
    write(folder, "site.place", place)
    write(folder, "site.state", state)
    counts = {"places": _write_sites_of_units(folder, sirets, place, state)}
    if addresses is not None:
        counts["addresses"] = _write_addresses(folder, sirets, addresses)
    return counts


def _write_sites_of_units(folder: Path, sirets: U64, place: U32, state: Array) -> int:
    """Write which establishments each unit has; of large units the best one in each place."""
    sirens = (sirets // np.uint64(100_000)).astype(np.uint32)
    units = arrays.read(folder, "unit.siren")
    begin = np.searchsorted(sirens, units, "left")
    count = np.searchsorted(sirens, units, "right") - begin
    write(folder, "unit.sites.starts", begin.astype(np.uint32))
    write(folder, "unit.sites", count.astype(np.uint32))
    of_place = np.zeros(int(arrays.read(folder, "place.postcode").size), np.uint8)
    for level, number in LEVELS.items():
        known = arrays.read(folder, f"place.{level}") != 0
        of_place |= known.astype(np.uint8) << np.uint8(number)
    given = of_place[place]
    if int(count.sum()) < len(sirens):
        # Establishments whose unit is not there lie between those of others.
        given[~arrays.positions(units, sirens)[1]] = 0
    levels = np.zeros(len(units), np.uint8)
    some = np.flatnonzero(count)
    if len(some):
        levels[some] = np.bitwise_or.reduceat(given, begin[some])
    write(folder, "unit.levels", levels)
    large = np.flatnonzero(count > LOOKED_THROUGH)
    rows = runs(begin[large], count[large])
    rows = rows[np.argsort(state[rows], kind="stable")]
    keys = np.concatenate([
        place_key(sirens[rows], number, arrays.read(folder, f"place.{level}")[place[rows]])
        for level, number in LEVELS.items()
    ])  # fmt: skip
    order = ascending(keys)
    key, site = keys[order], np.tile(rows, len(LEVELS))[order]
    first = key != 0
    first[1:] &= key[1:] != key[:-1]
    write(folder, "large.key", key[first])
    write(folder, "large.site", site[first].astype(np.uint32))
    return int(first.sum())


def _write_addresses(folder: Path, sirets: U64, addresses: pl.LazyFrame) -> int:
    found: dict[str, tuple[list[U64], list[U32]]] = {name: ([], []) for name in ADDRESSES}
    for part in addresses.select(numbers("siret"), *ADDRESSES).collect_batches():
        at, known = arrays.positions(sirets, part["siret"].to_numpy())
        for name, (keys, sites) in found.items():
            hashed = arrays.text_keys(part[name])
            some = np.flatnonzero(known & (hashed != 0))
            keys.append(hashed[some])
            sites.append(at[some].astype(np.uint32))
    pairs = [found.pop(name) for name in ADDRESSES]
    key = np.concatenate([np.zeros(0, np.uint64), *(part for keys, _ in pairs for part in keys)])
    site = np.concatenate([np.zeros(0, np.uint32), *(part for _, at in pairs for part in at)])
    pairs.clear()
    return write_multimap(folder, "address", key, site, most=2 * NEIGHBOURS)
