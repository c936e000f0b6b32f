from __future__ import annotations

from pathlib import Path

import lead_registry as registry
import polars as pl
import pytest

from leads.index import TABLES, Index
from opendata.errors import StateError


def test_the_same_registry_gives_the_same_bytes_in_any_order(tmp_path: Path, small: Index) -> None:
    again = registry.small_index(tmp_path, reverse=True)
    for table in TABLES:
        name = f"{table}.parquet"
        assert (small.folder / name).read_bytes() == (again.folder / name).read_bytes(), table


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


def test_a_place_names_one_open_establishment(small: Index) -> None:
    unit = registry.siren(registry.BROCELIANDE)
    rows = small.scan("places").filter(pl.col("siren") == unit).collect()
    found = {(level, value): siret for level, value, siret in
             rows.select("level", "value", "siret").iter_rows()}  # fmt: skip
    assert found[("postcode", "35000")] == registry.siret(unit, 2)
    assert found[("department", "35")] == registry.siret(unit, 1)


def test_masked_names_are_no_names(tmp_path: Path) -> None:
    units = pl.LazyFrame(
        [registry.unit(1, "[ND]", sigle="[ND]"), registry.unit(2, "VRAI NOM")],
        schema=registry.UNIT_SCHEMA,
    )
    sites = pl.LazyFrame([registry.site(1, "[ND]", "LYON")], schema=registry.ESTABLISHMENT_SCHEMA)
    from leads.index import build_index

    index = build_index(units, sites, tmp_path)
    assert index.scan("names").collect()["name"].to_list() == ["VRAI NOM"]
    assert index.scan("establishments").collect()["postcode"].to_list() == [None]


def test_an_unfinished_or_foreign_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="no complete index"):
        Index.open(tmp_path)
    (tmp_path / "meta.json").write_text('{"format": 0}')
    with pytest.raises(StateError, match="format 0"):
        Index.open(tmp_path)
