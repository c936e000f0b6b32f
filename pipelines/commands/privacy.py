"""Commands on personal data: erase, object, restrict, give access, put right, prove.

An e-mail address or a telephone number may be read from standard input (`--email -`), so
that it stands in no history of commands.
"""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.options import At, DataDir, workspace_of

app = typer.Typer()
audit = typer.Typer(help="The record of what was done.", no_args_is_help=True)
app.add_typer(audit, name="audit")

Account = Annotated[str | None, typer.Option("--account", help="The account, by its id.")]
Lead = Annotated[str | None, typer.Option("--lead", help="The lead, as ACCOUNT/LEAD.")]
Person = Annotated[str | None, typer.Option("--siren-person", help="The SIREN of a sole trader.")]
Email = Annotated[str | None, typer.Option("--email", help="The address; - reads it.")]
Phone = Annotated[str | None, typer.Option("--phone", help="The number; - reads it.")]
Asked = Annotated[
    datetime | None,
    typer.Option(
        "--asked-on", formats=["%Y-%m-%d"], help="Day of the request; today if not given."
    ),
]
Out = Annotated[Path | None, typer.Option("--out", help="File to write (mode 0600).")]


def _subject(**given: str | None) -> Any:
    from opendata.errors import SettingsError
    from pipelines.privacy import Subject

    named = {kind: value for kind, value in given.items() if value is not None}
    if len(named) != 1:
        options = ", ".join(f"--{kind.replace('person', 'siren-person')}" for kind in given)
        raise SettingsError("name one subject", next_step=f"give exactly one of {options}")
    ((kind, value),) = named.items()
    return Subject(kind, sys.stdin.readline().strip() if value == "-" else value)  # type: ignore[arg-type]


@app.command()
def erase(
    account: Account = None,
    lead: Lead = None,
    siren_person: Person = None,
    asked_on: Asked = None,
    defer: Annotated[
        bool, typer.Option("--defer", help="Only note the request and its deadline.")
    ] = False,
    data_dir: DataDir = None,
    at: At = None,
) -> None:
    """Erase a lead, an account or a sole trader from every place, and keep them out."""
    from pipelines.privacy_screens import print_request

    subject = _subject(account=account, lead=lead, person=siren_person)
    print_request(workspace_of(data_dir=data_dir, at=at), "erase", subject, asked_on, defer=defer)


@app.command(name="object")
def objection(
    lead: Lead = None,
    email: Email = None,
    phone: Phone = None,
    siren_person: Person = None,
    asked_on: Asked = None,
    data_dir: DataDir = None,
    at: At = None,
) -> None:
    """Record an objection: forgotten now, refused at every later intake, match and export."""
    from pipelines.privacy_screens import print_request

    subject = _subject(lead=lead, email=email, phone=phone, person=siren_person)
    print_request(workspace_of(data_dir=data_dir, at=at), "object", subject, asked_on)


@app.command()
def restrict(
    lead: Lead = None,
    account: Account = None,
    email: Email = None,
    phone: Phone = None,
    asked_on: Asked = None,
    data_dir: DataDir = None,
    at: At = None,
) -> None:
    """Keep the data and no longer use them: neither matched nor exported."""
    from pipelines.privacy_screens import print_request

    subject = _subject(lead=lead, account=account, email=email, phone=phone)
    print_request(workspace_of(data_dir=data_dir, at=at), "restrict", subject, asked_on)


@app.command()
def lift(
    account: Account = None,
    lead: Lead = None,
    email: Email = None,
    phone: Phone = None,
    siren_person: Person = None,
    data_dir: DataDir = None,
    at: At = None,
) -> None:
    """End an erasure's block, an objection or a restriction, at the subject's own request."""
    from pipelines.privacy_screens import print_lifted

    subject = _subject(account=account, lead=lead, email=email, phone=phone, person=siren_person)
    print_lifted(workspace_of(data_dir=data_dir, at=at), subject)


@app.command()
def suppress(data_dir: DataDir = None, at: At = None) -> None:
    """Take out again whatever is on record, as after restoring a copy."""
    from pipelines.privacy_screens import print_reapplied

    print_reapplied(workspace_of(data_dir=data_dir, at=at))


@app.command()
def access(
    lead: Lead = None,
    siren_person: Person = None,
    out: Out = None,
    data_dir: DataDir = None,
    at: At = None,
) -> None:
    """Give all that is held about a lead or a sole trader, as JSON, with where it comes from."""
    from pipelines.privacy_screens import print_access

    print_access(
        workspace_of(data_dir=data_dir, at=at), _subject(lead=lead, person=siren_person), out
    )


@app.command(name="export-account")
def export_account(
    account: Annotated[str, typer.Argument(help="The account, by its id.")],
    out: Out = None,
    data_dir: DataDir = None,
    at: At = None,
) -> None:
    """Give all data of an account as JSON, to be taken elsewhere (portability)."""
    from pipelines.privacy_screens import print_account

    print_account(workspace_of(data_dir=data_dir, at=at), account, out)


@app.command()
def rectify(
    lead: Annotated[str, typer.Argument(help="The lead, as ACCOUNT/LEAD.")],
    values: Annotated[
        list[str], typer.Option("--set", help="FIELD=VALUE; an empty value clears the field.")
    ],
    data_dir: DataDir = None,
    at: At = None,
) -> None:
    """Put fields of a lead right, for good: later files do not bring the old values back."""
    from pipelines.privacy_screens import print_rectified

    print_rectified(workspace_of(data_dir=data_dir, at=at), _subject(lead=lead), values)


@app.command()
def retention(
    dry_run: Annotated[
        bool, typer.Option("--dry-run/--erase", help="Count only (the default), or erase.")
    ] = True,
    data_dir: DataDir = None,
    at: At = None,
) -> None:
    """Find leads unused for longer than SIGNALS_RETENTION_DAYS; --erase forgets them."""
    from pipelines.privacy_screens import print_retention

    print_retention(workspace_of(data_dir=data_dir, at=at), erase=not dry_run)


@audit.command()
def show(
    rows: Annotated[int, typer.Option(help="Entries to show, the last ones.")] = 20,
    data_dir: DataDir = None,
) -> None:
    """Show what was done last: runs, publications, erasures, releases, rollbacks, keys."""
    from pipelines.safekeeping import print_audit

    print_audit(workspace_of(data_dir=data_dir), rows)


@audit.command()
def verify(data_dir: DataDir = None) -> None:
    """Check that no entry and no receipt was changed, removed or added."""
    from pipelines.privacy_screens import print_verified

    print_verified(workspace_of(data_dir=data_dir))
