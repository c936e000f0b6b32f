"""Signals, their exports and the warehouse as assets.

Belongs here: handing the tables to the detectors, the log to the feed and the files to
the warehouse. Does not belong here: any of their rules.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import dagster as dg
import polars as pl

from assets import contradictions, discovery, insolvency
from assets.customers import customers
from assets.dataset_assets import POOL, core_key
from assets.firmographics import registers
from assets.frames import StoreFrames
from assets.workspace import Workspace, WorkspaceResource
from leads.privacy.use import usable
from opendata import overlay, parquet
from opendata.assembly import Content, assemble, overlaid
from opendata.ingest import Source
from opendata.stores import Store
from signals.detect import detect_all
from signals.feed.export import ExportReport, Forgotten, export
from signals.feed.remote import Mirrored, mirror
from signals.log import Appended
from signals.merging import merged
from signals.registry import registry
from signals.withdrawn import withdrawn
from sirene.diffusion import is_number
from sirene.nomenclatures.tables import INSEE, code_tables
from sirene.views import VIEWS

#: What INSEE itself leaves of the place of a sole trader: views of addresses stand on it.
_POSTAL = frozenset({"code_postal", "code_cedex", "libelle_cedex"})


def detect(workspace: Workspace) -> Appended:
    """Run every detector over what is new and add the result to the log."""
    log, store = workspace.log, workspace.store
    cursors = log.state().cursors
    seen = {
        name: version.id
        for name in discovery.sources()
        if (version := store.current(name)) is not None
    }
    owners = discovery.owners()
    moved = {name for name, version in seen.items() if cursors.get(name, version) != version}
    # A rule none of whose sources moved has nothing new to say, unless time alone makes it speak.
    concerned = {
        code: detector
        for code, detector in registry().items()
        if any(owners[table].name in moved for table in detector.signal.inputs)
        or (detector.signal.time_driven and not cursors.keys().isdisjoint(detector.signal.datasets))
    }
    frames = StoreFrames(store, owners, workspace.clock.today(), cursors)
    now, run_id = workspace.clock.now(), workspace.run_id
    left_out: dict[str, int] = {}
    found = detect_all(frames, recorded=now, run_id=run_id, detectors=concerned, left_out=left_out)
    gone = withdrawn(frames, log.current(), recorded=now, run_id=run_id)
    found, gone = merged(frames, log.current(), found, gone, recorded=now, run_id=run_id)
    return replace(log.append(found, seen, gone), left_out=left_out)


def publish(workspace: Workspace) -> ExportReport:
    """Export the streams: the company log and one per account."""
    return export(
        workspace.log,
        workspace.exports,
        matches=answered(workspace),
        forgotten=forgotten(workspace),
        sources=workspace.store.sources(),
        source_status=workspace.source_status(),
        clock=workspace.clock,
        run_id=workspace.run_id,
        customers=customers(workspace),
        registers=registers(workspace),
        window=None if workspace.feed_days is None else timedelta(days=workspace.feed_days),
    )


def mirrored(workspace: Workspace) -> Mirrored | None:
    """Bring the object store to what the exports say; ``None`` if there is no store."""
    if workspace.export_to is None:
        return None
    store = Store.open(workspace.export_to, os.environ)
    return mirror(workspace.exports, store, workspace.data_dir / "mirror")


def answered(workspace: Workspace) -> pl.DataFrame:
    """Return the answers that may be used: nobody restricted them, nobody objected."""
    store = workspace.lead_store
    return usable(store.matches(), store.leads, workspace.suppressions)


def forgotten(workspace: Workspace) -> Forgotten | None:
    """Return what tells the leads that must be forgotten; ``None`` if nobody asked."""
    record = workspace.suppressions
    facts = record.facts()
    if not facts.of_leads:
        return None
    return lambda leads: record.keys().concerned(leads, facts)


def warehouse_contents(workspace: Workspace) -> dict[str, Content]:
    """Return the tables of the warehouse with their comments, from what serves now."""
    contents = {}
    for name, source in discovery.sources().items():
        version = workspace.store.current(name)
        if version is None:
            continue
        for table, described in source.dataset.tables.items():
            contents[table] = Content(
                paths=workspace.store.paths(table),
                key=described.key,
                comment=f"{described.title_en} / {described.title_fr}. "
                f"{version.provenance.attribution} {version.provenance.licence_title}.",
                columns={
                    column.name: f"{column.en} / {column.fr}"
                    for column in source.dataset.described_columns(table)
                },
                without=() if workspace.warehouse_personal else _of_persons(source, table),
            )
    contents |= _now(workspace, contents)
    contents |= contradictions.content(workspace)
    contents |= insolvency.content(workspace)
    if contents:
        contents |= _codes(workspace)
        contents |= _views(contents)
        contents["sources"] = _sources(workspace)
    return contents


def _now(workspace: Workspace, contents: Mapping[str, Content]) -> dict[str, Content]:
    """Return the views of snapshots with their overlays on top: ``<snapshot>_now__<entity>``."""
    store, views = workspace.store, {}
    for name, declared in discovery.overlays().items():
        base = store.current(name)
        if base is None or declared.overlays is None or store.current(declared.name) is None:
            continue
        treated = declared.overlays.treated
        for table, over in overlay.pairs(name, declared).items():
            since = overlay.held_until(store, base, table, treated)
            shown = contents[table]
            views[f"{name}_now__{overlay.entity(table)}"] = replace(
                shown,
                paths=(),
                comment=f"As of the last day asked / Au dernier jour demandé. {shown.comment}",
                query=overlaid(table, over, shown.key, treated, since),
            )
    return views


def _codes(workspace: Workspace) -> dict[str, Content]:
    """Write the code tables, and say where they are."""
    found = {}
    for name, table in code_tables().items():
        target = workspace.data_dir / "tables" / f"{name}.parquet"
        parquet.sink(table.rows.lazy(), target, sort_by=table.key, point="codes")
        comment = f"{table.title}. {INSEE}"
        found[name] = Content([target], table.key, comment=comment, columns=table.columns)
    return found


def _views(contents: Mapping[str, Content]) -> dict[str, Content]:
    """Return the views whose tables are all there."""
    return {
        name: Content(
            (), (), view.comment, view.columns, query=view.query, parameters=view.parameters
        )
        for name, view in VIEWS.items()
        if set(view.needs) <= contents.keys()
    }


def _of_persons(source: Source, table: str) -> tuple[str, ...]:
    """Return the columns of a natural person, but for numbers, keys and postcodes."""
    kept = {*source.dataset.tables[table].key}
    return tuple(
        column.name
        for column in source.dataset.described_columns(table)
        if column.personal in ("sole_trader", "contact")
        and column.name not in kept
        and not is_number(column.name)
        and column.name not in _POSTAL
    )


def _sources(workspace: Workspace) -> Content:
    """Write the table that ``source_id`` joins to, and say where it is."""
    target = workspace.data_dir / "tables" / "sources.parquet"
    parquet.sink(workspace.store.sources().lazy(), target, sort_by=("source_id",), point="sources")
    return Content(
        paths=[target],
        key=("source_id",),
        comment="Whom to name for a row: join on source_id / Qui citer pour une ligne",
        columns={
            "source_id": "Key of the version of the dataset / Clé de la version du jeu de données",
            "publication_date": "Date of last update / Date de dernière mise à jour",
            "licence_id": "Licence, the portal's id / Licence, identifiant du portail",
            "attribution": "Sentence to show / Phrase à afficher",
        },
    )


def _all_tables() -> list[str]:
    return [*(core_key(table) for table in discovery.tables()), "diffusion"]


@dg.asset(
    name="warehouse",
    group_name="out",
    kinds={"duckdb"},
    owners=["team:data"],
    deps=[*_all_tables(), contradictions.TABLE],
    pool=POOL,
    description="The DuckDB file that analysts query, assembled from Parquet and swapped.",
)
def warehouse(workspace: WorkspaceResource) -> dg.MaterializeResult[None]:
    """Assemble the warehouse."""
    with workspace.writing("warehouse") as opened:
        rows = assemble(
            warehouse_contents(opened), opened.warehouse, memory_limit=opened.memory_limit
        )
    return dg.MaterializeResult(
        metadata={**opened.provenance(), "dagster/row_count": sum(rows.values()), **rows}
    )


@dg.asset(
    name="signals",
    group_name="signals",
    kinds={"parquet"},
    owners=["team:data"],
    deps=_all_tables(),
    pool=POOL,
    description="The append-only log of what happened to companies, one sequence without gap.",
)
def signals(workspace: WorkspaceResource) -> dg.MaterializeResult[None]:
    """Detect what is new."""
    with workspace.writing("detecting signals") as opened:
        appended = detect(opened)
    return dg.MaterializeResult(
        metadata={
            **opened.provenance(),
            "dagster/row_count": appended.rows.height,
            "natural persons left out": sum(appended.left_out.values()),
            **appended.counts,
        }
    )


@dg.asset(
    name="out_feed",
    group_name="out",
    kinds={"parquet"},
    owners=["team:data"],
    tags={"personal_data": "yes"},
    deps=["signals", "matches", contradictions.TABLE],
    pool=POOL,
    description="What the platform fetches: a company stream and one per account, each with "
    "its sequence, manifest, licences and attribution.",
)
def out_feed(workspace: WorkspaceResource) -> dg.MaterializeResult[None]:
    """Publish the feed."""
    with workspace.writing("exporting") as opened:
        report = publish(opened)
        sent = mirrored(opened)
    return dg.MaterializeResult(
        metadata={
            **opened.provenance(),
            "dagster/row_count": sum(report.counts.values()),
            "objects stored": sent.objects if sent else 0,
            "published": report.published,
            "streams": len(report.streams),
            "added": dg.MetadataValue.json(report.counts),
        }
    )
