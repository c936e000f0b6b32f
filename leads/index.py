"""The registry in the form matching needs.

Belongs here: every name of every unit with its keys and places, how rare each word is, and
where each unit stands; written as Parquet and read lazily. Does not belong here: looking
leads up (``candidates``), fetching the registry.

The folder holds one file per table, each sorted, so that the same registry gives the same
bytes. ``meta.json`` is written last: a folder without it is no index.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from leads.places import place_keys
from opendata.errors import StateError
from opendata.files import atomic_file, write_json
from sirene.names import present, with_name_keys

#: Raised when the tables change shape: an index of another format is refused.
FORMAT = 1
TABLES = ("names", "tokens", "postings", "units", "establishments", "places", "successions")

#: Kinds of names, the most telling first; ties between names are broken in this order.
KINDS = ("denomination", "denomination_usuelle", "sigle", "enseigne", "second")
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
#: Longer names are cut: no real one is, and an endless one must not cost endless time.
MAX_NAME = 300
NO_SUCCESSIONS = pl.Schema({"siret": pl.String, "successor": pl.String})


@dataclass(frozen=True)
class Index:
    """An index on disk, read lazily.

    Attributes:
        folder: where the tables are.
        meta: ``format``, and rows per table.

    Tables (see the writers below for how each is made):
        names: name_id, siren, siret, kind, name, full, core, glued, acronym, legal_form,
            postcode, city, department, weight, homonyms, brand_units.
        tokens: token, df (units that have it), idf.
        postings: token, name_id, idf, postcode, city, department.
        units: siren, name, statut_diffusion, active, personne_morale, category, hq.
        establishments: siret, siren, statut_diffusion, active, hq, postcode, city, department.
        places: siren, level, value, siret: one establishment of the unit in each place.
        successions: siret, successor.
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
        return cls(folder, meta)

    def scan(self, table: str) -> pl.LazyFrame:
        """Return one table, lazily."""
        return pl.scan_parquet(self.folder / f"{table}.parquet")

    @cached_property
    def unseen_idf(self) -> float:
        """Weight of a word that no unit has: that of a word only one unit has."""
        units = max(int(self.meta["rows"]["units"]), 1)
        return float(pl.select(_idf(pl.lit(1), units)).item())


def _idf(df: pl.Expr, units: int) -> pl.Expr:
    return (1.0 + units / df).log()


def build_index(
    legal_units: pl.LazyFrame,
    establishments: pl.LazyFrame,
    folder: Path,
    *,
    successions: pl.LazyFrame | None = None,
) -> Index:
    """Write the index of a registry and open it.

    Args:
        legal_units: columns of ``sirene__legal_units`` (docs/architecture.md).
        establishments: columns of ``sirene__establishments``.
        folder: where to write; an index already there is replaced.
        successions: ``sirene__successions``; without it closed establishments have no heir.
    """
    places_of = establishments.select(
        "siret",
        "siren",
        "statut_diffusion",
        (pl.col("etat_administratif") == "A").alias("active"),
        pl.col("siege").fill_null(False).alias("hq"),
        *place_keys("code_postal", "libelle_commune", "departement"),
    )
    units = legal_units.select(
        "siren",
        present(pl.col("nom_complet")).alias("name"),
        "statut_diffusion",
        (pl.col("etat_administratif") == "A").alias("active"),
        pl.col("personne_morale").fill_null(False),
        pl.col("categorie_juridique").str.slice(0, 2).alias("category"),
        (pl.col("siren") + pl.col("nic_siege")).alias("hq"),
    )
    of_units = _long(legal_units, "siren", UNIT_NAMES).join(
        units.select("siren", pl.col("hq").alias("siret")), on="siren"
    )
    of_establishments = _long(establishments, "siret", ESTABLISHMENT_NAMES).join(
        places_of.select("siret", "siren"), on="siret"
    )
    columns = ["siren", "siret", "kind", "name"]
    names = pl.concat([of_units.select(columns), of_establishments.select(columns)])
    links = None
    if successions is not None:
        links = successions.sort("date_lien", "siret_successeur").select(
            pl.col("siret_predecesseur").alias("siret"),
            pl.col("siret_successeur").alias("successor"),
        )
    return write_index(names, units, places_of, folder, successions=links)


def _long(table: pl.LazyFrame, key: str, columns: dict[str, str]) -> pl.LazyFrame:
    """Return ``key``, ``kind``, ``name``: one row per name present."""
    return pl.concat(
        table.select(key, pl.lit(kind).alias("kind"), present(pl.col(column)).alias("name"))
        for column, kind in columns.items()
    ).filter(pl.col("name").is_not_null())


