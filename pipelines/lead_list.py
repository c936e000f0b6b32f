"""Who each lead was recognised as, for the person whose leads they are.

Belongs here: the list, on the screen or in a private file. Does not belong here: asking about the
doubtful ones (``review``), what stopped one of them (``why_not``).
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
from rich.table import Table
from rich.text import Text

from assets.workspace import Workspace
from leads.privacy.use import usable
from leads.review import write_rows
from leads.verdicts import BY_CERTAINTY
from opendata.errors import SettingsError, StateError
from pipelines.console import console
from pipelines.review import require_outside

_SAID = ("account_id", "lead_id", "company_name", "postcode", "city")
_FOUND = ("verdict", "siren", "siret", "matched_name", "probability", "reasons")


def lead_list(
    workspace: Workspace,
    *,
    account: str | None = None,
    verdict: str | None = None,
    find: str | None = None,
) -> pl.DataFrame:
    """Return the leads that may be used, each beside its answer, the most certain first.

    Contacts are left out. A lead that was not looked up yet has no verdict.

    Args:
        workspace: where leads and matches are.
        account: only leads of this account.
        verdict: only leads with this verdict.
        find: only leads whose company name has this text in it, whatever the case.

    Raises:
        SettingsError: there is no such verdict.
        StateError: there are no leads yet.
    """
    if verdict is not None and verdict not in BY_CERTAINTY:
        raise SettingsError(
            f"no verdict is called {verdict!r}",
            next_step=f"choose one of {', '.join(BY_CERTAINTY)}",
        )
    store = workspace.lead_store
    leads = store.leads(account)
    if leads.is_empty():
        raise StateError(
            "there are no leads" + ("" if account is None else " of this account"),
            next_step="take some in: `company-signals match --leads FILE`",
        )
    rows = usable(leads, store.leads, workspace.suppressions).select(_SAID)
    key = ["account_id", "lead_id"]
    rows = rows.join(store.matches(account).select(*key, *_FOUND), on=key, how="left")
    if verdict is not None:
        rows = rows.filter(pl.col("verdict") == verdict)
    if find is not None:
        wanted = pl.col("company_name").str.to_lowercase()
        rows = rows.filter(wanted.str.contains(find.lower(), literal=True))
    rank = pl.col("verdict").replace_strict(
        BY_CERTAINTY, range(len(BY_CERTAINTY)), default=len(BY_CERTAINTY), return_dtype=pl.Int8
    )
    return rows.with_columns(pl.col("reasons").list.join(", ")).sort(
        rank, "probability", *key, descending=[False, True, False, False], nulls_last=True
    )


def write_list(rows: pl.DataFrame, out: Path, *, exports: Path) -> None:
    """Write the list as CSV or Parquet, by the suffix of ``out``; mode 0600.

    Raises:
        SettingsError: another suffix, or a place from which others fetch.
    """
    require_outside(exports, out, "the list names leads")
    write_rows(rows, out, "list", point="lead-list")


def print_list(
    workspace: Workspace,
    *,
    account: str | None,
    verdict: str | None,
    find: str | None,
    limit: int,
    out: Path | None,
) -> None:
    """Show the first ``limit`` leads of the list, or write all of it to ``out``."""
    rows = lead_list(workspace, account=account, verdict=verdict, find=find)
    if out is not None:
        write_list(rows, out, exports=workspace.exports)
        console.print(f"{rows.height:,} leads in {out}; only you may read it.", soft_wrap=True)
        return
    several = rows["account_id"].n_unique() > 1
    table = Table(box=None, pad_edge=False)
    # Whole, since the next command takes it.
    table.add_column("lead", header_style="dim", no_wrap=True, min_width=_widest(rows, limit))
    for name in (*(["account"] if several else []), "company name", "verdict"):
        table.add_column(name, header_style="dim", overflow="fold")
    table.add_column("prob.", header_style="dim", justify="right")
    table.add_column("siren", header_style="dim", min_width=9)
    table.add_column("matched name", header_style="dim", overflow="fold")
    for row in rows.head(limit).iter_rows(named=True):
        sure = row["probability"]
        cells = (
            row["lead_id"],
            *([row["account_id"]] if several else []),
            row["company_name"],
            row["verdict"] or "not looked up",
            None if sure is None else f"{sure:.2f}",
            row["siren"],
            row["matched_name"],
        )
        # As text: a name in square brackets is no markup.
        table.add_row(*(Text(cell or "") for cell in cells))
    console.print(table)
    if rows.height > limit:
        more = f"{rows.height - limit:,} more: narrow with --verdict or --find, --limit, --out"
        console.print(more, style="dim")


def _widest(rows: pl.DataFrame, limit: int) -> int:
    return rows.head(limit)["lead_id"].str.len_chars().max() or 0  # type: ignore[return-value]
