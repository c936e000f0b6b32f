"""Rows of Sirene files as records of INSEE's API, and a portal that serves them day by day.

Belongs here: putting the columns of a file back into the groups in which the API gives them, and
a copy of the bundled portal with the API beside it. The movements are INSEE's own of April 2017:
the rows of the bundled state of May that were treated after the state of February.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"
ARCHIVES = {
    "siren": "stock-stockunitelegale-csv.zip",
    "siret": "stock-stocketablissement-csv.zip",
    "siret/liensSuccession": "stock-stocketablissementlienssuccession-csv.zip",
}
TREATED = {
    "siren": "dateDernierTraitementUniteLegale",
    "siret": "dateDernierTraitementEtablissement",
    "siret/liensSuccession": "dateDernierTraitementLienSuccession",
}
#: Where the API puts a column: the first group whose names it begins with.
_PERIOD = (
    "dateDebut", "etatAdministratif", "nomU", "nomUsage", "denomination", "enseigne",
    "categorieJuridique", "activitePrincipaleU", "activitePrincipaleE", "nomenclature", "nicSiege",
    "economieSociale", "societeMission", "caractereEmployeur",
)  # fmt: skip
_ADDRESS = (
    "complementAdresse", "numeroVoie", "indiceRepetition", "dernierNumeroVoie", "typeVoie",
    "libelle", "codePostal", "distributionSpeciale", "codeCommune", "codeCedex",
    "codePaysEtranger", "identifiantAdresse", "coordonneeLambert",
)  # fmt: skip
_BOOLEANS = {"true": True, "false": False}
Row = Mapping[str, str]


def rows(vintage: str, service: str) -> list[dict[str, str]]:
    """Return the rows of a bundled file."""
    with zipfile.ZipFile(SAMPLE / "sirene" / vintage / ARCHIVES[service]) as packed:
        (member,) = packed.namelist()
        text = packed.read(member).decode("utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def as_record(service: str, row: Row, categories: Mapping[str, str]) -> dict[str, Any]:
    """Return a row as the API gives it."""
    value = {name: _BOOLEANS.get(text, text) if text else None for name, text in row.items()}
    if service == "siret/liensSuccession":
        return value
    period = {name: one for name, one in value.items() if name.startswith(_PERIOD)}
    if service == "siren":
        top = {name: one for name, one in value.items() if name not in period}
        return {**top, "periodesUniteLegale": [{"dateFin": None, **period}]}
    address = {
        name: one
        for name, one in value.items()
        if name.startswith(_ADDRESS) and "2Etab" not in name
    }
    second = {name: one for name, one in value.items() if "2Etab" in name and "NAF" not in name}
    known = {**period, **address, **second}
    return {
        **{name: one for name, one in value.items() if name not in known},
        "uniteLegale": {"categorieJuridiqueUniteLegale": categories.get(row["siren"])},
        "adresseEtablissement": address,
        "adresse2Etablissement": second,
        "periodesEtablissement": [{"dateFin": None, **period}],
    }


def movements() -> dict[str, list[dict[str, Any]]]:
    """Return service → records treated between the states of February and May 2017."""
    categories = {
        row["siren"]: row["categorieJuridiqueUniteLegale"] for row in rows("2017-05-01", "siren")
    }
    return {
        service: [
            as_record(service, row, categories)
            for row in rows("2017-05-01", service)
            if row[treated] >= "2017-02-01"
        ]
        for service, treated in TREATED.items()
    }


def with_api(folder: Path, records: Mapping[str, Iterable[Mapping[str, Any]]]) -> Path:
    """Make ``folder`` a portal of the bundled Sirene files and of ``records``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sirene").symlink_to(SAMPLE / "sirene")
    described = yaml.safe_load((SAMPLE / "portal.yml").read_text("utf-8"))
    sirene = [one for one in described["datagouv"] if "sirene" in one["slug"]]
    files = {}
    for service, found in records.items():
        name = f"{service.replace('/', '-')}.jsonl"
        lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in found)
        (folder / name).write_text("".join(lines), encoding="utf-8")
        files[service] = [name]
    portal = {"datagouv": sirene, "insee": {"sample": "re-expressed", "files": files}}
    (folder / "portal.yml").write_text(yaml.safe_dump(portal, allow_unicode=True), "utf-8")
    return folder
