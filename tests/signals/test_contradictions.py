"""Two registers that cannot both be right, and what looks like it and is not.

Rows marked *real* are copied from published notices (BODACC A 20210005, ODS v2 form); the
register's rows around them are specification fixtures (synthetic), since the sample of the
register and that of the notices have no company in common.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl
import pytest

from assets import discovery
from opendata.typing_rules import DTYPES
from signals.contradictions import INPUTS, contradictions
from signals.disagreement import rules, schema

TODAY = date(2022, 6, 1)
#: *Real*: BELLEVUE, which BODACC A 20210005 registers and shows buying a business.
SIREN, NIC = "892606575", "00013"
OTHER = "00021"
LONG_AGO, RECENT = date(2015, 3, 1), date(2022, 5, 20)
Row = dict[str, Any]


@dataclass
class World:
    """Tables as they serve, with every column that they are described to have."""

    tables: dict[str, list[Row]] = field(default_factory=dict)
    today: date = TODAY

    def has(self, table: str) -> bool:
        return table in self.tables

    def current(self, table: str) -> pl.LazyFrame:
        described = discovery.owners()[table].described_columns(table)
        columns = {column.name: DTYPES[column.type] for column in described}
        rows = [
            {"source_id": f"{table.split('__')[0]}@v1", "record_key": "key", **row}
            for row in self.tables.get(table, [])
        ]
        return pl.LazyFrame(rows, schema=columns)

    def delta(self, table: str) -> pl.LazyFrame:
        raise AssertionError("a contradiction is about what is, not about what is new")

    past = since = delta


def unit(**changes: Any) -> Row:
    row = {
        "siren": SIREN,
        "etat_administratif": "A",
        "statut_diffusion": "O",
        "personne_morale": True,
        "denomination": "BELLEVUE",
        "nic_siege": NIC,
        "date_debut": LONG_AGO,
    }
    return {**row, **changes}


def site(nic: str = NIC, **changes: Any) -> Row:
    row = {
        "siren": SIREN,
        "siret": SIREN + nic,
        "nic": nic,
        "etat_administratif": "A",
        "siege": nic == NIC,
        "date_debut": LONG_AGO,
    }
    return {**row, **changes}


def notice(day: date, **changes: Any) -> Row:
    row = {
        "siren": SIREN,
        "notice_id": f"A{day:%Y%m%d}1",
        "record_key": f"A{day:%Y%m%d}1",
        "date_parution": day,
        "type_avis": "annonce",
    }
    return {**row, **changes}


STRUCK = notice(date(2021, 9, 1), moved_away=False, reported=False, ex_officio=False)
CLOSING = notice(
    date(2021, 1, 8),
    stage="closure",
    jugement_nature="Jugement de clôture pour insuffisance d'actif",
    jugement_date=date(2021, 1, 5),
)
#: *Real*: the registration of BELLEVUE in BODACC A 20210005 of 2021-01-08.
REGISTERED = notice(date(2021, 1, 8), kind="creation", company_name="BELLEVUE")
SALE = {"buyer_siren": SIREN, **notice(date(2021, 1, 8))}
AWARD = {
    "uid": "u1",
    "titulaire_id": SIREN + NIC,
    "titulaire_siren": SIREN,
    "date_premiere_notification": date(2021, 4, 6),
    "record_key": "u1",
}
CLOSED = unit(etat_administratif="C")
SITES = [site()]


def sale() -> Row:
    return {name: value for name, value in SALE.items() if name != "siren"}


def world(*units: Row, **tables: list[Row]) -> World:
    named = {name.replace("_in_", "__"): rows for name, rows in tables.items()}
    return World({"sirene__legal_units": list(units), "sirene__establishments": SITES, **named})


def kinds(of: World) -> list[str]:
    return contradictions(of).collect()["kind"].to_list()


TOLD: dict[str, World] = {
    "active_but_struck_off": world(unit(), bodacc__strike_offs=[STRUCK]),
    "active_but_liquidated": world(unit(), bodacc__insolvencies=[CLOSING]),
    "closed_but_in_bodacc": world(CLOSED, bodacc__sales=[sale()]),
    "closed_but_awarded": world(CLOSED, decp__awards=[AWARD]),
    "head_office_closed": world(
        unit(), sirene__establishments=[site(etat_administratif="F"), site(OTHER)]
    ),
    "active_without_establishment": world(
        unit(), sirene__establishments=[site(etat_administratif="F")]
    ),
    "head_office_not_flagged": world(
        unit(), sirene__establishments=[site(siege=False), site(OTHER, siege=True)]
    ),
    "name_differs": world(
        unit(denomination="TOUT AUTRE CHOSE"), bodacc__registrations=[REGISTERED]
    ),
}

NOT_TOLD: dict[str, World] = {
    "struck off, lately": world(
        unit(), bodacc__strike_offs=[{**STRUCK, "date_parution": date(2022, 4, 1)}]
    ),
    "struck off, moved to another court": world(
        unit(), bodacc__strike_offs=[{**STRUCK, "moved_away": True}]
    ),
    "struck off, then annulled": world(
        unit(),
        bodacc__strike_offs=[
            STRUCK,
            notice(
                date(2021, 10, 1),
                type_avis="annulation",
                previous_notice_id=STRUCK["notice_id"],
            ),
        ],
    ),
    "struck off, registered again": world(
        unit(),
        bodacc__strike_offs=[STRUCK],
        bodacc__registrations=[notice(date(2021, 10, 1), kind="immatriculation")],
    ),
    "struck off, then reactivated in the register": world(
        unit(date_debut=date(2022, 1, 1)), bodacc__strike_offs=[STRUCK]
    ),
    "struck off and closed": world(CLOSED, bodacc__strike_offs=[STRUCK]),
    "liquidation closed, debts paid": world(
        unit(),
        bodacc__insolvencies=[
            {**CLOSING, "jugement_nature": "Jugement de clôture pour extinction du passif"}
        ],
    ),
    "liquidation closed, lately": world(
        unit(),
        bodacc__insolvencies=[{**CLOSING, "jugement_date": date(2022, 3, 1)}],
    ),
    "closed, bought before": world(
        unit(etat_administratif="C", date_debut=date(2021, 1, 1)), bodacc__sales=[sale()]
    ),
    "closed, bought long ago": world(
        unit(etat_administratif="C", date_debut=date(2001, 1, 1)),
        bodacc__sales=[{**sale(), "date_parution": date(2008, 1, 15)}],
    ),
    "active, bought": world(unit(), bodacc__sales=[sale()]),
    "closed, contract won before": world(
        unit(etat_administratif="C", date_debut=date(2021, 4, 1)), decp__awards=[AWARD]
    ),
    "closed, contract dated in the future": world(
        CLOSED, decp__awards=[{**AWARD, "date_premiere_notification": date(2031, 4, 6)}]
    ),
    "head office closed, lately": world(
        unit(),
        sirene__establishments=[site(etat_administratif="F", date_debut=RECENT), site(OTHER)],
    ),
    "another establishment closed": world(
        unit(), sirene__establishments=[site(), site(OTHER, etat_administratif="F")]
    ),
    "no establishment open, lately": world(
        unit(), sirene__establishments=[site(etat_administratif="F", date_debut=RECENT)]
    ),
    "head office not in an extract": world(
        unit(), sirene__establishments=[site(OTHER, etat_administratif="F")]
    ),
    "closed unit without establishment": world(
        CLOSED, sirene__establishments=[site(etat_administratif="F")]
    ),
    "head office flagged": world(unit()),
    "the same name": world(unit(), bodacc__registrations=[REGISTERED]),
    "the name with its legal form": world(
        unit(denomination="S.A.R.L. Bellevue"), bodacc__registrations=[REGISTERED]
    ),
    "the name cut short": world(
        unit(denomination="BELLEVUE COIFFURE"), bodacc__registrations=[REGISTERED]
    ),
    "the name in use": world(
        unit(denomination="AUTRE", denomination_usuelle_1="Bellevue"),
        bodacc__registrations=[REGISTERED],
    ),
    "renamed since": world(
        unit(denomination="AUTRE", date_debut=date(2022, 1, 1)),
        bodacc__registrations=[REGISTERED],
    ),
    "another name, of a natural person": world(
        unit(denomination="AUTRE", personne_morale=False), bodacc__registrations=[REGISTERED]
    ),
    "another name, under partial diffusion": world(
        unit(denomination="AUTRE", statut_diffusion="P"), bodacc__registrations=[REGISTERED]
    ),
}


@pytest.mark.parametrize("kind", sorted(rules().kinds))
def test_each_kind_is_told_with_both_values(kind: str) -> None:
    rows = contradictions(TOLD[kind]).collect()
    assert rows["kind"].to_list() == [kind]
    row = rows.row(0, named=True)
    assert row["siren"] == SIREN
    assert row["left_value"]
    assert row["right_value"]
    assert row["left_source_id"] == "sirene@v1"
    assert row["right_source_id"].endswith("@v1")
    assert row["left_field"] != row["right_field"]
    assert row["since"] == max(day for day in (row["left_date"], row["right_date"]) if day)
    assert (row["note_fr"], row["note_en"]) == (
        rules().kinds[kind].note_fr,
        rules().kinds[kind].note_en,
    )
    assert rows.schema == pl.Schema(schema())


@pytest.mark.parametrize("case", sorted(NOT_TOLD))
def test_what_only_looks_like_one_is_not_told(case: str) -> None:
    assert kinds(NOT_TOLD[case]) == []


def test_the_names_that_differ_are_both_kept() -> None:
    row = contradictions(TOLD["name_differs"]).collect().row(0, named=True)
    assert (row["left_value"], row["right_value"]) == ("TOUT AUTRE CHOSE", "BELLEVUE")
    assert row["right_record_key"] == REGISTERED["record_key"]


def test_the_same_tables_give_the_same_ids_whatever_their_order() -> None:
    tables = {name: rows for one in TOLD.values() for name, rows in one.tables.items()}
    tables["sirene__establishments"] = [
        site(etat_administratif="F", siege=False),
        site(OTHER, siege=True),
    ]
    tables["sirene__legal_units"] = [unit(denomination="TOUT AUTRE CHOSE")]
    turned = {name: rows[::-1] for name, rows in tables.items()}
    rows = contradictions(World(tables)).collect()
    assert rows.height >= 5
    assert rows["contradiction_id"].n_unique() == rows.height
    assert rows.equals(contradictions(World(turned)).collect())


def test_without_the_register_there_is_nothing_to_contradict() -> None:
    only = World({"bodacc__strike_offs": [STRUCK]})
    assert contradictions(only).collect().is_empty()


def test_every_column_and_every_input_is_described() -> None:
    assert set(INPUTS) <= set(discovery.owners())
    described = rules().columns
    assert all(column.fr and column.en for column in described)
    assert {column.personal for column in described} <= {"none", "company"}
