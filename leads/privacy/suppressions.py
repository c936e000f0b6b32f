"""The record of who must not be kept, shown or used.

Belongs here: the kinds of entries, adding them, and what they say taken together. Does not
belong here: how a record is kept (``opendata.ledger``), doing what an entry asks for
(``pipelines``).

Nobody stands in it by name or number: keyed hashes only, under a key of its own that is not
that of the leads, so that the leads' key can be renewed without forgetting who objected.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal

from leads.privacy.facts import SITE, UNIT, Facts, Keys
from opendata.ledger import Entry, Ledger
from opendata.pseudonyms import Pseudonyms

Action = Literal["erase", "object", "restrict"]
#: Kinds of subjects, and the field of :class:`Facts` that holds them.
FIELDS = {
    "account": "accounts",
    "lead": "leads",
    "email": "emails",
    "phone": "phones",
    "person": "persons",
}
_DIFFUSION = ("natural", "natural_sites", "legal", "legal_sites")
#: The files in the folder of the record: who is on it, what was done.
NAME, AUDIT = "suppressions.jsonl", "audit.jsonl"


@dataclass(frozen=True)
class Request:
    """What somebody asked for.

    Attributes:
        id: of its entry: the first digits of the hash that it was given.
        action: what was asked.
        kind: key of :data:`FIELDS`.
        tag: hash of the subject.
        asked_on: legal date from which the time to answer runs.
        done_at: when it was done everywhere; ``None`` while it is not.
    """

    id: str
    action: Action
    kind: str
    tag: str
    asked_on: date
    done_at: datetime | None = None


class Suppressions:
    """The record under one folder.

    Args:
        folder: ``data/privacy``.
        key: gives the parts of the key when it is first needed: without a record none is made.
    """

    def __init__(self, folder: Path, key: Callable[[], Sequence[bytes]]) -> None:
        self.folder = folder
        self.path = folder / NAME
        self._key = key
        self._keys: Keys | None = None
        self._ledger: Ledger | None = None
        self._folded: tuple[int, _Folded] | None = None

    def keys(self) -> Keys:
        """Return the hashes of identifiers."""
        if self._keys is None:
            self._keys = Keys(Pseudonyms(*self._key()))
        return self._keys

    def sign(self, content: bytes) -> str:
        """Return the signature of a receipt."""
        return _signature(self.keys().pseudonyms, content)

    def signed(self, content: bytes, signature: str) -> bool:
        """Tell whether ``signature`` is that of ``content``, now or before the key was renewed."""
        parts = self.keys().pseudonyms.keys
        former = (Pseudonyms(*parts[: number + 1]) for number in range(len(parts)))
        return any(hmac.compare_digest(_signature(one, content), signature) for one in former)

    @property
    def ledger(self) -> Ledger:
        """Return the file behind the record."""
        if self._ledger is None:
            self._ledger = Ledger(self.path, self.keys().pseudonyms.derived("ledger"))
        return self._ledger

    @property
    def audit(self) -> Ledger:
        """Return the record of what was done to the data folder, under the same key."""
        return Ledger(self.folder / AUDIT, self.keys().pseudonyms.derived("audit"))

    def entries(self) -> tuple[Entry, ...]:
        """Return the entries; none, and no key is made, where there is no record."""
        if not self.path.exists() and not self.path.with_suffix(".head.json").exists():
            return ()
        return self.ledger.entries()

    def request(
        self, action: Action, kind: str, tag: str, *, asked_on: date, at: datetime
    ) -> Request:
        """Put a request on record; the same one while it is open, or once done, is found again."""
        known = self.find(action, kind, tag)
        if known is not None:
            return known
        facts = {"action": action, "subject": kind, "tag": tag, "asked_on": asked_on.isoformat()}
        entry = self.ledger.append("request", facts, at)
        return Request(entry.id, action, kind, tag, asked_on)

    def find(self, action: Action, kind: str, tag: str) -> Request | None:
        """Return the request that stands for a subject, if there is one."""
        for one in self.requests():
            if (one.action, one.kind, one.tag) == (action, kind, tag):
                return one
        return None

    def lift(self, kind: str, tag: str, at: datetime) -> int:
        """End every request about a subject; return how many there were."""
        standing = [one for one in self.requests() if (one.kind, one.tag) == (kind, tag)]
        if standing:
            self.ledger.append("lift", {"subject": kind, "tag": tag}, at)
        return len(standing)

    def done(self, request: Request, at: datetime) -> Request:
        """Note that a request was carried out everywhere."""
        if request.done_at is not None:
            return request
        self.ledger.append("done", {"request": request.id}, at)
        return replace(request, done_at=at)

    def hide(self, tags: Mapping[str, Sequence[int]], since: date, at: datetime) -> str | None:
        """Put units that turned to partial diffusion on record; return the id, if any is new.

        Args:
            tags: field of :class:`Facts` → hashes.
            since: date of the publication that hides them.
            at: instant of the run.
        """
        known = self.facts()
        new = {
            name: sorted(tag for tag in found if getattr(known, name).get(tag, date.min) < since)
            for name, found in tags.items()
        }
        if not any(new.values()):
            return None
        written = {name: [f"{tag:016x}" for tag in found] for name, found in new.items() if found}
        entry = self.ledger.append("diffusion", {"since": since.isoformat(), **written}, at)
        return entry.id

    def hidden(self, entry: str, at: datetime) -> None:
        """Note that those of an entry of :meth:`hide` were masked everywhere."""
        if entry in self._fold().open_diffusion:
            self.ledger.append("done", {"request": entry}, at)

    def requests(self) -> tuple[Request, ...]:
        """Return the requests that stand, oldest first."""
        return tuple(self._fold().requests.values())

    def pending(self) -> tuple[Request, ...]:
        """Return the requests that are not done, oldest first."""
        return tuple(one for one in self.requests() if one.done_at is None)

    def facts(self) -> Facts:
        """Return whom nothing may be kept of, and who is hidden."""
        return self._fold().facts

    def unsettled(self) -> Facts:
        """Return those of :meth:`facts` who may still stand in a file."""
        return self._fold().unsettled

    def open_entries(self) -> tuple[str, ...]:
        """Return the ids of entries of :meth:`hide` that are not done."""
        return tuple(self._fold().open_diffusion)

    def facts_of_entry(self, entry: str) -> Facts:
        """Return whom an entry of :meth:`hide` that is not done is about."""
        return self._fold().open_diffusion[entry]

    def restricted(self) -> Facts:
        """Return whose data are kept and not used."""
        return self._fold().restricted

    def _fold(self) -> _Folded:
        entries = self.entries()
        if self._folded is None or self._folded[0] != len(entries):
            self._folded = (len(entries), _fold(entries))
        return self._folded[1]


def _signature(pseudonyms: Pseudonyms, content: bytes) -> str:
    return Pseudonyms(pseudonyms.derived("receipt")).text("receipt", content.decode())


@dataclass(frozen=True)
class _Folded:
    requests: Mapping[str, Request]
    facts: Facts
    unsettled: Facts
    restricted: Facts
    open_diffusion: Mapping[str, Facts]


def facts_of(kind: str, tags: Sequence[str]) -> Facts:
    """Return the facts about subjects of one kind, given by their hashes as text."""
    if kind == "person":
        return Facts(persons=frozenset(int(tag, 16) for tag in tags))
    named: dict[str, Any] = {FIELDS[kind]: frozenset(tags)}
    return Facts(**named)


def _fold(entries: Sequence[Entry]) -> _Folded:
    requests: dict[str, Request] = {}
    diffusion: dict[str, Facts] = {}
    finished: set[str] = set()
    for entry in entries:
        said = entry.facts
        if entry.kind == "request":
            name = entry.id
            requests[name] = Request(
                name,
                said["action"],
                said["subject"],
                said["tag"],
                date.fromisoformat(said["asked_on"]),
            )
        elif entry.kind == "done":
            finished.add(said["request"])
            if said["request"] in requests:
                found = requests[said["request"]]
                requests[said["request"]] = replace(found, done_at=entry.at)
        elif entry.kind == "lift":
            about = (said["subject"], said["tag"])
            requests = {n: r for n, r in requests.items() if (r.kind, r.tag) != about}
        elif entry.kind == "diffusion":
            diffusion[entry.id] = _hidden(said)
    kept_out = [one for one in requests.values() if one.action != "restrict"]
    still_open = {name: one for name, one in diffusion.items() if name not in finished}
    unfinished = [facts_of(one.kind, [one.tag]) for one in kept_out if one.done_at is None]
    return _Folded(
        requests,
        union([*(facts_of(one.kind, [one.tag]) for one in kept_out), *diffusion.values()]),
        union([*unfinished, *still_open.values()]),
        union(facts_of(r.kind, [r.tag]) for r in requests.values() if r.action == "restrict"),
        still_open,
    )


def hashed_again(
    kind: str, said: Mapping[str, Any], pseudonyms: Pseudonyms, known: int
) -> Mapping[str, Any]:
    """Return what an entry says, its hashes under all parts of the key instead of ``known``."""
    if kind == "diffusion":
        numbers = {
            name: pseudonyms.numbers_again(
                SITE if name.endswith("sites") else UNIT,
                [int(tag, 16) for tag in said[name]],
                known=known,
            )
            for name in _DIFFUSION
            if name in said
        }
        # Sorted, as those of an entry that was made under the whole key.
        again = {name: [f"{tag:016x}" for tag in sorted(tags)] for name, tags in numbers.items()}
        return {**said, **again}
    if "tag" not in said:
        return said
    return {**said, "tag": tag_again(said["subject"], said["tag"], pseudonyms, known)}


def tag_again(kind: str, tag: str, pseudonyms: Pseudonyms, known: int) -> str:
    """Return the hash of a subject under all parts of the key instead of ``known``."""
    if kind != "person":
        return pseudonyms.text_again(kind, tag, known=known)
    (number,) = pseudonyms.numbers_again(UNIT, [int(tag, 16)], known=known)
    return f"{number:016x}"


def _hidden(said: Mapping[str, Any]) -> Facts:
    since = date.fromisoformat(said["since"])
    hidden: dict[str, Any] = {
        name: {int(tag, 16): since for tag in said.get(name, ())} for name in _DIFFUSION
    }
    return Facts(**hidden)


def union(parts: Iterable[Facts]) -> Facts:
    """Return all of several facts; of one unit the latest date counts."""
    sets: dict[str, set[Any]] = {name: set() for name in FIELDS.values()}
    dates: dict[str, dict[int, date]] = {name: {} for name in _DIFFUSION}
    for part in parts:
        for name, found in sets.items():
            found |= getattr(part, name)
        for name, known in dates.items():
            for tag, since in getattr(part, name).items():
                known[tag] = max(since, known.get(tag, since))
    everything: dict[str, Any] = {**{n: frozenset(found) for n, found in sets.items()}, **dates}
    return Facts(**everything)
