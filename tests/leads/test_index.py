from __future__ import annotations

import json
from pathlib import Path

import lead_registry as registry
import numpy as np
import polars as pl
import pytest

from leads import arrays, features, index_names, index_sites
from leads.asked import Asked
from leads.index import TABLES, Index, build_index
from leads.queries import prepare
from opendata.errors import StateError


def test_the_same_registry_gives_the_same_bytes_in_any_order(tmp_path: Path, small: Index) -> None:
    again = registry.small_index(tmp_path, reverse=True)
    written = {path.name for path in small.folder.iterdir()}
    assert written == {path.name for path in again.folder.iterdir()}
    assert {f"{table}.parquet" for table in TABLES} < written
    for name in written:
        assert (small.folder / name).read_bytes() == (again.folder / name).read_bytes(), name


def test_names_in_many_buckets_are_numbered_as_in_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: Index
) -> None:
    monkeypatch.setattr(index_names, "ROWS_OF_BUCKET", 9)
    monkeypatch.setattr(index_names, "SAMPLED", 1)
    assert len(index_names._bounds(small.scan("names"))) > 5
    again = registry.small_index(tmp_path)
    for path in small.folder.iterdir():
        assert path.read_bytes() == (again.folder / path.name).read_bytes(), path.name


def test_every_name_of_unit_and_establishment_is_there(small: Index) -> None:
    names = small.scan("names").collect()
    kinds = dict(names.select("name", pl.col("kind").cast(pl.String)).iter_rows())
    assert kinds["BISCUITERIE DE BROCELIANDE"] == "denomination"
    assert kinds["CBX"] == "sigle"
    assert kinds["LES GALETTES DE VIVIANE"] == "enseigne"
    assert names["name_id"].to_list() == list(range(names.height))


def test_counts_are_of_units_not_of_names(small: Index) -> None:
    names = small.scan("names").collect()
    sign = names.filter(pl.col("name") == "PIZZA VELOCE")
    assert sign["homonyms"].unique().to_list() == [6]
    assert sign["brand_units"].unique().to_list() == [6]
    tokens = dict(small.scan("tokens").select("token", "df").collect().iter_rows())
    assert tokens["BROCELIANDE"] == 1
    assert tokens["ALPHA"] == 2
    assert tokens["FICTIVE"] == 60


@pytest.mark.parametrize("looked_through", [0, 16])
def test_a_place_names_one_open_establishment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looked_through: int
) -> None:
    """Establishments are gone through one by one, those of a large unit found by a key."""
    for module in (index_sites, features):
        monkeypatch.setattr(module, "LOOKED_THROUGH", looked_through)
    index = registry.small_index(tmp_path)
    unit = registry.siren(registry.BROCELIANDE)
    lead = {"company_name": "Untel", "postcode": "35000", "city": "Nantes"}
    asked = Asked(prepare(registry.leads(lead)).spellings, index)
    row, _ = arrays.positions(index.array("unit.siren"), np.array([int(unit)], np.uint32))
    found = {
        level: [f"{index.array('site.siret')[one - 1]:014d}" if one else None for one in sites]
        for level, sites in features._best_sites(asked, np.zeros(1, np.int64), row).items()
    }
    assert found == {
        "postcode": [registry.siret(unit, 2)],
        "city": [None],
        "department": [registry.siret(unit, 1)],
    }


def test_masked_names_are_no_names(tmp_path: Path) -> None:
    units = pl.LazyFrame(
        [registry.unit(1, "[ND]", sigle="[ND]"), registry.unit(2, "VRAI NOM")],
        schema=registry.UNIT_SCHEMA,
    )
    sites = pl.LazyFrame([registry.site(1, "[ND]", "LYON")], schema=registry.ESTABLISHMENT_SCHEMA)
    index = build_index(units, sites, tmp_path)
    assert index.scan("names").collect()["name"].to_list() == ["VRAI NOM"]
    where = index.scan("establishments").join(index.scan("places"), on="place").collect()
    assert where.select("postcode", "city").rows() == [(None, "LYON")]


def test_a_siret_that_lost_its_zero_is_refused(tmp_path: Path) -> None:
    """Establishments are found by their number in order: one out of order would hide others."""
    units = pl.LazyFrame([registry.unit(1, "UN"), registry.unit(2, "DEUX")],
                         schema=registry.UNIT_SCHEMA)  # fmt: skip
    sites = [registry.site(1, "69001", "LYON"), registry.site(2, "69001", "LYON")]
    sites[0]["siret"], sites[1]["siret"] = "10000000100012", "2000000020001"
    with pytest.raises(StateError, match="fourteen digits"):
        build_index(units, pl.LazyFrame(sites, schema=registry.ESTABLISHMENT_SCHEMA), tmp_path)


def test_an_unfinished_or_foreign_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="no complete index"):
        Index.open(tmp_path)
    (tmp_path / "meta.json").write_text('{"format": 0}')
    with pytest.raises(StateError, match="format 0"):
        Index.open(tmp_path)


def test_an_index_whose_hashes_are_made_otherwise_is_refused(tmp_path: Path, small: Index) -> None:
    """Another version of Polars would look every name up under a key that is not there."""
    (tmp_path / "meta.json").write_text(json.dumps({**small.meta, "hashes": "1"}))
    with pytest.raises(StateError, match="another version of Polars"):
        Index.open(tmp_path)
