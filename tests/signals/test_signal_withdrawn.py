"""Annulled, rectified and vanished records: nothing stands that no record supports."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from register_lists import Lists
from signal_tables import AWARD, OPENING, SALE, Tables
from signal_world import OTHER_SALE, at

from signals.detect import detect_all
from signals.log import Appended, SignalLog
from signals.withdrawn import withdrawn

DAY = date(2021, 1, 20)
#: Specification fixtures: the shape of notices that correct another one.
ANNULLED = {
    "notice_id": "A20210010007", "date_parution": date(2021, 1, 15), "type_avis": "annulation",
    "previous_notice_id": SALE["notice_id"],
}  # fmt: skip
RECTIFIED = {
    **SALE, **ANNULLED, "type_avis": "rectificatif", "price_eur": 10000.0, "ville": "Lieurey",
}  # fmt: skip


def run(log: SignalLog, new: dict[str, Any], old: dict[str, Any] | None = None) -> Appended:
    frames = Tables(DAY, new, old or {})
    found = detect_all(frames, recorded=at(DAY), run_id="r")
    gone = withdrawn(frames, log.current(), recorded=at(DAY), run_id="r")
    return log.append(found, {"bodacc": "v"}, gone)


def test_annulled_notice_in_the_same_run_is_never_signalled(tmp_path: Path) -> None:
    rows = {"bodacc__sales": [SALE, OTHER_SALE], "bodacc__notices": [ANNULLED]}
    added = run(SignalLog(tmp_path), rows)
    assert SALE["buyer_siren"] not in added.rows["siren"].to_list()
    assert added.counts == {"ASSERT": 2}


def test_notice_that_annuls_is_not_itself_an_event(tmp_path: Path) -> None:
    rows = {"bodacc__sales": [{**SALE, **ANNULLED, "previous_notice_id": None}]}
    assert run(SignalLog(tmp_path), rows).rows.is_empty()


def test_annulation_later_retracts_once(tmp_path: Path) -> None:
    log = SignalLog(tmp_path)
    run(log, {"bodacc__sales": [SALE, OTHER_SALE]})
    old = {"bodacc__sales": [SALE, OTHER_SALE]}
    added = run(log, {"bodacc__notices": [ANNULLED]}, old)
    assert added.counts == {"RETRACT": 2}
    assert added.rows["reason"].unique().to_list() == ["annulation"]
    assert set(added.rows["siren"]) == {SALE["buyer_siren"], SALE["seller_siren"]}
    assert run(log, {"bodacc__notices": [ANNULLED]}, old).rows.is_empty()


def test_rectification_of_the_same_event_amends(tmp_path: Path) -> None:
    log = SignalLog(tmp_path)
    run(log, {"bodacc__sales": [SALE]})
    added = run(log, {"bodacc__sales": [RECTIFIED]}, {"bodacc__sales": [SALE]})
    assert added.counts == {"AMEND": 2}
    assert added.rows["after"].str.contains("Lieurey").all()


def test_rectification_into_another_event_replaces(tmp_path: Path) -> None:
    log = SignalLog(tmp_path)
    run(log, {"bodacc__sales": [SALE]})
    other = {**RECTIFIED, "price_eur": 70000.0}
    added = run(log, {"bodacc__sales": [other]}, {"bodacc__sales": [SALE]})
    assert added.counts == {"ASSERT": 2, "RETRACT": 2}
    gone = added.rows.filter(pl.col("op") == "RETRACT")
    assert gone["reason"].unique().to_list() == ["rectificatif"]


def test_another_notice_keeps_the_event_standing(tmp_path: Path) -> None:
    log = SignalLog(tmp_path)
    second = {**SALE, "notice_id": "A20210009001", "date_parution": date(2021, 1, 14)}
    old = {"bodacc__sales": [SALE, second]}
    run(log, old)
    assert run(log, {"bodacc__notices": [ANNULLED]}, old).rows.is_empty()
    both = [ANNULLED, {**ANNULLED, "notice_id": "A2", "previous_notice_id": "A20210009001"}]
    assert run(log, {"bodacc__notices": both}, old).counts == {"RETRACT": 2}


def test_retraction_of_a_judgment_undoes_it(tmp_path: Path) -> None:
    frames = {"bodacc__insolvencies": [{**OPENING, "date_parution": DAY, "jugement_date": DAY}]}
    log = SignalLog(tmp_path)
    assert run(log, frames).counts == {"ASSERT": 1}
    undone = {
        **OPENING, "notice_id": "A3", "date_parution": DAY, "stage": "other", "procedure": None,
        "jugement_famille": "Rétractation sur tierce opposition",
        "previous_notice_id": OPENING["notice_id"],
    }  # fmt: skip
    assert run(log, {"bodacc__insolvencies": [undone]}, frames).counts == {"RETRACT": 1}


def test_record_taken_back_by_its_publisher_is_a_correction(tmp_path: Path) -> None:
    log = SignalLog(tmp_path)
    award = {**AWARD, "date_notification": date(2021, 1, 5), "date_publication": DAY}
    unit = {"siren": AWARD["titulaire_siren"], "statut_diffusion": "O", "personne_morale": True}
    proof = {"sirene__legal_units": [unit]}
    run(log, {"decp__awards": [award]}, proof)
    added = run(log, {"decp__awards": [{**award, "_op": "removed"}]}, proof)
    assert added.counts == {"RETRACT": 1}
    assert added.rows["reason"].to_list() == ["source_correction"]


def test_permit_that_is_cancelled_takes_its_signal_back(tmp_path: Path) -> None:
    """The table holds authorisations in force: a cancelled one is not there any more."""
    permit = {
        "fichier": "locaux", "type_autorisation": "PC", "numero": "09304820B0001", "etat": "2",
        "siren": "382456051", "denomination": "CACHE-CACHE", "destination": "8",
        "surface_m2": 8000, "date_autorisation": date(2021, 1, 4),
    }  # fmt: skip
    log = SignalLog(tmp_path)
    assert run(log, {"sitadel__permits": [permit]}).counts == {"ASSERT": 1}
    added = run(log, {"sitadel__permits": [{**permit, "_op": "removed"}]})
    assert added.counts == {"RETRACT": 1}
    assert added.rows["reason"].to_list() == ["source_correction"]


def test_register_that_forgets_by_design_takes_nothing_back(tmp_path: Path) -> None:
    """A certificate that is over leaves the list of RGE: it was obtained nevertheless."""
    held = {
        "siret": "38245605100004", "siren": "382456051", "code_qualification": "3111D111",
        "domaine": "Toiture", "date_debut": date(2021, 1, 4), "date_fin": date(2021, 1, 19),
    }  # fmt: skip
    unit = {"siren": "382456051", "personne_morale": True, "statut_diffusion": "O"}
    units = {"sirene__legal_units": [[unit]]}
    log = SignalLog(tmp_path)
    for lists in ([[], [held]], [[], [held], []]):
        frames = Lists(DAY, {"rge__qualifications": lists, **units}, published=DAY)
        found = detect_all(frames, recorded=at(DAY), run_id="r")
        gone = withdrawn(frames, log.current(), recorded=at(DAY), run_id="r")
        added = log.append(found, {"rge": f"v{len(lists)}"}, gone)
        assert added.counts == ({"ASSERT": 1} if len(lists) == 2 else {})


def test_agreement_withdrawn_from_publication_takes_its_signal_back(tmp_path: Path) -> None:
    signed = {
        "agreement_id": "ACCOTEXT1", "nature": "ACCORD", "siren": "382456051", "withdrawn": False,
        "themes": "Télétravail", "date_depot": date(2021, 1, 4),
    }  # fmt: skip
    tombstone = {"agreement_id": "ACCOTEXT1", "withdrawn": True}
    unit = {"siren": "382456051", "personne_morale": True, "statut_diffusion": "O"}
    units = {"sirene__legal_units": [[unit]]}
    log, counts = SignalLog(tmp_path), []
    for lists in ([[], [signed]], [[signed], [tombstone]]):
        frames = Lists(DAY, {"acco__agreements": lists, **units}, published=DAY)
        found = detect_all(frames, recorded=at(DAY), run_id="r")
        gone = withdrawn(frames, log.current(), recorded=at(DAY), run_id="r")
        counts.append(log.append(found, {"acco": str(len(counts))}, gone).counts)
    assert counts == [{"ASSERT": 1}, {"RETRACT": 1}]
