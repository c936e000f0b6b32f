"""Keys and display names of companies."""

from __future__ import annotations

import csv
import string
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sirene.names import (
    MASK,
    NameKeys,
    display_name,
    full_key,
    keys_of,
    present,
    with_name_keys,
)
from sirene.nomenclatures import CATEGORIES_JURIDIQUES, LEGAL_FORMS, table

DATA = Path(__file__).resolve().parents[1] / "data" / "sirene"
REAL, ANNUAIRE = DATA / "2020-06", DATA / "annuaire" / "names.csv"
ALPHABET = string.ascii_letters + string.digits + " .'’&+()-/éèçœÉ\ufffd\u00a0"


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("L'Éducation d'aujourd'hui", "EDUCATION AUJOURDHUI"),
        ("RENN'OV", "RENNOV"),
        ("EQUIP'AUTO", "EQUIPAUTO"),
        ("D’HAUTEVILLE", "HAUTEVILLE"),
        ("Qu'importe", "IMPORTE"),
        ("S.E.I.", "SEI"),
        ("S E I", "SEI"),
        ("S.E.I", "SEI"),
        ("J.C. S.A.", "JC SA"),
        ("M.DUPONT", "M DUPONT"),
        ("DUPONT & FILS", "DUPONT ET FILS"),
        ("DUPONT + FILS", "DUPONT ET FILS"),
        ("Dupont &amp; Fils", "DUPONT ET FILS"),
        ("SAINT-NAZAIRE", "SAINT NAZAIRE"),
        ("SALAD & CO 7", "SALAD ET CO 7"),
        ("CAF\ufffd DU COIN", "CAF\ufffd DU COIN"),
        ("(SAS) DUPONT", "SAS DUPONT"),
    ],
)
def test_the_full_key_keeps_the_words(name: str, full: str) -> None:
    assert keys_of(name).full == full


@pytest.mark.parametrize(
    "nothing", [None, "", "  ", "[ND]", " [ND] ", "SUPPRESSION DU NOM COMMERCIAL", "---"]
)
def test_masked_or_removed_names_have_no_key(nothing: str | None) -> None:
    assert keys_of(nothing) == NameKeys(None, None, None, None, None, None)


def test_two_masked_names_never_meet() -> None:
    frame = with_name_keys(pl.DataFrame({"n": [MASK, MASK]}), "n")
    assert frame.join(frame, on="full").height == 0


@pytest.mark.parametrize(
    ("name", "core", "form"),
    [
        ("S.A.R.L. Dupont & Fils", "DUPONT ET FILS", "SARL"),
        ("Dupont & Fils SARL", "DUPONT ET FILS", "SARL"),
        ("SOCIETE PAR ACTIONS SIMPLIFIEE MARTIN", "MARTIN", "SAS"),
        ("MARTIN société par actions simplifiée unipersonnelle", "MARTIN", "SASU"),
        ("SCEA DES PINS", "DES PINS", "SCEA"),
        ("SOCIETE CIVILE D'EXPLOITATION AGRICOLE DES PINS", "DES PINS", "SCEA"),
        ("SOCIETE CIVILE D EXPLOITATION AGRICOLE DES PINS", "DES PINS", "SCEA"),
        ("BRESSOR SA site de Servas", "BRESSOR SITE DE SERVAS", "SA"),
        ("SCI X", "X", "SCI"),
        ("X SARL", "X", "SARL"),
        ("SCI", "SCI", "SCI"),
        ("ATELIER SE MEUBLER", "ATELIER SE MEUBLER", None),
        (
            "STE NOUVELLE ETS DURAND ET CIE",
            "SOCIETE NOUVELLE ETABLISSEMENTS DURAND ET COMPAGNIE",
            None,
        ),
        ("COPRO 22 R ST JEAN", "COPRO 22 R SAINT JEAN", None),
        ("ENTREPRISE JD CONSTRUCTIONS II", "ENTREPRISE JD CONSTRUCTIONS 2", None),
        ("LYCEE HENRI IV SARL", "LYCEE HENRI 4", "SARL"),
        ("SCI LOUIS XIV VERSAILLES", "LOUIS 14 VERSAILLES", "SCI"),
        # One letter is an initial, and in front of all there is nothing to number.
        ("GARAGE V", "GARAGE V", None),
        ("III PARTNERS", "III PARTNERS", None),
        ("IIE REGION", "IIE REGION", None),
    ],
)
def test_the_core_key_sets_the_legal_form_apart(name: str, core: str, form: str | None) -> None:
    keys = keys_of(name)
    assert (keys.core, keys.legal_form) == (core, form)


def test_a_legal_form_is_kept_as_agreement_or_conflict() -> None:
    sci, sarl = keys_of("SCI DES LILAS"), keys_of("DES LILAS SARL")
    assert sci.core == sarl.core
    assert sci.legal_form != sarl.legal_form


