"""Free text is kept unless it shows a person or how to reach one."""

from __future__ import annotations

import polars as pl
import pytest

from opendata.free_text import without_people


def kept(text: str | None) -> str | None:
    rows = pl.DataFrame({"text": [text]}, schema={"text": pl.String})
    return rows.select(without_people(pl.col("text"))).item()


@pytest.mark.parametrize(
    "text",
    [
        "Récupération de chaleur fatale, 3 500 MWh",
        "ACCORD DE LA SOCIETE EXEMPLE DU 12 MARS 2026",
        "SIRET 05123456789012 et marché 2024-0612345678901",
        "Mesures de performance, 0,5 M d'euros, MEDIATION",
        "Place des Maîtres, 12 000 m2",
    ],
)
def test_plain_text_stays(text: str) -> None:
    assert kept(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "contact : jean@exemple.fr",
        "Tél. 06 12 34 56 78",
        "appeler le 0612345678",
        "appeler le +33 6 12 34 56 78",
        "suivi par Mme Martin",
        "SIGNE PAR MONSIEUR MARTIN",
        "entre M. Martin et le comité",
        "en présence de Maître Durand",
        " ",
        None,
    ],
)
def test_text_that_shows_somebody_is_left_out(text: str | None) -> None:
    assert kept(text) is None


def test_blanks_are_made_single() -> None:
    assert kept("  deux\u00a0 mots\n") == "deux mots"
