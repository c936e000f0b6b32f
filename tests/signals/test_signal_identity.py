"""Names of signals outlive releases: a consumer that kept one must find it again."""

from __future__ import annotations

import polars as pl

from signals.identity import hashed


def test_an_event_has_the_name_that_it_had_in_every_release() -> None:
    parts = {"type": "fr.company_signals.x.v1", "subject": "siren:382456051", "key": None}
    rows = pl.DataFrame([parts], schema=dict.fromkeys(parts, pl.String))
    (name,) = rows.select(hashed(list(parts))).to_series()
    assert name == "5f7854e2ad4c212bc3e870e56a9c576f"


def test_parts_do_not_run_into_each_other() -> None:
    rows = pl.DataFrame({"a": ["ab", "a"], "b": ["c", "bc"]})
    assert rows.select(hashed(["a", "b"])).to_series().n_unique() == 2
