"""Versions: invisible until promoted, reversible, accountable."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from descriptions import dataset as described

from opendata import files, parquet
from opendata.catalogue import Dataset
from opendata.errors import StateError
from opendata.state import Draft, InputFile, Version, version_id
from opendata.versions import TableStore

TABLE = "essai__units"
COLUMNS = [
    {"name": "siren", "type": "code", "fr": "x", "en": "x"},
    {"name": "nom", "type": "text", "fr": "x", "en": "x"},
]
Rows = dict[str, str | None]


def essai(kind: str = "snapshot") -> Dataset:
    table = {
        "title_fr": "Unités", "title_en": "Units", "key": ["siren"],
        "columns": COLUMNS,
    }  # fmt: skip
    return described(kind=kind, tables={TABLE: table})


def draft(day: int, **changes: Any) -> Draft:
    moment = dt.datetime(2026, 10, day, 6, tzinfo=dt.UTC)
    fields: dict[str, Any] = {
        "id": version_id(moment.date(), [f"{day}"], "1"),
        "created_at": moment,
        "publisher_date": moment.date(),
        "fetched_at": moment,
        "code_version": "1",
        "inputs": (InputFile(resource="stock", sha256="0" * 64, bytes=3, receipt="raw/r.json"),),
    }
    return Draft(**{**fields, **changes})


def frames(rows: Rows) -> dict[str, pl.LazyFrame]:
    # Out of order on purpose: the store sorts.
    content = {"siren": list(reversed(rows)), "nom": list(reversed(rows.values()))}
    return {TABLE: pl.LazyFrame(content, schema={"siren": pl.String, "nom": pl.String})}


def publish(store: TableStore, day: int, rows: Rows, kind: str = "snapshot") -> Version:
    return store.promote(store.stage(essai(kind), draft(day), frames(rows)))


def content(frame: pl.LazyFrame) -> Rows:
    return dict(frame.select("siren", "nom").collect().rows())


def changes(store: TableStore, since: Version | None) -> list[tuple[str, str | None, str]]:
    frame = store.delta(TABLE, since.id if since else None)
    return frame.select("siren", "nom", "_op").collect().rows()


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_the_id_depends_on_date_input_and_code_and_on_nothing_else() -> None:
    day = dt.date(2026, 10, 1)
    same = version_id(day, ["b", "a"], "1")
    assert same == version_id(day, ["a", "b"], "1")
    assert same.startswith("2026-10-01-")
    assert len(same) == len("2026-10-01-") + 12
    others = {version_id(day, ["a"], "1"), version_id(day, ["a", "b"], "2")}
    assert same not in others
    assert len(others) == 2


def test_a_staged_version_is_invisible_until_promoted(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    version = store.stage(essai(), draft(1), frames({"1": "a"}))
    assert store.current("essai") is None
    with pytest.raises(StateError, match="no good version yet"):
        store.scan(TABLE)
    store.promote(version)
    current = store.current("essai")
    assert current is not None
    assert current.id == version.id
    assert current.baseline
    found = store.scan(TABLE).collect()
    assert found.rows() == [("1", "a", f"essai@{version.id}")]
    assert found.columns == ["siren", "nom", "source_id"]


def test_the_state_says_what_the_file_is(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    version = publish(store, 1, {"2": "b", "1": "a"})
    held = version.tables[TABLE]
    path = tmp_path / held.file
    assert (held.rows, held.sha256, held.bytes) == (2, files.digest(path), path.stat().st_size)
    info = parquet.metadata(path)
    assert info["licence_id"] == "lov2"
    assert info["version"] == version.id
    assert info["attribution"] == "Insee, 01/10/2026"
    assert store.scan(TABLE).collect()["siren"].to_list() == ["1", "2"]


def test_the_same_input_gives_the_same_bytes_and_nothing_to_do(tmp_path: Path) -> None:
    first, second = TableStore(tmp_path / "a"), TableStore(tmp_path / "b")
    one, two = publish(first, 1, {"1": "a"}), publish(second, 1, {"1": "a"})
    assert one.tables[TABLE].sha256 == two.tables[TABLE].sha256
    assert (tmp_path / "a/state/essai.json").read_bytes() == (
        tmp_path / "b/state/essai.json"
    ).read_bytes()
    before = everything(tmp_path / "a")
    assert first.stage(essai(), draft(1), frames({"9": "z"})) == one
    assert everything(tmp_path / "a") == before
    assert content(first.scan(TABLE)) == {"1": "a"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "missing \\['essai__units'\\]"),
        ({TABLE: pl.LazyFrame({"siren": ["1"]})}, "missing \\['nom'\\]"),
        (
            {TABLE: pl.LazyFrame({"siren": ["1"], "nom": ["a"], "x": [1]})},
            "not described \\['x'\\]",
        ),
    ],
)
def test_tables_and_columns_must_be_those_described(
    tmp_path: Path, given: dict[str, pl.LazyFrame], said: str
) -> None:
    with pytest.raises(StateError, match=said):
        TableStore(tmp_path).stage(essai(), draft(1), given)
    assert everything(tmp_path) == set()


def test_a_snapshot_delta_tells_rows_not_versions(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    one = publish(store, 1, {"1": "a", "2": None, "3": "c", "4": ""})
    two = publish(store, 2, {"1": "a", "2": "", "4": "", "5": "e"})
    assert not two.baseline
    assert changes(store, None) == [("1", "a", "added"), ("2", "", "added"), ("4", "", "added"),
                                    ("5", "e", "added")]  # fmt: skip
    assert changes(store, one) == [
        ("2", "", "modified"),
        ("3", "c", "removed"),
        ("5", "e", "added"),
    ]
    assert changes(store, two) == []
    assert content(store.scan_version(TABLE, one.id)) == {"1": "a", "2": None, "3": "c", "4": ""}
    with pytest.raises(StateError, match="version 2020-01-01-x is not known"):
        store.delta(TABLE, "2020-01-01-x")


def test_events_add_up_and_the_latest_window_has_the_last_word(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    one = publish(store, 1, {"1": "a", "2": "b"}, "events")
    two = publish(store, 2, {"2": "b", "3": "c"}, "events")
    three = publish(store, 3, {"1": "A", "4": "d"}, "events")
    assert content(store.scan(TABLE)) == {"1": "A", "2": "b", "3": "c", "4": "d"}
    # 2 came again unchanged: that is the overlap of windows, not an event.
    assert changes(store, one) == [("1", "A", "modified"), ("3", "c", "added"), ("4", "d", "added")]
    assert changes(store, two) == [("1", "A", "modified"), ("4", "d", "added")]
    assert changes(store, three) == []
    assert store.scan(TABLE).collect()["siren"].is_sorted()
    assert [path.stem for path in store.paths(TABLE)] == [one.id, two.id, three.id]


def test_events_rolled_back_are_told_as_removed(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    publish(store, 1, {"1": "a", "2": "b"}, "events")
    two = publish(store, 2, {"2": "B", "3": "c"}, "events")
    store.rollback("essai")
    assert content(store.scan(TABLE)) == {"1": "a", "2": "b"}
    assert changes(store, two) == [("2", "b", "modified"), ("3", "c", "removed")]


def test_a_rollback_serves_the_version_before_and_only_one_step(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    one, two, three = (publish(store, day, {"1": str(day)}) for day in (1, 2, 3))
    assert store.rollback("essai").id == two.id
    assert content(store.scan(TABLE)) == {"1": "2"}
    assert changes(store, three) == [("1", "2", "modified")]
    assert store.rollback("essai").id == one.id
    with pytest.raises(StateError, match="no previous version"):
        store.rollback("essai")
    assert [one.status for one in store.state("essai").versions] == [
        "good", "withdrawn", "withdrawn",
    ]  # fmt: skip
    # The same input fetched again does not bring the bad version back by itself.
    again = store.stage(essai(), draft(3), frames({"1": "3"}))
    with pytest.raises(StateError, match="was withdrawn"):
        store.promote(again)
    assert store.release("essai", three.id).status == "good"
    assert content(store.scan(TABLE)) == {"1": "3"}


def test_a_held_version_waits_until_released(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    one = publish(store, 1, {"1": "a"})
    staged = store.stage(essai(), draft(2), frames({"1": "z"}))
    check = {"name": "changed_ceiling", "passed": False}
    store.hold(staged, "5,000 keys differ", checks=[check])
    held = store.state("essai").find(staged.id)
    assert held is not None
    assert (held.status, held.reason, held.checks) == ("held", "5,000 keys differ", (check,))
    assert content(store.scan(TABLE)) == {"1": "a"}
    assert changes(store, one) == []
    released = store.release("essai")
    assert (released.id, released.reason, released.checks) == (staged.id, None, (check,))
    assert changes(store, one) == [("1", "z", "modified")]
    for version in (None, staged.id):
        with pytest.raises(StateError, match=r"no version is held|is not held"):
            store.release("essai", version)


def test_gc_keeps_what_serves_waits_or_is_cited(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    one, two, three, four = (publish(store, day, {"1": str(day)}) for day in (1, 2, 3, 4))
    held = store.hold(store.stage(essai(), draft(5), frames({"1": "5"})), "inspect")
    store.rollback("essai")
    removed = store.gc(1, cited={two.source_id})
    assert removed == [one.source_id]
    kept = {version.id for version in store.state("essai").versions}
    assert kept == {two.id, three.id, four.id, held.id}
    assert {path.stem for path in (tmp_path / "tables" / TABLE).iterdir()} == kept
    assert content(store.scan(TABLE)) == {"1": "3"}
    assert content(store.scan_version(TABLE, two.id)) == {"1": "2"}
    assert store.gc({"essai": 1}, cited={two.source_id}) == []


@pytest.mark.parametrize("kind", ["snapshot", "events"])
def test_gc_forgets_what_was_withdrawn_only_once_a_later_version_serves(
    tmp_path: Path, kind: str
) -> None:
    store = TableStore(tmp_path)
    one, two = (publish(store, day, {"1": str(day)}, kind) for day in (1, 2))
    store.rollback("essai")
    assert store.gc(1) == []
    # The same files fetched again are still known, and can still be let go on purpose.
    again = store.stage(essai(kind), draft(2), frames({"1": "2"}))
    assert (again.id, again.status) == (two.id, "withdrawn")
    assert content(store.scan(TABLE)) == {"1": "1"}
    three = publish(store, 3, {"1": "3"}, kind)
    assert store.gc(2) == [two.source_id]
    assert [version.id for version in store.state("essai").good()] == [one.id, three.id]
    assert not (tmp_path / two.tables[TABLE].file).exists()


def test_gc_keeps_what_was_withdrawn_while_nothing_serves(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    one = publish(store, 1, {"1": "a"})
    store.withdraw("essai", one.id, reason="bad")
    assert store.gc(1) == []
    assert store.release("essai", one.id).id == one.id
    assert content(store.scan(TABLE)) == {"1": "a"}


def test_gc_never_removes_a_window_of_events_that_counts(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    for day in (1, 2, 3):
        publish(store, day, {str(day): "x"}, "events")
    assert store.gc(1) == []
    assert content(store.scan(TABLE)) == {"1": "x", "2": "x", "3": "x"}


def test_a_row_to_erase_leaves_every_version_and_only_files_that_had_it(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    one = publish(store, 1, {"1": "secret", "2": "b"})
    two = publish(store, 2, {"2": "b"})
    held = store.hold(store.stage(essai(), draft(3), frames({"1": "secret"})), "inspect")
    untouched = (tmp_path / two.tables[TABLE].file).stat().st_mtime_ns
    gone = pl.col("siren") == "1"
    rewritten = store.rewrite(TABLE, lambda *_: gone, lambda _, rows: rows.filter(~gone))
    assert rewritten == {one.source_id: 1, held.source_id: 1}
    assert (tmp_path / two.tables[TABLE].file).stat().st_mtime_ns == untouched
    for name in everything(tmp_path):
        assert b"secret" not in (tmp_path / name).read_bytes()
    for version in store.state("essai").versions:
        file = version.tables[TABLE]
        assert files.digest(tmp_path / file.file) == file.sha256
    assert content(store.scan_version(TABLE, one.id)) == {"2": "b"}
    assert parquet.metadata(tmp_path / store.state("essai").versions[0].tables[TABLE].file)
    assert store.rewrite(TABLE, lambda *_: gone, lambda _, rows: rows.filter(~gone)) == {}


class Hidden:
    """A screen that removes one unit on arrival, and hides another from readers."""

    def arriving(self, table: str, published: dt.date, rows: pl.LazyFrame) -> pl.LazyFrame:
        return rows.filter(pl.col("siren") != "1")

    def reading(self, table: str, published: dt.date, rows: pl.LazyFrame) -> pl.LazyFrame:
        return rows.filter(pl.col("siren") != "2")


def test_what_the_screen_forbids_is_neither_written_nor_read(tmp_path: Path) -> None:
    store = TableStore(tmp_path, Hidden())
    version = publish(store, 1, {"1": "never", "2": "hidden", "3": "c"})
    written = pl.read_parquet(tmp_path / version.tables[TABLE].file, glob=False)
    assert written["siren"].to_list() == ["2", "3"]
    assert version.tables[TABLE].rows == 2
    for rows in (store.scan(TABLE), store.scan_version(TABLE, version.id),
                 store.rows_of(version)[TABLE], store.delta(TABLE, None)):  # fmt: skip
        assert rows.collect()["siren"].to_list() == ["3"]


def test_rejected_rows_are_kept_beside_the_version(tmp_path: Path) -> None:
    store = TableStore(tmp_path / "data")
    columns = ("resource", "file", "line", "column", "rule", "value")
    parts = []
    for name, line in (("b", 3), ("a", 9)):
        parts.append(tmp_path / f"{name}.parquet")
        row = (name, "f.csv", line, "siren", "luhn", "1")
        pl.DataFrame([row], schema=columns, orient="row").write_parquet(parts[-1])
    version = store.stage(essai(), draft(1), frames({"1": "a"}), rejected=parts)
    assert version.quarantine == f"quarantine/essai/{version.id}.parquet"
    found = pl.read_parquet(tmp_path / "data" / version.quarantine)
    assert found.select("resource", "line").rows() == [("a", 9), ("b", 3)]


def test_sources_name_the_publisher_of_every_row(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    versions = [publish(store, day, {"1": str(day)}) for day in (1, 2)]
    sources = store.sources()
    assert sources["source_id"].to_list() == [version.source_id for version in versions]
    assert sources.select("dataset", "publisher", "licence_id", "attribution").row(1) == (
        "essai", "Insee", "lov2", "Insee, 02/10/2026",
    )  # fmt: skip
    assert sources["publication_date"].to_list() == [dt.date(2026, 10, 1), dt.date(2026, 10, 2)]
    rows = store.scan(TABLE).collect()
    assert rows.join(sources, on="source_id", how="anti").is_empty()
    assert TableStore(tmp_path / "empty").sources().columns == sources.columns


def test_what_a_killed_run_left_is_ignored_and_swept(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    publish(store, 1, {"1": "a"})
    folder = tmp_path / "tables" / TABLE
    (folder / ".2026-10-02-dead.parquet.part").write_bytes(b"half")
    (folder / "2026-10-02-dead.parquet").write_bytes(b"whole but never named")
    assert content(store.scan(TABLE)) == {"1": "a"}
    publish(store, 3, {"1": "c"})
    assert len(list(folder.iterdir())) == 2


KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from opendata import files
from test_versions import publish
from opendata.versions import TableStore
left = [int(sys.argv[2])]
def stop(name):
    if left[0] == 0:
        os._exit(9)
    left[0] -= 1
files.on_point = stop
publish(TableStore(Path(sys.argv[1])), 2, {"1": "b"})
"""


