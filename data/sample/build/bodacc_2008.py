"""Insolvency notices of four issues of 2008.

Belongs here: how DILA's layout of 2008 becomes records, and which of the 2 125 notices are taken.
Dates stay in French words inside ``jugement``, as the real feed has them. Notices that concern a
director in person (bankruptcy, ban on managing) are left out.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import bodacc
from safety import all_clean, siren_ok
from selection import rank

#: Natures so frequent that a cut of them is enough.
FREQUENT = 60
#: Cut of the frequent natures, each.
CUT = 40
PERSONAL = ("interdiction de gérer", "faillite personnelle")


def read(path: Path, wanted: Collection[str]) -> list[bodacc.Notice]:
    """Return the chosen notices as records; those about ``wanted`` SIRENs come first."""
    notices = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    shared = bodacc.formulas(notice["jugement"].get("complementJugement") for notice in notices)
    usable = [notice for notice in notices if _usable(notice)]
    where = bodacc.places()
    return [_record(notice, where, shared) for notice in _choose(usable, wanted)]


def _numbers(notice: bodacc.Notice) -> list[str]:
    found = [
        (one.get("numeroIdentificationRCS") or "")
        for one in bodacc.items(notice.get("numeroImmatriculation"))
    ]
    return [number for number in found if number]


def _usable(notice: bodacc.Notice) -> bool:
    names = [one.get("denomination") or "" for one in bodacc.items(notice["personneMorale"])]
    activity = bodacc.text(notice.get("activite"))
    numbers = [number.replace(" ", "") for number in _numbers(notice)]
    return (
        bool(numbers)
        and all(siren_ok(number) for number in numbers)
        and all_clean([*names, activity, bodacc.text(notice.get("enseigne"))])
        and not any(word in notice["jugement"]["nature"] for word in PERSONAL)
    )


def _choose(notices: list[bodacc.Notice], wanted: Collection[str]) -> list[bodacc.Notice]:
    natures = Counter(notice["jugement"]["nature"] for notice in notices)
    repeated = Counter(number for notice in notices for number in _numbers(notice))
    taken: Counter[str] = Counter()
    chosen = []

    def order(notice: bodacc.Notice) -> tuple[bool, str]:
        number = _numbers(notice)[0]
        return number.replace(" ", "") not in wanted, rank(number + notice["numeroAnnonce"])

    for notice in sorted(notices, key=order):
        nature = notice["jugement"]["nature"]
        several = any(repeated[number] > 1 for number in _numbers(notice))
        cancelled = "annulation" in notice["typeAnnonce"]
        if several or cancelled or natures[nature] < FREQUENT or taken[nature] < CUT:
            taken[nature] += 1
            chosen.append(notice)
    return chosen


def _record(
    notice: bodacc.Notice, where: Mapping[str, dict[str, str]], shared: frozenset[str]
) -> bodacc.Notice:
    companies = bodacc.items(notice["personneMorale"])
    registrations = [
        {
            "numeroIdentification": one["numeroIdentificationRCS"],
            **bodacc.pick(one, ("codeRCS", "nomGreffeImmat")),
        }
        for one in bodacc.items(notice.get("numeroImmatriculation"))
        if one.get("numeroIdentificationRCS")
    ]
    addresses = [bodacc.french_address(one) for one in bodacc.items(notice.get("adresse"))]
    day, month, year = notice["_dateParution"].split("/")
    judgement = notice["jugement"]
    kind = next(iter(notice["typeAnnonce"]))
    agreement = "homologation de l'accord" in judgement["nature"]
    head = {
        "parution": notice["_parution"],
        "date": f"{year}-{month}-{day}",
        "number": notice["numeroAnnonce"],
        "kind": "annonce" if kind == "creation" else kind,
        "family": "conciliation" if agreement else "collective",
        "department": notice["numeroDepartement"].zfill(2),
        "tribunal": notice["tribunal"],
        "names": [one["denomination"] for one in companies if one.get("denomination")],
        "registrations": registrations,
        "town": addresses[0].get("ville") if addresses else None,
        "postcode": addresses[0].get("codePostal") if addresses else None,
    }
    blocks = {
        "listepersonnes": {"personne": _persons(companies, registrations, addresses)},
        "listeetablissements": _site(notice),
        "jugement": _judgement(judgement, head["kind"], shared),
        "parutionavisprecedent": bodacc.pick(
            notice.get("parutionAvisPrecedent"),
            ("nomPublication", "numeroParution", "numeroAnnonce", "dateParution"),
        ),
    }
    return bodacc.record(head, blocks, where)


def _persons(companies: list[Any], registrations: list[Any], addresses: list[Any]) -> Any:
    persons = []
    for place, company in enumerate(companies):
        person = {"typePersonne": "pm"}
        person |= bodacc.pick(company, ("denomination", "formeJuridique", "sigle"))
        if place < len(registrations):
            person |= {"numeroImmatriculation": registrations[place]}
        if place < len(addresses) and addresses[place]:
            person |= {"adresseSiegeSocial": addresses[place]}
        persons.append(person)
    return bodacc.one_or_many(persons)


def _site(notice: bodacc.Notice) -> dict[str, Any] | None:
    site = {name: bodacc.text(notice.get(name)) for name in ("activite", "enseigne")}
    kept = {name: value for name, value in site.items() if value}
    return {"etablissement": kept} if kept else None


def _judgement(judgement: Mapping[str, Any], kind: str, shared: frozenset[str]) -> dict[str, Any]:
    found = {"type": "initial" if kind == "annonce" else kind}
    found |= bodacc.pick(judgement, ("famille", "nature", "date"))
    opening = bodacc.formula(judgement.get("complementJugement"))
    return found | ({"complementJugement": opening} if opening in shared else {})
