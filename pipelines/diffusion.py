"""Who turned to partial diffusion: put on record, hidden, and taken out of every copy.

Belongs here: the asset that does so after each state of the register, and the part of a
rollback that keeps the latest status in force. Does not belong here: what turning is
(``sirene.diffusion``), what a place does (``pipelines/places``).

Every version on disk is compared with every later one, once: a run that was killed, or a
month that was missed, leaves nothing out.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain
from pathlib import Path

import dagster as dg
import polars as pl

from assets import discovery, shown
from assets.dataset_assets import POOL, core_key
from assets.workspace import Workspace, WorkspaceResource
from leads.privacy.facts import Facts, Keys, Since
from leads.privacy.receipts import PlaceReport, Receipt, merged, write_receipt
from opendata.files import write_json
from opendata.state import Version
from pipelines.audit import noted
from pipelines.places import all_places
from sirene.diffusion import Shape, legal_persons, turned

UNITS, SITES = "siren", "siret"


@dataclass(frozen=True)
class Turned:
    """What one look found.

    Attributes:
        natural, legal: units and establishments that turned, by kind of person.
        places: what was taken out, by place.
        hidden_in, rewritten_in: seconds until nothing is shown, and until no byte is left.
    """

    natural: int = 0
    legal: int = 0
    places: tuple[PlaceReport, ...] = ()
    hidden_in: float = 0.0
    rewritten_in: float = 0.0


def look(workspace: Workspace) -> Turned:
    """Find who turned since the versions on disk, and take them out of every copy.

    The caller holds the lock. Streams and the warehouse follow in the same run.
    """
    record, now = workspace.suppressions, workspace.clock.now()
    started = time.monotonic()
    natural = legal = 0
    compared = []
    for newer, older, number in _pairs(workspace):
        found = _tags(workspace, newer, older, number)
        record.hide(found, _hidden_from(newer, older), now)
        natural += len(found["natural"]) + len(found["natural_sites"])
        legal += len(found["legal"]) + len(found["legal_sites"])
        compared.append(_pair(newer, older, number))
    hidden = time.monotonic() - started
    reports: tuple[PlaceReport, ...] = ()
    for entry in record.open_entries():
        reports = merged(reports, _taken_out(workspace, entry))
    if compared:
        _remember(workspace, compared)
    return Turned(natural, legal, reports, hidden, time.monotonic() - started)


def _taken_out(workspace: Workspace, entry: str) -> tuple[PlaceReport, ...]:
    """Clear every place of those of one entry, and prove it."""
    record, clock = workspace.suppressions, workspace.clock
    facts = record.facts_of_entry(entry)
    # A legal person stays, closed to prospecting: only what was said of it is amended.
    purged = Facts(natural=facts.natural, natural_sites=facts.natural_sites)
    reports = tuple(
        place.erase(facts if place.name == "signals" else purged)
        for place in all_places(workspace)
        if not place.follows and (purged or place.name == "signals")
    )
    receipt = Receipt(
        request=entry,
        action="diffusion",
        subject="person",
        tag=f"{len(facts.natural) + len(facts.natural_sites)} natural, "
        f"{len(facts.legal) + len(facts.legal_sites)} legal",
        asked_on=clock.today().isoformat(),
        done_at=clock.now(),
        places=reports,
    )
    write_receipt(record, receipt)
    record.hidden(entry, clock.now())
    noted(workspace, "diffusion", request=entry, places=[one.place for one in reports])
    return reports


def in_force(workspace: Workspace, published: date) -> Facts:
    """Return what is on record and later than a publication that is to serve again."""
    facts = workspace.suppressions.facts()

    def later(since: Since) -> Since:
        return {tag: when for tag, when in since.items() if when > published}

    return Facts(
        persons=facts.persons,
        natural=later(facts.natural),
        natural_sites=later(facts.natural_sites),
        legal=later(facts.legal),
        legal_sites=later(facts.legal_sites),
    )


def kept_in_force(workspace: Workspace, published: date) -> tuple[PlaceReport, ...]:
    """Apply what is on record to the versions that are to serve again, and to the log."""
    facts = in_force(workspace, published)
    if not facts:
        return ()
    return tuple(one.erase(facts) for one in all_places(workspace) if not one.follows)


def _pairs(workspace: Workspace) -> Iterator[tuple[Version, Version, str]]:
    """Give later version, earlier version and number, for each pair not yet compared."""
    done = _compared(workspace)
    for number in (UNITS, SITES):
        stating = {t: s for t, s in workspace.shapes.items() if s.status_of == number}
        versions = _versions(workspace, stating)
        for newer in versions:
            for older in versions:
                if not _follows(newer, older) or newer.status == "held":
                    continue
                if _pair(newer, older, number) not in done:
                    yield newer, older, number


def _follows(newer: Version, older: Version) -> bool:
    """Tell whether one publication came after another; of one day, the one that was made later."""
    return (newer.publisher_date, newer.created_at) > (older.publisher_date, older.created_at)


def _hidden_from(newer: Version, older: Version) -> date:
    """Return the day of the publication that hides, or the next one if both are of one day.

    Whatever is dated before that day is cleared: of two publications of one day, both are. A later
    publication that shows somebody again is believed as ever.
    """
    same = newer.publisher_date == older.publisher_date
    return newer.publisher_date + timedelta(days=1 if same else 0)


def _versions(workspace: Workspace, stating: dict[str, Shape]) -> list[Version]:
    store = workspace.store
    owners = {discovery.owners()[table].name for table in stating}
    found = chain.from_iterable(store.state(name).versions for name in sorted(owners))
    return [one for one in found if set(stating) & set(one.tables)]


def _tags(
    workspace: Workspace, newer: Version, older: Version, number: str
) -> dict[str, list[int]]:
    """Return field of :class:`Facts` → hashes of who turned from ``older`` to ``newer``."""
    keys, shapes = workspace.suppressions.keys, workspace.shapes
    after = _stating(workspace, newer, number)
    before = _stating(workspace, older, number)
    found = turned(before, after, number) if before is not None and after is not None else None
    tags: dict[str, list[int]] = {
        "natural": [],
        "natural_sites": [],
        "legal": [],
        "legal_sites": [],
    }
    if found is None or found.is_empty():
        return tags
    kinds = [
        workspace.store.rows_of(version)[table]
        for version in (older, newer)
        for table in version.tables
        if table in shapes and shapes[table].status_of == UNITS
    ]
    known = [legal_persons(found["siren"], rows) for rows in kinds]
    legal = pl.col("siren").is_in(pl.concat(known).unique().to_list() if known else [])
    suffix = "" if number == UNITS else "_sites"
    for field, rows in (("legal", found.filter(legal)), ("natural", found.filter(~legal))):
        tags[f"{field}{suffix}"] = _hashed(keys(), rows[number], number)
    return tags


def _hashed(keys: Keys, numbers: pl.Series, number: str) -> list[int]:
    column = pl.lit(numbers)
    hashed = keys.units(column) if number == UNITS else keys.sites(column)
    return [int(tag) for tag in pl.select(hashed).to_series()]


def _stating(workspace: Workspace, version: Version, number: str) -> pl.LazyFrame | None:
    shapes = workspace.shapes
    named = [t for t in version.tables if t in shapes and shapes[t].status_of == number]
    if not named:
        return None
    # As written, not as shown: who is hidden already must still be found in the bytes.
    path = workspace.data_dir / version.tables[named[0]].file
    return pl.scan_parquet(path, glob=False)


def _pair(newer: Version, older: Version, number: str) -> str:
    return f"{newer.source_id} {older.source_id} {number}"


def _note(workspace: Workspace) -> Path:
    return workspace.suppressions.folder / "compared.json"


def _compared(workspace: Workspace) -> set[str]:
    path = _note(workspace)
    return set(json.loads(path.read_bytes())) if path.exists() else set()


def _remember(workspace: Workspace, pairs: list[str]) -> None:
    """Keep the pairs compared, of versions that are still there."""
    store = workspace.store
    there = {v.source_id for name in store.datasets() for v in store.state(name).versions}
    every = _compared(workspace) | set(pairs)
    kept = sorted(one for one in every if set(one.split()[:2]) <= there)
    write_json(_note(workspace), kept, point="diffusion", private=True)


def _register_tables() -> list[str]:
    return [core_key(table) for table in discovery.catalogue()["sirene"].tables]


@dg.asset(
    name="diffusion",
    group_name="core",
    kinds={"parquet"},
    owners=["team:data"],
    tags={"personal_data": "yes"},
    deps=_register_tables(),
    pool=POOL,
    description="Who turned to partial diffusion (A123-96 C. com.) leaves every copy we hold.",
)
def diffusion(workspace: WorkspaceResource) -> dg.MaterializeResult[None]:
    """Apply the latest status of diffusion."""
    with workspace.writing("applying the status of diffusion") as opened:
        found = look(opened)
        record = sorted(opened.suppressions.folder.glob("*.jsonl"))
        version = shown.content_version(*(path.read_bytes() for path in record))
    return dg.MaterializeResult(
        metadata={
            **opened.provenance("sirene"),
            "dagster/row_count": found.natural + found.legal,
            "natural": found.natural,
            "legal": found.legal,
            "hidden in seconds": round(found.hidden_in, 3),
            "rewritten in seconds": round(found.rewritten_in, 3),
            **{f"rows: {one.place}": one.rows for one in found.places},
        },
        data_version=version,
    )