def whole(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in everything(folder)}


def test_killed_at_any_point_the_former_state_serves_and_a_second_run_ends_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points: list[str] = []
    store = TableStore(tmp_path / "whole")
    publish(store, 1, {"1": "a"})
    monkeypatch.setattr(files, "on_point", points.append)
    publish(store, 2, {"1": "b"})
    monkeypatch.undo()
    expected = whole(tmp_path / "whole")
    assert {"table:before-rename", "state:before-rename", "state:after-rename"} <= set(points)
    children = []
    for at in range(len(points)):
        publish(TableStore(tmp_path / str(at)), 1, {"1": "a"})
        arguments = [str(tmp_path / str(at)), str(at), str(Path(__file__).parent)]
        children.append(subprocess.Popen([sys.executable, "-c", KILLED, *arguments]))
    assert [child.wait(timeout=600) for child in children] == [9] * len(points)
    for at, point in enumerate(points):
        store = TableStore(tmp_path / str(at))
        visible = content(store.scan(TABLE))
        assert visible == ({"1": "b"} if point == "state:after-rename" else {"1": "a"})
        publish(store, 2, {"1": "b"})
        left = whole(tmp_path / str(at))
        # A state file cut half-way lies beside the real one, under a name nobody reads.
        left.pop("state/.essai.json.part", None)
        assert left == expected


