"""Which column headers mean which field of a lead.

Belongs here: headers as they come from real exports, in comparable form (lower case, no
accents, letters and digits only, single spaces). Does not belong here: reading files.

Spaces do not count when headers are compared: ``companyName``, ``BILLINGPOSTALCODE`` and
``company_name`` come out of the same tools as ``Company name``.

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
        "hs object id", "record id company", "organisation id", "id du compte", "id de compte",
        "id de fiche d informations", "id d enregistrement", "id de l entreprise",
        "id entreprise", "id contact", "contact id", "id prospect", "id client", "crm id", "id",
    ),
    "account_id": ("tenant", "tenant id"),
    "company_name": (
        "company name", "associated company", "account name", "organization name",
        "organisation name", "organisation nom", "organization", "organisation", "company",
        "company account", "current company", "nom du compte", "societe compte",
        "entreprise associee", "nom de l organisation",
        "nom de l entreprise", "nom entreprise", "nom societe", "nom de la societe",
        "raison sociale", "denomination", "denomination sociale", "denomination unite legale",
        "entreprise", "societe", "etablissement", "nom commercial", "enseigne", "compte client",
        "employer", "employeur", "business name", "name", "nom",
    ),
    "siren": ("siren", "numero siren", "n siren", "no siren", "code siren", "siren number",
              "numero de siren", "siren de l entreprise", "company siren"),
    "siret": (
        "siret", "numero siret", "n siret", "no siret", "code siret", "siret siege",
        "siret du siege", "siret number", "numero de siret", "siret de l entreprise",
        "company siret", "siret etablissement",
    ),
    "vat": (
        "vat", "vat number", "vat id", "tva", "numero tva", "n tva", "tva intracommunautaire",
        "numero de tva", "numero de tva intracommunautaire", "n tva intracommunautaire",
        "vat identification number", "organization tax id", "tax id",
    ),
    "address": (
        "address", "street address", "billing street", "mailing street", "street", "adresse",
        "adresse postale", "rue", "voie", "address line 1", "adresse 1", "address 1",
        "company address", "siret address", "organization full combined address of address",
        "organization full combined address of company address", "organization address",
        "organisation adresse", "organisation address", "company street", "rue de facturation",
        "rue facturation", "adresse de facturation", "hq address", "company headquarters address",
    ),
    "postcode": (
        "postcode", "postal code", "zip", "zip code", "billing zip", "billing postal code",
        "billing zip postal code", "mailing postal code", "zip postal code", "code postal",
        "cp", "siret zip", "company zip", "company postal code", "company zip code",
        "organization zip postal code of address",
        "organization zip postal code of company address", "organisation code postal de adresse",
        "code postal de facturation", "code postal facturation", "hq postal code",
    ),
    "city": (
        "city", "billing city", "mailing city", "town", "ville", "commune", "localite",
        "siret city", "company city", "hq city", "ville de facturation", "ville facturation",
        "organization city town village locality of address",
        "organization city town village locality of company address",
        "organisation ville de adresse",
    ),
    "department": ("department", "departement", "dept", "dep", "code departement"),
    "country": (
        "country", "country region", "billing country", "mailing country", "pays",
        "company country", "hq country", "code pays", "country code", "pays region",
        "billing country code", "pays de facturation", "pays facturation",
        "organization country of address", "organization country of company address",
    ),
    "website": (
        "website", "website url", "company website", "company domain name", "company domain",
        "domain", "domain name", "web", "site web", "site internet", "site", "url",
        "nom de domaine", "nom de domaine de l entreprise", "domaine", "url du site web",
        "organization website", "company url",
    ),
    "email_domain": ("email domain", "domaine email", "e mail domain"),
    "phone": (
        "phone", "phone number", "mobile", "mobile phone", "mobile phone number", "telephone",
        "tel", "portable", "numero de telephone", "company phone", "company phone number",
        "organization phone", "person phone", "person phone work",
    ),
    "linkedin_url": (
        "linkedin", "linkedin url", "company linkedin url", "company linkedin",
        "linkedin company page", "person linkedin url",
        "linkedin company url", "profile url", "linkedin profile", "linkedin bio",
        "sales navigator url", "url linkedin", "regular company url", "linkedin profile url",
        "person linkedin", "default profile url",
    ),
    "contact_name": (
        "contact name", "full name", "contact full name", "person name", "nom complet",
        "nom du contact", "contact", "interlocuteur", "contact person", "personne nom",
        "lead name",
    ),
    "contact_email": (
        "email", "e mail", "email address", "work email", "contact email", "mail", "courriel",
        "adresse e mail", "adresse email", "primary email", "person email", "person email work",
        "e mail professionnel", "email professionnel", "organization email",
    ),
}  # fmt: skip

#: Header without spaces → (field, rank): the lower the rank, the more the column is trusted.
FIELD_OF: dict[str, tuple[str, int]] = {
    header.replace(" ", ""): (field, rank)
    for field, headers in HEADERS.items()
    for rank, header in enumerate(headers)
}

#: Our own name for the customer; "Account ID" with a space is a record id of Salesforce.
OWN_ACCOUNT = "account_id"

#: In files where a person is described beside a company, these headers name the person.
PERSON_HINTS = frozenset({"prenom", "firstname", "lastname", "nomdefamille"})
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
    forms = [form.replace(" ", "") for form in comparable(headers)]
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
