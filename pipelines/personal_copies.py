"""What is held about somebody, as JSON for them: access (art. 15) and portability (art. 20).

Belongs here: gathering it from every layer, each value with where it comes from. Does not
belong here: writing files, and who may ask.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from assets import discovery
from assets.feedback import feedback_folders
from assets.workspace import Workspace
from leads.model import data_classes
from leads.privacy.suppressions import facts_of
from opendata.errors import SettingsError
from pipelines.privacy import Subject
from signals.feed import history
from signals.feed.export import account_folder
from signals.segments import latest

FORMAT = 1
RIGHTS = (
    "You may ask for access, rectification, erasure, restriction and portability, object at any "
    "time to prospecting, and complain to the CNIL (www.cnil.fr)."
)
PURPOSE = (
    "Telling a customer which public events concern the companies on its own list of prospects "
    "(legitimate interest, GDPR art. 6(1)(f))."
)


def about_lead(workspace: Workspace, subject: Subject) -> dict[str, Any]:
    """Return everything held about one lead.

    Raises:
        SettingsError: there is no such lead.
    """
    account, lead = subject.lead
    row = _of(workspace.lead_store.leads(account), lead)
    if row.is_empty():
        raise SettingsError(
            "there is no such lead", next_step="look at its account and its id; nothing is held"
        )
    usage = _of(workspace.lead_store.usage().filter(pl.col("account_id") == account), lead)
    corrections = _of(workspace.lead_store.corrections(account), lead)
    signals = _of(_told(workspace, account), lead)
    received = usage["received_on"][0] if usage.height else None
    return {
        **_head(workspace),
        "subject": {"account_id": account, "lead_id": lead},
        "source": _sentence(account, received, signals),
        "lead": _values(row.row(0, named=True), account, received, corrections),
        "usage": _rows(usage),
        "answers_about_it": _rows(_of(_labels(workspace, account), lead)),
        "feedback_on_its_signals": _rows(_of(workspace.lead_store.feedback(account), lead)),
        "match": _rows(_of(workspace.lead_store.matches(account), lead)),
        "signals": _rows(signals),
        "recipients": [f"the account {account}, in its own stream"],
        "restrictions": _standing(workspace, row),
    }


def about_person(workspace: Workspace, subject: Subject) -> dict[str, Any]:
    """Return everything held about a sole trader, from the open data and from leads."""
    facts = facts_of("person", [subject.tag(workspace.suppressions)])
    keys, leads = workspace.suppressions.keys(), _leads(workspace)
    named = {}
    for table in sorted(workspace.shapes):
        rows = _naming(workspace, table, workspace.screen.naming(facts, table))
        if rows:
            named[table] = rows
    log = workspace.log.rows()
    wanted = pl.lit(sorted(facts.persons)[0], dtype=pl.UInt64)
    in_log = [
        keys.units(pl.col(name)).eq_missing(wanted) for name in ("siren", "counterparty_siren")
    ]
    return {
        **_head(workspace),
        "source": "Each row names its source: publisher, date of last update, licence. Open data "
        "published by law; leads come from the file of the account named beside them.",
        "open_data": named,
        "leads": _rows(leads.filter(keys.concerned(leads, facts))),
        "signals": _rows(log.filter(pl.any_horizontal(in_log))),
    }


def of_account(workspace: Workspace, account: str) -> dict[str, Any]:
    """Return all data of an account, machine-readable, to be taken elsewhere.

    Raises:
        SettingsError: nothing is held of such an account.
    """
    store = workspace.lead_store
    leads, told = store.leads(account), _told(workspace, account)
    if leads.is_empty() and told.is_empty():
        raise SettingsError("nothing is held of this account", next_step="look at its id")
    usage = store.usage().filter(pl.col("account_id") == account)
    return {
        **_head(workspace),
        "account_id": account,
        "leads": _rows(leads),
        "usage": _rows(usage),
        "corrections": _rows(store.corrections(account)),
        "answers": _rows(_labels(workspace, account)),
        "feedback": _rows(store.feedback(account)),
        "consumers": _consumers(workspace, account),
        "matches": _rows(store.matches(account)),
        "signals": _rows(told),
        "data_classes": data_classes(),
        "sources": _rows(workspace.store.sources()),
    }


def _head(workspace: Workspace) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "made_at": workspace.clock.now().isoformat(),
        "purpose": PURPOSE,
        "rights": RIGHTS,
    }


def _sentence(account: str, received: date | None, signals: pl.DataFrame) -> str:
    """Return the sentence on the source that art. 14 asks for."""
    came = f" on {received.isoformat()}" if received else ""
    said = f"The contact data were given by the account {account}{came}, in its list of leads."
    records = signals.select(pl.col("evidence").explode()).drop_nulls()
    if records.is_empty():
        return said
    attributions = records.to_series().struct.field("attribution").drop_nulls().unique().sort()
    return " ".join([said, "The events come from open data.", *attributions])


def _values(
    row: Mapping[str, Any], account: str, received: date | None, corrections: pl.DataFrame
) -> dict[str, Any]:
    """Return field → value, class and source."""
    right = dict(corrections.select("field", "corrected_on").iter_rows())
    classes = data_classes()
    came = f"list of leads of {account}, {received.isoformat() if received else 'date not kept'}"
    return {
        name: {
            "value": value,
            "class": classes[name],
            "source": f"put right on {right[name].isoformat()}" if name in right else came,
        }
        for name, value in row.items()
        if value is not None
    }


def _standing(workspace: Workspace, lead: pl.DataFrame) -> list[dict[str, str]]:
    record = workspace.suppressions
    return [
        {"action": one.action, "asked_on": one.asked_on.isoformat()}
        for one in record.requests()
        if record.keys().concerned(lead, facts_of(one.kind, [one.tag]))[0]
    ]


def _naming(workspace: Workspace, table: str, named: pl.Expr | None) -> list[dict[str, Any]]:
    """Return the rows of every version of a table, with the provenance of each."""
    if named is None:
        return []
    found = []
    owner = discovery.owners()[table].name
    for version in workspace.store.state(owner).versions:
        if table in version.tables:
            rows = workspace.store.rows_of(version)[table].filter(named).collect()
            source = version.provenance.attribution
            found += [{**row, "source": source} for row in _rows(rows)]
    return found


def _told(workspace: Workspace, account: str) -> pl.DataFrame:
    folder = workspace.exports / "accounts" / account_folder(account)
    return latest(history.read(folder).told)


def _labels(workspace: Workspace, account: str) -> pl.DataFrame:
    return workspace.label_store.labels(account)


def _consumers(workspace: Workspace, account: str) -> dict[str, Any]:
    """Return how far each consumer of the account has read, as it told."""
    return {
        name: told
        for folder, owner in feedback_folders(workspace).items()
        if owner == account
        for name, told in json.loads((folder / "state.json").read_bytes())["offsets"].items()
    }


def _leads(workspace: Workspace) -> pl.DataFrame:
    return workspace.lead_store.leads()


def _of(rows: pl.DataFrame, lead: str) -> pl.DataFrame:
    return rows.filter(pl.col("lead_id") == lead)


def _rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Return rows as JSON values: dates as ISO text, lists and structures kept."""
    return [json.loads(line) for line in frame.write_ndjson().splitlines()]
