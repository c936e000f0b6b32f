"""A real file of establishments and its contract, for the tests of the data half.

``tests/data/sirene/README.md`` says where the rows come from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from opendata.catalogue import Column, Resource
from opendata.contract import ReadResult, read_resource

REAL = Path(__file__).parents[1] / "data" / "sirene" / "2020-06" / "StockEtablissement_utf8.csv"
ROWS = 777
LA_POSTE = {"exempt_prefix": "356000000", "exempt_digit_sum_multiple_of": 5}


def column(name: str, **changes: Any) -> Column:
    return Column.model_validate({"name": name, "fr": name, "en": name, **changes})


SIREN = column("siren", type="code", nullable=False, pattern="[0-9]{9}", luhn={})
SIRET = column("siret", type="code", nullable=False, pattern="[0-9]{14}", luhn=LA_POSTE)
COLUMNS = (
    SIREN,
    SIRET,
    column("date_creation", source="dateCreationEtablissement", type="date"),
    column("siege", source="etablissementSiege", type="boolean", nullable=False),
    column("etat", source="etatAdministratifEtablissement", one_of=("A", "F")),
    column("code_postal", source="codePostalEtablissement", type="code", pattern="[0-9]{5}"),
    column("commune", source="libelleCommuneEtablissement"),
    column("traitement", source="dateDernierTraitementEtablissement", type="timestamp"),
    column("periodes", source="nombrePeriodesEtablissement", type="integer", minimum=1),
)


def stock(*columns: Column, **changes: Any) -> Resource:
    return Resource.model_validate(
        {"name": "stock", "id": "x", "format": "csv", "columns": columns or COLUMNS, **changes}
    )


def read(path: Path, work: Path, *columns: Column, **changes: Any) -> ReadResult:
    return read_resource(stock(*columns, **changes), [path], work=work)


def rows(result: ReadResult) -> pl.DataFrame:
    return pl.read_parquet(result.path)


def refused(result: ReadResult) -> list[tuple[Any, ...]]:
    """Return (line, column, rule, value) of the quarantine, in order."""
    assert result.rejected is not None
    frame = pl.read_parquet(result.rejected).sort("line", "column")
    return frame.select("line", "column", "rule", "value").rows()
