"""What bulletins B and C say, in the registries' own words.

The filing is a real record (C202500182618, LE FOURNIL DES BOCAGES); the texts of modifications are
*synthetic*, written as the registries write them.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from .notices import SALE_BY_COMPANY, Read, Record, changed

#: *Real*: the company stands in ``registre`` only.
FILED: Record = {
    "id": "C202500182618", "publicationavis": "C", "parution": "20250018",
    "dateparution": "2025-01-26", "numeroannonce": 2618, "typeavis": "annonce",
    "familleavis": "dpc", "numerodepartement": "60",
    "tribunal": "Greffe du Tribunal de Commerce de compiègne", "ville": "Thiescourt",
    "registre": ["752461681", "752 461 681"], "cp": "60310",
    "listepersonnes": '{"personne": {"typePersonne": "pm"}}',
    "depot": '{"dateCloture": "2024-08-31", "typeDepot": "Comptes annuels"}',
    "url_complete": "https://www.bodacc.fr/pages/annonces-commerciales-detail/?q.id=id:C202500182618",
}  # fmt: skip
COMPANY = {
    "typePersonne": "pm",
    "denomination": "DANONE",
    "numeroImmatriculation": {"numeroIdentification": "552 032 534"},
    "capital": {"montantCapital": "160948000", "devise": "EUR"},
}
FLAGS = (
    "administration", "capital", "siege", "denomination", "forme_juridique", "fusion",
    "transmission_universelle", "dissolution", "location_gerance",
)  # fmt: skip


def test_a_real_filing(read: Read) -> None:
    (row,) = read(FILED)["bodacc__accounts"].to_dicts()
    assert (row["siren"], row["date_cloture"]) == ("752461681", date(2024, 8, 31))
    assert (row["type_depot"], row["consolidated"], row["confidential"]) == (
        "Comptes annuels",
        False,
        False,
    )


@pytest.mark.parametrize(
    ("depot", "expected"),
    [
        ({"dateCloture": "5025-12-31", "typeDepot": "Comptes annuels"}, (None, False, False)),
        (
            {
                "dateCloture": "31/12/2023",
                "typeDepot": "Comptes consolidés et rapports",
                "descriptif": "Déclaration de confidentialité (article L. 232-25)",
            },
            (date(2023, 12, 31), True, True),
        ),
    ],
)
def test_kinds_of_filings(read: Read, depot: dict[str, str], expected: tuple[Any, ...]) -> None:
    (row,) = read({**FILED, "depot": json.dumps(depot)})["bodacc__accounts"].to_dicts()
    assert (row["date_cloture"], row["consolidated"], row["confidential"]) == expected


def notice(**blocks: Any) -> Record:
    family = "modification" if "modificationsgenerales" in blocks else "radiation"
    return {
        **FILED, "id": "B20250018261", "publicationavis": "B", "numeroannonce": 261,
        "familleavis": family, "registre": None, "depot": None,
        "listepersonnes": json.dumps({"personne": COMPANY}),
        **{name: json.dumps(block) for name, block in blocks.items()},
    }  # fmt: skip


def described(read: Read, text: str) -> dict[str, Any]:
    tables = read(notice(modificationsgenerales={"descriptif": text}))
    (row,) = tables["bodacc__modifications"].to_dicts()
    return row


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("Modification survenue sur l'administration.", {"administration"}),
        ("modification survenue sur le capital (augmentation)", {"capital"}),
        (
            "Modification survenue sur le capital, l'administration, transfert du siège social.",
            {"capital", "administration", "siege"},
        ),
        ("Modification survenue sur la dénomination.", {"denomination"}),
        ("Modification survenue sur la forme juridique", {"forme_juridique"}),
        ("Société ayant pour activité la diffusion et l'infusion de thés.", set()),
        ("Établissement principal donné en location-gérance.", {"location_gerance"}),
        ("Dissolution de la société, mise en sommeil.", {"dissolution"}),
        ("ClÃ´ture. Modification survenue sur le capital.", {"capital"}),
        ("Modification de l'activité.", set()),
    ],
)
def test_what_changed(read: Read, text: str, flags: set[str]) -> None:
    row = described(read, text)
    assert {name for name in FLAGS if row[name]} == flags
    assert (row["siren"], row["capital_eur"]) == ("552032534", 160_948_000.0)


@pytest.mark.parametrize(
    ("text", "role", "other"),
    [
        (
            "Fusion par voie d'absorption de la société LAIT, RCS Paris 752 461 681.",
            "absorbing",
            "752461681",
        ),
        (
            "Fusion-absorption par la société LAIT, RCS Paris 752 461 681, dissolution.",
            "absorbed",
            "752461681",
        ),
        (
            "Dissolution et transmission universelle du patrimoine au profit de RCS Dunkerque "
            "752 461 681.",
            "absorbed",
            "752461681",
        ),
        ("Opération de fusion.", None, None),
        ("Fusion, apport évalué à 752 461 681 euros.", None, None),
        ("Fusion, rémunérée par 752 461 681 actions.", None, None),
        ("Fusion avec 752 461 681 et 851 565 770.", None, None),
        ("Fusion avec 752 461 682.", None, None),
        ("Fusion de DANONE, RCS 552 032 534.", None, None),
        ("Modification survenue sur le capital au profit de 752 461 681.", None, "752461681"),
    ],
    ids=[
        "absorbs", "absorbed", "transfer", "not told", "amount", "shares", "two others",
        "check digit", "itself", "no merger",
    ],
)  # fmt: skip
def test_sides_of_a_merger(read: Read, text: str, role: str | None, other: str | None) -> None:
    row = described(read, text)
    assert (row["merger_role"], row["other_siren"]) == (role, other)


def test_free_text_is_never_tabled(read: Read) -> None:
    row = described(read, "Administration : Gérant : Dupont, Jean nomme Durand, Anne.")
    assert "Dupont" not in str(row)
    assert row["administration"] is True


@pytest.mark.parametrize(
    ("remark", "expected"),
    [
        (None, (False, False, False)),
        ("Radiation d'office", (True, False, False)),
        ("Rapport de radiation d'office", (True, True, False)),
        ("Transfert du siège hors ressort", (False, False, True)),
    ],
)
def test_strike_offs(read: Read, remark: str | None, expected: tuple[bool, ...]) -> None:
    block = {"radiationPM": "O"} | ({"commentaire": remark} if remark else {})
    (row,) = read(notice(radiationaurcs=block))["bodacc__strike_offs"].to_dicts()
    assert (row["ex_officio"], row["reported"], row["moved_away"]) == expected


def test_persons_are_left_out(read: Read) -> None:
    record = notice(radiationaurcs={"radiationPP": {"dateCessationActivitePP": "2024-12-31"}})
    person = json.dumps({"personne": {**COMPANY, "typePersonne": "pp"}})
    assert read({**record, "listepersonnes": person})["bodacc__strike_offs"].is_empty()


def test_the_real_lease_and_the_real_tenant_who_buys(read: Read) -> None:
    tables = read(changed("A20210005483"), changed("A20210005515"), changed(SALE_BY_COMPANY))
    (row,) = tables["bodacc__leases"].to_dicts()
    assert (row["siren"], row["operator_siren"]) == ("892455247", "520598459")
    assert tables["bodacc__sales"].height == 2
