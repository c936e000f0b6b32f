"""``python -m signals.reader FEED STATE [NOW]``: reads once, prints what to do and what stands.

Belongs here: the reader as a program, in the form that the conformance suite asks of any
consumer: JSON lines on standard output, exit code 0; a failure is one line and exit code 1.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from signals.reader.errors import ReaderError
from signals.reader.feed import Feed
from signals.reader.rows import instant
from signals.reader.state import State
from signals.reader.work import tasks


def main(arguments: list[str]) -> int:
    """Read once; ``STATE`` is a folder. Return the exit code."""
    if len(arguments) not in (2, 3):
        sys.stderr.write("give FEED STATE [NOW]\n")
        return 2
    base, folder = arguments[:2]
    now = datetime.fromisoformat(arguments[2]) if len(arguments) == 3 else datetime.now(UTC)
    Path(folder).mkdir(parents=True, exist_ok=True)
    try:
        with State(Path(folder) / "state.db") as state:
            for task in tasks(Feed.at(base), state, now=now):
                _print({"kind": task.kind, "signalid": task.signalid})
            for row in state.standing():
                if instant(row["expirytime"]) > now:
                    _print({"kind": "signal", **row})
    except ReaderError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _print(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")


def run() -> None:
    """Run as a program."""
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
