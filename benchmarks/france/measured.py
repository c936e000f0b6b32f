"""What the real samples look like: the distributions that made files follow.

Belongs here: reading the samples once and keeping pools of rows to draw from, so that
columns that belong together (state, dates, activity, headcount) stay together. Does not
belong here: drawing (``recipe.py``, ``rows.py``).

The large samples are in ``BENCH_DATA``; without them the bundled rows serve, which are legal
persons only, and :attr:`Pools.source` says so. Names are taken apart into words and people's
names are never read.
"""

from __future__ import annotations

import io
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

import polars as pl

ROOT = Path(__file__).resolve().parents[2]
BUNDLED = ROOT / "tests" / "data" / "sirene"
SITES = "sirene/JugurthaK+sirene/StockEtablissement_utf8.zip"
UNITS = (
    "sirene/jurismarches+django-sirene/StockUniteLegale_utf8.csv",
    "sirene/MTES-MCT+trackdechets-sirene-search/StockUniteLegale_utf8.csv",
)
COMMUNES = "sirene/nomenclatures/communes_2026.csv"
NAF25 = ROOT / "sirene" / "nomenclatures" / "naf_2025.csv"
#: Means of the files of 2026-08: 43.9 M establishments of 29.9 M units, 71.4 M and 95.9 M periods.
SITES_PER_UNIT = 43_896_818 / 29_922_486
PERIODS_PER_UNIT = 71_355_318 / 29_922_486
PERIODS_PER_SITE = 95_865_102 / 43_896_818
_POOL = 60_000
_UNIT_COLUMNS = {
    "etatAdministratifUniteLegale": "etat",
    "dateCreationUniteLegale": "creation",
    "dateDebut": "debut",
    "categorieJuridiqueUniteLegale": "cj",
    "activitePrincipaleUniteLegale": "naf",
    "nomenclatureActivitePrincipaleUniteLegale": "nomenclature",
    "trancheEffectifsUniteLegale": "tranche",
    "anneeEffectifsUniteLegale": "annee",
    "categorieEntreprise": "categorie",
    "anneeCategorieEntreprise": "annee_categorie",
    "economieSocialeSolidaireUniteLegale": "ess",
    "nombrePeriodesUniteLegale": "periods",
    "sigleUniteLegale": "sigle",
    "denominationUsuelle1UniteLegale": "usuelle",
    "identifiantAssociationUniteLegale": "rna",
}
_SITE_COLUMNS = {
    "etatAdministratifEtablissement": "etat",
    "dateCreationEtablissement": "creation",
    "dateDebut": "debut",
    "activitePrincipaleEtablissement": "naf",
    "nomenclatureActivitePrincipaleEtablissement": "nomenclature",
    "trancheEffectifsEtablissement": "tranche",
    "anneeEffectifsEtablissement": "annee",
    "activitePrincipaleRegistreMetiersEtablissement": "nafa",
    "caractereEmployeurEtablissement": "employeur",
    "nombrePeriodesEtablissement": "periods",
    "enseigne1Etablissement": "enseigne",
    "denominationUsuelleEtablissement": "usuelle",
}
_STREET_COLUMNS = {
    "complementAdresseEtablissement": "complement",
    "numeroVoieEtablissement": "numero",
    "indiceRepetitionEtablissement": "indice",
    "typeVoieEtablissement": "type",
    "libelleVoieEtablissement": "voie",
    "distributionSpecialeEtablissement": "distribution",
    "codeCedexEtablissement": "cedex",
    "libelleCedexEtablissement": "libelle_cedex",
}


@dataclass(frozen=True)
class Pools:
    """Rows to draw from; every share in them is a share of the samples.

    Attributes:
        source: which samples.
        units, closed_units: one row a unit in activity, or closed.
        sites, closed_sites: the same of establishments, without their place.
        streets: address lines. communes: code, label, postcode, by population.
        site_counts: establishments of a unit. lone_share: how many units to reduce to one
            establishment for the mean to be that of 2026 (the samples begin with old units).
        words: words of registered names. lengths: words in a name.
        activities: codes of NAF rév. 2 that name one.
    """

    source: str
    units: pl.DataFrame
    closed_units: pl.DataFrame
    sites: pl.DataFrame
    closed_sites: pl.DataFrame
    streets: pl.DataFrame
    communes: pl.DataFrame
    site_counts: pl.Series
    lone_share: float
    words: pl.Series
    lengths: pl.Series
    activities: pl.Series


def folder() -> Path | None:
    """Return where the large samples are, if they are there."""
    found = Path(os.environ.get("BENCH_DATA", ROOT.parent / "shared" / "data"))
    return found if (found / SITES).exists() else None


