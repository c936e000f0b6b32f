"""Signals, their exports and the warehouse as assets.

Belongs here: handing the tables to the detectors, the log to the feed and the files to
the warehouse. Does not belong here: any of their rules.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from assets import analysts, contradictions, discovery, insolvency, lake, shown
from assets.customers import customers
from assets.dataset_assets import POOL, core_key
from assets.detection import detect, detect_share, gather_detection, plan_detection
from assets.divided import Steps, Told, divided
from assets.feedback import least_read
from assets.firmographics import registers
from assets.publications import recorded
from assets.workspace import Workspace, WorkspaceResource
from leads import keys
from leads.privacy.use import usable
from opendata import overlay, parquet
from opendata.assembly import Content, assemble, overlaid
from opendata.catalogue import Dataset
from opendata.errors import SettingsError
from opendata.lake import Shown
from opendata.stores import Store
from signals.feed import manifest
from signals.feed.common import Forgotten
from signals.feed.export import ExportReport, account_folder, export
from signals.feed.remote import Mirrored, mirror
from signals.feed.sealing import seal
from signals.log import Appended
from signals.registry import registry
from sirene.diffusion import is_number
from sirene.nomenclatures.tables import INSEE, code_tables
from sirene.views import VIEWS

#: What INSEE itself leaves of the place of a sole trader: views of addresses stand on it.
_POSTAL = frozenset({"code_postal", "code_cedex", "libelle_cedex"})


def publish(workspace: Workspace) -> ExportReport:
    """Export the streams: the company log and one per account."""
    report = export(
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
        read=least_read(workspace),
    )
    sealed(workspace)
    return report


def sealed(workspace: Workspace) -> dict[str, Path]:
    """Encrypt the streams of the accounts that asked for it; return stream → its folder.

    Twins of streams that are gone go too.

    Raises:
        SettingsError: a stream was encrypted until now and is no longer named. A run without its
            variable must not send out what its customer asked to have encrypted.
    """
    twins = workspace.data_dir / "sealed"
    done = {}
    for account in keys.sealed_accounts(os.environ):
        folder = account_folder(account)
        stream = workspace.exports / "accounts" / folder
        if (stream / manifest.NAME).is_file():
            key = keys.export_key(
                workspace.data_dir / "keys" / "exports", account, folder, os.environ
            )
            seal(stream, twins / "accounts" / folder, key, temporary=workspace.work)
            done[f"accounts/{folder}"] = twins / "accounts" / folder
    for path in sorted(twins.glob("accounts/*")):
        if path in done.values():
            continue
        if (workspace.exports / "accounts" / path.name / manifest.NAME).is_file():
            raise SettingsError(
                f"{keys.SEALED} no longer names an account whose stream was encrypted until now",
                next_step="name it again; if it shall be readable, remove this folder",
                file=path.relative_to(workspace.data_dir).as_posix(),
            )
        shutil.rmtree(path)
    return done


def mirrored(workspace: Workspace) -> Mirrored | None:
    """Bring the object store to what the exports say; ``None`` if there is no store."""
    if workspace.export_to is None:
        return None
    store = Store.open(workspace.export_to, os.environ)
    return mirror(workspace.exports, store, workspace.data_dir / "mirror", sealed(workspace))


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
                without=() if workspace.warehouse_personal else of_persons(source.dataset, table),
            )
    contents |= _now(workspace, contents)
    contents |= contradictions.content(workspace)
    contents |= insolvency.content(workspace)
    if contents:
        contents |= _codes(workspace)
        contents |= register_views(contents)
        contents |= analysts.contents(workspace)
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


def register_views(contents: Mapping[str, Content]) -> dict[str, Content]:
    """Return the views whose tables are all there; what a column means is told by these."""
    return {
        name: Content(
            (),
            (),
            view.comment,
            {
                **{k: v for one in view.needs for k, v in contents[one].columns.items()},
                **view.columns,
            },
            query=view.query,
            parameters=view.parameters,
        )
        for name, view in VIEWS.items()
        if set(view.needs) <= contents.keys()
    }


def of_persons(dataset: Dataset, table: str) -> tuple[str, ...]:
    """Return the columns of a natural person, but for numbers, keys and postcodes."""
    kept = {*dataset.tables[table].key}
    return tuple(
        column.name
        for column in dataset.described_columns(table)
        if column.personal in ("sole_trader", "contact")
        and column.name not in kept
        and not is_number(column.name)
        and column.name not in _POSTAL
    )


def _all_tables() -> list[str]:
    return [*(core_key(table) for table in discovery.tables()), "diffusion"]


@dg.asset(
    name="warehouse",
    group_name="out",
    kinds={"duckdb"},
    owners=["team:data"],
    deps=[*_all_tables(), "signals", contradictions.TABLE],
    pool=POOL,
    description="The DuckDB file that analysts query, assembled from Parquet and swapped; the same "
    "tables in a DuckLake, where one is set.",
)
def warehouse(workspace: WorkspaceResource) -> dg.MaterializeResult[None]:
    """Assemble the warehouse."""
    with workspace.writing("warehouse") as opened:
        contents = warehouse_contents(opened)
        rows = assemble(contents, opened.warehouse, memory_limit=opened.memory_limit)
        shown_there = lake.published(opened, contents)
    return dg.MaterializeResult(metadata=_of_warehouse(opened, rows, shown_there))


def warehouse_in_shares(shares: int) -> dg.AssetsDefinition:
    """Return the asset of the warehouse as one whose lake is written in ``shares``."""
    return divided(warehouse, Steps(_plan_warehouse, lake.written, _settle_warehouse), shares)


def _plan_warehouse(workspace: Workspace) -> dict[str, Any]:
    return {"tables to write": lake.prepared(workspace, warehouse_contents(workspace))}


def _settle_warehouse(workspace: Workspace) -> Told:
    contents = warehouse_contents(workspace)
    rows = assemble(contents, workspace.warehouse, memory_limit=workspace.memory_limit)
    return _of_warehouse(workspace, rows, lake.shown(workspace, contents)), None


def _of_warehouse(
    workspace: Workspace, rows: Mapping[str, int], shown_there: Shown | None
) -> dict[str, Any]:
    said = {} if shown_there is None else {"snapshot of the lake": shown_there.snapshot}
    return {**workspace.provenance(), "dagster/row_count": sum(rows.values()), **rows, **said}


@dg.asset(
    name="signals",
    group_name="signals",
    kinds={"parquet"},
    owners=["team:data"],
    deps=[*_all_tables(), contradictions.TABLE],
    pool=POOL,
    description="The append-only log of what happened to companies, one sequence without gap.",
)
def signals(workspace: WorkspaceResource) -> dg.MaterializeResult[None]:
    """Detect what is new."""
    with workspace.writing("detecting signals") as opened:
        metadata, version = _of_signals(opened, detect(opened))
    return dg.MaterializeResult(metadata=metadata, data_version=version)


def signals_in_shares(shares: int) -> dg.AssetsDefinition:
    """Return the asset of the signals as one that is made in ``shares``."""
    settle = lambda opened: _of_signals(opened, gather_detection(opened))  # noqa: E731
    return divided(signals, Steps(plan_detection, detect_share, settle), shares)


def _of_signals(workspace: Workspace, appended: Appended) -> Told:
    state = workspace.log.state()
    standing = _by_type(workspace.log.current(["type", "op"]))
    metadata = {
        **workspace.provenance(),
        "dagster/row_count": appended.rows.height,
        "natural persons left out": sum(appended.left_out.values()),
        **appended.counts,
        "signals by type": dg.MetadataValue.md(shown.chart("signals by type", standing)),
        "added now": dg.MetadataValue.md(shown.chart("added now", _by_type(appended.rows))),
    }
    version = shown.content_version(str(state.next_sequence), str(state.current_hash))
    return metadata, version


def _by_type(rows: pl.DataFrame) -> dict[str, int]:
    """Return how many signals hold, by code, the most frequent first."""
    held = rows.filter(pl.col("op").is_in(["ASSERT", "AMEND"]))
    codes = {found.signal.type: found.signal.code for found in registry().values()}
    counted = held.group_by("type").len().sort("len", "type", descending=[True, False])
    return {codes.get(kind, kind): count for kind, count in counted.iter_rows()}


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
        recorded(opened)
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
