"""The bundled sample with a few sole traders and legal units that do not exist (synthetic).

Belongs here: adding rows to the months of Sirene, and leads about them. The repository bundles
legal persons only; whoever must be forgotten is invented at the time of the test.
"""

from __future__ import annotations

import csv
import io
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

from pipelines.replay import SAMPLE

MONTHS = ("2017-01-01", "2017-02-01", "2017-05-01")
ND = "[ND]"
UNITS = "stock-stockunitelegale-csv.zip"
SITES = "stock-stocketablissement-csv.zip"
UNIT_HISTORY = "stock-stockunitelegalehistorique-csv.zip"
SITE_HISTORY = "stock-stocketablissementhistorique-csv.zip"
#: Words that stand nowhere else.
NAME, SIGN, STREET = "ZYXCANARI", "OISELLERIE QWORTZ", "DES MARTRES BLEUES"


@dataclass(frozen=True)
class Unit:
    """One unit with one establishment, and the months in which it is under partial diffusion."""

    siren: str
    natural: bool
    hidden: tuple[str, ...]

    @property
    def siret(self) -> str:
        """Return the number of its one establishment."""
        return f"{self.siren}{luhn_nic(self.siren)}"


def luhn_nic(siren: str) -> str:
    """Return the first NIC that makes a valid SIRET."""
    from stdnum import luhn

    return next(nic for n in range(1, 99) if luhn.is_valid(siren + (nic := f"{n:05d}")))


#: Hidden from February on; from May on; never; and a company hidden from February on.
TURNS = Unit("999999907", True, MONTHS[1:])
TURNS_LATER = Unit("999999915", True, MONTHS[2:])
STAYS = Unit("999999923", True, ())
COMPANY = Unit("999999931", False, MONTHS[1:])
EVERYBODY = (TURNS, TURNS_LATER, STAYS, COMPANY)


def sample_with_persons(folder: Path, units: tuple[Unit, ...] = EVERYBODY) -> Path:
    """Copy the sample to ``folder`` and add ``units`` to every month; return the copy."""
    shutil.copytree(SAMPLE, folder, ignore=shutil.ignore_patterns("build", "expected"))
    for month in MONTHS:
        place = folder / "sirene" / month
        for unit in units:
            hidden = month in unit.hidden
            _add(place / UNITS, _unit(unit, hidden))
            _add(place / SITES, _site(unit, hidden))
            if (place / UNIT_HISTORY).exists():
                _add(place / UNIT_HISTORY, {**_unit(unit, hidden), "dateFin": ""})
            if (place / SITE_HISTORY).exists():
                _add(place / SITE_HISTORY, {**_site(unit, hidden), "dateFin": ""})
    return folder


def _unit(unit: Unit, hidden: bool) -> dict[str, str]:
    named = {
        "sexeUniteLegale": "F",
        "prenom1UniteLegale": "OLYMPE",
        "prenomUsuelUniteLegale": "OLYMPE",
        "nomUniteLegale": NAME,
        "denominationUsuelle1UniteLegale": SIGN,
    }
    company = {"denominationUniteLegale": "SYNTHETIQUE QWORTZ", "sigleUniteLegale": "SQZ"}
    shown = named if unit.natural else company
    if hidden:
        kept = {} if unit.natural else {"denominationUniteLegale": "SYNTHETIQUE QWORTZ"}
        shown = {**dict.fromkeys(shown, ND), **kept}
    return {
        "siren": unit.siren,
        "statutDiffusionUniteLegale": "P" if hidden else "O",
        "dateCreationUniteLegale": "2010-03-01",
        "dateDebut": "2010-03-01",
        "etatAdministratifUniteLegale": "A",
        "categorieJuridiqueUniteLegale": "1000" if unit.natural else "5710",
        "activitePrincipaleUniteLegale": "47.76Z",
        "nomenclatureActivitePrincipaleUniteLegale": "NAFRev2",
        "nicSiegeUniteLegale": unit.siret[9:],
        **shown,
    }


def _site(unit: Unit, hidden: bool) -> dict[str, str]:
    where = {
        "numeroVoieEtablissement": "77",
        "typeVoieEtablissement": "RUE",
        "libelleVoieEtablissement": STREET,
        "codePostalEtablissement": "79180",
        "enseigne1Etablissement": SIGN,
    }
    return {
        "siren": unit.siren,
        "nic": unit.siret[9:],
        "siret": unit.siret,
        "statutDiffusionEtablissement": "P" if hidden else "O",
        "dateCreationEtablissement": "2010-03-01",
        "etablissementSiege": "true",
        "libelleCommuneEtablissement": "CHAURAY",
        "codeCommuneEtablissement": "79081",
        "dateDebut": "2010-03-01",
        "etatAdministratifEtablissement": "A",
        "activitePrincipaleEtablissement": "47.76Z",
        "nomenclatureActivitePrincipaleEtablissement": "NAFRev2",
        **(dict.fromkeys(where, ND) if hidden else where),
    }


def _add(archive: Path, row: dict[str, str]) -> None:
    """Add a row to the one file in ``archive``, under its own headers."""
    with zipfile.ZipFile(archive) as packed:
        (member,) = packed.infolist()
        text = packed.read(member).decode("utf-8")
    header = next(csv.reader([text.splitlines()[0]]))
    line = io.StringIO()
    csv.DictWriter(line, header, restval="", extrasaction="ignore", lineterminator="\n").writerow(
        row
    )
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(member.filename, text.rstrip("\n") + "\n" + line.getvalue())


def files_with(folder: Path, needles: tuple[str, ...]) -> list[str]:
    """Return the files under ``folder`` whose bytes, unpacked, hold one of ``needles``."""
    import polars as pl

    found = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        contents = [path.read_bytes()]
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as packed:
                contents += [packed.read(name) for name in packed.namelist()]
        elif path.suffix == ".parquet":
            contents.append(pl.read_parquet(path, glob=False).write_ndjson().encode())
        if any(needle.encode() in content for needle in needles for content in contents):
            found.append(path.relative_to(folder).as_posix())
    return found
