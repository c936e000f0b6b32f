"""Which words of two names meet, and what is left."""

from __future__ import annotations

from pathlib import Path

import lead_registry as registry
import numpy as np
import polars as pl
import pytest

from leads import features
from leads.asked import Asked
from leads.index import Index, build_index
from leads.overlap import align
from leads.queries import prepare

NAMES = (
    "GROUPEMENT NATIONAL FORMATION AUTOMOBI", "BISCUITERIE LEMEURTRIER", "SALLE 72 NORD",
    "BOULANGERIE PAUL METZ", "CIMENTS OUBLIES", "TRAVAUX BOURGOGNE FRANCHE-COMTE",
    "CRCAM NORD MIDI-PYRENEES", "BIG FINANCE", "VOIRIE ILE-DE-FRANCE",
)  # fmt: skip


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    units = [registry.unit(number, name) for number, name in enumerate(NAMES, start=1)]
    sites = [registry.site(number, "57000", "METZ") for number in range(1, len(NAMES) + 1)]
    return build_index(
        pl.LazyFrame(units, schema=registry.UNIT_SCHEMA),
        pl.LazyFrame(sites, schema=registry.ESTABLISHMENT_SCHEMA),
        tmp_path_factory.mktemp("overlap"),
    )


def pair(index: Index, lead: dict[str, str | None], name: str) -> tuple[Asked, np.ndarray]:
    asked = Asked(prepare(registry.leads(lead)).spellings, index)
    found = index.scan("names").filter(pl.col("name") == name).collect()["name_id"]
    return asked, found.to_numpy()


def met(index: Index, typed: str, name: str) -> tuple[dict[str, float], dict[str, float]]:
    asked, number = pair(index, {"company_name": typed}, name)
    mine, theirs = align(asked, np.zeros(1, np.int64), number)
    their_words = index.texts("word.text").of(theirs.word)
    return (
        dict(zip(asked.words.text.gather(mine.word), mine.met.round(2).tolist(), strict=True)),
        dict(zip(their_words, theirs.met.round(2).tolist(), strict=True)),
    )


def test_a_word_cut_short_is_met_in_part(index: Index) -> None:
    mine, theirs = met(index, "Groupement National pour la Formation Automobile", NAMES[0])
    assert mine["NATIONAL"] == theirs["NATIONAL"] == 1
    assert mine["AUTOMOBILE"] == theirs["AUTOMOBI"] == 0.8
    assert mine["POUR"] == 0


def test_a_misspelt_word_is_met_in_part(index: Index) -> None:
    mine, theirs = met(index, "Biscuiterie Lemeutrier", NAMES[1])
    assert 0.9 <= mine["LEMEUTRIER"] == theirs["LEMEURTRIER"] < 1


def test_a_number_is_never_met_in_part(index: Index) -> None:
    mine, theirs = met(index, "Salle 7 Nord", NAMES[2])
    assert mine["7"] == theirs["72"] == 0


def test_a_short_word_meets_words_that_begin_with_its_letters(index: Index) -> None:
    mine, theirs = met(index, "Travaux BFC", NAMES[5])
    assert mine["BFC"] == theirs["BOURGOGNE"] == theirs["FRANCHE"] == theirs["COMTE"] == 0.8
    whole = "Caisse Régionale de Crédit Agricole Mutuel Nord Midi-Pyrénées"
    mine, theirs = met(index, whole, NAMES[6])
    assert theirs["CRCAM"] == mine["CAISSE"] == mine["MUTUEL"] == 0.8
    assert mine["DE"] == 0


def test_initials_may_take_the_articles_in(index: Index) -> None:
    mine, theirs = met(index, "Voirie IDF", NAMES[8])
    assert mine["IDF"] == theirs["ILE"] == theirs["DE"] == theirs["FRANCE"] == 0.8
    mine, theirs = met(index, "Voirie Ile de France", NAMES[8])
    assert theirs["DE"] == 1


def test_initials_follow_one_another_and_are_all_there(index: Index) -> None:
    assert met(index, "Travaux BC", NAMES[5])[0]["BC"] == 0
    assert met(index, "Travaux BFCX", NAMES[5])[0]["BFCX"] == 0
    assert met(index, "Travaux FC", NAMES[5])[0]["FC"] == 0.5


def measured(index: Index, lead: dict[str, str | None], name: str) -> dict[str, float]:
    asked, number = pair(index, lead, name)
    return features.measured(asked, np.zeros(1, np.int64), number).row(0, named=True)


def test_the_leads_own_commune_is_nothing_more_and_nothing_less(index: Index) -> None:
    near = measured(index, {"company_name": "Boulangerie Paul", "city": "Metz"}, NAMES[3])
    far = measured(index, {"company_name": "Boulangerie Paul", "city": "Nancy"}, NAMES[3])
    assert near["name_alone"] == 0 < far["name_alone"]
    assert near["alike_name"] > far["alike_name"] == far["coverage_name"]
    said = measured(index, {"company_name": "Ciments Oubliés Metz", "city": "Metz"}, NAMES[4])
    assert said["own_words"] == 1 > said["coverage_lead"]
    assert said["lead_alone"] == 0


def test_the_most_promising_pairs_are_kept(index: Index, tmp_path: Path) -> None:
    lead: dict[str, str | None] = {"company_name": "Boulangerie Paul"}
    asked, number = pair(index, lead, NAMES[3])
    every = np.sort(index.scan("names").collect()["name_id"].to_numpy())
    crowd = np.concatenate([np.repeat(every[every != number[0]], 6)[: features.KEPT + 3], number])
    rows = np.zeros(len(crowd), np.int64)
    kept = features.measured(asked, rows, np.sort(crowd))
    assert kept.height == features.KEPT
    assert number[0] in kept["name_id"]


def test_the_name_of_another_part_of_france_is_told_apart(index: Index) -> None:
    bare = measured(index, {"company_name": "Salle 72"}, NAMES[2])
    assert (bare["name_area_alone"], bare["lead_area_alone"]) == (1, 0)
    other = measured(index, {"company_name": "Ciments Oubliés Picardie"}, NAMES[4])
    assert (other["name_area_alone"], other["lead_area_alone"]) == (0, 1)
    assert measured(index, {"company_name": "CSE Ciments Oubliés"}, NAMES[4])["lead_body_alone"]
    assert measured(index, {"company_name": "Big"}, NAMES[7])["name_body_alone"]
