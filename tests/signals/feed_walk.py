"""A feed that lives on while its publisher is killed: told, corrected, erased, compacted, read.

Belongs here: the walk, as a program: ``feed_walk.py FOLDER SEED KILLS``. Each publication runs in
a child that is killed by SIGKILL, at a point of a write or at a moment; another one runs it again
and holds the streams and two consumers to what they must say. Does not belong here: how many
kills are enough (``test_feed_kills.py``).

Importing once and forking makes a child cost hundredths of a second. The parent never runs a
query: a pool of threads would be lost in the fork.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import polars as pl
from signal_tables import SALE
from signal_world import (
    BUYER,
    DAY,
    LIQUIDATION,
    OTHER_SALE,
    SELLER,
    at,
    candidates,
    match,
    publish,
    sales,
    stream,
    tell,
    tree,
)

from opendata import files
from signals.log import SignalLog
from signals.reader import Feed, State, catch_up
from signals.registry import registry

SIRENS = (BUYER, SELLER, OTHER_SALE["buyer_siren"], OTHER_SALE["seller_siren"])
STREAMS = ("company", "accounts/acme")
WINDOW = timedelta(days=30)
#: Kills in one folder; then another one is begun, for a log only grows.
LIFE = 40
#: A moment of a kill comes after at most so many seconds of work: a clock that counts work
#: kills as often on a busy machine as on an idle one.
LONGEST = 0.4
_POOLS = ("polars-0", "tokio", "async-executor", "rayon")


class Walk:
    """One folder and what is done in it, round by round; the same for the same seed."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = folder, seed
        self.day = DAY
        #: Names of the points seen so far → how often one was chosen to die at.
        self.names = Counter({"feed-manifest:before-write": 0})
        #: Names of the points → how often one came at most in a round.
        self.most = Counter({"feed-manifest:before-write": 1})

    def chosen(self, number: int) -> random.Random:
        return random.Random(f"{self.seed}/{number}")  # noqa: S311 - a walk, no secret

    def begin(self) -> None:
        """Tell the first events."""
        tell(SignalLog(self.folder / "signals"), sales(SALE, OTHER_SALE))

    def round(self, number: int, *, keep: bool = False) -> None:
        """Change the log and publish; doing it again changes nothing more, if segments are kept."""
        dice, log = self.chosen(number), SignalLog(self.folder / "signals")
        which = dice.choice([SALE, OTHER_SALE])
        town = dice.choice(["Ici", "Ailleurs", "Partout"])
        deed = dice.choice(["correct", "happen", "happen", "annul", "liquidate", "erase", "rest"])
        if deed == "correct":
            tell(log, sales({**which, "ville": town}, day=self.day))
        elif deed == "happen":
            dates = {"date_parution": self.day, "date_effet": self.day,
                     "publication_date": self.day}  # fmt: skip
            tell(log, sales({**which, **dates, "notice_id": f"A{number:07}"}, day=self.day))
        elif deed == "liquidate":
            tell(log, candidates(self.day, bodacc__insolvencies=[LIQUIDATION]))
        elif deed == "annul":
            named = sorted(log.current()["signalid"])[: dice.randint(1, 2)]
            log.retract(named, reason="annulation", recorded=at(self.day), run_id="run-2")
        elif deed == "erase" and dice.random() < 0.3:
            siren = dice.choice(SIRENS)
            log.erase([siren], reason="opposition", recorded=at(self.day), run_id="run-3")
        leads = [match(f"lead-{n}", dice.choice(SIRENS)) for n in range(dice.randint(0, 3))]
        window = None if keep else dice.choice([None, WINDOW])
        publish(log, self.folder / "exports", *leads, day=self.day, window=window)

    def check(self, number: int) -> None:
        """Run the round to its end and hold everything to what it must be."""
        self.round(number)
        self.round(number, keep=True)
        out = self.folder / "exports"
        before = tree(out)
        self.round(number, keep=True)
        assert tree(out) == before, "the same again writes something"
        self.look()
        for name in STREAMS:
            if (out / name / "manifest.json").exists():
                self._check_readers(out / name, name, number)
        rows = SignalLog(self.folder / "signals").rows()
        assert rows["sequence"].cast(pl.Int64).to_list() == list(range(1, rows.height + 1))
        said = json.loads((out / "company" / "manifest.json").read_bytes())
        assert int(said["max_sequence"]) == rows.height, "a row of the log was not published"

    def look(self) -> None:
        """Hold each stream to its manifest and to the names that its rows were given before.

        Every publication is looked at, for the next one may drop rows.
        """
        for name in STREAMS:
            folder = self.folder / "exports" / name
            if (folder / "manifest.json").exists():
                self._check_stream(folder, name)

    def _check_stream(self, folder: Path, name: str) -> None:
        said = json.loads((folder / "manifest.json").read_bytes())
        rows = stream(folder)
        first, last = int(said["min_sequence"]), int(said["max_sequence"])
        assert rows["sequence"].cast(pl.Int64).to_list() == list(range(first, last + 1))
        path = self.folder / f"names-{name.replace('/', '-')}.json"
        known = json.loads(path.read_text()) if path.exists() else {}
        for sequence, identity in rows.select("sequence", "id").iter_rows():
            assert known.setdefault(sequence, identity) == identity, "a row got another name"
        assert len(known) == last == len(set(known.values())), "a row was lost or came twice"
        path.write_text(json.dumps(known))
        named = {part["path"] for part in [*said["segments"], *said["resources"]]}
        if said["compacted"]:
            named.add(said["compacted"]["path"])
        held = tree(folder)
        for entry in [*said["segments"], *said["resources"]]:
            assert entry["hash"] == f"sha256:{held[entry['path']]}"
        parts = ("segments/", "compacted/")
        there = {one for one in held if one.startswith(parts)}
        assert there == {one for one in named if one.startswith(parts)}, "something is left over"

    def _check_readers(self, folder: Path, name: str, number: int) -> None:
        """Read with one consumer every time and with one now and then: both hold the snapshot."""
        said = json.loads((folder / "manifest.json").read_bytes())
        snapshot = pl.read_parquet(folder / said["snapshot"]["path"], glob=False)
        readers = ["eager", "lazy"] if self.chosen(number).random() < 0.2 else ["eager"]
        for reader in readers:
            with State(self.folder / f"{reader}-{name.replace('/', '-')}.db") as state:
                catch_up(Feed.at(folder), state)
                created = said["created"]
                standing = {row["id"] for row in state.standing() if row["expirytime"] > created}
            assert standing == set(snapshot["id"]), f"the {reader} consumer holds something else"


