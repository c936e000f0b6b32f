"""A stream that is kept for some days only: cursors in the window go on, nothing is lost."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from signal_tables import SALE
from signal_world import (
    BUYER,
    DAY,
    OTHER_SALE,
    SELLER,
    account,
    at,
    current,
    killed_at,
    match,
    points,
    publish,
    sales,
    stream,
    tell,
    tree,
)

from opendata.errors import StateError
from signals.feed import history, manifest
from signals.log import SignalLog

WINDOW = timedelta(days=30)
SOON, AFTER, LAST = date(2021, 1, 20), date(2021, 2, 10), date(2021, 2, 25)
LEADS = [match("l1", BUYER), match("l2", SELLER), match("l3", OTHER_SALE["buyer_siren"])]


def grown(log: SignalLog, out: Path, *, window: timedelta | None = WINDOW) -> None:
    """Four publications: the third drops what the first said, the fourth what the second did."""
    publish(log, out, *LEADS, window=window)
    tell(log, sales({**SALE, "ville": "Ailleurs", "publication_date": SOON}, day=SOON))
    publish(log, out, *LEADS, day=SOON, window=window)
    publish(log, out, *LEADS[:2], day=AFTER, window=window)
    publish(log, out, *LEADS[:2], day=LAST, window=window)


def said(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
    return content


@pytest.mark.parametrize("name", ["company", "accounts/acme"])
def test_old_segments_go_and_the_snapshot_stays(
    log: SignalLog, out: Path, tmp_path: Path, name: str
) -> None:
    shutil.copytree(tmp_path / "signals", tmp_path / "twin")
    grown(log, out)
    whole = tmp_path / "whole"
    grown(SignalLog(tmp_path / "twin"), whole, window=None)
    kept, all_rows = stream(out / name), stream(whole / name)
    least = said(out / name)["min_sequence"]
    assert int(least) > 1
    assert kept.equals(all_rows.filter(pl.col("sequence") >= least))
    assert current(out / name).height
    assert current(out / name).equals(current(whole / name))
    for table in ("tombstones", "sources"):
        paths = [folder / name / f"{table}.parquet" for folder in (out, whole)]
        assert pl.read_parquet(paths[0]).equals(pl.read_parquet(paths[1]))
    assert {said(folder / name)["max_sequence"] for folder in (out, whole)} == {
        all_rows["sequence"][-1]
    }
    names = {path.name for path in (out / name / "segments").iterdir()}
    assert names == {Path(part["path"]).name for part in said(out / name)["segments"]}


def test_rows_are_offered_once_however_old(log: SignalLog, out: Path) -> None:
    publish(log, out, *LEADS, day=AFTER, window=WINDOW)
    assert stream(out / "company").height == 4
    report = publish(log, out, *LEADS, day=AFTER, window=WINDOW)
    assert report.published  # that they were dropped is news
    assert stream(out / "company").is_empty()


def test_a_segment_stays_whole_while_one_of_its_rows_is_young(log: SignalLog, out: Path) -> None:
    """What the log gathered over weeks is published at once, as one segment."""
    tell(log, sales({**SALE, "ville": "Ailleurs", "publication_date": SOON}, day=SOON))
    publish(log, out, day=SOON, window=WINDOW)
    whole = stream(out / "company")
    assert whole["recordedtime"].n_unique() == 2
    publish(log, out, day=AFTER, window=WINDOW)
    assert stream(out / "company").equals(whole)
    publish(log, out, day=LAST, window=WINDOW)
    assert stream(out / "company").is_empty()


def test_nothing_left_keeps_counting(log: SignalLog, out: Path) -> None:
    publish(log, out, *LEADS, window=WINDOW)
    much_later = DAY + timedelta(days=60)
    publish(log, out, *LEADS, day=much_later, window=WINDOW)
    content = said(account(out))
    assert (content["segments"], content["max_sequence"]) == ([], f"{3:020}")
    assert content["min_sequence"] == f"{4:020}"  # a cursor at 3 goes on
    before = tree(out)
    assert not publish(log, out, *LEADS, day=much_later, window=WINDOW).published
    assert tree(out) == before
    publish(log, out, *LEADS[:2], day=much_later, window=WINDOW)
    rows = stream(account(out))
    assert rows.select("sequence", "op", "reason", "lead_id").rows() == [
        (f"{4:020}", "RETRACT", "lead_removed", "l3")
    ]


def test_what_was_dropped_is_not_said_again(log: SignalLog, out: Path) -> None:
    grown(log, out)
    rows = stream(account(out))
    publish(log, out, *LEADS, day=LAST, window=WINDOW)  # the lead comes back
    back = stream(account(out)).join(rows, on="sequence", how="anti")
    assert back.select("op", "reason", "lead_id").rows() == [("ASSERT", "match_changed", "l3")] or (
        back.select("op", "reason", "lead_id").rows() == [("ASSERT", "lead_added", "l3")]
    )
    assert back["supersedes"].to_list() == rows.filter(pl.col("lead_id") == "l3")["id"].to_list()


def test_erasure_reaches_what_is_left_of_dropped_segments(log: SignalLog, out: Path) -> None:
    grown(log, out)
    folders = (account(out), out / "company")
    left = [folder / str(said(folder)["compacted"]["path"]) for folder in folders]
    assert all(SELLER in str(pl.read_parquet(path).to_dicts()) for path in left)
    log.erase([SELLER], reason="opposition", recorded=at(LAST), run_id="run-2")
    publish(log, out, *LEADS[:1], day=LAST, window=WINDOW)
    for folder in folders:
        assert said(folder)["previous_version"] is None
        for path in folder.rglob("*.parquet"):
            assert SELLER not in str(pl.read_parquet(path, glob=False).to_dicts()), path
        assert "ERASE" in stream(folder)["op"].to_list()
    assert not any(path.exists() for path in left)


def test_killed_while_compacting_and_run_again_gives_the_same_bytes(
    log: SignalLog, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(log, out, match("l1", BUYER), window=WINDOW)
    tell(log, sales({**SALE, "ville": "Ailleurs", "publication_date": SOON}, day=SOON))
    first = tmp_path / "first"
    shutil.copytree(out, first)

    def run(folder: Path) -> None:
        publish(log, folder, match("l1", BUYER), day=AFTER, window=WINDOW)

    reached = points(lambda: run(out), monkeypatch)
    wanted = [number for number, name in enumerate(reached)
              if name.startswith(("feed-compacted", "feed-manifest", "feed-segment"))]  # fmt: skip
    assert len(wanted) == 2 * 3 * 3
    expected = tree(out)
    for number in wanted[1::2]:
        folder = tmp_path / str(number)
        shutil.copytree(first, folder)
        killed_at(number, lambda at=folder: run(at), monkeypatch)
        run(folder)
        assert tree(folder) == expected, reached[number]


def test_missing_rest_is_an_error_not_a_shorter_history(log: SignalLog, out: Path) -> None:
    grown(log, out)
    published = manifest.read(account(out))
    assert published.compacted is not None
    (account(out) / published.compacted.path).unlink()
    with pytest.raises(StateError, match="old segments"):
        history.read(account(out))
