"""Requests about personal data, carried out in every place and proved.

Belongs here: the order of the steps, taking up what was killed, the receipt. Does not
belong here: what a place does (``pipelines/places``), how a request is typed
(``pipelines/commands/privacy.py``).

The request is on record before anything is touched: from then on the tables show nothing of
its subject, the next intake refuses it, and whoever runs the command again finishes it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

from assets.lead_intake import intake_note
from assets.workspace import Workspace
from leads.privacy.facts import Facts
from leads.privacy.receipts import (
    PlaceReport,
    Receipt,
    merged,
    read_receipt,
    receipts,
    receipts_folder,
    write_receipt,
)
from leads.privacy.suppressions import Action, Request, Suppressions, facts_of
from opendata.errors import SettingsError
from opendata.files import write_json
from opendata.lock import one_writer
from pipelines.audit import noted
from pipelines.places import Place, all_places
from sirene.identifiers import Siren

#: Days after which an account's deletion must be done (the platform's policy), and warned of.
DEADLINE_DAYS = 30
WARN_DAYS = 25
Kind = Literal["account", "lead", "email", "phone", "person"]


@dataclass(frozen=True)
class Subject:
    """Whom a request is about, as typed; never written anywhere."""

    kind: Kind
    value: str

    def tag(self, record: Suppressions) -> str:
        """Return the hash that stands for it.

        Raises:
            SettingsError: it is not what its kind must look like.
        """
        keys = record.keys()
        if self.kind == "account":
            return keys.account(self.value)
        if self.kind == "lead":
            return keys.lead(*self.lead)
        if self.kind == "email":
            return keys.email(self._looking_like("@"))
        if self.kind == "phone":
            return keys.phone(self._looking_like("0123456789"))
        number = Siren.normalize(self.value)
        if number is None:
            raise SettingsError("that is not a SIREN", next_step="give its nine digits")
        return f"{keys.unit(number):016x}"

    @property
    def lead(self) -> tuple[str, str]:
        """Return account and lead id of ``ACCOUNT/LEAD``."""
        account, _, lead = self.value.partition("/")
        if not account or not lead:
            raise SettingsError(
                "a lead is named by its account and its id",
                next_step="write it like `acme/42`",
            )
        return account, lead

    def _looking_like(self, signs: str) -> str:
        if not any(sign in self.value for sign in signs):
            raise SettingsError(
                f"that is not what --{self.kind} takes", next_step="look at what was typed"
            )
        return self.value


def carry_out(
    workspace: Workspace,
    action: Action,
    subject: Subject,
    *,
    asked_on: date | None = None,
    defer: bool = False,
) -> Receipt | None:
    """Do what was asked, everywhere; ``None`` if it is only put on record for now.

    Doing it again finds nothing left and returns the same receipt.

    Args:
        workspace: the data folder.
        action: ``erase`` and ``object`` forget and keep out; ``restrict`` keeps, unused.
        subject: whom it is about.
        asked_on: legal date of the request, today if not given.
        defer: put it on record, with its deadline, and leave the rest for later.
    """
    record, clock = workspace.suppressions, workspace.clock
    with one_writer(workspace.data_dir):
        tag = subject.tag(record)
        request = record.request(
            action, subject.kind, tag, asked_on=asked_on or clock.today(), at=clock.now()
        )
        if defer:
            return None
        chosen = all_places(workspace)
        if action == "restrict":
            # Kept, and out of what is published: the stream takes back what it said.
            chosen = [place for place in chosen if place.name == "exports"]
        facts = facts_of(subject.kind, [tag])
        reports = _cleared(workspace, request.id, chosen, facts)
        receipt = _proved(workspace, request, reports)
        record.done(request, clock.now())
        _progress(workspace, request.id).unlink(missing_ok=True)
        noted(workspace, action, request=request.id, places=[one.place for one in receipt.places])
    return receipt


def lift(workspace: Workspace, subject: Subject) -> int:
    """End the requests about a subject, which may then come back; return how many there were."""
    record = workspace.suppressions
    with one_writer(workspace.data_dir):
        ended = record.lift(subject.kind, subject.tag(record), workspace.clock.now())
        if ended:
            # The file of leads is read again, although it is the same.
            intake_note(workspace).unlink(missing_ok=True)
            noted(workspace, "lift", requests=ended)
    return ended


def reapply(workspace: Workspace, *, all_of_it: bool = True) -> tuple[PlaceReport, ...]:
    """Take out of every place whatever is on record, as after a restore.

    Args:
        workspace: the data folder, whose lock the caller holds.
        all_of_it: publish too; without it what every run makes anew is left to the run.
    """
    facts = workspace.suppressions.facts()
    if not facts:
        return ()
    places = [one for one in all_places(workspace) if all_of_it or not one.follows]
    return tuple(place.erase(facts) for place in places)


def _cleared(
    workspace: Workspace, request: str, places: Sequence[Place], facts: Facts
) -> tuple[PlaceReport, ...]:
    """Clear the places one after the other; what was done survives a kill."""
    path = _progress(workspace, request)
    done: dict[str, PlaceReport] = {}
    if path.exists():
        content = json.loads(path.read_bytes())
        done = {name: PlaceReport.model_validate(one) for name, one in content.items()}
    for place in places:
        # What there is to do is noted first: a place killed half-way has less left to count.
        planned = done.get(place.name) or place.find(facts)
        done[place.name] = planned
        _note(path, done)
        report = place.erase(facts)
        done[place.name] = PlaceReport(
            place=place.name,
            rows=max(planned.rows, report.rows),
            files=max(planned.files, report.files),
        )
        _note(path, done)
    return tuple(done.values())


def _note(path: Path, done: Mapping[str, PlaceReport]) -> None:
    content = {name: one.model_dump() for name, one in done.items()}
    write_json(path, content, point="privacy-progress", private=True)


def _progress(workspace: Workspace, request: str) -> Path:
    return workspace.suppressions.folder / "progress" / f"{request}.json"


def _proved(workspace: Workspace, request: Request, reports: tuple[PlaceReport, ...]) -> Receipt:
    """Write the receipt; one that stands is kept if nothing more was found."""
    record = workspace.suppressions
    path = receipts_folder(record) / f"{request.id}.json"
    if path.exists() and request.done_at is not None:
        earlier = read_receipt(record, path)
        if not any(one.rows for one in reports):
            return earlier
        reports = merged(earlier.places, reports)
    receipt = Receipt(
        request=request.id,
        action=request.action,
        subject=request.kind,
        tag=request.tag,
        asked_on=request.asked_on.isoformat(),
        done_at=workspace.clock.now(),
        places=reports,
    )
    return read_receipt(record, write_receipt(record, receipt))


@dataclass(frozen=True)
class Deadline:
    """A request that waits: its id, what it is, when it must be done, how it stands."""

    request: str
    action: str
    kind: str
    due_on: date
    state: Literal["waiting", "late soon", "overdue"]


def deadlines(workspace: Workspace) -> list[Deadline]:
    """Return the requests that are not done, the most urgent first."""
    today = workspace.clock.today()
    found = []
    for one in workspace.suppressions.pending():
        age = (today - one.asked_on).days
        state: Literal["waiting", "late soon", "overdue"] = (
            "overdue" if age > DEADLINE_DAYS else "late soon" if age > WARN_DAYS else "waiting"
        )
        due = one.asked_on + timedelta(days=DEADLINE_DAYS)
        found.append(Deadline(one.id, one.action, one.kind, due, state))
    return sorted(found, key=lambda one: (one.due_on, one.request))


def verified_receipts(workspace: Workspace) -> int:
    """Check the signature of every receipt; return how many there are."""
    record = workspace.suppressions
    return len([read_receipt(record, path) for path in receipts(record)])
