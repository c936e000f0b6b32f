"""The hand-checked list: judgements stay with what they were said of."""

from __future__ import annotations

import polars as pl

from benchmarks.matching import gallery
from sirene.identifiers import Siren

ROW = {
    "set": "egapro_index", "probability": 0.9, "typed": "Alpha Conseil", "place": "75",
    "found": "ALPHA", "found_siren": "1", "labelled": "ALPHA SARL", "labelled_siren": "2",
}  # fmt: skip


def test_a_judgement_holds_for_the_same_text_and_units_only() -> None:
    before = pl.DataFrame([ROW | {"judged": "sister: of one name"}])
    rows = pl.DataFrame(
        [
            ROW | {"probability": 0.7},
            ROW | {"found_siren": "3"},
            ROW | {"labelled_siren": "3"},
            ROW | {"place": None},
        ]
    )
    found = gallery.judged(rows, before)
    assert found.drop("judged").equals(rows)
    assert found["judged"].to_list() == ["sister: of one name", None, None, None]
    assert gallery.counts(found, 0.8).rows() == [(gallery.NOT_JUDGED, 3, 3), ("sister", 1, 0)]


def test_the_list_of_this_model_is_judged_to_the_end() -> None:
    rows = pl.read_csv(gallery.AUDIT, schema_overrides=dict.fromkeys(gallery.SAME, pl.String))
    assert set(rows["set"]) <= set(gallery.SETS)
    assert rows["probability"].is_between(gallery.LEAST, 1).all()
    assert rows["probability"].is_sorted(descending=True)
    assert rows["judged"].str.contains("^[a-z ]+: .").all()
    for side in ("found_siren", "labelled_siren"):
        assert all(Siren.normalize(siren) == siren for siren in rows[side])
    assert (rows["found_siren"] != rows["labelled_siren"]).all()
