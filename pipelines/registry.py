"""An index of the registry, built from Insee's own files.

Belongs here: reading the files of a month by their contract and handing them to the index.
Does not belong here: the index itself (``leads.index``), matching (``match_files``), the
monthly download (``assets``): nothing here needs a run of the pipeline.

Usage:
    >>> from pathlib import Path
    >>> from pipelines.registry import RegistryFiles, build_registry
    >>> files = RegistryFiles(
    ...     legal_units=[Path("StockUniteLegale_utf8.zip")],
    ...     establishments=[Path("StockEtablissement_utf8.zip")],
    ... )
    >>> built = build_registry(files, Path("registry"))  # doctest: +SKIP

What is needed of each file is streamed into typed Parquet beside the index, which is removed
at the end; large sorts spill to disk. ``docs/matching.md`` gives the memory and time measured.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import typer

import assets.sirene
from assets.sirene import normalise as sirene
from leads.index import Index, build_index
from opendata.archive import unpack
from opendata.catalogue import Resource, load_dataset
from opendata.contract import ReadResult, read_resource
from opendata.errors import ContractError, OpenDataError, StateError
from opendata.magic import identify
from pipelines.registry_resources import DUPLICATES, ESTABLISHMENT_HISTORY, UNIT_HISTORY

DESCRIPTION = Path(assets.sirene.__path__[0]) / "dataset.yml"
#: What the index reads of each table.
UNIT_COLUMNS = (
    "siren", "statut_diffusion", "sigle", "denomination", "denomination_usuelle_1",
    "denomination_usuelle_2", "denomination_usuelle_3", "etat_administratif",
    "categorie_juridique", "nic_siege", "personne_morale", "nom_complet",
)  # fmt: skip
SITE_COLUMNS = (
    "siret", "siren", "statut_diffusion", "siege", "numero_voie", "libelle_voie",
    "code_postal", "libelle_commune", "departement", "etat_administratif", "enseigne_1",
    "enseigne_2", "enseigne_3", "denomination_usuelle",
)  # fmt: skip
#: Columns of the histories that hold a name.
PAST_UNIT = ("denomination", *(f"denomination_usuelle_{number}" for number in (1, 2, 3)))
PAST_SITE = (*(f"enseigne_{number}" for number in (1, 2, 3)), "denomination_usuelle")
#: Stands for a category that was left out; only its first digit is asked.
UNKNOWN_COMPANY = "9999"


@dataclass(frozen=True)
class RegistryFiles:
    """Files of one month: CSV, one CSV in a zip or gzip, or Parquet, each told by its content.

    Several files for one entry are read as one, for a register cut into parts. Layouts of
    2019 to 2026 are read: what a layout lacks counts as empty.

    Attributes:
        legal_units: StockUniteLegale.
        establishments: StockEtablissement.
        unit_history: StockUniteLegaleHistorique, for former registered names.
        establishment_history: StockEtablissementHistorique, for former signs.
        successions: StockEtablissementLiensSuccession, to follow closed establishments.
        duplicates: StockDoublons, to follow numbers given by mistake.
    """

    legal_units: Sequence[Path]
    establishments: Sequence[Path]
    unit_history: Sequence[Path] = ()
    establishment_history: Sequence[Path] = ()
    successions: Sequence[Path] = ()
    duplicates: Sequence[Path] = ()


@dataclass(frozen=True)
class Built:
    """What was built.

    Attributes:
        index: the index, open.
        read: resource → records read.
        refused: ``resource.column:rule`` → values that broke the contract.
    """

    index: Index
    read: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)


def build_registry(files: RegistryFiles, out: Path) -> Built:
    """Build the index that :func:`pipelines.match_files.match_file` reads.

    Args:
        files: what to read.
        out: folder of the index; one that is there is replaced, and until the new one is
            whole no index can be opened there.

    Raises:
        ContractError: a file is missing, or is not the file it is given as.
        ArchiveError: an archive is damaged or dangerous.
        StateError: ``out`` holds something else than an index.
    """
    _require_ours(out)
    work = out / "reading"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        return _build(files, out, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def print_build(files: RegistryFiles, out: Path) -> None:
    """Build the index and say what was read, refused and written."""
    started = time.perf_counter()
    built = build_registry(files, out)
    for name, number in built.read.items():
        typer.echo(f"{name}: {number:,} records read")
    for rule, number in built.refused.items():
        typer.echo(f"refused {rule}: {number:,}")
    rows = built.index.meta["rows"]
    spent = time.perf_counter() - started
    typer.echo(
        f"{rows['names']:,} names of {rows['units']:,} units and {rows['establishments']:,} "
        f"establishments in {out} ({spent:.0f} s)"
    )


def _require_ours(out: Path) -> None:
    """Refuse a folder that holds anything an index does not: its files would be lost in it."""
    if out.exists() and not out.is_dir():
        raise StateError("it is a file", next_step="name a folder for the index", file=out.name)
    strange = [
        path.name
        for path in (out.iterdir() if out.is_dir() else ())
        if path.suffix not in {".parquet", ".npy", ".part"}
        and path.name not in {"meta.json", "work", "reading", "spill"}
    ]
    if strange:
        raise StateError(
            "the folder holds something else than an index",
            next_step="name an empty folder, or one that does not exist",
            file=out.name,
        )


def _build(files: RegistryFiles, out: Path, work: Path) -> Built:
    dataset = load_dataset(DESCRIPTION)
    asked: dict[str, tuple[Resource, Sequence[Path]]] = {
        sirene.LEGAL_UNITS: (dataset.resource(sirene.LEGAL_UNITS), files.legal_units),
        sirene.ESTABLISHMENTS: (dataset.resource(sirene.ESTABLISHMENTS), files.establishments),
        sirene.SUCCESSIONS: (dataset.resource(sirene.SUCCESSIONS), files.successions),
        "unit_history": (UNIT_HISTORY, files.unit_history),
        "establishment_history": (ESTABLISHMENT_HISTORY, files.establishment_history),
        "duplicates": (DUPLICATES, files.duplicates),
    }
    required = (sirene.LEGAL_UNITS, sirene.ESTABLISHMENTS)
    results = {
        name: _read(resource, paths, work / name, empty_ok=name not in required)
        for name, (resource, paths) in asked.items()
        if paths or name in required
    }
    rows = {name: one.rows for name, one in results.items()}
    rows[sirene.LEGAL_UNITS] = _named_as_company(rows[sirene.LEGAL_UNITS])
    tables = sirene.normalise(
        rows | {sirene.SUCCESSIONS: rows.get(sirene.SUCCESSIONS, _none(asked[sirene.SUCCESSIONS]))}
    )
    # Normalised once, not once for each kind of name.
    units = _once(tables["sirene__legal_units"].select(UNIT_COLUMNS), work / "units.parquet")
    sites = _once(tables["sirene__establishments"].select(SITE_COLUMNS), work / "sites.parquet")
    index = build_index(
        units,
        sites,
        out,
        successions=tables["sirene__successions"] if files.successions else None,
        former=_former(rows),
        duplicates=rows.get("duplicates"),
    )
    refused = {
        f"{name}.{rule}": number
        for name, one in results.items()
        for rule, number in one.rules.items()
    }
    return Built(index, {name: one.read for name, one in results.items()}, refused)


def _read(resource: Resource, paths: Sequence[Path], work: Path, *, empty_ok: bool) -> ReadResult:
    """Read files by their contract; what was unpacked for it is removed."""
    opened = []
    for number, path in enumerate(paths):
        try:
            opened.append(_opened(path, work / "unpacked" / str(number), number))
        except OpenDataError as error:
            error.located(resource=resource.name, file=path.name)
            raise
    # Parquet is read where it lies, for what the index needs of it.
    result = read_resource(resource, opened, work=work, empty_ok=empty_ok, again=True)
    if result.path.exists():
        shutil.rmtree(work / "unpacked", ignore_errors=True)
    if result.read and not result.accepted:
        shown = ", ".join(result.rules)
        raise ContractError(
            f"all {result.read:,} rows are refused: {shown}",
            next_step="check that the file is the one this option asks for",
            resource=resource.name,
        )
    return result


def _opened(path: Path, folder: Path, number: int) -> Path:
    """Return the file itself under a name that no other part has: parts are told by name."""
    if not path.is_file():
        raise ContractError("there is no such file", next_step="check the path", file=path.name)
    kind = identify(path)
    if kind == "zip":
        found = unpack(path, "zip", folder)
    elif kind == "gzip":
        found = unpack(path, "gzip", folder)
    else:
        found = path
    if number == 0:
        return found
    folder.mkdir(parents=True, exist_ok=True)
    named = folder / f"{number}-{found.name}"
    named.symlink_to(found.resolve())
    return named


def _named_as_company(units: pl.LazyFrame) -> pl.LazyFrame:
    """Take a unit without a legal category for a company where it has a registered name.

    INSEE gives a denomination to legal persons only. An extract whose category was left out
    would else lose every name.
    """
    category = pl.col("categorie_juridique")
    company = category.is_null() & pl.col("denomination").is_not_null() & pl.col("nom").is_null()
    named = pl.when(company).then(pl.lit(UNKNOWN_COMPANY)).otherwise(category)
    return units.with_columns(categorie_juridique=named)


def _none(described: tuple[Resource, Sequence[Path]]) -> pl.LazyFrame:
    names = described[0].column_names
    return pl.LazyFrame(schema=dict.fromkeys(names, pl.String))


def _once(rows: pl.LazyFrame, path: Path) -> pl.LazyFrame:
    rows.sink_parquet(path)
    return pl.scan_parquet(path, glob=False)


def _former(rows: dict[str, pl.LazyFrame]) -> pl.LazyFrame | None:
    """Return the names of periods that are over; one still borne is not repeated by the index."""
    parts = []
    no_site = pl.lit(None, pl.String).alias("siret")
    for name, site, columns in (
        ("unit_history", no_site, PAST_UNIT),
        ("establishment_history", pl.col("siret"), PAST_SITE),
    ):
        if name in rows:
            over = rows[name].filter(pl.col("date_fin").is_not_null())
            parts += [
                over.select("siren", site, pl.col(column).alias("name")) for column in columns
            ]
    # A period is closed for any change, so that one name comes many times.
    return pl.concat(parts).drop_nulls("name").unique() if parts else None
