"""Matching the leads of the store to the registry that serves.

Belongs here: the index of the registry, which leads are due, and the note up to which version
the answers hold. Does not belong here: what touches a lead (``leads.incremental``), matching.

A lead is due when it has no answer by the model that serves, when somebody answered about it,
or when the registry changed in a way that may change its answer. The others keep theirs, byte for
byte; so does one that is answered the same again: an answer bears the day and the version it was
found.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from assets.workspace import Workspace
from leads.aliases import match_answered
from leads.incremental import LARGEST_SHARE, Registry, changed_units, grown, news, touched
from leads.index import Index, build_index
from leads.labels import with_key
from leads.matching import MATCH_SCHEMA
from leads.privacy.use import usable
from leads.refit import serving_model
from leads.scoring import Model
from opendata.errors import StateError
from opendata.files import write_json

#: Input of ``build_index`` → table of the registry.
REGISTRY = {
    "legal_units": "sirene__legal_units",
    "establishments": "sirene__establishments",
    "successions": "sirene__successions",
    "duplicates": "sirene__duplicates",
    "former": "sirene__names",
}
_KEY = ["account_id", "lead_id"]


@dataclass(frozen=True)
class Matched:
    """What a matching did.

    Attributes:
        matches: the answers of all leads.
        again: leads that were looked up now.
        why: ``everything`` or ``what changed``.
    """

    matches: pl.DataFrame
    again: int
    why: str


def registry_index(workspace: Workspace) -> tuple[Index | None, str]:
    """Return the index of the current registry and its version; build it if it is not there."""
    version = workspace.store.current("sirene")
    if version is None:
        return None, "none"
    folder = workspace.data_dir / "index" / version.id
    try:
        return Index.open(folder), version.source_id
    except StateError:
        index = build_index(folder=folder, **_registry(workspace.store.scan))
    _drop_others(workspace, version.id)
    return index, version.source_id


def _registry(scan: Callable[[str], pl.LazyFrame]) -> Registry:
    tables = {name: scan(table) for name, table in REGISTRY.items()}
    # Present names come with the units; of the others the same one may have come twice.
    former = tables["former"].filter(pl.col("date_fin").is_not_null())
    return tables | {"former": former.select("siren", "siret", "name").unique()}


def _drop_others(workspace: Workspace, kept: str) -> None:
    for other in (workspace.data_dir / "index").iterdir():
        if other.name != kept:
            shutil.rmtree(other, ignore_errors=True)


def matching_note(workspace: Workspace) -> Path:
    """Return where it is noted up to which version of the registry the answers hold."""
    return workspace.data_dir / "state" / "intake" / "matching.json"


@dataclass(frozen=True)
class Asked:
    """What is to be looked up.

    Attributes:
        leads: those that are due.
        labels: what people answered.
        why: ``everything`` or ``what changed``.
        note: to be left once they are answered.
    """

    leads: pl.DataFrame
    labels: pl.DataFrame
    why: str
    note: dict[str, Any]


def match_all(workspace: Workspace) -> Matched:
    """Match the leads that are due; return all matches."""
    due = asked(workspace)
    found = answers(workspace, due.leads, due.labels)
    return keep(workspace, found, due)


def asked(workspace: Workspace) -> Asked:
    """Return the leads that are due; the index of the registry is built if it is not there."""
    index, _ = registry_index(workspace)
    leads, labels = grounds(workspace)
    due, note = _due(workspace, leads, labels, index, serving_model(workspace.models))
    rows = leads if due is None else leads.join(due, on=_KEY, how="semi", maintain_order="left")
    return Asked(rows, labels, "everything" if due is None else "what changed", note)


def grounds(workspace: Workspace) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the leads that may be used, and what people answered."""
    store = workspace.lead_store
    leads = usable(store.leads(), store.leads, workspace.suppressions)
    return leads, workspace.label_store.labels()


def answers(workspace: Workspace, leads: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """Return the answers of the current registry to ``leads``."""
    if leads.is_empty():
        return MATCH_SCHEMA.to_frame()
    index, source_id = registry_index(workspace)
    return match_answered(
        leads,
        labels,
        index,
        matched_at=workspace.clock.today(),
        registry_version=source_id,
        model=serving_model(workspace.models),
    )


def keep(workspace: Workspace, found: pl.DataFrame, due: Asked) -> Matched:
    """Keep the answers found, and note up to where all of them hold."""
    store = workspace.lead_store
    if found.height:
        # An answer must not go on bearing a version that was withdrawn.
        versions = workspace.store.state("sirene").versions
        gone = [one.source_id for one in versions if one.status == "withdrawn"]
        kept = store.matches().filter(~pl.col("registry_version").is_in(gone))
        store.put_matches(news(found, kept))
    if not due.labels["applied"].all():
        workspace.label_store.all_applied()
    write_json(matching_note(workspace), due.note, point="matching")
    return Matched(store.matches(), found.height, due.why)


def _due(
    workspace: Workspace,
    leads: pl.DataFrame,
    labels: pl.DataFrame,
    index: Index | None,
    model: Model,
) -> tuple[pl.DataFrame | None, dict[str, Any]]:
    """Return the leads to look up, or None for all of them, and the note to leave."""
    version = workspace.store.current("sirene")
    now = {
        "registry": version.id if version else None,
        "units": int(index.meta["rows"]["units"]) if index else 0,
    }
    path = matching_note(workspace)
    last: dict[str, Any] | None = json.loads(path.read_bytes()) if path.exists() else None
    if last is None or (last["registry"] is None) != (index is None):
        return None, now
    matches = workspace.lead_store.matches()
    current = matches.filter(pl.col("model_version") == model.version)
    unanswered = leads.join(current, on=_KEY, how="anti").select(_KEY)
    news = labels.filter(~pl.col("applied")).select("account_id", "key")
    answered = with_key(leads).join(news, on=["account_id", "key"], how="semi").select(_KEY)
    own = pl.concat([unanswered, answered])
    if index is None or last["registry"] == now["registry"]:
        return own.unique(), {**now, "units": last["units"]}
    moved = _moved(workspace, leads, current, last, index, model)
    if moved is None:
        return None, now
    # Weights are those of the last time everything was matched.
    return pl.concat([own, moved]).unique(), {**now, "units": last["units"]}


def _moved(
    workspace: Workspace,
    leads: pl.DataFrame,
    matches: pl.DataFrame,
    last: dict[str, Any],
    index: Index,
    model: Model,
) -> pl.DataFrame | None:
    """Return the leads that the new registry touches; None when that is as well as all."""
    if grown(last["units"], index):
        return None
    store = workspace.store
    try:
        then = _registry(lambda table: store.scan_version(table, last["registry"]))
    except (StateError, KeyError):
        # The former version was pruned, or had not all tables: what changed cannot be known.
        return None
    now = _registry(store.scan)
    changed = changed_units(then, now)
    if changed.len() > LARGEST_SHARE * int(index.meta["rows"]["units"]):
        return None
    return touched(
        leads, matches, changed, (then, now), model, work=workspace.work / "changed-units"
    )