def test_a_damaged_state_is_said_and_not_overwritten(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    publish(store, 1, {"1": "a"})
    path = tmp_path / "state" / "essai.json"
    path.write_text('{"dataset": "essai", "versions": [{}]}', encoding="utf-8")
    with pytest.raises(StateError, match="the state is damaged"):
        store.stage(essai(), draft(2), frames({"1": "b"}))
    assert path.read_text(encoding="utf-8").endswith("[{}]}")


def test_disk_use_is_told_by_folder(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    version = publish(store, 1, {"1": "a"})
    use = store.disk_use()
    assert set(use) == {"state", "tables"}
    assert use["tables"] == version.tables[TABLE].bytes


def test_a_table_gained_later_is_read_from_the_versions_that_have_it(tmp_path: Path) -> None:
    store = TableStore(tmp_path)
    first = publish(store, 1, {"552032534": "DANONE"}, "events")
    gained = "essai__sites"
    both = essai("events")
    both = both.model_copy(update={"tables": {**both.tables, gained: both.tables[TABLE]}})

    def more(day: int, rows: Rows) -> Version:
        given = frames(rows)
        return store.promote(store.stage(both, draft(day), {**given, gained: given[TABLE]}))

    second = more(2, {"732829320": "X"})
    assert content(store.scan(gained)) == {"732829320": "X"}
    assert [path.name for path in store.paths(gained)] == [f"{second.id}.parquet"]
    # Its first sight is a baseline: nothing of it is new.
    assert store.delta(gained, first.id).collect().is_empty()
    assert content(store.scan(TABLE)) == {"552032534": "DANONE", "732829320": "X"}
    more(3, {"345678902": "Y"})
    assert store.delta(gained, second.id).collect()["siren"].to_list() == ["345678902"]
