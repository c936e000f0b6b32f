"""What a judgment means: ``natures.csv`` on the real judgments of 2008."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from assets.bodacc.normalise import CODE_VERSION, NATURES

from .notices import LIQUIDATION, OPENING, Read, Tables, block, changed, row


def test_classes_of_the_bundled_judgments(real: Tables) -> None:
    counted = real["bodacc__insolvencies"].group_by("procedure", "stage").len()
    assert {(procedure, stage): number for procedure, stage, number in counted.rows()} == {
        ("liquidation_judiciaire", "opening"): 63,
        ("liquidation_judiciaire", "conversion"): 72,
        ("redressement_judiciaire", "opening"): 42,
        ("redressement_judiciaire", "conversion"): 3,
        ("sauvegarde", "opening"): 14,
        (None, "plan"): 45,
        (None, "cession"): 33,
        (None, "closure"): 49,
        (None, "other"): 211,
    }


def test_every_real_nature_is_in_the_table(real: Tables) -> None:
    known = set(pl.read_csv(NATURES)["nature"])
    assert set(real["bodacc__insolvencies"]["jugement_nature"]) <= known


def test_liquidations_published_as_extracts_are_not_lost(real: Tables) -> None:
    extracts = real["bodacc__insolvencies"].filter(
        pl.col("jugement_famille") == "Extrait de jugement",
        pl.col("procedure") == "liquidation_judiciaire",
    )
    assert set(extracts["jugement_nature"]) == {
        "Jugement prononçant la résolution du plan de redressement et la liquidation judiciaire",
        "Jugement de reprise de la procédure de liquidation judiciaire",
    }
    assert extracts.height >= 20


def test_golden_opening(real: Tables) -> None:
    judgment = row(real["bodacc__insolvencies"], OPENING)
    expected = (
        "487443160",
        "GIRAUD-BORRELLY",
        date(2007, 11, 21),
        "liquidation_judiciaire",
        "opening",
    )
    fields = ("siren", "company_name", "jugement_date", "procedure", "stage")
    assert tuple(judgment[field] for field in fields) == expected


@pytest.mark.parametrize(
    ("nature", "complement", "expected"),
    [
        ("jugement d'ouverture de liquidation judiciaire", None, (LIQUIDATION, "opening")),
        ("Jugement d’ouverture de liquidation judiciaire", None, (LIQUIDATION, "opening")),
        ("Jugement de clÃ´ture pour insuffisance d'actif", None, (None, "closure")),
        (
            "Autre jugement d'ouverture",
            "ouvre une Liquidation judiciaire simplifiée",
            (LIQUIDATION, "opening"),
        ),
        (
            "Autre jugement prononçant",
            "met fin à la sauvegarde, redressement judiciaire",
            ("redressement_judiciaire", "conversion"),
        ),
        ("Autre jugement d'ouverture", None, (None, "opening")),
        ("Autre jugement prononçant", "sans autre précision", (None, "other")),
        ("Jugement de plan de redressement", "plan par continuation de l’activité", (None, "plan")),
        ("Jugement mettant fin à la procédure de sauvegarde", None, (None, "closure")),
        (
            "Rétractation de prononcé de liquidation judiciaire sur tierce opposition",
            None,
            (None, "other"),
        ),
        # Natures are matched whole: this one mentions a liquidation that is not pronounced.
        ("Jugement refusant la liquidation judiciaire", None, (None, "other")),
        ("Une nature que personne n'a encore vue", "liquidation judiciaire", (None, "other")),
    ],
)
def test_class_of_a_nature(
    read: Read,
    nature: str,
    complement: str | None,
    expected: tuple[str | None, str],
) -> None:
    judgment = {"jugement": {"famille": "x", "nature": nature, "complementJugement": complement}}
    judged = read(changed(OPENING, judgment))["bodacc__insolvencies"]
    assert judged.select("procedure", "stage").rows() == [expected]


def test_damaged_accents_are_repaired_for_the_reader(read: Read) -> None:
    judgment = {"jugement": {"famille": "Jugement de clÃ´ture", "nature": "DÃ©pÃ´t de lâ€™Ã©tat"}}
    judged = read(changed(OPENING, judgment))["bodacc__insolvencies"]
    assert judged.select("jugement_famille", "jugement_nature").rows() == [
        ("Jugement de clôture", "Dépôt de l’état")
    ]


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("15 janvier 2008", date(2008, 1, 15)),
        # The notice is of 15 January 2008: nothing is published before it is judged.
        ("16 janvier 2008", None),
        # No insolvency law in force in 2008 is older than July 1967.
        ("13 juillet 1967", date(1967, 7, 13)),
        ("12 juillet 1967", None),
    ],
)
def test_impossible_day_of_a_judgment_is_null(read: Read, written: str, day: date | None) -> None:
    judgment = {"jugement": block(OPENING, "jugement") | {"date": written}}
    judged = read(changed(OPENING, judgment))["bodacc__insolvencies"]
    assert judged["jugement_date"].to_list() == [day]


def test_natures_is_a_clean_table_and_part_of_the_code_version() -> None:
    natures = pl.read_csv(NATURES)
    assert natures.select(pl.struct("nature", "complement").is_unique().all()).item()
    assert set(natures["procedure"].drop_nulls()) == {
        "liquidation_judiciaire",
        "redressement_judiciaire",
        "sauvegarde",
    }
    assert set(natures["stage"]) == {"opening", "conversion", "plan", "cession", "closure", "other"}
    assert len(CODE_VERSION.split(".")[1]) == 8
