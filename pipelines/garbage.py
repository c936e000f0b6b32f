"""Which files may go: old versions, raw files, indexes that nothing needs.

Belongs here: what every layer still cites, put together. Does not belong here: removing
versions (:mod:`opendata.retention`), what is shown (:mod:`pipelines.maintenance`).
"""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl

from assets import discovery
from assets.workspace import Workspace
from opendata.leftovers import unnamed_raw, unnamed_tables
from signals.feed import manifest


def collect(workspace: Workspace) -> list[str]:
    """Remove what nothing cites; return the ``source_id`` of the versions that went.

    The state is replaced before files go, and files that no state names are looked for
    each time: a process killed in between leaves nothing that the next one does not find.
    """
    keep = {name: dataset.keep for name, dataset in discovery.catalogue().items()}
    removed = workspace.store.gc(keep, cited(workspace))
    store = workspace.store
    for path in unnamed_tables(store):
        path.unlink()
    for folder in [*unnamed_raw(store), *_old_indexes(workspace), *_old_builds(workspace)]:
        shutil.rmtree(folder)
    return removed


def cited(workspace: Workspace) -> set[str]:
    """Return the ``source_id`` of versions that must stay, however old.

    These are the versions that a row of the log or of a published stream names as its
    evidence, those that the next detection starts from, and those that a derived dataset
    was compared with last.
    """
    log, store = workspace.log, workspace.store
    named = log.cited() | _published(workspace.exports)
    named |= {f"{dataset}@{version}" for dataset, version in log.state().cursors.items()}
    for name, dataset in discovery.catalogue().items():
        derived = store.current(name)
        if dataset.derived_from is not None and derived is not None:
            named |= {f"{dataset.derived_from}@{one.resource}" for one in derived.inputs}
    return named


def _published(exports: Path) -> set[str]:
    named: set[str] = set()
    for path in exports.glob(f"**/{manifest.NAME}"):
        sources = manifest.read(path.parent).path_of("sources.parquet")
        if sources is not None:
            rows = pl.read_parquet(path.parent / sources, columns=["source_id"], glob=False)
            named |= set(rows["source_id"].to_list())
    return named


def _old_indexes(workspace: Workspace) -> list[Path]:
    """Return the indexes of the registry that are not of the version that serves."""
    serving = workspace.store.current("sirene")
    found = (workspace.data_dir / "index").glob("*")
    return [path for path in found if path.is_dir() and (not serving or path.name != serving.id)]


def _old_builds(workspace: Workspace) -> list[Path]:
    """Return the folders of builds that were killed: the lock is ours, so none is under way."""
    return [path for path in workspace.work.glob("build-*") if path.is_dir()]
