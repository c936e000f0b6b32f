"""RCS-A issue 20210005 (8 January 2021): creations, head-office transfers, sales.

Belongs here: how DILA's XML of 2021, given as JSON, becomes records. Does not belong here: the
record itself (``bodacc.py``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import bodacc
from safety import clean


def read(path: Path) -> list[bodacc.Notice]:
    """Return the notices of the issue as records."""
    notices = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    where = bodacc.places()
    shared = bodacc.formulas(_act(notice)[1].get("descriptif") for notice in notices)
    return [_record(notice, where, shared) for notice in notices]


def _act(notice: bodacc.Notice) -> tuple[str, Mapping[str, Any]]:
    (kind, content), *_ = notice["acte"].items()
    return kind, content


def _record(
    notice: bodacc.Notice, where: Mapping[str, dict[str, str]], shared: frozenset[str]
) -> bodacc.Notice:
    person = notice["personnes"]["personne"]
    company = person["personneMorale"]
    family, act = _act(notice)
    before = [*bodacc.items(notice.get("precedentProprietairePM"))]
    lessees = [*bodacc.items(notice.get("precedentExploitantPM"))]
    address = bodacc.french_address(person.get("adresse"))
    head = {
        "parution": notice["_parution"],
        "date": notice["_dateParution"],
        "number": notice["numeroAnnonce"],
        "kind": next(iter(notice["typeAnnonce"])),
        "family": family,
        "department": notice["numeroDepartement"],
        "tribunal": notice["tribunal"],
        "names": [company["denomination"]],
        "registrations": [
            one["numeroImmatriculation"]
            for one in (company, *before, *lessees)
            if one.get("numeroImmatriculation")
        ],
        "town": address.get("ville"),
        "postcode": address.get("codePostal"),
    }
    natural = len(bodacc.items(notice.get("precedentProprietairePP")))
    owners = [_company(one) for one in before] + [{"typePersonne": "pp"}] * natural
    blocks = {
        "listepersonnes": {"personne": _company(company) | _seat(person, address)},
        "listeetablissements": _site(notice.get("etablissement")),
        "acte": _deed(family, act, shared),
        "listeprecedentproprietaire": {"personne": bodacc.one_or_many(owners)} if owners else None,
        "listeprecedentexploitant": (
            {"personne": bodacc.one_or_many([_company(one) for one in lessees])}
            if lessees
            else None
        ),
        "parutionavisprecedent": bodacc.pick(
            notice.get("parutionAvisPrecedent"),
            ("nomPublication", "numeroParution", "numeroAnnonce", "dateParution"),
        ),
    }
    return bodacc.record(head, blocks, where)


def _company(company: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"typePersonne": "pm"}
    found |= bodacc.pick(company, ("denomination", "formeJuridique", "sigle", "nomCommercial"))
    number = bodacc.pick(company.get("numeroImmatriculation"), bodacc.REGISTRATION)
    return found | ({"numeroImmatriculation": number} if number else {})


def _seat(person: Mapping[str, Any], address: dict[str, Any]) -> dict[str, Any]:
    capital = bodacc.pick(person.get("capital"), ("montantCapital", "devise"))
    return {
        key: value
        for key, value in (("capital", capital), ("adresseSiegeSocial", address))
        if value
    }


def _site(sites: Any) -> dict[str, Any] | None:
    kept = []
    for site in bodacc.items(sites):
        found = bodacc.pick(site, ("qualiteEtablissement", "activite", "enseigne"))
        found = {name: value for name, value in found.items() if clean(str(value))}
        origin = (site.get("origineFonds") or "").strip()
        if origin in bodacc.ORIGINS or bodacc.PRICE.match(origin):
            found = {"origineFonds": origin, **found}
        address = bodacc.french_address(site.get("adresse"))
        kept.append(found | ({"adresse": address} if address else {}))
    return {"etablissement": bodacc.one_or_many(kept)} if kept else None


def _deed(family: str, act: Mapping[str, Any], shared: frozenset[str]) -> dict[str, Any]:
    category = f"categorie{family.capitalize()}"
    deed: dict[str, Any] = {family: bodacc.pick(act, (category,))}
    deed |= bodacc.pick(act, ("dateImmatriculation", "dateCommencementActivite", "dateEffet"))
    opening = bodacc.formula(act.get("descriptif"))
    return deed | ({"descriptif": opening} if opening in shared else {})
