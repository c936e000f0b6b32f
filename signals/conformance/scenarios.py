"""One scenario per rule of the feed: the feeds a consumer meets in turn, and what must follow.

Belongs here: making the feeds, and what is expected of each. Does not belong here: running a
consumer and comparing (:mod:`signals.conformance.judge`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from opendata import files
from signals.conformance import doctored
from signals.conformance.lives import Truth, lives, merging
from signals.feed.fixtures import company_name, siren
from signals.scoring import actionable

INDEX = "scenarios.json"
#: What is compared of a signal; ``signalid`` and ``id`` are asked for, the others if printed.
COMPARED = ("signalid", "id", "op", "siren", "after")


@dataclass(frozen=True)
class Step:
    """One call of the consumer.

    Attributes:
        feed: folder of the stream, relative to the folder of the scenarios.
        now: the instant of the call, UTC.
        stop: the consumer must refuse, and keep what it had.
        standing: what must hold afterwards, :data:`COMPARED` of each signal.
        may_start: signals on which a seller's workflow may be started.
        must_start: those on which it must have been started by now.
        gone: texts that no copy may hold any more.
        goes_on: signals whose work goes on under another name, and those that took it over:
            nothing is undone for the ones, nothing started for the others.
    """

    feed: str
    now: str
    stop: bool
    standing: list[dict[str, Any]]
    may_start: list[str]
    must_start: list[str]
    gone: list[str]
    goes_on: list[str]


@dataclass(frozen=True)
class Scenario:
    """Feeds that follow one another, and the rule they are about."""

    name: str
    rule: str
    steps: list[Step]


#: What becomes of a copy of a publication.
_Change = Callable[[Path], Path]


def _as_is(feed: Path) -> Path:
    return feed


class _Writer:
    """Writes scenarios under a folder."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.found: list[Scenario] = []

    def add(self, name: str, rule: str, *steps: Step) -> None:
        self.found.append(Scenario(name, rule, list(steps)))

    def step(
        self,
        where: str,
        truth: Truth,
        change: _Change = _as_is,
        *,
        kept: Truth | None = None,
        stop: bool = False,
        later: int = 0,
        goes_on: tuple[str, ...] = (),
    ) -> Step:
        """Write a feed: ``truth`` changed; a consumer that must stop holds ``kept``."""
        feed = change(truth.copy(self.out / where))
        held = kept.folder if kept else feed
        said = doctored.manifest(held)
        rows = pl.read_parquet(held / said["snapshot"]["path"], glob=False)
        now = _instant(said["created"]) + pl.duration(days=later)
        at = pl.select(now).item()
        rows = rows.filter(pl.col("expirytime") > at)
        may = _seller(held, rows.filter(actionable(at)))
        may = may.filter(~pl.col("signalid").is_in(goes_on))
        return Step(
            feed=where,
            now=f"{at:%Y-%m-%dT%H:%M:%SZ}",
            stop=stop,
            standing=rows.select(COMPARED).sort("signalid").to_dicts(),
            may_start=may["signalid"].sort().to_list(),
            must_start=may.filter(match_status="confirmed")["signalid"].sort().to_list(),
            gone=[text for one in truth.erased for text in (company_name(one), siren(one))],
            goes_on=list(goes_on),
        )


def write(out: Path, work: Path) -> list[Scenario]:
    """Write every feed and ``scenarios.json`` under ``out``.

    Args:
        out: an empty folder.
        work: another one, for what the feeds are made from.
    """
    first, corrected, erased, again, in_gap, after_gap, compacted = lives(work)
    writer = _Writer(out)
    step, add = writer.step, writer.add
    add(
        "life",
        "rule 5: assert, amend, retract, erase, assert again; act once, undo nothing twice",
        step("life/1-every-type", first),
        step("life/2-amended-and-retracted", corrected),
        step("life/3-erased", erased),
        step("life/4-asserted-again", again),
        step("life/5-nothing-new", again),
    )
    add("catch-up", "rule 5: all of it at once, in order", step("catch-up/1-all", again))
    add(
        "duplicates",
        "rule 4: a row that comes twice says nothing the second time",
        step("duplicates/1-first", first),
        step("duplicates/2-corrected", corrected),
        step("duplicates/3-repeated", corrected, _repeated),
    )
    add(
        "other-bytes",
        "rule 1: a file that is not the one described is not read",
        step("other-bytes/1-first", first),
        step("other-bytes/2-changed", corrected, doctored.other_bytes, kept=first, stop=True),
        step("other-bytes/3-whole-again", corrected),
    )
    add(
        "too-old",
        "rule 3: a cursor before the oldest segment starts from the snapshot",
        step("too-old/1-first", first),
        step("too-old/2-oldest-dropped", again, _two_dropped),
        step("too-old/3-the-cursor-is-within", compacted),
    )
    add(
        "much-too-old",
        "rule 3: the same after the publisher's retention left next to nothing",
        step("much-too-old/1-first", first),
        step("much-too-old/2-compacted", compacted),
    )
    add(
        "begun-anew",
        "rule 3: a cursor beyond the last row starts from the snapshot",
        step("begun-anew/1-corrected", corrected),
        step("begun-anew/2-from-one", first, doctored.begun_anew),
    )
    add(
        "cut-otherwise",
        "rule 2: a segment may begin before the cursor; its older rows are not news",
        step("cut-otherwise/1-first", first),
        step("cut-otherwise/2-merged", again, doctored.merged),
    )
    add(
        "hole",
        "rule 3: segments that do not follow one another are not read",
        step("hole/1-first", first),
        step("hole/2-one-missing", erased, doctored.with_hole, kept=first, stop=True),
        step("hole/3-whole-again", erased),
    )
    add(
        "unknown-op",
        "rule 5: an unknown op means stop",
        step("unknown-op/1-first", first),
        step("unknown-op/2-unknown", first, _unknown_op, kept=first, stop=True),
        step("unknown-op/3-without", corrected),
    )
    add(
        "new-major",
        "rule 5: a higher first number of schema_version means stop",
        step("new-major/1-first", first),
        step("new-major/2-two", corrected, _new_major, kept=first, stop=True),
    )
    add(
        "new-column",
        "rule 5: a column that is new is ignored",
        step("new-column/1-more", first, _new_column),
    )
    add(
        "source-gap",
        "rule 6: nothing is started on a source in GAP; it is once the gap is filled",
        step("source-gap/1-gap", in_gap),
        step("source-gap/2-filled", after_gap),
    )
    add(
        "expiry",
        "rule 6: a signal ends at expirytime without a row in the log",
        step("expiry/1-first", first),
        step("expiry/2-half-a-year-later", first, later=183),
    )
    add(
        "expired-unread",
        "rule 6: who begins to read when a signal has ended starts nothing because of it",
        step("expired-unread/1-half-a-year-later", first, later=183),
    )
    _add_merged(writer, work)
    index = [asdict(one) for one in writer.found]
    files.write_json(out / INDEX, {"scenarios": index}, point="conformance")
    return writer.found


