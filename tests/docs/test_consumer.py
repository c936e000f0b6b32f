"""The consumer of docs/feed.md, where a stream is not as easy as on the first day."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from desks import RUNNERS, Desk

from opendata.clock import Clock
from pipelines.page_blocks import RUN, Block, blocks
from pipelines.settings import ROOT
from signals.scoring import actionable

STREAM = Path("data/replay/exports/accounts/demo-services")
#: The one of which some rows are sure enough to act on.
SURE = STREAM.with_name("demo-btp")


@pytest.fixture
def consumer() -> Block:
    """The program of the page, reading the larger of the two demo streams."""
    found = program()
    return Block(found.line, "python", found.text.replace(SURE.name, STREAM.name), RUN)


def program() -> Block:
    """Return the program of the page as it is."""
    text = (ROOT / "docs" / "feed.md").read_text(encoding="utf-8")
    (found,) = [b for b in blocks(text) if b.language == "python" and b.mark == RUN]
    assert SURE.name in found.text
    return found


def consume(consumer: Block, desk: Desk) -> str:
    return RUNNERS["python"](consumer, desk, "docs/feed.md")


def manifest(desk: Desk, stream: Path = STREAM) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((desk.folder / stream / "manifest.json").read_bytes())
    return content


def change_manifest(desk: Desk, **changes: Any) -> None:
    text = json.dumps({**manifest(desk), **changes})
    (desk.folder / STREAM / "manifest.json").write_text(text)


def rows(desk: Desk) -> pl.DataFrame:
    return pl.read_parquet(desk.folder / "held.parquet").sort("signalid")


def test_segment_by_segment_gives_what_all_at_once_gives(consumer: Block, desk: Desk) -> None:
    segments = manifest(desk)["segments"]
    assert len(segments) > 2
    for upto in range(1, len(segments) + 1):
        last = segments[upto - 1]["last_sequence"]
        change_manifest(desk, segments=segments[:upto], max_sequence=last)
        consume(consumer, desk)
    step_by_step = rows(desk)
    for name in ("cursor.txt", "held.parquet", "seen.parquet"):
        (desk.folder / name).unlink()
    consume(consumer, desk)
    assert step_by_step.equals(rows(desk))


def test_killed_before_the_cursor_moved_it_ends_with_the_same_rows(
    consumer: Block, desk: Desk
) -> None:
    consume(consumer, desk)
    before = rows(desk)
    (desk.folder / "cursor.txt").write_text(manifest(desk)["segments"][0]["last_sequence"])
    consume(consumer, desk)
    assert rows(desk).equals(before)


def test_what_stands_is_the_snapshot_before_anything_expired(consumer: Block, desk: Desk) -> None:
    consume(consumer, desk)
    snapshot = pl.read_parquet(desk.folder / STREAM / manifest(desk)["snapshot"]["path"])
    now = pl.lit(manifest(desk)["created"]).str.to_datetime(time_zone="UTC")
    standing = rows(desk).filter(
        pl.col("op").is_in(["ASSERT", "AMEND"]), pl.col("expirytime") > now
    )
    assert snapshot.height > 0
    assert standing.select("id").equals(snapshot.sort("signalid").select("id"))


def test_a_gap_is_filled_from_the_snapshot(consumer: Block, desk: Desk) -> None:
    segments = manifest(desk)["segments"]
    change_manifest(desk, segments=segments[-1:], min_sequence=segments[-1]["first_sequence"])
    consume(consumer, desk)
    snapshot = pl.read_parquet(desk.folder / STREAM / manifest(desk)["snapshot"]["path"])
    assert rows(desk).select("id").equals(snapshot.sort("signalid").select("id"))
    assert (desk.folder / "cursor.txt").read_text() == manifest(desk)["max_sequence"]


def test_a_changed_file_stops_it_and_nothing_is_stored(consumer: Block, desk: Desk) -> None:
    path = desk.folder / STREAM / manifest(desk)["segments"][0]["path"]
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(AssertionError, match="read the manifest again"):
        consume(consumer, desk)
    assert not (desk.folder / "held.parquet").exists()


def test_it_acts_on_confirmed_rows_of_the_project_s_rule_whose_sources_are_fresh(
    desk: Desk,
) -> None:
    printed = consume(program(), desk)
    held, now = rows(desk), manifest(desk, SURE)["created"]
    status = pl.read_parquet(desk.folder / SURE / "source_status.parquet")
    fresh = status.filter(pl.col("state") != "GAP")["dataset"].to_list()
    at = Clock.at(pl.Series([now]).str.to_datetime(time_zone="UTC")[0]).now()
    wanted = [
        row["id"]
        for row in held.filter(actionable(at)).iter_rows(named=True)
        if row["match_status"] == "confirmed"
        and all(record["dataset_id"] in fresh for record in row["evidence"])
    ]
    assert printed.split(", ")[-1].split()[0] == str(len(wanted))
    assert wanted


def test_a_new_major_schema_stops_it(consumer: Block, desk: Desk) -> None:
    change_manifest(desk, schema_version="2.0.0")
    with pytest.raises(AssertionError, match="a new schema"):
        consume(consumer, desk)