def child(deed: Callable[[int], None]) -> int:
    """Run ``deed`` in a child, with a pipe to tell through; return the pipe's end and its pid."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        try:
            deed(write)
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
        os._exit(0)
    os.close(write)
    return _told(pid, read)


_last: dict[str, object] = {}


def _told(pid: int, read: int) -> int:
    with os.fdopen(read, "rb") as pipe:
        said = pipe.read().decode()
    _, status = os.waitpid(pid, 0)
    _last["points"] = [line for line in said.split("\n") if line]
    return status


def killed(walk: Walk, number: int, dice: random.Random) -> tuple[str, bool] | None:
    """Run a round in a child that dies; return the last point reached and whether at a moment.

    ``None`` if the round ended before the kill came.
    """
    at_a_moment = dice.random() < 0.5
    # Those chosen least come first, so that few kills meet every kind of point.
    least = min(walk.names.values())
    name = dice.choice(sorted(one for one, chosen in walk.names.items() if chosen == least))
    walk.names[name] += not at_a_moment
    # No later than it ever came: a round that ends before the kill is a round for nothing.
    occurrence = min(dice.choice([1, 1, 1, 2, 5]), walk.most[name])
    seconds = dice.uniform(0.01, LONGEST)

    def deed(told: int) -> None:
        met = 0
        lock = threading.Lock()

        def reached(here: str) -> None:
            nonlocal met
            with lock:
                met += here == name
                os.write(told, f"{here}\n".encode())
                if not at_a_moment and here == name and met == occurrence:
                    os.kill(os.getpid(), signal.SIGKILL)

        files.on_point = reached
        if at_a_moment:
            # At its default action this signal ends the process at once, as SIGKILL does.
            signal.signal(signal.SIGPROF, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_PROF, seconds)
        walk.round(number)

    status = child(deed)
    for met, often in Counter(_points()).items():
        walk.names.setdefault(met, 0)
        walk.most[met] = max(walk.most[met], often)
    if os.WIFEXITED(status):
        assert os.WEXITSTATUS(status) == 0, f"seed {walk.seed}, round {number}: it failed"
        return None
    died_of = os.WTERMSIG(status)
    assert died_of in (signal.SIGKILL, signal.SIGPROF), f"it crashed: signal {died_of}"
    return (_points() or ["before the first"])[-1], at_a_moment


def _points() -> list[str]:
    found = _last["points"]
    assert isinstance(found, list)
    return found


def main(folder: Path, seed: int, kills: int) -> dict[str, object]:
    """Walk until so many kills were survived; return the counts."""
    where: Counter[str] = Counter()
    moments, done, rounds, life = 0, 0, 0, 0
    started = time.monotonic()
    while done < kills:
        home = folder / f"life-{life}"
        walk = Walk(home, seed * 1000 + life)
        home.mkdir(parents=True)
        in_life, number = 0, 0
        assert child(lambda _told, w=walk: w.begin()) == 0
        while in_life < LIFE and done < kills:
            dice = random.Random(f"{walk.seed}/kill/{number}")  # noqa: S311
            died = killed(walk, number, dice)
            if died is None:
                status = child(lambda _told, w=walk: w.look())
            else:
                where[died[0]] += 1
                moments += died[1]
                done, in_life = done + 1, in_life + 1
                status = child(lambda _told, w=walk, n=number: w.check(n))
            assert status == 0, f"seed {walk.seed}, round {number}: see above"
            walk.day += timedelta(days=dice.choice([0, 1, 1, 10, 25]))
            number, rounds = number + 1, rounds + 1
        shutil.rmtree(home)
        life += 1
        sys.stderr.write(f"{done} kills survived: {dict(sorted(where.items()))}\n")
        sys.stderr.flush()
    return {
        "kills": done,
        "at a moment": moments,
        "rounds": rounds,
        "points": dict(sorted(where.items())),
        "seconds": round(time.monotonic() - started),
    }


def _alone() -> None:
    names = {path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")}
    assert not any(name.startswith(_POOLS) for name in names), names


if __name__ == "__main__":
    registry()  # imports every detector: no child has to
    _alone()
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
