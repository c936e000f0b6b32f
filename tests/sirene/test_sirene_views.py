"""Views and code tables in a real warehouse, over a bundled month."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pytest
from sirene_files import DATASET, bundled

from opendata import parquet
from opendata.assembly import Content, assemble
from opendata.warehouse import Warehouse
from sirene.nomenclatures.tables import code_tables
from sirene.views import VIEWS


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    work = tmp_path_factory.mktemp("views")
    contents = {}
    for name, rows in bundled("2017-05-01", work).items():
        key = DATASET.tables[name].key
        path = work / f"{name}.parquet"
        columns = [c.name for c in DATASET.described_columns(name) if c.name != "source_id"]
        parquet.sink(rows.select(columns).with_columns(source_id=pl.lit("x")), path, sort_by=key)
        contents[name] = Content([path], key)
    for name, table in code_tables().items():
        path = work / f"{name}.parquet"
        parquet.sink(table.rows.lazy(), path, sort_by=table.key)
        contents[name] = Content([path], table.key, columns=table.columns)
    for name, view in VIEWS.items():
        contents[name] = Content(
            (), (), view.comment, view.columns, query=view.query, parameters=view.parameters
        )
    assemble(contents, work / "warehouse.duckdb")
    with Warehouse.read_only(work / "warehouse.duckdb") as opened:
        yield opened


def test_an_address_has_its_commune_department_and_region(warehouse: Warehouse) -> None:
    rows = warehouse.rows(
        "SELECT count(*), count(region), count(commune_actuelle), count(DISTINCT region), "
        "count_if(departement IS NOT NULL) FROM sirene__addresses"
    )
    ((total, regions, communes, distinct, departments),) = rows
    assert total == 6072
    assert regions == departments > 5900
    assert communes > 5900
    assert distinct > 12


def test_a_cedex_is_where_mail_goes_and_leads_to_a_commune(warehouse: Warehouse) -> None:
    ((code, town, commune, postcode),) = warehouse.rows(
        "SELECT code_acheminement, libelle_acheminement, commune_actuelle, code_postal "
        "FROM sirene__addresses WHERE code_cedex = '06403' LIMIT 1"
    )
    assert (code, commune) == ("06403", "Cannes")
    assert "CEDEX" in town
    assert postcode != code
    found = warehouse.rows("SELECT code_commune FROM sirene__cedex WHERE code_cedex = '06403'")
    assert found == [("06029",)]


def test_withdrawn_commune_codes_lead_to_the_commune_of_today(warehouse: Warehouse) -> None:
    ((total, named),) = warehouse.rows(
        "SELECT count(*), count(nom_actuel) FROM nomenclature__communes"
    )
    assert total == named > 37_000
    # Cordieux and Escaufourt (which joined a commune of the next department), COG of 2026.
    found = warehouse.rows(
        "SELECT code_actuel FROM nomenclature__communes WHERE code = '01120' OR code = '02285' "
        "ORDER BY code"
    )
    assert found == [("01262",), ("59545",)]


def test_the_register_at_a_date_is_asked_like_a_table(warehouse: Warehouse) -> None:
    ((before, after),) = warehouse.rows(
        "SELECT (SELECT count(*) FROM sirene__establishments_as_of(DATE '2017-01-10')), "
        "(SELECT count(*) FROM sirene__establishments_as_of(DATE '2030-01-01'))"
    )
    assert before < after == 6072
    ((siren, was, until),) = warehouse.rows(
        "SELECT siren, name, date_fin FROM sirene__names WHERE kind = 'denomination' "
        "AND date_fin > DATE '2017-01-01' ORDER BY siren LIMIT 1"
    )
    told = [
        warehouse.rows(
            f"SELECT denomination FROM sirene__units_as_of({day}) WHERE siren = '{siren}'"
        )
        for day in (f"DATE '{until}'", f"DATE '{until}' + 1")
    ]
    assert told[0] == [(was,)] != told[1]


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_says_what_it_shows(name: str, warehouse: Warehouse) -> None:
    told = warehouse.rows(
        "SELECT comment FROM duckdb_views() WHERE view_name = ? UNION ALL "
        "SELECT comment FROM duckdb_functions() WHERE function_name = ?",
        [name, name],
    )
    assert told == [(VIEWS[name].comment,)]


def test_labels_come_in_both_languages(warehouse: Warehouse) -> None:
    assert warehouse.rows(
        "SELECT libelle, label_en, rang FROM nomenclature__tranches_effectifs "
        "WHERE code IN ('NN', '11') ORDER BY code"
    )[0] == ("10 à 19 salariés", "10 to 19 employees", 4)
    assert warehouse.rows(
        "SELECT label_2_en, label_1_en FROM nomenclature__categories_juridiques WHERE code = '5710'"
    ) == [("Simplified joint-stock company (SAS)", "Commercial company")]
    missing = warehouse.rows(
        "SELECT code FROM nomenclature__naf_rev2 WHERE section_en IS NULL UNION ALL "
        "SELECT code FROM nomenclature__naf_2025 WHERE section_en IS NULL UNION ALL "
        "SELECT code FROM nomenclature__categories_juridiques WHERE label_2_en IS NULL UNION ALL "
        "SELECT code FROM nomenclature__tranches_effectifs WHERE label_en IS NULL"
    )
    assert missing == []


def test_observed_pairs_of_codes_exist_in_both_nomenclatures(warehouse: Warehouse) -> None:
    ((total, known),) = warehouse.rows(
        "SELECT count(*), count_if(a.code IS NOT NULL AND b.code IS NOT NULL) "
        "FROM nomenclature__naf_correspondence AS p "
        "LEFT JOIN nomenclature__naf_rev2 AS a ON a.code = p.naf_rev2 "
        "LEFT JOIN nomenclature__naf_2025 AS b ON b.code = p.naf_2025"
    )
    assert total == known == 41
