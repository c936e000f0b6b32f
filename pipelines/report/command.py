"""Making the report for the command line."""

from __future__ import annotations

from pathlib import Path

from assets.workspace import Workspace
from opendata.errors import SettingsError
from pipelines.console import console
from pipelines.report.facts import gather
from pipelines.report.page import write
from pipelines.report.words import LANGUAGES


def make_report(
    workspace: Workspace,
    out: Path,
    language: str,
    account: str | None,
    leads: int,
    lead: str | None = None,
) -> None:
    """Write the report, or the page of one lead, to ``out``, readable by its owner only.

    Raises:
        SettingsError: no such language.
        StateError: nothing is exported yet, or no such account or lead.
    """
    if language not in LANGUAGES:
        raise SettingsError(
            f"there are no words in {language!r}", next_step=f"choose {' or '.join(LANGUAGES)}"
        )
    sources = workspace.store.sources()
    facts = gather(workspace.exports, account, leads=leads, sources=sources, lead=lead)
    write(facts, language, out, page="report" if lead is None else "lead")
    shown = f"{facts.signals:,} signals, {len(facts.top):,} leads"
    if lead is not None:
        shown = f"{len(facts.top[0].told):,} signals on one lead"
    console.print(f"{out}: {shown}; only you may read it.", soft_wrap=True)