def pools(*, bundled: bool = False) -> Pools:
    """Measure the samples; ``bundled`` takes the small ones even where the large ones are."""
    large = None if bundled else folder()
    if large is None:
        sites = _csv(BUNDLED / "2020-06" / "StockEtablissement_utf8.csv")
        units = _csv(BUNDLED / "2020-06" / "StockUniteLegale_utf8.csv")
    else:
        with zipfile.ZipFile(large / SITES) as archive:
            text = archive.read(archive.namelist()[0])
        sites = pl.read_csv(io.BytesIO(text), infer_schema=False)
        units = pl.concat([_csv(large / name) for name in UNITS], how="diagonal")
    counts = sites.group_by("siren").len()["len"].clip(upper_bound=60).sort()
    mean = float(str(counts.mean()))
    names = _names(units)
    words = names.str.split(" ").list
    # The samples begin with the oldest numbers, where co-ownerships (9110) crowd: one in twelve
    # of them is kept, which leaves about as many legal persons as among rows of all France.
    crowd = pl.col("categorieJuridiqueUniteLegale").eq_missing("9110")
    units = units.filter(~crowd | (pl.int_range(pl.len()) % 12 == 0))
    unit_rows = _dated(units.select(pl.col(old).alias(new) for old, new in _UNIT_COLUMNS.items()))
    site_rows = _dated(sites.select(pl.col(old).alias(new) for old, new in _SITE_COLUMNS.items()))
    live = site_rows.filter(pl.col("etat") == "A")
    return Pools(
        source="the bundled rows (REDUCED: legal persons only)" if large is None else "BENCH_DATA",
        units=_periods(unit_rows.filter(pl.col("etat") == "A"), PERIODS_PER_UNIT),
        closed_units=_periods(unit_rows.filter(pl.col("etat") == "C"), PERIODS_PER_UNIT),
        sites=_periods(_some(live), PERIODS_PER_SITE),
        closed_sites=_periods(_some(site_rows.filter(pl.col("etat") == "F")), PERIODS_PER_SITE),
        streets=_some(sites.select(pl.col(a).alias(b) for a, b in _STREET_COLUMNS.items())),
        communes=_by_sample(sites) if large is None else _by_population(large / COMMUNES),
        site_counts=counts,
        lone_share=max(0.0, 1 - (SITES_PER_UNIT - 1) / (mean - 1)),
        words=_some(words.explode().to_frame("w").filter(pl.col("w").str.contains("[A-Z]{2}")))[
            "w"
        ],
        lengths=words.len().clip(upper_bound=6),
        # 00.00Z says that the activity is not known: nobody changes to it.
        activities=live.filter(pl.col("nomenclature") == "NAFRev2", pl.col("naf") != "00.00Z")[
            "naf"
        ]
        .unique()
        .sort(),
    )


def _csv(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, infer_schema=False)


def _names(units: pl.DataFrame) -> pl.Series:
    """Return registered names whose every word can be drawn alone."""
    legal = units.filter(~pl.col("categorieJuridiqueUniteLegale").str.contains("^[12]"))
    names = legal["denominationUniteLegale"].drop_nulls().str.replace_all(r"[^\w&'. -]", "")
    return names.str.replace_all(" +", " ").str.strip_chars().filter(names.str.len_chars() > 1)


def _some(rows: pl.DataFrame) -> pl.DataFrame:
    """Take rows at even distances, so that a pool is small and shows the whole."""
    return rows.gather_every(max(1, rows.height // _POOL))


def _dated(rows: pl.DataFrame) -> pl.DataFrame:
    """Type dates and counts, and give each activity one code of NAF 2025."""
    later = pl.read_csv(NAF25, infer_schema=False)[:, 0]
    rows = rows.with_columns(
        pl.col("creation", "debut").str.to_date(strict=False),
        pl.col("annee", "periods").cast(pl.Int64),
    )
    codes = rows["naf"].unique().drop_nulls().sort()
    table = pl.DataFrame(
        {"naf": codes, "naf25": later.gather([7 * n % len(later) for n in range(len(codes))])}
    )
    latest = pl.col("nomenclature") == "NAFRev2"
    return rows.join(table, on="naf", how="left", maintain_order="left").with_columns(
        pl.when(latest).then("naf25").alias("naf25")
    )


def _periods(rows: pl.DataFrame, mean: float) -> pl.DataFrame:
    """Scale the number of periods to the mean of 2026; a purged unit keeps its only one.

    Each row comes three times: what the mean has after the point is given to some.
    """
    kept = pl.when(pl.col("debut").is_null()).then(1).otherwise(pl.col("periods").clip(1, 8))
    rows = rows.with_columns(kept.alias("periods"))
    missing = mean - float(str(rows["periods"].mean()))
    can = pl.col("debut").is_not_null() if missing > 0 else pl.col("periods") > 1
    each = abs(missing) / float(str(rows.select(can.mean()).item()))
    step = (pl.int_range(pl.len()).mod(100) < round(each % 1 * 100)).cast(pl.Int64) + int(each)
    scaled = pl.col("periods") + (step if missing > 0 else -step)
    changed = pl.when(can).then(scaled.clip(1)).otherwise("periods").alias("periods")
    return pl.concat([rows] * 3).with_columns(changed)


def _by_population(path: Path) -> pl.DataFrame:
    rows = pl.read_csv(path, infer_schema=False).filter(
        pl.col("type").is_in(["commune-actuelle", "arrondissement-municipal"]),
        pl.col("population").is_not_null(),
        pl.col("codesPostaux").is_not_null(),
    )
    people = (pl.col("population").cast(pl.Int64) // 150 + 1).alias("times")
    return (
        rows.select(
            pl.col("code").alias("commune"),
            pl.col("nom").str.to_uppercase().str.replace_all("-", " ").alias("libelle"),
            pl.col("codesPostaux").str.extract(r"^([0-9]{5})").alias("postal"),
            people,
        )
        .with_columns(pl.int_ranges(pl.col("times")).alias("times"))
        .explode("times")
        .drop("times")
    )


def _by_sample(sites: pl.DataFrame) -> pl.DataFrame:
    return sites.select(
        pl.col("codeCommuneEtablissement").alias("commune"),
        pl.col("libelleCommuneEtablissement").alias("libelle"),
        pl.col("codePostalEtablissement").alias("postal"),
    ).drop_nulls()
