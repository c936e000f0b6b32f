"""Every column has a data class, and the values of a real run agree with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from personal_patterns import EMAIL, PHONE, TITLE
from replaying import Replayed
from synthetic_persons import files_with
from synthetic_world import CANARIES, World, with_leads

from assets import discovery, feed
from leads.feedback import FEEDBACK_SCHEMA
from leads.labels import LABEL_SCHEMA
from leads.matching import MATCH_SCHEMA
from leads.model import SCHEMA
from leads.privacy import classes as of_leads
from leads.store import CORRECTIONS_SCHEMA, TABLES, USAGE_SCHEMA
from opendata import classes as of_data
from opendata.ledger import Entry
from opendata.source_status import SCHEMA as STATUS_SCHEMA
from opendata.versions import SOURCES_SCHEMA
from opendata.warehouse import Warehouse
from pipelines import main_job
from signals import classes as of_signals
from signals.contract import SIGNAL_SCHEMA

Values = Iterator[tuple[str, str, pl.Series]]
QUARANTINE = ("resource", "file", "line", "column", "rule", "value")
#: Classes of columns in which a person's data are expected.
PROTECTED = {"sole_trader", "contact"}


# -- schemas -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "schema"),
    [
        ("leads", SCHEMA),
        ("matches", MATCH_SCHEMA),
        ("usage", USAGE_SCHEMA),
        ("corrections", CORRECTIONS_SCHEMA),
        ("feedback", FEEDBACK_SCHEMA),
        ("labels", LABEL_SCHEMA),
    ],
)
def test_each_column_of_the_stores_has_a_class(table: str, schema: Mapping[str, object]) -> None:
    assert set(of_leads.CLASSES[table]) == set(schema)


def test_each_table_of_the_store_of_leads_is_classed() -> None:
    assert set(TABLES) <= set(of_leads.CLASSES)


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("quarantine", QUARANTINE),
        ("sources", SOURCES_SCHEMA),
        ("source_status", STATUS_SCHEMA),
        ("record", Entry.model_fields),
    ],
)
def test_each_column_of_the_engine_has_a_class(table: str, columns: Mapping[str, object]) -> None:
    assert set(of_data.CLASSES[table]) == set(columns)


def test_each_column_of_the_feed_has_a_class() -> None:
    assert of_signals.unclassed() == []
    assert set(of_signals.CLASSES) == set(SIGNAL_SCHEMA)


#: A column so called names somebody, or where or how they are reached; but for these.
_NAMING = re.compile(
    r"siren|siret|(?:^|_)(?:nom|prenom|pseudonyme|naissance|e?mail|courriel|tel|telephone|voie"
    r"|adresse|lambert)(?:_|$)"
)
_NAMES_NOBODY = re.compile(r"changement_.*|nom_qualification|nom_certificat")


def test_no_column_that_names_somebody_is_left_without_a_class() -> None:
    left = {
        (dataset.name, column.name)
        for dataset in discovery.catalogue().values()
        for columns in (
            *(dataset.described_columns(table) for table in dataset.tables),
            *(resource.columns for resource in dataset.resources),
        )
        for column in columns
        if column.personal == "none"
        and _NAMING.search(column.name)
        and not _NAMES_NOBODY.fullmatch(column.name)
    }
    assert left == set()


# -- values --------------------------------------------------------------------------------


def texts(frame: pl.DataFrame) -> Iterator[tuple[str, pl.Series]]:
    """Give each column as text: lists and structures as JSON."""
    for name, dtype in frame.schema.items():
        column = frame.select(pl.col(name).alias("value")).to_series()
        if dtype == pl.String:
            yield name, column.drop_nulls().unique()
        elif isinstance(dtype, pl.List | pl.Struct):
            wrapped = column.to_frame().select(pl.struct("value").struct.json_encode())
            yield name, wrapped.to_series().unique()


def table_values(data_dir: Path) -> Values:
    # The tables of datasets have a folder each; beside them stand labels of codes.
    for path in sorted((data_dir / "tables").glob("*/*.parquet")):
        for name, values in texts(pl.read_parquet(path, glob=False)):
            yield path.parent.name, name, values


def feed_values(exports: Path) -> Values:
    for path in sorted(exports.rglob("segments/*.parquet")):
        for name, values in texts(pl.read_parquet(path, glob=False)):
            yield "feed", name, values


def store_values(world: World) -> Values:
    store = world.workspace().lead_store
    frames = {
        "leads": store.leads(),
        "matches": store.matches(),
        "usage": store.usage(),
        "corrections": store.corrections(),
    }
    for table, frame in frames.items():
        for name, values in texts(frame):
            yield table, name, values


def classes() -> dict[str, Mapping[str, str]]:
    described = {
        table: {column.name: column.personal for column in dataset.described_columns(table)}
        for dataset in discovery.catalogue().values()
        for table in dataset.tables
    }
    return {**described, **of_leads.CLASSES, **of_data.CLASSES, "feed": of_signals.CLASSES}


def revealing(values: Values, known: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return ``table.column`` → pattern of columns whose values look like a person's and whose
    class does not say so.

    Streets bear the names and titles of people: a title counts where no street is named.
    """
    found = {}
    for table, name, column in values:
        if known[table][name] in PROTECTED:
            continue
        for label, pattern in (("e-mail", EMAIL), ("telephone", PHONE)):
            if any(pattern.search(text) for text in column):
                found[f"{table}.{name}"] = label
        if known[table][name] == "none" and any(TITLE.search(text) for text in column):
            found[f"{table}.{name}"] = "title"
    return found


