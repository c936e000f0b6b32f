"""Persons, dates, prices and accents as BODACC writes them."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import polars as pl
import pytest

from assets.bodacc._blocks import clean, fold, persons, previous_id, price, siren, to_date


def ask(expression: pl.Expr, **columns: list[str | None]) -> Any:
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String)).select(expression).item()


@pytest.mark.parametrize(
    ("origin", "description", "euros"),
    [
        ("Apport en société au montant évalué à 192691,00 euros.", None, 192691.0),
        ("Achat au prix stipulé de 1.250.000 euros", None, 1_250_000.0),
        ("Achat au prix stipulé de 1 250 000,50 EUR", None, 1_250_000.5),
        ("Achat au prix stipulé de 1\u202f250\u00a0000 Euros.", None, 1_250_000.0),
        ("Achat au prix stipulé de 192691,000 euros", None, 192_691.0),
        ("acquis par achat au prix stipulé de 30000.00 EUR", None, 30_000.0),
        ("ACHAT AU PRIX STIPULE DE 8000 EUR", None, 8_000.0),
        ("Achat au prix stipulÃ© de 10000,00 euros.", None, 10_000.0),
        (None, "Moyennant le prix principal de 280 000 € s'appliquant au matériel", 280_000.0),
        ("Achat au prix stipulé de 5000 EUR", "moyennant le prix de 9 000 euros", 5_000.0),
        # Not euros, not a number, zero, absurd, not a price, nothing.
        ("Achat au prix stipulé de 500000 francs", None, None),
        ("Achat au prix stipulé de 500000 eurosport", None, None),
        ("Achat au prix stipulé de 1.2.3 euros", None, None),
        ("Achat au prix stipulé de 12 34 euros", None, None),
        ("Achat au prix stipulé de 0 euros", None, None),
        ("Achat au prix stipulé de 99999999999 euros", None, None),
        ("Création", "Dossier 2020 00101786, siège au capital de 20 000 €", None),
        (None, None, None),
    ],
)
def test_price(origin: str | None, description: str | None, euros: float | None) -> None:
    asked = price(pl.col("origin"), pl.col("description"))
    assert ask(asked, origin=[origin], description=[description]) == euros


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2007-12-05", date(2007, 12, 5)),
        ("2007-12-05T00:00:00", date(2007, 12, 5)),
        ("05/12/2007", date(2007, 12, 5)),
        ("5 décembre 2007", date(2007, 12, 5)),
        ("5\u00a0décembre\u00a02007", date(2007, 12, 5)),
        ("5 dÃ©cembre 2007", date(2007, 12, 5)),
        ("1er FÉVRIER 2008", date(2008, 2, 1)),
        ("1er aout 2007", date(2007, 8, 1)),
        ("29 février 2007", None),
        ("31/06/2007", None),
        ("0009-12-05", None),
        ("5025-12-05", None),
        ("16 janvier 2009", None),
        ("décembre 2007", None),
        ("20080009", None),
        ("", None),
        (None, None),
    ],
)
def test_date(written: str | None, day: date | None) -> None:
    asked = to_date(pl.col("written"), latest=pl.lit(date(2009, 1, 15)))
    assert ask(asked, written=[written]) == day


@pytest.mark.parametrize(
    ("damaged", "repaired"),
    [
        ("Jugement de clÃ´ture", "Jugement de clôture"),
        ("dâ€™office", "d’office"),
        ("remis Ã  la cour", "remis à la cour"),
        ("CRÃ‰ATION NÂ° 5", "CRÉATION N° 5"),
        ("  deux\u00a0 espaces\t", "deux espaces"),
        # Nothing that is right may change.
        ("BÂTIMENT SÃO PAULO À L’ŒUVRE", "BÂTIMENT SÃO PAULO À L’ŒUVRE"),
        (" ", None),
        (None, None),
    ],
)
def test_clean(damaged: str | None, repaired: str | None) -> None:
    assert ask(clean(pl.col("text")), text=[damaged]) == repaired


def test_fold_compares_whatever_the_typing() -> None:
    written = ["Dépôt  de l’état", "DEPOT DE L'ETAT", "DÃ©pÃ´t de l'Ã©tat"]
    folded = pl.DataFrame({"text": written}).select(fold(pl.col("text")))["text"]
    assert folded.unique().to_list() == ["depot de l'etat"]


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("892 606 575", "892606575"),
        ("892\u00a0606\u00a0575", "892606575"),
        ("005720784", "005720784"),
        ("356000000", "356000000"),
        ("892606576", None),
        ("89260657", None),
        ("8926065750", None),
        ("RCS 892606575", None),
        (None, None),
    ],
)
def test_siren(written: str | None, number: str | None) -> None:
    assert ask(siren(pl.col("text")), text=[written]) == number


COMPANY = {
    "typePersonne": "pm",
    "denomination": "BELLEVUE",
    "numeroImmatriculation": {"numeroIdentification": "892 606 575"},
    "capital": {"montantCapital": "237200", "devise": "EUR"},
}
PERSON = {"typePersonne": "pp", "nom": "X", "prenom": "Y", "denomination": "X Y"}


def people(personne: Any) -> list[tuple[Any, ...]]:
    block = personne if isinstance(personne, str) else json.dumps({"personne": personne})
    notices = pl.LazyFrame({"notice_id": ["A1"], "block": [block]})
    return persons(notices, "block").sort("position").drop("notice_id").collect().rows()


BELLEVUE = (0, False, "892606575", "BELLEVUE", 237200.0)


@pytest.mark.parametrize(
    ("personne", "found"),
    [
        (COMPANY, [BELLEVUE]),
        ([COMPANY], [BELLEVUE]),
        ([COMPANY, PERSON], [BELLEVUE, (1, True, None, None, None)]),
        ([PERSON] * 12, [(at, True, None, None, None) for at in range(12)]),
        ({"denomination": "?"}, [(0, None, None, None, None)]),
        ([], []),
        (None, []),
        ("{}", []),
        ('{"personne": "BELLEVUE"}', []),
        ("not JSON {", []),
    ],
)
def test_persons_alone_listed_or_absent(personne: Any, found: list[tuple[Any, ...]]) -> None:
    assert people(personne) == found


@pytest.mark.parametrize(
    "number",
    [
        {"numeroImmatriculation": {"numeroIdentificationRCS": "892 606 575"}},
        {"numeroImmatriculation": [{"numeroIdentification": "892 606 575"}]},
        {"inscriptionRM": {"numeroIdentificationRM": "892.606.575"}},
        {"numeroImmatriculation": {"numeroIdentification": 892606575}},
    ],
)
def test_every_place_of_a_number_is_read(number: Any) -> None:
    assert people({"typePersonne": "pm", **number}) == [(0, False, "892606575", None, None)]


@pytest.mark.parametrize(
    ("capital", "euros"),
    [
        ({"montantCapital": "1 000,50", "devise": "EUR"}, 1000.5),
        ({"montantCapital": 237200, "devise": "euros"}, 237200.0),
        ({"montantCapital": "50000", "devise": "FRF"}, None),
        ({"montantCapital": "50000"}, None),
        (None, None),
    ],
)
def test_capital_is_in_euros_or_null(capital: Any, euros: float | None) -> None:
    assert people(COMPANY | {"capital": capital})[0][-1] == euros


@pytest.mark.parametrize(
    ("issue", "day", "found"),
    [
        ("20200253", "2020-12-30", "A20200253682"),
        # In 2008, the issue came without its year.
        ("00000234", "5\u00a0décembre\u00a02007", "A20070234682"),
        ("00000234", None, None),
        (None, "2020-12-30", None),
    ],
)
def test_previous_id(issue: str | None, day: str | None, found: str | None) -> None:
    before = {
        "nomPublication": "BODACC A",
        "numeroParution": issue,
        "dateParution": day,
        "numeroAnnonce": "682",
    }
    assert ask(previous_id("block"), block=[json.dumps(before)]) == found
