"""Taking what platforms say of their signals, and how far they have read.

Belongs here: which files are new, where their rows go, what follows from them: an answer for the
review, segments that are kept longer. Does not belong here: reading and judging rows
(:mod:`signals.feedback`), keeping them (:mod:`leads.store`).

Nothing here trusts a file: a row that does not fit is counted, noted by line and rule, and left.
What was taken is noted last, so that a run that is killed takes the same files again, to the
same end.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from assets.workspace import Workspace
from leads.answers import denied
from leads.feedback import FEEDBACK_SCHEMA, holding, unknown
from leads.labels import LABEL_SCHEMA
from opendata.errors import ContractError
from opendata.files import json_bytes, write_bytes, write_json
from opendata.stores import Store, StoreError
from signals.feed import history, manifest
from signals.feedback.files import Rows, read_rows
from signals.feedback.inbox import Inbox, Letter, of_folder, of_store
from signals.feedback.judging import judged_feedback, judged_offsets

#: A file that was refused whole, one for a stream that is not there (yet), and a store that does
#: not answer: what platforms say can wait, matching and publishing do not wait for it.
UNREADABLE, NO_STREAM, NO_STORE = "file_unreadable", "no_such_stream", "store_unreachable"
_LABEL = ["account_id", "key", "siren", "says"]


@dataclass
class Taken:
    """What was taken.

    Attributes:
        files: files that were read now.
        rows: rows of feedback that were not known.
        answers: rows of the review that follow from them.
        offsets: consumers that have told how far they are.
        refused: rule → rows, and files, that were not taken.
    """

    files: int = 0
    rows: int = 0
    answers: int = 0
    offsets: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def counts(self) -> dict[str, Any]:
        """Return the counts, for a person."""
        said = {"files": self.files, "rows": self.rows, "answers": self.answers}
        refused = {f"refused: {rule}": rows for rule, rows in sorted(self.refused.items())}
        return {**said, "offsets": self.offsets, **refused}


def take_feedback(workspace: Workspace) -> Taken:
    """Take the files that platforms left in their place, if one is set and there are new ones."""
    place = workspace.feedback_from
    if place is None:
        return Taken()
    if isinstance(place, Path):
        return _taken(workspace, of_folder(place))
    try:
        inbox = of_store(Store.open(place, os.environ))
    except StoreError:
        return Taken(refused=Counter({NO_STORE: 1}))
    return _taken(workspace, inbox)


def take_file(workspace: Workspace, path: Path, account: str) -> Taken:
    """Take one file of feedback of ``account``.

    Raises:
        ContractError: it cannot be read at all.
    """
    streams = {name: one for name, one in _streams(workspace).items() if one == account}
    folder = next(iter(streams), f"accounts/{account}")
    body = path.read_bytes()
    read_rows(body, "feedback")
    return _taken(workspace, Inbox([Letter(path.name, folder, "feedback", lambda: body)], False))


def least_read(workspace: Workspace) -> dict[str, str]:
    """Return stream → the sequence up to which every consumer that reports has read."""
    least = {}
    for path in sorted(_root(workspace).rglob("state.json")):
        state = json.loads(path.read_bytes())
        told = [one["sequence"] for one in state["offsets"].values()]
        if told:
            least[str(state["source"])] = min(told)
    return least


def feedback_folders(workspace: Workspace) -> dict[Path, str | None]:
    """Return folder → account of everything noted about files of feedback."""
    return {
        path.parent: json.loads(path.read_bytes())["account_id"]
        for path in sorted(_root(workspace).rglob("state.json"))
    }


def _root(workspace: Workspace) -> Path:
    return workspace.data_dir / "feedback"


def _streams(workspace: Workspace) -> dict[str, str | None]:
    """Return folder of a published stream → its account."""
    found = [workspace.exports / "company" / manifest.NAME]
    found += sorted((workspace.exports / "accounts").glob(f"*/{manifest.NAME}"))
    return {
        path.parent.relative_to(workspace.exports).as_posix(): manifest.read(path.parent).account_id
        for path in found
        if path.is_file()
    }


def _taken(workspace: Workspace, inbox: Inbox) -> Taken:
    taken, streams = Taken(), _streams(workspace)
    by_stream: dict[str, list[Letter]] = {}
    for letter in inbox.letters:
        by_stream.setdefault(letter.stream, []).append(letter)
    for stream, letters in by_stream.items():
        if stream in streams:
            one = _Stream(workspace, stream, streams[stream])
            one.take(letters, taken, final=inbox.final)
        else:
            taken.refused[NO_STREAM] += len(letters)
    return taken


class _Stream:
    """The files about one stream, and what is noted of them."""

    def __init__(self, workspace: Workspace, name: str, account: str | None) -> None:
        self._workspace, self._account = workspace, account
        self._folder = _root(workspace) / name
        self._stream = workspace.exports / name
        content = json.loads((self._stream / manifest.NAME).read_bytes())
        self._source, self._last = str(content["source"]), str(content["max_sequence"])
        path = self._folder / "state.json"
        state: dict[str, Any] = json.loads(path.read_bytes()) if path.is_file() else {}
        self._read: dict[str, str] = state.get("read", {})
        self._offsets: dict[str, dict[str, str]] = state.get("offsets", {})

    def take(self, letters: Iterable[Letter], taken: Taken, *, final: bool) -> None:
        """Take those that are new.

        Args:
            letters: files about this stream.
            taken: what is counted on.
            final: a file of a known name need not be asked for again.
        """
        before = json_bytes([self._read, self._offsets])
        feedback: list[pl.DataFrame] = []
        offsets: list[pl.DataFrame] = []
        for letter in letters:
            # A name may say anything: it is not kept.
            name = hashlib.sha256(letter.name.encode()).hexdigest()[:16]
            if final and name in self._read:
                continue
            try:
                body = letter.body()
            except (OSError, StoreError):
                taken.refused[UNREADABLE] += 1
                continue  # not noted: it may be readable, or gone, the next time
            digest = hashlib.sha256(body).hexdigest()
            if self._read.get(name) == digest:
                continue
            taken.files += 1
            judged = self._judged(letter, body, taken)
            if judged is not None:
                (feedback if letter.kind == "feedback" else offsets).append(judged.kept)
                self._note_refused(digest, judged.refused, taken)
            self._read[name] = digest
        self._keep_feedback(feedback, taken)
        self._keep_offsets(offsets, taken)
        if json_bytes([self._read, self._offsets]) != before:
            self._note()

    def _judged(self, letter: Letter, body: bytes, taken: Taken) -> Rows | None:
        now = self._workspace.clock.now()
        try:
            said = read_rows(body, letter.kind)
        except ContractError:
            taken.refused[UNREADABLE] += 1
            return None
        if letter.kind == "consumer_offsets":
            return judged_offsets(said, source=self._source, last=self._last, now=now)
        told = history.read(self._stream).told
        strange = said.kept.filter(~pl.col("signal_id").is_in(told["signalid"].implode()))
        leads = self._workspace.lead_store.leads(self._account or "").select("lead_id")
        return judged_feedback(
            said, told, leads, source=self._source, now=now, elsewhere=self._elsewhere(strange)
        )

    def _elsewhere(self, strange: pl.DataFrame) -> set[str]:
        """Return which unknown signals another account was given."""
        wanted, found = strange["signal_id"].unique(), set[str]()
        others = _streams(self._workspace) if wanted.len() else {}
        for name, account in others.items():
            if account not in (None, self._account):
                ids = history.read(self._workspace.exports / name).told["signalid"]
                found |= set(wanted.filter(wanted.is_in(ids.implode())).to_list())
        return found

    def _keep_feedback(self, parts: list[pl.DataFrame], taken: Taken) -> None:
        if not parts or self._account is None:
            return
        today, store = self._workspace.clock.today(), self._workspace.lead_store
        said = pl.concat(parts).with_columns(
            account_id=pl.lit(self._account), received_on=pl.lit(today)
        )
        new = unknown(said, store.feedback(self._account))
        if new.is_empty():
            return
        # Answers first: what is kept already is not looked at again.
        taken.answers += self._answer(new, taken)
        taken.rows += store.add_feedback(new)

    def _answer(self, new: pl.DataFrame, taken: Taken) -> int:
        """Tell the review which leads are not the company; return how many answers are new."""
        store, labels = self._workspace.lead_store, self._workspace.label_store
        both = pl.concat([store.feedback(self._account), new.select(FEEDBACK_SCHEMA.names())])
        held = holding(both).filter(reason="wrong_company").select("signal_id")
        wrong = new.filter(reason="wrong_company").join(held, on="signal_id", how="semi")
        pairs = wrong.select("account_id", "lead_id", "siren").drop_nulls().unique()
        if pairs.is_empty():
            return 0
        known = labels.labels(self._account)
        found = denied(
            pairs.sort("lead_id", "siren"),
            store.leads(self._account),
            known,
            on=self._workspace.clock.today(),
        )
        taken.refused.update(found.refused["rule"].to_list())
        fresh = found.labels.join(known, on=_LABEL, how="anti")
        if fresh.height:
            labels.put(fresh.select(LABEL_SCHEMA.names()))
        return fresh.height

    def _keep_offsets(self, parts: list[pl.DataFrame], taken: Taken) -> None:
        for row in (row for part in parts for row in part.iter_rows(named=True)):
            now = {"sequence": row["sequence"], "at": row["at"].isoformat()}
            before = self._offsets.get(row["consumer"])
            # Of two of one instant the one further back holds: nothing is dropped too soon.
            if before is None or _newer(now, before):
                self._offsets[row["consumer"]] = now
                taken.offsets += 1

    def _note_refused(self, digest: str, refused: pl.DataFrame, taken: Taken) -> None:
        taken.refused.update(refused["rule"].to_list())
        if refused.height:
            path = self._folder / "refused" / f"{digest[:32]}.jsonl"
            write_bytes(path, refused.write_ndjson().encode(), point="feedback-refused")

    def _note(self) -> None:
        content = {
            "account_id": self._account,
            "source": self._source,
            "read": self._read,
            "offsets": self._offsets,
        }
        write_json(self._folder / "state.json", content, point="feedback")


def _newer(now: Mapping[str, str], before: Mapping[str, str]) -> bool:
    if now["at"] != before["at"]:
        return now["at"] > before["at"]
    return now["sequence"] < before["sequence"]
