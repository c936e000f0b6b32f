"""What every small register must hold: its table as described, keys unique, order-free."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from register_reading import RECORDS, ROOT, Read, normalised, read

from opendata.attribution import UNSEEN, dataset_page
from opendata.catalogue import load_dataset
from opendata.typing_rules import DTYPES

FILES = {
    "aides_ademe": "aides_ademe.csv",
    "alimconfiance": "alimconfiance.csv",
    "aides_minimis": "aides_minimis.csv",
    "beges": "beges.jsonl",
    "dpo": "dpo.csv",
    "epv": "epv.csv",
    "finess": "finess.json",
    "organismes_formation": "organismes_formation.csv",
    "rge": "rge.jsonl",
    "spectacle": "spectacle.csv",
}
#: Columns that reach somebody; none may be asked for, read or kept.
CONTACTS = ("telephone", "email", "courriel", "site", "contact", "responsable", "adresse")


@pytest.fixture(params=sorted(FILES))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def done(name: str, tmp_path: Path) -> Read:
    return read(name, RECORDS / FILES[name], tmp_path / "work")


def test_table_is_as_described_and_its_key_is_unique(name: str, done: Read) -> None:
    dataset = load_dataset(ROOT / "assets" / name / "dataset.yml")
    ((table, described),) = dataset.tables.items()
    columns = dataset.described_columns(table)
    # The engine adds its own column last.
    expected = [(column.name, DTYPES[column.type]) for column in columns]
    assert [*done.table.schema.items(), ("source_id", pl.String)] == expected
    assert done.table.select(described.key).is_unique().all()
    assert done.table["record_key"].is_unique().all()
    assert done.table.height > 1


def test_result_does_not_depend_on_the_order_of_rows(name: str, done: Read) -> None:
    for seed in range(5):
        mixed = done.typed.sample(fraction=1, shuffle=True, seed=seed)
        assert_frame_equal(normalised(name, mixed), done.table, check_row_order=False)


def test_nothing_that_reaches_a_person_is_asked_or_kept(name: str) -> None:
    dataset = load_dataset(ROOT / "assets" / name / "dataset.yml")
    (resource,) = dataset.resources
    asked = resource.query.get("select", "").split(",")
    headers = [header for column in resource.columns for header in column.headers]
    for word in (*asked, *headers):
        parts = word.removeprefix("adressephysiqueorganismeformation_").casefold()
        assert not any(contact in parts for contact in CONTACTS), word
    if "select" in resource.query:
        assert set(asked) == {column.header for column in resource.columns}


def test_page_tells_whether_real_records_were_seen(name: str) -> None:
    dataset = load_dataset(ROOT / "assets" / name / "dataset.yml")
    real = {"finess", "organismes_formation", "rge", "spectacle"}
    assert dataset.seen_on_real_data == (name in real)
    assert (UNSEEN in dataset_page(dataset)) == (name not in real)
