"""Signals, their exports and the warehouse as assets.

Belongs here: handing the tables to the detectors, the log to the feed and the files to
the warehouse. Does not belong here: any of their rules.
"""

from __future__ import annotations

import dagster as dg

from assets import discovery
from assets.dataset_assets import POOL, core_key
from assets.frames import StoreFrames
from assets.workspace import Workspace, WorkspaceResource
from opendata import parquet
from opendata.assembly import Content, assemble
from opendata.source_status import source_status
from signals.detect import detect_all
from signals.feed.export import ExportReport, export
from signals.log import Appended
from signals.registry import registry
from signals.withdrawn import withdrawn


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
    # A rule none of whose sources moved has nothing new to say.
    concerned = {
        code: detector
        for code, detector in registry().items()
        if any(owners[table].name in moved for table in detector.signal.inputs)
    }
    frames = StoreFrames(store, owners, workspace.clock.today(), cursors)
    now, run_id = workspace.clock.now(), workspace.run_id
    found = detect_all(frames, recorded=now, run_id=run_id, detectors=concerned)
    gone = withdrawn(frames, log.current(), recorded=now, run_id=run_id)
    return log.append(found, seen, gone)


def publish(workspace: Workspace) -> ExportReport:
    """Export the streams: the company log and one per account."""
    return export(
        workspace.log,
        workspace.exports,
        matches=workspace.lead_store.matches(),
        sources=workspace.store.sources(),
        source_status=source_status(discovery.catalogue(), workspace.data_dir, workspace.clock),
        clock=workspace.clock,
        run_id=workspace.run_id,
    )


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
            )
    if contents:
        contents["sources"] = _sources(workspace)
    return contents


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
    return [core_key(table) for table in discovery.tables()]


@dg.asset(
    name="warehouse",
    group_name="out",
    kinds={"duckdb"},
    owners=["team:data"],
    deps=_all_tables(),
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
            **appended.counts,
        }
    )


@dg.asset(
    name="out_feed",
    group_name="out",
    kinds={"parquet"},
    owners=["team:data"],
    tags={"personal_data": "yes"},
    deps=["signals", "matches"],
    pool=POOL,
    description="What the platform fetches: a company stream and one per account, each with "
    "its sequence, manifest, licences and attribution.",
)
def out_feed(workspace: WorkspaceResource) -> dg.MaterializeResult[None]:
    """Publish the feed."""
    with workspace.writing("exporting") as opened:
        report = publish(opened)
    return dg.MaterializeResult(
        metadata={
            **opened.provenance(),
            "dagster/row_count": sum(report.counts.values()),
            "published": report.published,
            "streams": len(report.streams),
            "added": dg.MetadataValue.json(report.counts),
        }
    )
