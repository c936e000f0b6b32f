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
    workspace: Workspace, out: Path, language: str, account: str | None, leads: int
) -> None:
    """Write the report to ``out``, readable by its owner only.

    Raises:
        SettingsError: no such language.
        StateError: nothing is exported yet, or no such account.
    """
    if language not in LANGUAGES:
        raise SettingsError(
            f"there are no words in {language!r}", next_step=f"choose {' or '.join(LANGUAGES)}"
        )
    facts = gather(workspace.exports, account, leads=leads, sources=workspace.store.sources())
    write(facts, language, out)
    console.print(
        f"{out}: {facts.signals:,} signals, {len(facts.top):,} leads; only you may read it.",
        soft_wrap=True,
    )