def test_no_value_of_a_real_run_looks_like_a_person_outside_its_class(
    replayed: Replayed, february: World, tmp_path: Path
) -> None:
    world = with_leads(february.copied(tmp_path))
    known = classes()
    assert revealing(table_values(replayed.data_dir), known) == {}
    assert revealing(feed_values(replayed.exports), known) == {}
    assert revealing(feed_values(world.folder / "exports"), known) == {}
    assert revealing(store_values(world), known) == {}


def test_classing_everything_as_harmless_is_found_out(february: World, tmp_path: Path) -> None:
    world = with_leads(february.copied(tmp_path))
    harmless = {table: dict.fromkeys(columns, "none") for table, columns in classes().items()}
    found = revealing(store_values(world), harmless)
    assert found["leads.contact_email"] == "e-mail"
    assert found["leads.phone"] == "telephone"


# -- where no personal column may go -----------------------------------------------------------


def test_no_field_of_a_lead_reaches_dagster_the_output_or_a_file_name(
    february: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    world = with_leads(february.copied(tmp_path / "world"))
    # A file with a row that is refused, and one that cannot even be read.
    with world.leads.open("a", encoding="utf-8") as stream:
        stream.write(f"{CANARIES[1]},acme,{CANARIES[0]},,{CANARIES[0]},,{CANARIES[2]},\n")
    home = tmp_path / "dagster"
    home.mkdir()
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        monkeypatch.setattr(main_job, "_history", instance)
        report = main_job._materialise(world.workspace(), ["leads"])
        assert report.ok
        broken = world.leads.with_suffix(".xlsx")
        broken.write_text(f"not a workbook {CANARIES[0]}")
        world.leads = broken
        failed = main_job._materialise(world.workspace(), ["leads"])
        assert not failed.ok
    shown = capfd.readouterr()
    for canary in CANARIES:
        assert canary not in shown.out + shown.err
        assert canary not in str(failed.failures)
        names = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")]
        assert not [name for name in names if canary in name or canary.replace(" ", "_") in name]
    assert files_with(home, CANARIES) == []
    assert list(home.rglob("*")), "the search looked at what Dagster wrote"
    assert files_with(world.folder, CANARIES) == []


def test_the_warehouse_has_no_personal_column_unless_asked(replayed: Replayed) -> None:
    asked = replace(replayed.workspace, warehouse_personal=True)
    hidden, shown = (
        {
            (name, column)
            for name, one in feed.warehouse_contents(w).items()
            for column in one.without
        }
        for w in (replayed.workspace, asked)
    )
    assert shown == set()
    described = classes()
    assert ("decp__awards", "titulaire_nom") in hidden
    for table, columns in described.items():
        for column, kind in columns.items():
            if kind == "contact":
                assert (table, column) in hidden or table not in discovery.tables()
    with Warehouse.read_only(replayed.data_dir / "warehouse.duckdb") as db:
        found = set(db.rows("SELECT table_name, column_name FROM duckdb_columns()"))
    assert not found & hidden


def test_refused_values_that_may_describe_a_person_are_not_kept(february: World) -> None:
    hidden = re.compile(r"<personal>|<\d+ characters>|<hidden>")
    personal = {
        column.name
        for dataset in discovery.catalogue().values()
        for resource in dataset.resources
        for column in resource.columns
        if column.personal in PROTECTED
    }
    for path in (february.folder / "quarantine").glob("*/*.parquet"):
        rows = pl.read_parquet(path, glob=False).filter(pl.col("column").is_in(sorted(personal)))
        for value in rows["value"].drop_nulls():
            assert hidden.fullmatch(value), path.name
