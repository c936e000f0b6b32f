"""From an exported signal back to the publisher's line.

Belongs here: following match, rule, record, version and receipt, and showing them as a
tree. It shows where a raw line is, never the line: it may name a person.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
from rich.text import Text
from rich.tree import Tree

from assets import discovery
from assets.workspace import Workspace
from opendata.errors import OpenDataError, SettingsError
from opendata.raw_lines import find_line
from opendata.receipt import Receipt, load_receipt
from opendata.state import InputFile, Version
from pipelines.console import console
from signals.feed import history, manifest
from signals.registry import registry

#: Columns of a record that say nothing about the event.
_LINEAGE = ("source_id", "record_key", "publication_date")
_PARTS = re.compile(r"[/|:]")
#: A record made from two states of another dataset cites those states.
_STATE = re.compile(r"state/(\w+)\.json")


def print_explanation(workspace: Workspace, signal: str) -> None:
    """Print where a signal comes from.

    Args:
        workspace: the place of the run.
        signal: ``id`` or ``signalid`` of a row of any stream.

    Raises:
        SettingsError: no stream holds such a row.
    """
    rows = _rows(workspace, signal)
    last = rows.row(-1, named=True)
    tree = Tree(Text(f"{last['title_en'] or 'erased signal'}", style="bold"))
    tree.add(_line("signal", last["signalid"]))
    tree.add(_line("type", last["type"]))
    if last["siren"]:
        tree.add(_line("company", " ".join(filter(None, (last["siren"], last["company_name"])))))
    _add_history(tree, rows)
    if last["op"] == "ERASE":
        tree.add("erased: its values left the log, its records are no longer named")
        console.print(tree)
        return
    _add_match(tree, last)
    _add_feedback(tree, workspace, last)
    _add_rule(tree, last)
    for record in last["evidence"]:
        _add_record(tree, workspace, record, last["siren"])
    console.print(tree)


def _rows(workspace: Workspace, signal: str) -> pl.DataFrame:
    """Return every row of the signal in the stream that holds it, the oldest first."""
    streams = [workspace.log.rows()]
    for path in sorted((workspace.exports / "accounts").glob(f"*/{manifest.NAME}")):
        streams.append(history.read(path.parent).told)
    for rows in streams:
        named = rows.filter((pl.col("id") == signal) | (pl.col("signalid") == signal))
        if not named.is_empty():
            return rows.filter(pl.col("signalid") == named["signalid"][0]).sort("sequence")
    raise SettingsError(
        "no signal has this id",
        next_step="copy `id` or `signalid` from an exported table; an account that was erased "
        "has none any more",
    )


def _line(label: str, value: object) -> Text:
    return Text.assemble((f"{label}  ", "dim"), str(value))


def _add_history(tree: Tree, rows: pl.DataFrame) -> None:
    branch = tree.add(_line("stream", rows["source"][0]))
    for row in rows.iter_rows(named=True):
        reason = f", {row['reason']}" if row["reason"] else ""
        when = f"{row['recordedtime']:%Y-%m-%d %H:%M} UTC"
        branch.add(f"{int(row['sequence']):,} {row['op']}{reason}, {when}, run {row['run_id']}")


def _add_match(tree: Tree, row: Mapping[str, Any]) -> None:
    if row["lead_id"] is None:
        return
    found = f"lead {row['lead_id']}, {row['match_status']} at {row['match_probability']:.3f}"
    branch = tree.add(_line("match", found))
    for reason in row["match_reasons"] or ():
        branch.add(Text(reason))


def _add_feedback(tree: Tree, workspace: Workspace, row: Mapping[str, Any]) -> None:
    """Add what the customer said of the signal, the oldest first: the last one holds."""
    kept = workspace.data_dir / "leads.duckdb"
    if row["lead_id"] is None or not kept.exists():
        return
    said = workspace.lead_store.feedback(row["account_id"]).filter(
        pl.col("signal_id") == row["signalid"]
    )
    if said.is_empty():
        return
    branch = tree.add(_line("feedback", f"{said.height} from {row['account_id']}"))
    for one in said.sort("at").iter_rows(named=True):
        why = f", {one['reason']}" if one["reason"] else ""
        branch.add(f"{one['status']}{why}, {one['at']:%Y-%m-%d %H:%M} UTC")


def _add_rule(tree: Tree, row: Mapping[str, Any]) -> None:
    code = row["type"].split(".")[-2]
    branch = tree.add(_line("rule", f"{code} {row['rule_version']} ({row['nature']})"))
    branch.add(f"dated {row['time']}, confidence {row['confidence']}, score {row['score']}")
    branch.add(Text(row["score_breakdown"]))
    detector = registry().get(code)
    for guard in detector.signal.guards if detector else ():
        branch.add(Text.assemble(("guard  ", "dim"), guard))


def _add_record(tree: Tree, workspace: Workspace, record: Mapping[str, Any], siren: str) -> None:
    branch = tree.add(_line("record", f"{record['record_key']} of {record['source_id']}"))
    if record["attribution"]:
        branch.add(_line("to be named", record["attribution"]))
    if record["url"]:
        branch.add(_line("address", record["url"]))
    dataset, _, version_id = record["source_id"].partition("@")
    version = workspace.store.state(dataset).find(version_id)
    if version is None:
        branch.add("its version was removed since (gc); the receipt went with it")
        return
    _add_rows(branch, workspace, version, record["record_key"])
    for part in version.inputs:
        _add_input(branch, workspace, part, (record["record_key"], siren))


def _add_rows(branch: Tree, workspace: Workspace, version: Version, record_key: str) -> None:
    tables = workspace.store.rows_of(version)
    described = {
        column.name: column.personal
        for table in version.tables
        for column in discovery.owners()[table].described_columns(table)
    }
    for name, rows in tables.items():
        found = rows.filter(pl.col("record_key") == record_key).head(5).collect()
        for row in found.iter_rows(named=True):
            values = ", ".join(
                f"{column}={value}"
                for column, value in row.items()
                if value is not None
                and column not in _LINEAGE
                and described.get(column) in ("none", "company")
            )
            branch.add(_line(name, values))


def _add_input(branch: Tree, workspace: Workspace, part: InputFile, named: tuple[str, str]) -> None:
    origin = _STATE.fullmatch(part.receipt)
    if origin is not None:
        below = branch.add(_line("made from", f"{origin[1]}@{part.resource}"))
        version = workspace.store.state(origin[1]).find(part.resource)
        for one in version.inputs if version is not None else ():
            _add_input(below, workspace, one, named)
        return
    path = workspace.data_dir / part.receipt
    try:
        receipt = load_receipt(path)
    except OpenDataError:
        branch.add(f"{part.resource}: the receipt is gone; sha256 {part.sha256}")
        return
    below = branch.add(_line("raw file", f"{receipt.file} ({part.resource})"))
    below.add(_line("asked", receipt.url))
    below.add(f"published {receipt.publisher_date}, fetched {receipt.fetched_at:%Y-%m-%d %H:%M}")
    below.add(f"{receipt.bytes:,} bytes, sha256 {receipt.sha256}")
    below.add(_line("licence", f"{receipt.licence_title} {receipt.licence_url}"))
    below.add(_where(receipt, workspace.data_dir, named))


def _where(receipt: Receipt, data_dir: Path, named: tuple[str, str]) -> str:
    """Say on which line the record stands, else where its company is first named."""
    path = receipt.path(data_dir)
    if not path.is_file():
        return "the file itself was removed since (gc or purge); the receipt proves what it was"
    record_key, siren = named
    if number := find_line(path, _PARTS.split(record_key)):
        return f"line {number:,}"
    if number := find_line(path, [siren]):
        return f"line {number:,} names the company"
    return "no line of this file names it"
