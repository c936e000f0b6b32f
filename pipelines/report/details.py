"""What an event says beside its title, for its line on the timeline: buyer, place, change of value.

Belongs here: which values of ``before`` and ``after`` people are shown, what they are called
and how each is read. Does not belong here: fixed texts of the page (``words``). A detector may
tell a value of which nothing is known here: it is shown under its own name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import cache, partial
from typing import Any

from pipelines.report.words import Words
from sirene.nomenclatures import (
    CATEGORIES_JURIDIQUES,
    COMMUNES,
    NAF_2025,
    NAF_REV2,
    TRANCHES,
    label_of,
)

#: Keys of records, and codes that the title already says in words.
_FOR_MACHINES = {
    "applicant", "caractere_employeur", "code_postal", "etat_administratif", "idweb", "large_by",
    "outcome", "plan", "role", "severity", "siret", "stage", "status", "topic", "uid",
}  # fmt: skip
#: The title says them, unless there is a value before to compare with.
_IN_THE_TITLE = {"denomination", "montant_eur", "note_index", "price_eur", "procedure"}

#: key → French, English; a key without its own words shows its name.
LABELS: dict[str, tuple[str, str]] = {
    "acheteur_nom": ("Acheteur", "Buyer"),
    "activite": ("Activité", "Activity"),
    "activite_principale": ("Activité principale", "Main activity"),
    "activites": ("Activités", "Activities"),
    "annee": ("Année", "Year"),
    "attribuant": ("Attribuée par", "Granted by"),
    "buyer_siren": ("SIREN de l'acquéreur", "SIREN of the buyer"),
    "capital_eur": ("Capital", "Share capital"),
    "categorie": ("Catégorie", "Category"),
    "categorie_juridique": ("Forme juridique", "Legal form"),
    "category": ("Annonce", "Announcement"),
    "certifications": ("Certifications", "Certifications"),
    "chiffre_affaires_eur": ("Chiffre d'affaires", "Revenue"),
    "code_cpv": ("Code CPV", "CPV code"),
    "commune": ("Commune", "Commune"),
    "date_cloture": ("Clôture", "Year end"),
    "date_commencement": ("Début d'activité", "Activity begins"),
    "date_effet": ("Prise d'effet", "Takes effect"),
    "date_fin": ("Fin", "Ends"),
    "date_limite": ("Date limite", "Closing date"),
    "date_validite": ("Valable jusqu'au", "Valid until"),
    "denomination": ("Nom", "Name"),
    "destination": ("Destination", "Use"),
    "dispositif": ("Dispositif", "Scheme"),
    "distance_km": ("Distance", "Distance"),
    "domaines": ("Domaines", "Fields"),
    "duree_mois": ("Durée", "Duration"),
    "end": ("Fin prévue", "Expected end"),
    "expected": ("Attendus le", "Expected on"),
    "jugement_nature": ("Jugement", "Judgment"),
    "last_filed": ("Derniers comptes déposés", "Last accounts filed"),
    "logements": ("Logements", "Dwellings"),
    "modifications": ("Modifications", "Modifications"),
    "montant_eur": ("Montant", "Amount"),
    "nature": ("Nature", "Nature"),
    "niveau": ("Niveau", "Level"),
    "objet": ("Objet", "Purpose"),
    "operation": ("Opération", "Operation"),
    "operator_siren": ("SIREN de l'exploitant", "SIREN of the operator"),
    "organismes": ("Organismes", "Certified by"),
    "other_siren": ("SIREN de l'autre société", "SIREN of the other company"),
    "permit": ("Autorisation", "Permit"),
    "price_eur": ("Prix", "Price"),
    "qualifications": ("Qualifications", "Qualifications"),
    "resultat_net_eur": ("Résultat net", "Net result"),
    "seller_siren": ("SIREN du vendeur", "SIREN of the seller"),
    "structure": ("Structure", "Structure"),
    "surface_m2": ("Surface", "Floor area"),
    "terrain_m2": ("Terrain", "Land"),
    "themes": ("Thèmes", "Topics"),
    "tranche_effectifs": ("Effectif", "Headcount"),
    "type_marche": ("Type de marché", "Kind of contract"),
    "univers": ("Univers", "Field"),
    "value": ("Valeur", "Value"),
    "ville": ("Ville", "Town"),
    "winners": ("Titulaires", "Winners"),
    "wins": ("Marchés remportés", "Contracts won"),
    "year": ("Année", "Year"),
}


@cache
def _named(code: str, *tables: str) -> str:
    """Return a code with its label of the first table that knows it."""
    for table in tables:
        if label := label_of(code, table):
            return f"{label} ({code})"
    return code


def _day(value: Any, say: Words) -> str:
    try:
        return say.day(date.fromisoformat(str(value)))
    except ValueError:
        return str(value)


def _measured(value: Any, say: Words, unit: str) -> str:
    return f"{say.number(float(value))}\N{NO-BREAK SPACE}{unit}"


def _months(value: Any, say: Words) -> str:
    return _measured(value, say, say.either(("mois", "months")))


def _code(value: Any, _say: Words, *tables: str) -> str:
    return _named(str(value), *tables)


_Reader = Callable[[Any, Words], str]
_READERS: dict[str, _Reader] = {
    "activite_principale": lambda value, say: _code(value, say, NAF_REV2, NAF_2025),
    "categorie_juridique": lambda value, say: _code(value, say, CATEGORIES_JURIDIQUES),
    "commune": lambda value, say: _code(value, say, COMMUNES),
    "tranche_effectifs": lambda value, say: _code(value, say, TRANCHES),
    "value": lambda value, say: _code(value, say, TRANCHES),
    "distance_km": partial(_measured, unit="km"),
    "duree_mois": _months,
    "end": _day,
    "expected": _day,
    "last_filed": _day,
}


def _reader(key: str) -> _Reader:
    if key in _READERS:
        return _READERS[key]
    if key.startswith("date_"):
        return _day
    for ending, unit in (("_eur", "€"), ("_m2", "m²")):
        if key.endswith(ending):
            return partial(_measured, unit=unit)
    return _text


def _text(value: Any, say: Words) -> str:
    if isinstance(value, bool):
        return say.either(("oui", "yes") if value else ("non", "no"))
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return str(value)


def details(before: Mapping[str, Any], after: Mapping[str, Any], say: Words) -> list[str]:
    """Return what an event says beside its title: ``label: value``, ``label: before → after``.

    Args:
        before: values before the event, as the stream gives them.
        after: values after it.
        say: the words of the page's language.
    """
    colon = say.either((" : ", ": "))
    found = []
    for key in dict.fromkeys([*after, *before]):
        known = [values[key] for values in (before, after) if values.get(key) is not None]
        if not known or key in _FOR_MACHINES or (key in _IN_THE_TITLE and len(known) == 1):
            continue
        # One winner is the rule, and says nothing.
        if key == "winners" and known == [1]:
            continue
        read = _reader(key)
        texts = list(dict.fromkeys(read(value, say) for value in known))
        label = say.either(LABELS[key]) if key in LABELS else key.replace("_", " ")
        found.append(label + colon + " → ".join(texts))
    return found
