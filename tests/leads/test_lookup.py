from __future__ import annotations

import lead_registry as registry
import pytest
from polars.testing import assert_frame_equal

from leads import lookup
from leads.index import Index
from leads.queries import prepare
from leads.scoring import load_model


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_batches_change_nothing(small: Index, batch: int) -> None:
    names = ["Alpha Conseil", "Salad & Co 7", "Pizza Veloce", "Garage Fictive", "Créa Bois"]
    queries = prepare(registry.leads(*({"company_name": name} for name in names)))
    keys = ["lead", "rank"]
    whole, cut = (
        lookup.scored(
            queries.spellings, queries.asked.height, small, load_model(), batch=size
        ).sort(keys)
        for size in (100, batch)
    )
    assert whole["lead"].n_unique() == len(names)
    assert_frame_equal(whole, cut)


def test_without_a_registry_the_columns_are_the_same(small: Index) -> None:
    queries = prepare(registry.leads({"company_name": "Alpha Conseil"}))
    real = lookup.scored(queries.spellings, 1, small, load_model())
    empty = lookup.no_candidates()
    assert set(empty.columns) - {"likely_siret"} <= set(real.columns)
