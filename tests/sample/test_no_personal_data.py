"""The bundled sample shows no natural person: every byte is read, archives unpacked.

The patterns are written again here, apart from those the build chose with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from personal_patterns import EMAIL, PERSON_KEYS, PHONE, ROSTER, STREET, TITLE
from stdnum import luhn
from stdnum.fr import siren as siren_number

Row = dict[str, str]


def data_only(texts: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Give the data files; the build's sources hold patterns and words, no data."""
    for path, text in texts.items():
        if not path.startswith("build/"):
            # A field is read beside its neighbours: "RUE","DU DR ROUX" is a street.
            streets = re.sub(r'\\"nomVoie\\": \\"', "rue ", text)
            yield path, re.sub(r'[\\",;]+', " ", streets)


@pytest.mark.parametrize(
    ("pattern", "shown", "harmless"),
    [
        (EMAIL, "jean@exemple.fr", "@MED"),
        (PHONE, "01 44 55 66 77", "2017-01-20 01234567890123"),
        (PHONE, "+33 6.12.34.56.78", "prix 0,12 34 56 78 90 12"),
        (TITLE, "chez M. Dupont", "S.A.R.L. M.B."),
        (TITLE, "liquidateur Me MAURAS", "RUE DU ME"),
        (TITLE, "DR MARTIN", "DRMARTIN"),
        (ROSTER, "Gérant : Laminette", "gérant"),
        (ROSTER, "Président du conseil : X", "présidents"),
        (PERSON_KEYS, '{\\"administration\\": 1', "l'administration de biens"),
    ],
)
def test_the_patterns_find_what_they_are_for(
    pattern: re.Pattern[str], shown: str, harmless: str
) -> None:
    assert pattern.search(shown)
    assert not pattern.search(harmless)


@pytest.mark.parametrize("pattern", [EMAIL, PHONE], ids=["e-mail", "telephone"])
def test_no_contact_detail(texts: dict[str, str], pattern: re.Pattern[str]) -> None:
    for path, text in texts.items():
        assert not pattern.findall(text), path


def test_nobody_is_named_by_title(texts: dict[str, str]) -> None:
    for path, text in data_only(texts):
        assert not TITLE.findall(STREET.sub(" ", text)), path


def test_no_roster_of_directors(texts: dict[str, str]) -> None:
    for path, text in data_only(texts):
        assert not ROSTER.findall(text), path


def test_no_block_that_names_people(texts: dict[str, str]) -> None:
    for path, text in texts.items():
        if not path.startswith("build/"):
            assert not PERSON_KEYS.findall(text), path


def test_columns_of_natural_persons_are_empty(table: Callable[[str], list[Row]]) -> None:
    personal = re.compile(r"sexe|prenom|pseudonyme|^nom(?:Usage)?UniteLegale")
    for month in ("2017-01-01", "2017-02-01", "2017-05-01"):
        units = table(f"sirene/{month}/stock-stockunitelegale-csv.zip")
        columns = [name for name in units[0] if personal.search(name)]
        assert len(columns) == 9
        assert not [row["siren"] for row in units if any(row[name] for name in columns)]


def test_every_unit_is_a_legal_person(table: Callable[[str], list[Row]]) -> None:
    for month in ("2017-01-01", "2017-02-01", "2017-05-01"):
        units = table(f"sirene/{month}/stock-stockunitelegale-csv.zip")
        categories = {row["categorieJuridiqueUniteLegale"] for row in units}
        assert not {code for code in categories if not re.fullmatch(r"[3-9]\d{3}", code)}


def parties(notice: dict[str, Any], field: str) -> list[dict[str, Any]]:
    found = (notice[field] or {}).get("personne", [])
    return found if isinstance(found, list) else [found]


def test_a_natural_person_who_sells_is_only_counted(notices: list[dict[str, Any]]) -> None:
    sellers = [one for notice in notices for one in parties(notice, "listeprecedentproprietaire")]
    natural = [one for one in sellers if one["typePersonne"] == "pp"]
    assert len(natural) >= 12
    assert all(one == {"typePersonne": "pp"} for one in natural)


def test_a_notice_registers_only_the_companies_it_shows(notices: list[dict[str, Any]]) -> None:
    fields = ("listepersonnes", "listeprecedentproprietaire", "listeprecedentexploitant")
    for notice in notices:
        shown = {
            one["numeroImmatriculation"]["numeroIdentification"].replace(" ", "")
            for field in fields
            for one in parties(notice, field)
            if one["typePersonne"] == "pm"
        }
        assert {number.replace(" ", "") for number in notice["registre"]} <= shown, notice["id"]


def test_every_siren_has_a_valid_check_digit(
    table: Callable[[str], list[Row]], notices: list[dict[str, Any]]
) -> None:
    found = {number.replace(" ", "") for notice in notices for number in notice["registre"]}
    for month in ("2017-01-01", "2017-02-01", "2017-05-01"):
        found |= {row["siren"] for row in table(f"sirene/{month}/stock-stockunitelegale-csv.zip")}
    found |= {row["SIREN"] for row in table("egapro/2021-03-01/index-egalite-fh.csv")}
    for row in table("decp/2025-01-06/decp.csv"):
        assert luhn.is_valid(row["titulaire_id"]), row["uid"]
        found |= {row["titulaire_id"][:9], row["acheteur_id"][:9]}
    found |= {row["true_siren"] for row in table("expected/leads_truth.csv")}
    found |= {row["siren"] for row in table("leads.csv") if row["siren"]}
    assert len(found) > 5000
    assert not [one for one in found if not siren_number.is_valid(one)]


def test_the_sample_stays_small(sizes: dict[str, int]) -> None:
    assert sum(sizes.values()) < 5_000_000
    assert max(sizes.values()) < 1_500_000
