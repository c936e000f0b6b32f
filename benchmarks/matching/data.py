"""The labelled leads and the registry side they are matched against.

Belongs here: reading both, and the split by SIREN. The registry side is a mix of sources:
it serves benchmarks only and is never served as SIRENE.
"""

from __future__ import annotations

import hashlib
import json
import os
from importlib.resources import files
from pathlib import Path

import polars as pl

from leads.index import Index, write_index
from leads.places import ADDRESSES, address_keys, place_keys
from opendata.errors import SettingsError

SEED = "2026-11"
SPLITS = ("fit", "calibrate", "test")
BENCH_DATA = Path(os.environ.get("BENCH_DATA", Path(__file__).parents[2] / "../shared/data"))
FOLDER = BENCH_DATA / "matching"
ESTABLISHMENT_SOURCES = "jugurthak|/ET$"


def _filled(frame: pl.DataFrame) -> pl.DataFrame:
    text = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    return frame.with_columns(
        pl.when(pl.col(name).str.strip_chars() != "").then(pl.col(name)).alias(name)
        for name in text
    )


def split_of(siren: str) -> str:
    """Return the split of a SIREN: 60 % fit, 20 % calibrate, 20 % test, by hash."""
    part = int(hashlib.sha256(f"{SEED}|{siren}".encode()).hexdigest()[:8], 16) % 100
    return "fit" if part < 60 else "calibrate" if part < 80 else "test"


def fold_of(siren: str, folds: int) -> int:
    """Return the fold of a SIREN, whatever its split."""
    return int(hashlib.sha256(f"{SEED}|fold|{siren}".encode()).hexdigest()[:8], 16) % folds


def _read(name: str) -> pl.DataFrame:
    if not (FOLDER / name).is_file():
        raise SettingsError(
            "the labelled data are not there and nothing else stands in for them",
            next_step="set BENCH_DATA to the folder that holds matching/",
            file=name,
        )
    return _filled(pl.read_parquet(FOLDER / name))


def registry() -> pl.DataFrame:
    """Return the registry side, empty text as null."""
    return _read("registry_names.parquet")


def labelled() -> pl.DataFrame:
    """Return the labelled leads as leads, one per distinct spelling of a SIREN.

    Columns: those of a lead, ``true_siren``, ``true_siret``, ``set``, ``split``.
    """
    rows = _read("labelled_leads.parquet").sort("row_id")
    sirens = rows["true_siren"].unique().sort()
    splits = pl.DataFrame({"true_siren": sirens, "split": [split_of(s) for s in sirens]})
    return (
        rows.filter(pl.col("siren_luhn_ok") & pl.col("typed_name").is_not_null())
        .unique(["typed_name", "true_siren"], keep="first", maintain_order=True)
        .join(splits, on="true_siren", maintain_order="left")
        .select(
            pl.col("row_id").cast(pl.String).alias("lead_id"),
            pl.lit("bench").alias("account_id"),
            pl.col("typed_name").alias("company_name"),
            pl.col("typed_address").alias("address"),
            pl.col("typed_postcode").alias("postcode"),
            pl.col("typed_city").alias("city"),
            pl.col("typed_department").alias("department"),
            pl.col("typed_domain").alias("website"),
            "true_siren",
            "true_siret",
            "set",
            "split",
        )
    )


def build(folder: Path, *, without: pl.Series | None = None) -> Index:
    """Write the index of the registry side.

    Args:
        folder: where.
        without: SIRENs left out, for the open-set measure.
    """
    # One of the sources lost the zeros in front.
    rows = registry().with_columns(pl.col("siret").str.zfill(14))
    if without is not None:
        rows = rows.filter(~pl.col("siren").is_in(without.implode()))
    of_establishment = pl.col("source").str.contains(ESTABLISHMENT_SOURCES)
    denomination = pl.when(of_establishment).then(pl.lit("denomination_usuelle")).otherwise(
        pl.lit("denomination")
    )  # fmt: skip
    names = pl.concat(
        rows.select("siren", "siret", kind.alias("kind"), pl.col(column).alias("name"))
        for column, kind in (
            ("name", denomination), ("enseigne", pl.lit("enseigne")), ("sigle", pl.lit("sigle"))
        )
    ).drop_nulls("name")  # fmt: skip
    state = pl.col("etat").is_null() | (pl.col("etat") == "A")
    located = rows.filter(pl.col("siret").is_not_null()).with_columns(
        *place_keys("postcode", "city", None), state.alias("active")
    )
    located = located.with_columns(*address_keys(pl.col("address")))
    establishments = (
        located.sort("siret", "postcode", nulls_last=True)
        .unique("siret", keep="first", maintain_order=True)
        .select(
            "siret", "siren", pl.lit("O").alias("statut_diffusion"), "active",
            pl.lit(False).alias("hq"), "postcode", "city", "department", *ADDRESSES,
        )
    )  # fmt: skip
    units = rows.group_by("siren").agg(
        pl.col("name").sort().first(),
        state.any().alias("active"),
        pl.col("siret").sort().first().alias("hq"),
    ).select(
        "siren", "name", pl.lit("O").alias("statut_diffusion"), "active",
        pl.lit(True).alias("personne_morale"), pl.lit(None, pl.String).alias("category"), "hq",
    )  # fmt: skip
    return write_index(names.lazy(), units.lazy(), establishments.lazy(), folder)


