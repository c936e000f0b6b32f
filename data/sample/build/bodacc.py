"""BODACC notices of legal persons as Opendatasoft records.

Belongs here: the two original layouts (RCS-A of 2021, insolvencies of 2008), the record of the
API v2.1, and the allow-list that decides what passes. Does not belong here: which notices.

Left out, whatever they hold: ``administration`` (roster of directors), first and last names of
natural persons and their registration number, ``journal``, ``opposition``, ``declarationCreance``,
``complGeographique`` ("chez …"), foreign addresses, internal numbers of the registries. Free text
(``descriptif``, ``complementJugement``) passes only as a formula that several notices share.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from safety import clean, siren_ok

Notice = dict[str, Any]

PRICE = re.compile(
    r"^[\w\s'’é-]*?(?:prix stipulé de|montant évalué à)\s*[\d\s.,]+\s*(?:euros?|EUR)\.?$", re.I
)
ORIGINS = frozenset(
    {
        "Création",
        "Création d'un fonds de commerce",
        "Transfert",
        "Transfert d'activité",
        "Fonds reçu en location-gérance",
        "Apport fusion",
    }
)
ADDRESS = ("numeroVoie", "typeVoie", "nomVoie", "codePostal", "ville")
REGISTRATION = ("numeroIdentification", "codeRCS", "nomGreffeImmat")
KINDS = {
    "annonce": "Avis initial",
    "rectificatif": "Avis rectificatif",
    "annulation": "Avis d'annulation",
}
FAMILIES = {
    "creation": "Créations",
    "immatriculation": "Immatriculations",
    "vente": "Ventes et cessions",
    "collective": "Procédures collectives",
    "conciliation": "Procédures de conciliation",
}
#: A text becomes a formula, and may be kept, when that many notices begin with it.
SHARED = 5


def places() -> dict[str, dict[str, str]]:
    """Return code of the département → its name and region."""
    with (Path(__file__).parent / "departements.csv").open(encoding="utf-8", newline="") as stream:
        return {row["code"]: row for row in csv.DictReader(stream)}


def items(value: Any) -> list[Any]:
    """Return what the XML gives once or several times, always as a list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def text(value: Any) -> str | None:
    """Return a field as text; a repeated field is joined."""
    joined = ", ".join(str(part).strip() for part in items(value) if part)
    return joined or None


def formula(value: Any) -> str | None:
    """Return the opening clause of a free text, up to what could name somebody."""
    opening = re.split(r"[,;.:]| désignant| nomm| dont ", text(value) or "", maxsplit=1)[0].strip()
    # A clause cut inside "article L. 644" or at an initial is no clause.
    complete = not re.search(r"\d|(?:^|\s)\w{1,2}$", opening)
    return opening if opening and complete else None


def formulas(values: Iterable[Any]) -> frozenset[str]:
    """Return the openings that at least :data:`SHARED` texts have in common."""
    counts = Counter(found for found in map(formula, values) if found)
    return frozenset(name for name, count in counts.items() if count >= SHARED and clean(name))


def pick(source: Mapping[str, Any] | None, names: Sequence[str]) -> dict[str, Any]:
    """Return the named fields that are present."""
    return {name: source[name] for name in names if source and source.get(name)}


def sirens(registrations: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return each SIREN as written and without spaces, as the API does."""
    found: list[str] = []
    for registration in registrations:
        written = registration.get("numeroIdentification", "")
        if siren_ok(written.replace(" ", "")):
            found += [form for form in (written, written.replace(" ", "")) if form not in found]
    return found


def french_address(address: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the street and the town of a French address."""
    france = (address or {}).get("france", address)
    found = pick(items(france)[0] if france else None, ADDRESS)
    return {**found, "pays": "france"} if found else {}


def record(
    head: Mapping[str, Any], blocks: Mapping[str, Any], where: Mapping[str, dict[str, str]]
) -> Notice:
    """Return the record of the API: every field, blocks written as JSON in a string.

    Args:
        head: ``parution``, ``date``, ``number``, ``kind``, ``family``, ``department``,
            ``tribunal``, ``names``, ``registrations``, ``town``, ``postcode``.
        blocks: name of the API's field → content; an empty content is null.
        where: see :func:`places`.
    """
    place = where.get(head["department"], {})
    identifier = f"A{head['parution']}{head['number']}"
    encoded = {
        name: json.dumps(content, ensure_ascii=False) if content else None
        for name, content in blocks.items()
    }
    return {
        "id": identifier,
        "publicationavis": "A",
        "publicationavis_facette": "Bodacc A",
        "parution": head["parution"],
        "dateparution": head["date"],
        "numeroannonce": int(head["number"]),
        "typeavis": head["kind"],
        "typeavis_lib": KINDS[head["kind"]],
        "familleavis": head["family"],
        "familleavis_lib": FAMILIES[head["family"]],
        "numerodepartement": head["department"],
        "departement_nom_officiel": place.get("departement"),
        "region_code": int(place["region_code"]) if place else None,
        "region_nom_officiel": place.get("region"),
        "tribunal": head["tribunal"],
        "commercant": ", ".join(head["names"]) or None,
        "ville": head["town"],
        "registre": sirens(head["registrations"]) or None,
        "cp": head["postcode"],
        "pdf_parution_subfolder": None,
        "ispdf_unitaire": None,
        "listepersonnes": encoded.get("listepersonnes"),
        "listeetablissements": encoded.get("listeetablissements"),
        "jugement": encoded.get("jugement"),
        "acte": encoded.get("acte"),
        "modificationsgenerales": None,
        "radiationaurcs": None,
        "depot": None,
        "listeprecedentexploitant": encoded.get("listeprecedentexploitant"),
        "listeprecedentproprietaire": encoded.get("listeprecedentproprietaire"),
        "divers": None,
        "parutionavisprecedent": encoded.get("parutionavisprecedent"),
        "url_complete": "https://www.bodacc.fr/pages/annonces-commerciales-detail/"
        f"?q.id=id:{identifier}",
    }


def one_or_many(found: Sequence[Any]) -> Any:
    """Return a lone element bare and several as a list, as the API does."""
    return found[0] if len(found) == 1 else list(found)


def issue(records: Iterable[Notice]) -> bytes:
    """Return records as JSON lines, in the order of the issue."""
    ordered = sorted(records, key=lambda notice: (notice["parution"], notice["numeroannonce"]))
    return "".join(json.dumps(notice, ensure_ascii=False) + "\n" for notice in ordered).encode()