def test_glued_acronym_and_second_keys() -> None:
    assert keys_of("CREA BOIS").glued == keys_of("CREABOIS").glued == "CREABOIS"
    assert keys_of("SOCIETE BRETONNE DE TRAVAUX PUBLICS").acronym == "SBTP"
    assert keys_of("MARTIN").acronym is None
    name = keys_of("Point S - Ajaccio (Auto Pneus Services Ajaccio)")
    assert (name.full, name.second) == ("POINT S AJACCIO", "AUTO PNEUS SERVICES AJACCIO")


def test_real_acronyms_meet_their_spelled_and_dotted_forms() -> None:
    # Real: sigle CADDAC, shop sign C.A.D.D.A.C. ; sigles that are their name's initials.
    assert keys_of("C.A.D.D.A.C.").full == keys_of("CADDAC").full
    with (REAL / "StockUniteLegale_utf8.csv").open(encoding="utf-8", newline="") as stream:
        units = [row for row in csv.DictReader(stream) if row["sigleUniteLegale"]]
    names = with_name_keys(
        pl.DataFrame({"name": [row["denominationUniteLegale"] for row in units]}), "name"
    )
    sigles = [row["sigleUniteLegale"] for row in units]
    initials = sum(a == b for a, b in zip(names["acronym"], sigles, strict=True))
    assert (initials, len(units)) == (INITIALS, 56)


#: Measured: of 56 real sigles, those that are the initials of the name; the others are coined.
INITIALS = 26


@settings(deadline=None)
@given(st.text(alphabet=ALPHABET, max_size=40))
def test_the_key_of_a_key_is_the_key(text: str) -> None:
    key = keys_of(text).full
    assert keys_of(key).full == key


@settings(deadline=None)
@given(st.lists(st.text(alphabet=ALPHABET, max_size=20) | st.none(), min_size=1, max_size=8))
def test_a_column_gives_what_each_value_gives(texts: list[str | None]) -> None:
    frame = pl.LazyFrame({"n": texts}, schema={"n": pl.String})
    rows = with_name_keys(frame, "n", prefix="k_").drop("n").collect().rows()
    assert rows == [
        (k.full, k.second, k.core, k.glued, k.acronym, k.legal_form) for k in map(keys_of, texts)
    ]


@settings(deadline=None)
@given(st.text(alphabet=string.ascii_letters + "éèàùç -", max_size=30))
def test_case_and_accents_make_no_difference(text: str) -> None:
    assert keys_of(text).full == keys_of(text.upper()).full == keys_of(text.lower()).full


def test_the_table_of_legal_forms_is_sound() -> None:
    forms = table(LEGAL_FORMS)
    assert forms["form"].is_unique().all()
    assert forms["short"].n_unique() >= 40
    assert forms.height >= 60
    keys = forms.select(full_key(pl.col("form")))["form"]
    assert keys.to_list() == forms["form"].to_list(), "forms are written as keys are"
    known = table(CATEGORIES_JURIDIQUES)
    prefixes = {code[:n] for code in known["code"] for n in (1, 2, 3, 4)}
    assert set(forms["categorie_juridique"].drop_nulls()) <= prefixes


def test_the_display_name_follows_the_annuaire() -> None:
    frame = pl.DataFrame(
        {
            "d": ["Danone", "SNCF Réseau", "ALPHA", "BETA", None, "GAMMA"],
            "s": [None, "RFF", MASK, "BETA", "X", " "],
            "c": [None, None, "Chez Alpha", None, "Y", "SUPPRESSION DU NOM COMMERCIAL"],
        }
    )
    shown = frame.select(display_name(pl.col("d"), pl.col("s"), pl.col("c")))["d"].to_list()
    assert shown == [
        "DANONE", "SNCF RÉSEAU (RFF)", "ALPHA (CHEZ ALPHA)", "BETA (BETA)", None, "GAMMA"
    ]  # fmt: skip


def test_real_companies_are_shown_as_the_annuaire_shows_them() -> None:
    """Answers of its search, with the parts each name is made of; see tests/data/sirene."""
    rows = pl.read_csv(ANNUAIRE, infer_schema=False)
    parts = ("denomination", "sigle", "denomination_usuelle_siege")
    ours = rows.with_columns(ours=display_name(*map(pl.col, parts))).filter(
        pl.col("ours").ne_missing(pl.col("nom_complet"))
    )
    assert ours.select("ours", "nom_complet").rows() == []
    with_brackets = rows.filter(pl.col("nom_complet") != pl.col("denomination"))
    assert (rows.height, with_brackets.height) == (85, 10)
    # A part that repeats the name is not left out.
    assert "AGA (AGA) (AGA)" in rows["nom_complet"]
    # A shop sign of the head office is not part of it.
    assert rows.filter(pl.col("enseignes").is_not_null()).height == 5


def test_present_drops_only_what_says_nothing() -> None:
    values = pl.Series(["[ND]", "ND", " A ", "", None])
    assert pl.select(present(pl.lit(values))).to_series().to_list() == [None, "ND", "A", None, None]
