"""Explaining one lead, of the store or of a file.

Belongs here: finding the lead, its answer and the registry behind it. Does not belong here: the
explanation (``leads.why_not``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import typer

from assets.lead_matching import registry_index
from assets.workspace import Workspace
from leads.index import Index
from leads.intake import judged_rows
from leads.labels import GROUP, NO, with_key
from leads.matching import match_leads
from leads.privacy.use import usable
from leads.refit import serving_model
from leads.scoring import load_model
from leads.why_not import WhyNot, why_not
from opendata.clock import Clock
from opendata.errors import SettingsError
from pipelines.match_files import numbered

#: Exit code when the lead is explained and something stopped it.
STOPPED = 3


def explain_file(registry: Path, leads: Path, lead_id: str, siren: str | None) -> WhyNot:
    """Explain a row of a file; ``lead_id`` as `match` writes it."""
    rows = numbered(leads).filter(pl.col("lead_id") == lead_id)
    if rows.is_empty():
        raise SettingsError(
            "the file has no lead of that id",
            next_step="give the lead_id that `company-signals match` writes for the row",
        )
    rule = rows["_rule"][0]
    if rule is not None:
        return WhyNot("quarantined", f"its row is refused: {rule}")
    index, model = Index.open(registry), load_model()
    lead = rows.head(1).with_columns(pl.lit("file").alias("account_id"))
    match = match_leads(
        lead, index, matched_at=Clock().today(), registry_version=registry.name, model=model
    )
    return why_not(lead, match.row(0, named=True), index, model, siren=siren)


def explain_lead(
    workspace: Workspace, lead_id: str, siren: str | None, account: str | None
) -> WhyNot:
    """Explain a lead of the store, or say why it is not there."""
    store = workspace.lead_store
    every = store.leads(account).filter(pl.col("lead_id") == lead_id)
    if every.height > 1:
        raise SettingsError(
            "several accounts have a lead of that id", next_step="say which with --account"
        )
    if every.is_empty():
        return _absent(workspace, lead_id, account)
    lead = usable(every, lambda: every, workspace.suppressions)
    if lead.is_empty():
        return WhyNot("suppressed", "the lead may not be used: objection, erasure or restriction")
    match = store.matches(lead["account_id"][0]).filter(pl.col("lead_id") == lead_id)
    if match.is_empty():
        return WhyNot("source_gap", "it was not looked up yet: run `company-signals match`")
    index, _ = registry_index(workspace)
    labels = workspace.label_store.labels(lead["account_id"][0])
    said = with_key(lead).join(labels.drop("lead_id"), on=["account_id", "key"])
    denied = said.filter(pl.col("says").is_in([NO, GROUP]))["siren_right"].to_list()
    found = why_not(
        lead,
        match.row(0, named=True),
        index,
        serving_model(workspace.models),
        siren=siren,
        denied=tuple(denied),
    )
    return WhyNot(found.stop, found.sentence, (*found.lines, *_register(workspace, match)))


def _register(workspace: Workspace, match: pl.DataFrame) -> tuple[str, ...]:
    """Tell how old the register is that answered."""
    version = workspace.store.current("sirene")
    if version is None:
        return ()
    found = match.row(0, named=True)
    return (
        f"register    of {version.publisher_date}; answered on {found['matched_at']} from "
        f"{found['registry_version']} by model {found['model_version']}",
    )


def _absent(workspace: Workspace, lead_id: str, account: str | None) -> WhyNot:
    """Say why a lead is not in the store: refused in the file, suppressed, or never seen."""
    if workspace.leads is not None:
        judged = judged_rows(workspace.leads, default_account=workspace.default_account)
        own = judged.filter(pl.col("lead_id") == lead_id)
        if account is not None:
            own = own.filter(pl.col("account_id") == account)
        rules: list[Any] = own["rule"].to_list()
        if rules and None not in rules:
            return WhyNot("quarantined", f"its row in the file is refused: {rules[0]}")
        if rules:
            return WhyNot(
                "suppressed",
                "it is in the file and not in the store: it was suppressed, or the file is newer "
                "than the last run",
            )
    raise SettingsError(
        "there is no lead of that id",
        next_step="give its lead_id; a row that was refused is looked for in the file of --leads",
    )


def print_why_not(found: WhyNot) -> int:
    """Print an explanation; return the exit code."""
    typer.echo(f"{found.stop}: {found.sentence}")
    for line in found.lines:
        typer.echo(line)
    return 0 if found.stop == "nothing" else STOPPED