def shipped_thresholds(*, present: bool = False) -> dict[str, float]:
    """Return target precision → threshold of the shipped model, from held-out leads.

    Args:
        present: of leads only whose unit is in the registry, as the peers have theirs; else a
            share of leads without a unit is minded, as served.
    """
    text = files("leads").joinpath("model.json").read_text(encoding="utf-8")
    name = "for_precision_if_present" if present else "for_precision"
    found: dict[str, float] = json.loads(text)["thresholds"]["confirmed"][name]
    return {target: least for target, least in found.items() if least is not None}


def foreign() -> pl.DataFrame:
    """Return companies of other countries as leads that do not say so."""
    rows = pl.read_csv(Path(__file__).with_name("foreign_companies.csv"), infer_schema=False)
    return rows.with_row_index("lead_id").select(
        pl.format("foreign-{}", "lead_id").alias("lead_id"),
        pl.lit("bench").alias("account_id"),
        "company_name",
        "city",
    )


def many_leads(leads: pl.DataFrame, number: int) -> pl.DataFrame:
    """Return ``number`` distinct leads: typed names, each with the places of several others."""
    places = ("address", "postcode", "city", "department")
    parts = [
        leads.select("company_name", "website", *(pl.col(p).shift(7 * turn) for p in places))
        for turn in range(-(-number // max(leads.height, 1)) + 1)
    ]
    distinct = pl.concat(parts).unique(maintain_order=True).head(number)
    return distinct.with_row_index("lead_id").with_columns(
        pl.col("lead_id").cast(pl.String), pl.lit("bench").alias("account_id")
    )


def spelling_bench(folder: Path) -> tuple[Index, pl.DataFrame]:
    """Return an index of one spelling of each labelled SIREN, and other sources' spellings.

    The leads are of SIRENs that the stages were not fitted on: those of the test split, and
    those that the registry of the first track does not have.
    """
    rows = labelled()
    order = pl.Series([hashlib.sha256(f"{SEED}|{a}|{b}".encode()).hexdigest()
                       for a, b in rows.select("true_siren", "set").iter_rows()])  # fmt: skip
    rows = rows.with_columns(order.alias("order")).sort("order", "lead_id")
    first = rows.group_by("true_siren", maintain_order=True).first()
    located = first.with_columns(
        *place_keys("postcode", "city", "department"),
        pl.coalesce("true_siret", pl.col("true_siren") + "00000").alias("siret"),
    ).with_columns(*address_keys(pl.col("address")))
    names = located.select(
        pl.col("true_siren").alias("siren"), "siret", pl.lit("denomination").alias("kind"),
        pl.col("company_name").alias("name"),
    )  # fmt: skip
    sites = located.select(
        "siret", pl.col("true_siren").alias("siren"), pl.lit("O").alias("statut_diffusion"),
        pl.lit(True).alias("active"), pl.lit(True).alias("hq"), "postcode", "city", "department",
        *ADDRESSES,
    )  # fmt: skip
    units = names.select(
        "siren", "name", pl.lit("O").alias("statut_diffusion"), pl.lit(True).alias("active"),
        pl.lit(True).alias("personne_morale"), pl.lit(None, pl.String).alias("category"),
        pl.col("siret").alias("hq"),
    )  # fmt: skip
    index = write_index(names.lazy(), units.lazy(), sites.lazy(), folder)
    known = registry()["siren"].unique().implode()
    unseen = (pl.col("split") == "test") | ~pl.col("true_siren").is_in(known)
    others = rows.join(first.select("true_siren", pl.col("set").alias("taken")), on="true_siren")
    leads = others.filter((pl.col("set") != pl.col("taken")) & unseen).sort("lead_id")
    return index, leads.drop("order", "taken")
