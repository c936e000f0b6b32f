"""Which column headers mean which field of a lead.

Belongs here: headers as they come from real exports, in comparable form (lower case, no
accents, letters and digits only, single spaces). Does not belong here: reading files.

Several headers of one file may mean the same field: the first in the order below wins,
row by row, and the next ones fill its gaps.
"""

from __future__ import annotations

import polars as pl

#: Field → headers, most trustworthy first. HubSpot, Salesforce, Pipedrive, LinkedIn Sales
#: Navigator, Dropcontact, then plain French and English.
HEADERS: dict[str, tuple[str, ...]] = {
    "lead_id": (
        "lead id", "record id", "company id", "account id", "account id 18", "organization id",
        "id du lead", "id lead", "lead", "identifiant", "identifiant lead", "id piste",
        "hs object id",
        "id entreprise", "id contact", "contact id", "id prospect", "id client", "crm id", "id",
    ),
    "account_id": ("tenant", "tenant id"),
    "company_name": (
        "company name", "associated company", "account name", "organization name",
        "organization", "organisation", "company", "company account", "current company",
        "nom de l entreprise", "nom entreprise", "nom societe", "nom de la societe",
        "raison sociale", "denomination", "denomination sociale", "denomination unite legale",
        "entreprise", "societe", "etablissement", "nom commercial", "enseigne", "compte client",
        "employer", "employeur", "business name", "name", "nom",
    ),
    "siren": ("siren", "numero siren", "n siren", "no siren", "code siren", "siren number"),
    "siret": (
        "siret", "numero siret", "n siret", "no siret", "code siret", "siret siege",
        "siret du siege", "siret number",
    ),
    "vat": (
        "vat", "vat number", "vat id", "tva", "numero tva", "n tva", "tva intracommunautaire",
        "numero de tva", "numero de tva intracommunautaire", "n tva intracommunautaire",
        "tax id",
    ),
    "address": (
        "address", "street address", "billing street", "mailing street", "street", "adresse",
        "adresse postale", "rue", "voie", "address line 1", "adresse 1", "address 1",
        "company address", "siret address", "organization address",
    ),
    "postcode": (
        "postcode", "postal code", "zip", "zip code", "billing zip", "billing postal code",
        "billing zip postal code", "mailing postal code", "zip postal code", "code postal",
        "cp", "siret zip", "company zip",
    ),
    "city": (
        "city", "billing city", "mailing city", "town", "ville", "commune", "localite",
        "siret city", "company city", "hq city",
    ),
    "department": ("department", "departement", "dept", "dep", "code departement"),
    "country": (
        "country", "country region", "billing country", "mailing country", "pays",
        "company country", "hq country", "code pays", "country code",
    ),
    "website": (
        "website", "website url", "company website", "company domain name", "company domain",
        "domain", "domain name", "web", "site web", "site internet", "site", "url",
        "nom de domaine", "domaine",
    ),
    "email_domain": ("email domain", "domaine email", "e mail domain"),
    "phone": (
        "phone", "phone number", "mobile", "mobile phone", "mobile phone number", "telephone",
        "tel", "portable", "numero de telephone",
    ),
    "linkedin_url": (
        "linkedin", "linkedin url", "company linkedin url", "company linkedin",
        "linkedin company page", "person linkedin url",
        "linkedin company url", "profile url", "linkedin profile", "linkedin bio",
        "sales navigator url", "url linkedin",
    ),
    "contact_name": (
        "contact name", "full name", "contact full name", "person name", "nom complet",
        "nom du contact", "contact", "interlocuteur", "contact person",
    ),
    "contact_email": (
        "email", "e mail", "email address", "work email", "contact email", "mail", "courriel",
        "adresse e mail", "adresse email",
    ),
}  # fmt: skip

#: Header → (field, rank): the lower the rank, the more the column is trusted.
FIELD_OF: dict[str, tuple[str, int]] = {
    header: (field, rank)
    for field, headers in HEADERS.items()
    for rank, header in enumerate(headers)
}

#: Our own name for the customer; "Account ID" with a space is a record id of Salesforce.
OWN_ACCOUNT = "account_id"

#: In files where a person is described beside a company, these headers name the person.
PERSON_HINTS = frozenset({"prenom", "first name", "firstname", "last name", "nom de famille"})
PERSON_NAMES = frozenset({"nom", "name"})


def comparable(headers: list[str]) -> list[str]:
    """Return ``headers`` in the form used above; a byte-order mark and accents are gone."""
    return (
        pl.Series("header", headers, dtype=pl.String)
        .str.normalize("NFKD")
        .str.replace_all(r"\p{M}|\u{FEFF}", "")
        .str.replace_all("°", " ", literal=True)
        .str.to_lowercase()
        .str.replace_all(r"[^a-z0-9]+", " ")
        .str.strip_chars()
        .to_list()
    )


def recognise(headers: list[str]) -> dict[str, list[str]]:
    """Return field → the headers of this file that mean it, best first.

    Args:
        headers: headers as they stand in the file.
    """
    forms = comparable(headers)
    about_persons = bool(PERSON_HINTS & set(forms))
    found: dict[str, list[tuple[int, int]]] = {}
    for position, form in enumerate(forms):
        if form not in FIELD_OF or (about_persons and form in PERSON_NAMES):
            continue
        own = headers[position].strip().lower() == OWN_ACCOUNT
        field, rank = (OWN_ACCOUNT, 0) if own else FIELD_OF[form]
        found.setdefault(field, []).append((rank, position))
    return {
        field: [headers[position] for _, position in sorted(places)]
        for field, places in found.items()
    }
