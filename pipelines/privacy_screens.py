"""How the commands on personal data answer: counts, places and dates, and files for the person.

Belongs here: what is printed and where a copy is written. Does not belong here: doing it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.text import Text

from assets.workspace import Workspace
from leads.model import FIELDS
from leads.privacy.receipts import PlaceReport, receipts_folder
from leads.privacy.suppressions import Action
from opendata.errors import SettingsError
from opendata.files import json_bytes, write_bytes
from opendata.lock import one_writer
from pipelines import lead_retention, personal_copies, privacy
from pipelines.audit import audit_log, noted
from pipelines.console import console
from pipelines.maintenance import shown_table
from pipelines.privacy import Subject
from pipelines.settings import load_settings

_KEYS = ("lead_id", "account_id")


def print_request(
    workspace: Workspace,
    action: Action,
    subject: Subject,
    asked_on: datetime | None,
    *,
    defer: bool = False,
) -> None:
    """Carry a request out and print its receipt; or note it and print its deadline."""
    day = asked_on.date() if asked_on else None
    receipt = privacy.carry_out(workspace, action, subject, asked_on=day, defer=defer)
    if receipt is None:
        tag = subject.tag(workspace.suppressions)
        waiting = workspace.suppressions.find(action, subject.kind, tag)
        due = next(
            one.due_on
            for one in privacy.deadlines(workspace)
            if waiting is not None and one.request == waiting.id
        )
        console.print(f"Noted; it must be done by {due}. Run the command without --defer to do it.")
        return
    _print_places(receipt.places)
    path = receipts_folder(workspace.suppressions) / f"{receipt.request}.json"
    shown = path.relative_to(workspace.data_dir).as_posix()
    console.print(Text(f"Done. Signed receipt: {shown}"), soft_wrap=True)


def _print_places(places: Sequence[PlaceReport]) -> None:
    table = shown_table("", "place", "rows", "files", right=("rows", "files"))
    for place in places:
        table.add_row(place.place, f"{place.rows:,}", f"{place.files:,}")
    console.print(table)


def print_reapplied(workspace: Workspace) -> None:
    """Apply the record to everything there, and print what that took out."""
    with one_writer(workspace.data_dir):
        reports = privacy.reapply(workspace)
        if reports:
            noted(workspace, "suppress", places=[one.place for one in reports])
    if reports:
        _print_places(reports)
    else:
        console.print("Nobody is on record.")


def print_lifted(workspace: Workspace, subject: Subject) -> None:
    """End the requests about a subject and say how many there were."""
    ended = privacy.lift(workspace, subject)
    console.print(f"{ended} request(s) ended." if ended else "There was no request to end.")


def print_access(workspace: Workspace, subject: Subject, out: Path | None) -> None:
    """Write what is held about somebody."""
    copy = (
        personal_copies.about_lead(workspace, subject)
        if subject.kind == "lead"
        else personal_copies.about_person(workspace, subject)
    )
    _given(copy, out)


def print_account(workspace: Workspace, account: str, out: Path | None) -> None:
    """Write all data of an account."""
    _given(personal_copies.of_account(workspace, account), out)


def _given(copy: dict[str, Any], out: Path | None) -> None:
    content = json_bytes(copy)
    if out is None:
        sys.stdout.write(content.decode())
        return
    write_bytes(out, content, point="personal-copy", private=True)
    console.print(Text(f"Written: {out.name}"))


def print_rectified(workspace: Workspace, subject: Subject, values: list[str]) -> None:
    """Put fields of a lead right.

    Raises:
        SettingsError: a field that a lead does not have, or no such lead.
    """
    given = dict(_field(value) for value in values)
    account, lead = subject.lead
    with one_writer(workspace.data_dir):
        known = workspace.lead_store.correct(account, lead, given, workspace.clock.today())
        if known:
            noted(workspace, "rectify", fields=sorted(given))
    if not known:
        raise SettingsError("there is no such lead", next_step="look at its account and its id")
    console.print(f"{len(given)} field(s) put right; the next run matches the lead again.")


def _field(text: str) -> tuple[str, str | None]:
    name, separator, value = text.partition("=")
    allowed = [field for field in FIELDS if field not in _KEYS]
    if not separator or name not in allowed:
        raise SettingsError(
            "a value is given as FIELD=VALUE", next_step=f"choose among {', '.join(allowed)}"
        )
    return name, value or None


def print_retention(workspace: Workspace, *, erase: bool) -> None:
    """Print how many leads nobody used for too long; forget them if asked."""
    days = load_settings().retention_days
    found = (lead_retention.forget if erase else lead_retention.unused)(workspace, days)
    table = shown_table("", "account", "leads", right=("leads",))
    for account, count in found.by_account.iter_rows():
        table.add_row(Text(account), f"{count:,}")
    if table.row_count:
        console.print(table)
    what = "forgotten" if erase else "would be forgotten (run with --erase to do it)"
    console.print(f"{found.total:,} lead(s) unused for more than {days:,} days {what}.")
    if found.undated:
        console.print(
            f"{found.undated:,} lead(s) have no known day of use; the next file dates them."
        )


def print_verified(workspace: Workspace) -> None:
    """Check the records and the receipts, and print how many there are."""
    requests = len(workspace.suppressions.entries())
    done = len(audit_log(workspace).entries()) if workspace.suppressions.folder.exists() else 0
    signed = privacy.verified_receipts(workspace)
    console.print(
        f"Nothing was changed: {requests:,} entries of suppressions, {done:,} of the audit log, "
        f"{signed:,} receipts."
    )
