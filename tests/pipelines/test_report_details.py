"""What an event says beside its title: who, where, how much, before and after."""

from __future__ import annotations

import json

import pytest
from replaying import Replayed, stream_rows

from pipelines.report.details import LABELS, details
from pipelines.report.words import Words

FR, EN = Words("fr"), Words("en")


def test_values_are_read_in_each_language() -> None:
    after = {"acheteur_nom": "VILLE DE FOIX", "duree_mois": 18, "date_fin": "2025-03-01"}
    assert details({}, after, FR) == [
        "Acheteur : VILLE DE FOIX",
        "Durée : 18\N{NO-BREAK SPACE}mois",
        "Fin : 1er mars 2025",
    ]
    assert details({}, after, EN)[1:] == [
        "Duration: 18\N{NO-BREAK SPACE}months",
        "Ends: 1 March 2025",
    ]


def test_a_change_shows_both_values_with_their_labels() -> None:
    (form,) = details({"categorie_juridique": "5499"}, {"categorie_juridique": "5710"}, FR)
    assert form == (
        "Forme juridique : Société à responsabilité limitée (sans autre indication) (5499)"
        " → SAS société par actions simplifiée (5710)"
    )
    (activity,) = details({"activite_principale": "99.99X"}, {"activite_principale": "01.12Y"}, EN)
    assert activity == "Main activity: 99.99X → Culture du riz (01.12Y)"


def test_an_unchanged_place_is_said_once() -> None:
    assert details({"commune": "01001"}, {"commune": "01001"}, EN) == [
        "Commune: L'Abergement-Clémenciat (01001)"
    ]


@pytest.mark.parametrize(
    "after",
    [{"uid": "X1"}, {"montant_eur": 12.0}, {"winners": 1}, {"nature": None}, {"siret": "1"}],
)
def test_what_the_title_says_or_machines_need_is_left_out(after: dict[str, object]) -> None:
    assert details({}, after, EN) == []


def test_an_amount_with_one_before_is_shown() -> None:
    assert details({"montant_eur": 1000.0}, {"montant_eur": 25_000}, EN) == [
        "Amount: 1,000\N{NO-BREAK SPACE}€ → 25,000\N{NO-BREAK SPACE}€"
    ]
    assert len(details({}, {"winners": 2}, EN)) == 1


def test_what_is_not_known_here_is_shown_under_its_name() -> None:
    assert details({}, {"new_thing": ["a", "b"], "sure": True}, FR) == [
        "new thing : a, b",
        "sure : oui",
    ]
    assert details({}, {"date_fin": "soon"}, EN) == ["Ends: soon"]


def test_every_value_of_the_replay_has_words_of_its_own(replayed: Replayed) -> None:
    rows = stream_rows(replayed.exports / "company").select("before", "after")
    labels = {f"{pair[1]}: " for pair in LABELS.values()}
    shown = 0
    for before, after in rows.unique().iter_rows():
        for text in details(json.loads(before or "{}"), json.loads(after or "{}"), EN):
            assert any(text.startswith(label) for label in labels), text
            shown += 1
    assert shown > 1_000
