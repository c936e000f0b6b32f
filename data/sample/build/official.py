"""SIRENE states in INSEE's format of 2026.

Belongs here: which 2017 column becomes which official one, and the files INSEE publishes (CSV in a
zip). What the 2017 files do not say stays empty: number of periods, geography, secondary address,
employer flag, NAF 2025. Does not belong here: which companies are taken.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from daily import HEAD_OFFICE_MOVES, Movement
from states import State

#: Only a second address line that begins with the word of a place is kept: the others may name
#: the person at whose home a company has its seat.
PLACE = re.compile(
    r"^(?:ZONE|ZI|ZA|ZAC|Z I|Z A|BAT|BATIMENT|IMMEUBLE|IMM|RESIDENCE|RES|CENTRE|CTRE|C CIAL|CC|PARC"
    r"|LOT|LOTISSEMENT|APPT|APT|ETAGE|\d+E? ?(?:ER|EME)? ETAGE|HAMEAU|QUARTIER|QUA|ESC"
    r"|ESCALIER|PORTE|TOUR|DOMAINE|MAIRIE|HOTEL DE VILLE|LIEU ?DIT|LD|RDC|BUREAU|HALL|POLE"
    r"|TECHNOPOLE)\b[^@]*$"
)


def header(schemas: Path, name: str) -> list[str]:
    """Return the official columns of the file ``name`` in their order."""
    return (schemas / f"{name}_header.csv").read_text("utf-8").strip().split(",")


def iso(digits: str) -> str:
    """Write an eight-digit date as INSEE does today; absurd dates stay absurd."""
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}" if len(digits) == 8 else ""


def naf(code: str) -> str:
    """Write ``8110Z`` as ``81.10Z``."""
    return f"{code[:2]}.{code[2:]}" if len(code) == 5 else ""


def unit_row(siren: str, state: State) -> dict[str, str]:
    """Return the official columns of a company."""
    seen = state.movement
    return {
        "siren": siren,
        "statutDiffusionUniteLegale": seen["DIFFCOM"],
        "dateCreationUniteLegale": iso(seen["DCREN"]),
        "sigleUniteLegale": seen["SIGLE"],
        "identifiantAssociationUniteLegale": seen["RNA"],
        "trancheEffectifsUniteLegale": seen["TEFEN"],
        "anneeEffectifsUniteLegale": seen["DEFEN"],
        "dateDernierTraitementUniteLegale": seen["DATEMAJ"] if state.dated else "",
        "categorieEntreprise": seen["CATEGORIE"],
        "dateDebut": _since(state, seen["DCREN"]),
        "etatAdministratifUniteLegale": "A" if state.active else "C",
        "denominationUniteLegale": seen["NOMEN_LONG"],
        "categorieJuridiqueUniteLegale": seen["NJ"],
        "activitePrincipaleUniteLegale": naf(seen["APEN700"]),
        "nomenclatureActivitePrincipaleUniteLegale": "NAFRev2",
        "nicSiegeUniteLegale": state.head_office,
        "economieSocialeSolidaireUniteLegale": seen["ESS"],
    }


def establishment_row(siret: str, state: State, head_office: str) -> dict[str, str]:
    """Return the official columns of an establishment; ``head_office`` is the company's NIC."""
    seen = state.movement
    row = {
        "siren": siret[:9],
        "nic": siret[9:],
        "siret": siret,
        "statutDiffusionEtablissement": seen["DIFFCOM"],
        "dateCreationEtablissement": iso(seen["DCRET"]),
        "trancheEffectifsEtablissement": seen["TEFET"],
        "anneeEffectifsEtablissement": seen["DEFET"],
        "activitePrincipaleRegistreMetiersEtablissement": seen["APRM"],
        "dateDernierTraitementEtablissement": seen["DATEMAJ"] if state.dated else "",
        "etablissementSiege": "true" if siret[9:] == head_office else "false",
        "dateDebut": _since(state, seen["DCRET"]),
        "etatAdministratifEtablissement": "A" if state.active else "F",
        "enseigne1Etablissement": seen["ENSEIGNE"],
        "activitePrincipaleEtablissement": naf(seen["APET700"]),
        "nomenclatureActivitePrincipaleEtablissement": "NAFRev2",
    }
    return row | {f"{name}Etablissement": value for name, value in _address(seen).items()}


def _since(state: State, creation: str) -> str:
    """Return the first day of the state, as far as the files tell it."""
    if state.dated and state.movement["VMAJ"] in {"E", "F"}:
        return iso(state.movement["DATEVE"])
    return iso(creation) if state.active else ""


def _address(seen: Movement) -> dict[str, str]:
    """Return the address; a commune is never given for a place abroad."""
    abroad = seen["DEPET"] == "99"
    second = seen["L3_NORMALISEE"]
    cedex = seen["CEDEX"]
    town = re.sub(r"^\d{5} ", "", seen["L6_NORMALISEE"])
    return {
        "complementAdresse": second if PLACE.match(second) else "",
        "numeroVoie": seen["NUMVOIE"],
        "indiceRepetition": seen["INDREP"],
        "typeVoie": seen["TYPVOIE"],
        "libelleVoie": seen["LIBVOIE"],
        "codePostal": "" if abroad else seen["CODPOS"],
        "libelleCommune": "" if abroad else seen["LIBCOM"],
        "libelleCommuneEtranger": seen["LIBCOM"] if abroad else "",
        "codeCommune": "" if abroad else seen["DEPET"] + seen["COMET"],
        "codeCedex": cedex,
        "libelleCedex": town if cedex else "",
        "codePaysEtranger": f"99{seen['COMET']}" if abroad else "",
        "libellePaysEtranger": seen["L7_NORMALISEE"] if abroad else "",
    }


def link_row(
    seen: Movement, place_of: Mapping[str, tuple[str, str]], recorded: bool
) -> dict[str, str]:
    """Return the succession that a movement states.

    Continuity is INSEE's rule (two of same company, same activity, same place) where both ends are
    in the files. Elsewhere it is taken as given, because in 2017 INSEE filled SIRETPS only when it
    had recognised one establishment as the continuation of the other.
    """
    same = seen["SIRETPS"][:9] == seen.siren
    moved = same and seen["EVE"] in HEAD_OFFICE_MOVES
    here, there = place_of.get(seen.siret), place_of.get(seen["SIRETPS"])
    continuity = True
    if not moved and here and there:
        continuity = same + (here[0] == there[0]) + (here[1] == there[1]) >= 2
    return {
        "siretEtablissementPredecesseur": seen["SIRETPS"],
        "siretEtablissementSuccesseur": seen.siret,
        "dateLienSuccession": iso(seen["DATEVE"]),
        "transfertSiege": "true" if moved else "false",
        "continuiteEconomique": "true" if continuity else "false",
        "dateDernierTraitementLienSuccession": seen["DATEMAJ"] if recorded else "",
    }


def zipped_csv(columns: Sequence[str], rows: Iterable[Mapping[str, str]], member: str) -> bytes:
    """Return a zip that holds one CSV of those columns; the same rows give the same bytes."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    entry = zipfile.ZipInfo(member, date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr(entry, text.getvalue().encode(), compresslevel=9)
    return archive.getvalue()