def write_index(
    names: pl.LazyFrame,
    units: pl.LazyFrame,
    establishments: pl.LazyFrame,
    folder: Path,
    *,
    successions: pl.LazyFrame | None = None,
) -> Index:
    """Write an index from names in long form, as benchmarks on other registers do.

    Args:
        names: ``siren``, ``siret`` (head office for a unit's name), ``kind``, ``name``.
        units: as :class:`Index` describes them.
        establishments: as :class:`Index` describes them.
        folder: where to write.
        successions: ``siret``, ``successor``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "meta.json").unlink(missing_ok=True)
    unit_rows = units.sort("siren").collect()
    located = establishments.sort("siret").collect()
    keyed = _keyed(names, located.lazy()).collect()
    tokens = _tokens(keyed, unit_rows.height)
    postings = _postings(keyed, tokens)
    weights = postings.group_by("name_id").agg(pl.col("idf").sum().alias("weight"))
    tables = {
        "names": keyed.join(weights, on="name_id", how="left", maintain_order="left"),
        "tokens": tokens,
        "postings": postings,
        "units": unit_rows,
        "establishments": located,
        "places": _places(located),
        "successions": pl.DataFrame(schema=NO_SUCCESSIONS)
        if successions is None
        else successions.unique("siret", keep="last", maintain_order=True).sort("siret").collect(),
    }
    for name, table in tables.items():
        with atomic_file(folder / f"{name}.parquet", point="index:table") as path:
            table.write_parquet(path)
    meta = {"format": FORMAT, "rows": {name: table.height for name, table in tables.items()}}
    write_json(folder / "meta.json", meta, point="index:meta")
    return Index.open(folder)


def _keyed(names: pl.LazyFrame, establishments: pl.LazyFrame) -> pl.LazyFrame:
    """Add keys, places and counts of homonyms; a name in parentheses becomes a row of its own."""
    where = establishments.select("siret", "postcode", "city", "department")
    rows = (
        names.with_columns(pl.col("name").str.slice(0, MAX_NAME))
        .pipe(with_name_keys, "name")
        .filter(pl.col("full").is_not_null())
    )
    second = (
        rows.filter(pl.col("second").is_not_null())
        .select("siren", "siret", pl.lit("second").alias("kind"), pl.col("second").alias("name"))
        .pipe(with_name_keys, "name")
    )
    units_of = pl.col("siren").n_unique()
    brand = pl.col("siren").filter(pl.col("kind") == "enseigne").n_unique()
    return (
        pl.concat([rows, second])
        .drop("second")
        .with_columns(pl.col("kind").cast(pl.Enum(KINDS)))
        .sort("siren", "full", "kind", "siret", "name")
        # A sign repeated at each establishment stays: each one is somewhere else.
        .unique(["siren", "siret", "full"], keep="first", maintain_order=True)
        .join(where, on="siret", how="left")
        .with_columns(
            units_of.over("core").alias("homonyms"), brand.over("core").alias("brand_units")
        )
        .sort("core", "siren", "kind", "siret", "full", nulls_last=True)
        .with_row_index("name_id")
    )


def _tokens(names: pl.DataFrame, units: int) -> pl.DataFrame:
    return (
        names.lazy()
        .select("siren", pl.col("core").str.split(" ").alias("token"))
        .explode("token")
        .group_by("token")
        .agg(pl.col("siren").n_unique().alias("df"))
        .with_columns(_idf(pl.col("df"), max(units, 1)).alias("idf"))
        .sort("token")
        .collect()
    )


def _postings(names: pl.DataFrame, tokens: pl.DataFrame) -> pl.DataFrame:
    return (
        names.lazy()
        .select(
            pl.col("core").str.split(" ").list.unique().alias("token"),
            *("name_id", "postcode", "city", "department"),
        )
        .explode("token")
        .join(tokens.lazy().select("token", "idf"), on="token")
        .sort("token", "name_id")
        .collect()
    )


def _places(establishments: pl.DataFrame) -> pl.DataFrame:
    """Name, for each unit and place, one establishment there: open, head office, lowest number."""
    best = establishments.lazy().sort(
        "siren", "active", "hq", "siret", descending=[False, True, True, False]
    )
    levels = [
        best.filter(pl.col(level).is_not_null()).select(
            "siren", pl.lit(level).alias("level"), pl.col(level).alias("value"), "siret", "active"
        )
        for level in ("postcode", "city", "department")
    ]
    return (
        pl.concat(levels)
        .unique(["siren", "level", "value"], keep="first", maintain_order=True)
        .sort("siren", "level", "value")
        .collect()
    )