def _add_merged(writer: _Writer, work: Path) -> None:
    """Add what follows when a second source tells an event, and one signal stands for both."""
    first, both, later, annulled, goes_on = merging(work)
    step, add = writer.step, writer.add
    add(
        "merged",
        "identity_merge: what was begun goes on, neither undone nor begun again",
        step("merged/1-one-source", first),
        step("merged/2-two-sources", both, goes_on=goes_on),
        step("merged/3-annulled", annulled),
    )
    add(
        "merged-at-once",
        "identity_merge: where nothing was begun, the signal that stands for both is as any other",
        step("merged-at-once/1-two-sources", both),
    )
    add(
        "merged-too-old",
        "identity_merge: the same from the snapshot and its tombstones",
        step("merged-too-old/1-one-source", first),
        step("merged-too-old/2-oldest-dropped", later, _two_dropped, goes_on=goes_on),
    )


def _repeated(feed: Path) -> Path:
    """Send rows again: one that stands, one that was amended since, one that was retracted."""
    rows = doctored.rows_of(feed)
    ends = rows.filter(pl.col("op").is_in(["AMEND", "RETRACT"]))
    older = rows.filter(op="ASSERT").join(ends, on="signalid", how="semi")
    return doctored.with_rows(feed, pl.concat([older, rows.filter(op="ASSERT").head(12).tail(3)]))


def _two_dropped(feed: Path) -> Path:
    return doctored.without_first(feed, 2)


def _unknown_op(feed: Path) -> Path:
    row = doctored.rows_of(feed).head(1)
    new = row.with_columns(op=pl.lit("MERGE"), id=pl.lit("0" * 32), supersedes=pl.col("id"))
    return doctored.with_rows(feed, new)


def _new_major(feed: Path) -> Path:
    return doctored.changed(feed, schema_version="2.0.0")


def _new_column(feed: Path) -> Path:
    rows = doctored.rows_of(feed).head(5).with_columns(mood=pl.lit("sunny"))
    fresh = rows.with_columns(
        id=pl.concat_str(pl.lit("new-"), "id"), signalid=pl.concat_str(pl.lit("new-"), "signalid")
    )
    doctored.changed(feed, schema_version="1.99.0")
    doctored.with_rows(feed, fresh)
    standing = pl.read_parquet(feed / doctored.manifest(feed)["snapshot"]["path"], glob=False)
    told = pl.read_parquet(feed / doctored.manifest(feed)["segments"][-1]["path"], glob=False)
    both = pl.concat([standing, told], how="diagonal")
    return doctored.with_table(feed, "signals_current", both)


def _seller(feed: Path, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows on which a seller's workflow may be started."""
    tables = {one["name"]: feed / one["path"] for one in doctored.manifest(feed)["resources"]}
    types = pl.read_parquet(tables["signal_types"]).filter(polarity="opportunity")
    silent = pl.read_parquet(tables["lead_scores"]).drop_nulls("suppressed_by")
    gaps = pl.read_parquet(tables["source_status"]).filter(state="GAP")["dataset"].to_list()
    named = pl.element().struct.field("dataset_id").is_in(gaps)
    return (
        rows.filter(~pl.col("evidence").list.eval(named).list.any())
        .join(types, on="type", how="semi")
        .join(silent, on=["lead_id", "siren"], how="anti")
    )


def _instant(text: str) -> pl.Expr:
    return pl.lit(text).str.to_datetime(time_zone="UTC")
