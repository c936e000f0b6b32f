"""The registry in the form matching needs.

Belongs here: every name of every unit with its keys and places, how rare each word is, and
where each unit stands. Does not belong here: looking leads up (``candidates``), fetching the
registry.

The folder holds each table twice over: as sorted Parquet, for people and other tools
(``TABLES``), and as flat arrays that matching maps into memory (``index_arrays``). The same
registry gives the same bytes. ``meta.json`` is written last: a folder without it is no
index.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from leads import arrays, index_names, index_sites, index_tables
from leads.arrays import Array, Multimap, Texts
from leads.index_arrays import PLACES
from leads.index_tables import KINDS as KINDS
from leads.index_tables import MAX_NAME as MAX_NAME
from leads.places import ADDRESSES, address_keys, place_keys
from opendata.errors import StateError
from opendata.files import write_json
from opendata.parquet import count
from sirene.names import present

#: Raised when tables change shape or keys are made otherwise: another format is refused.
FORMAT = 6
TABLES = ("names", "tokens", "units", "establishments", "places", "successions", "duplicates")

#: Names of the whole unit, and names of one establishment: column → kind.
UNIT_NAMES = {
    "denomination": "denomination",
    "sigle": "sigle",
    **{f"denomination_usuelle_{number}": "denomination_usuelle" for number in (1, 2, 3)},
}
ESTABLISHMENT_NAMES = {
    "denomination_usuelle": "denomination_usuelle",
    **{f"enseigne_{number}": "enseigne" for number in (1, 2, 3)},
}
NO_SUCCESSIONS = pl.Schema({"siret": pl.String, "successor": pl.String})
NO_DUPLICATES = pl.Schema({"duplicate": pl.String, "siren": pl.String})
#: Units from which a registry is taken for that of France (29 million), not a part of it.
WHOLE = 20_000_000
#: A chain of duplicates longer than this is a loop or an error of the register.
MAX_STEPS = 5


@dataclass(frozen=True)
class Index:
    """An index on disk, read lazily.

    Attributes:
        folder: where the tables are.
        meta: ``format``, rows per table, keys per multimap, how hashes are made.

    Tables:
        names: name_id, siren, siret, kind, name, full, core, glued, acronym, legal_form,
            postcode, city, department, homonyms, brand_units.
        tokens: token, df (units that have it), idf.
        units: siren, name, statut_diffusion, active, personne_morale, category, hq.
        establishments: siret, siren, statut_diffusion, active, hq, place.
        places: place (from 1), postcode, city, department: each that an establishment is in.
        successions: siret, successor.
        duplicates: duplicate, siren: numbers given by mistake and the unit's right one.
    """

    folder: Path
    meta: dict[str, Any]

    @classmethod
    def open(cls, folder: Path) -> Index:
        """Open the index in ``folder``.

        Raises:
            StateError: there is none, or it was written in another format.
        """
        try:
            meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise StateError(
                "there is no complete index of the registry", next_step="build the index"
            ) from error
        if meta.get("format") != FORMAT:
            raise StateError(
                f"the index has format {meta.get('format')}, this code reads {FORMAT}",
                next_step="build the index again",
            )
        if meta["hashes"] != arrays.probe():
            raise StateError(
                "the index was written under another version of Polars, whose hashes differ",
                next_step="build the index again",
            )
        return cls(folder, meta)

    def scan(self, table: str) -> pl.LazyFrame:
        """Return one table, lazily."""
        return pl.scan_parquet(self.folder / f"{table}.parquet")

    def array(self, name: str) -> Array:
        """Return one array of ``index_arrays``, mapped."""
        if name not in self._mapped:
            self._mapped[name] = arrays.read(self.folder, name)
        found: Array = self._mapped[name]
        return found

    def texts(self, name: str) -> Texts:
        """Return one column of texts, mapped."""
        return Texts(
            self.array(f"{name}.letters").astype(np.uint8, copy=False), self.array(f"{name}.starts")
        )

    def multimap(self, name: str) -> Multimap:
        """Return one multimap, mapped."""
        return Multimap(*(self.array(f"{name}.{part}") for part in ("keys", "starts", "ids")))

    @cached_property
    def _mapped(self) -> dict[str, Array]:
        return {}

    @property
    def units(self) -> int:
        """How many units there are."""
        return int(self.meta["rows"]["units"])

    @property
    def whole(self) -> bool:
        """Whether the registry should know every unit, so that a number it lacks is none."""
        return self.units >= WHOLE

    @cached_property
    def unseen_idf(self) -> float:
        """Weight of a word that no unit has: that of a word only one unit has."""
        units = max(int(self.meta["rows"]["units"]), 1)
        return float(pl.select(index_tables.idf(pl.lit(1), units)).item())


def build_index(
    legal_units: pl.LazyFrame,
    establishments: pl.LazyFrame,
    folder: Path,
    *,
    successions: pl.LazyFrame | None = None,
    former: pl.LazyFrame | None = None,
    duplicates: pl.LazyFrame | None = None,
) -> Index:
    """Write the index of a registry and open it.

    Args:
        legal_units: columns of ``sirene__legal_units`` (docs/architecture.md).
        establishments: columns of ``sirene__establishments``.
        folder: where to write; an index already there is replaced.
        successions: ``sirene__successions``; without it closed establishments have no heir.
        former: ``siren``, ``siret`` (null for a name of the whole unit), ``name``: names no
            longer borne. Those of natural persons and of opposed establishments are left out.
        duplicates: ``siren``, ``siren_doublon``: units registered twice. The names of a
            duplicate become names of the unit, and its number leads to the unit.
    """
    right = _right_numbers(duplicates)
    doubled = right.lazy().select(pl.col("duplicate").alias("siren"))
    places_of = _located(establishments)
    units = legal_units.select(
        "siren",
        present(pl.col("nom_complet")).alias("name"),
        "statut_diffusion",
        (pl.col("etat_administratif") == "A").alias("active"),
        pl.col("personne_morale").fill_null(False),
        pl.col("categorie_juridique").str.slice(0, 2).alias("category"),
        (pl.col("siren") + pl.col("nic_siege")).alias("hq"),
    )
    no_site = pl.lit(None, pl.String).alias("siret")
    names = [
        _long(legal_units, ["siren", no_site], UNIT_NAMES),
        _long(establishments, ["siren", "siret"], ESTABLISHMENT_NAMES),
    ]
    if former is not None:
        persons = legal_units.filter("personne_morale").select("siren")
        opposed = places_of.filter(pl.col("statut_diffusion") != "O").select("siret")
        lost = former.join(persons, on="siren", how="semi").join(opposed, on="siret", how="anti")
        names.append(_long(lost, ["siren", "siret"], {"name": "historical"}))
    links = None
    if successions is not None:
        links = successions.sort("date_lien", "siret_successeur").select(
            pl.col("siret_predecesseur").alias("siret"),
            pl.col("siret_successeur").alias("successor"),
        )
    return write_index(
        _of_right_units(pl.concat(names), right),
        units.join(doubled, on="siren", how="anti"),
        places_of.join(doubled, on="siren", how="anti"),
        folder,
        successions=links,
        duplicates=right.lazy(),
    )


def _long(table: pl.LazyFrame, key: list[str | pl.Expr], columns: dict[str, str]) -> pl.LazyFrame:
    """Return ``siren``, ``siret``, ``kind``, ``name``: one row per name present."""
    return pl.concat(
        table.select(*key, pl.lit(kind).alias("kind"), present(pl.col(column)).alias("name"))
        for column, kind in columns.items()
    ).filter(pl.col("name").is_not_null())


def _street(establishments: pl.LazyFrame) -> pl.Expr:
    """Return number and street; registers cut down to fewer columns have none."""
    columns = ("numero_voie", "libelle_voie")
    if not set(columns) <= set(establishments.collect_schema()):
        return pl.lit(None, pl.String)
    return pl.concat_str((present(pl.col(name)) for name in columns), separator=" ")


def _right_numbers(duplicates: pl.LazyFrame | None) -> pl.DataFrame:
    """Return ``duplicate``, ``siren``: the end of each chain of duplicates."""
    if duplicates is None:
        return pl.DataFrame(schema=NO_DUPLICATES)
    links = (
        duplicates.select(pl.col("siren_doublon").alias("duplicate"), "siren")
        .filter(pl.col("duplicate") != pl.col("siren"))
        .sort("duplicate", "siren")
        .unique("duplicate", keep="first", maintain_order=True)
        .collect()
    )
    ends = links
    onward = links.select(pl.col("duplicate").alias("siren"), pl.col("siren").alias("onward"))
    for _ in range(MAX_STEPS):
        ends = ends.join(onward, on="siren", how="left", maintain_order="left").select(
            "duplicate", pl.coalesce("onward", "siren").alias("siren")
        )
    return ends.filter(pl.col("duplicate") != pl.col("siren"))


def _of_right_units(names: pl.LazyFrame, right: pl.DataFrame) -> pl.LazyFrame:
    """Give the names of duplicates to their unit, as names of no establishment of its own."""
    if right.is_empty():
        return names
    moved = right.lazy().rename({"siren": "right"})
    unit = pl.coalesce("right", "siren").alias("siren")
    site = pl.when(pl.col("right").is_null()).then("siret").alias("siret")
    return names.join(moved, left_on="siren", right_on="duplicate", how="left").select(
        unit, site, "kind", "name"
    )


def write_index(
    names: pl.LazyFrame,
    units: pl.LazyFrame,
    establishments: pl.LazyFrame,
    folder: Path,
    *,
    successions: pl.LazyFrame | None = None,
    duplicates: pl.LazyFrame | None = None,
) -> Index:
    """Write an index from names in long form, as benchmarks on other registers do.

    Args:
        names: ``siren``, ``siret`` (null for a name of the whole unit), ``kind``, ``name``.
        units: as :class:`Index` describes them.
        establishments: as :class:`Index` describes them, and the keys of their addresses.
        folder: where to write.
        successions: ``siret``, ``successor``.
        duplicates: ``duplicate``, ``siren``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "meta.json").unlink(missing_ok=True)
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    at = {name: folder / f"{name}.parquet" for name in TABLES}
    heirs = pl.LazyFrame(schema=NO_SUCCESSIONS) if successions is None else successions
    heirs = heirs.unique("siret", keep="last", maintain_order=True)
    twice = pl.LazyFrame(schema=NO_DUPLICATES) if duplicates is None else duplicates
    places = _distinct_places(establishments, PLACES).with_row_index("place", offset=1)
    located = establishments.join(
        places.lazy(), on=PLACES, how="left", nulls_equal=True, maintain_order="left"
    ).drop(*ADDRESSES, *PLACES, "street", strict=False)
    rows = {
        "places": index_tables.table(places.lazy(), at["places"], ("place",)),
        "units": index_tables.register(units, at["units"], "siren"),
        "establishments": index_tables.register(located, at["establishments"], "siret"),
        "successions": index_tables.table(heirs, at["successions"], ("siret",)),
        "duplicates": index_tables.table(twice, at["duplicates"], ("duplicate",)),
    }
    index_sites.write_places(folder)
    index_sites.write_links(folder)
    index_sites.write_units(folder)
    keys = index_sites.write_sites(folder, establishments.select("siret", *ADDRESSES))
    rows["names"], of_names = index_names.write_names(names, folder, work)
    rows["tokens"] = count(at["tokens"])
    shutil.rmtree(work)
    shutil.rmtree(folder / "spill", ignore_errors=True)
    content = {"format": FORMAT, "rows": rows, "keys": keys | of_names, "hashes": arrays.probe()}
    write_json(folder / "meta.json", content, point="index:meta")
    return Index.open(folder)


def _distinct_places(rows: pl.LazyFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Return each place once, but for nowhere, in order."""
    distinct = rows.select(columns).unique().collect(engine="streaming")
    return distinct.filter(~pl.all_horizontal(pl.all().is_null())).sort(*columns)


def _located(establishments: pl.LazyFrame) -> pl.LazyFrame:
    """Return the establishments with their places and addresses in comparable form.

    The places are made comparable once each, not once for each establishment there.
    """
    given = ["code_postal", "libelle_commune", "departement"]
    places = _distinct_places(establishments, given)
    known = places.hstack(places.select(place_keys(*given)))
    return (
        establishments.select(
            "siret", "siren", "statut_diffusion",
            (pl.col("etat_administratif") == "A").alias("active"),
            pl.col("siege").fill_null(False).alias("hq"),
            *given, _street(establishments).alias("street"),
        )
        .join(known.lazy(), on=given, how="left", nulls_equal=True, maintain_order="left")
        .drop(given)
        .with_columns(*address_keys(pl.col("street")))
    )  # fmt: skip
