"""``python tests/mutants``: take each condition out of each rule; does a test notice?

Belongs here: the command and its page. Does not belong here: how a condition is taken out
(:mod:`removals`), who notices (:mod:`judging`), which may go unnoticed (:mod:`unnoticed`).
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from judging import Verdict

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PAGE = ROOT / "docs" / "guards.md"
BEGIN, END = "<!-- mutants: begin -->", "<!-- mutants: end -->"
#: Where the rules are tested, one by one.
TESTS = (
    "tests/signals/test_detectors_*.py",
    "tests/assets/agence_bio/test_organic_operators.py",
    "tests/assets/subventions/test_local_grants.py",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("signals", nargs="*", help="codes of the signals; all if none is given")
    parser.add_argument("--write", action="store_true", help="put the figures into their page")
    asked = parser.parse_args()
    sys.path[:0] = [str(ROOT), str(HERE)]
    from judging import BREAKS, CAUGHT, LEFT, Judge
    from unnoticed import reason

    judge = Judge(asked.signals)
    files = [str(one) for name in TESTS for one in sorted(ROOT.glob(name))]
    failed = pytest.main(["-q", "-p", "no:cacheprovider", *files], plugins=[judge])
    if failed not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        return int(failed)
    left = [one for one in judge.verdicts if one.outcome == LEFT]
    unexplained = [one for one in left if reason(one.signal, one.where, one.removed) is None]
    counts = Counter(one.outcome for one in judge.verdicts)
    summary = (
        f"{len(judge.verdicts):,} mutants of {len({one.signal for one in judge.verdicts})} rules: "
        f"{counts[CAUGHT]:,} noticed by a test, {counts[BREAKS]} that cannot run, "
        f"{len(left) - len(unexplained)} that change no event, {len(unexplained)} unexplained"
    )
    for one in unexplained:
        print(f"no test notices: {one.signal}, {one.where}: {one.removed}")  # noqa: T201
    print(summary)  # noqa: T201
    if asked.write and not asked.signals:
        _write(judge.verdicts, summary)
    return len(unexplained)


def _write(verdicts: Sequence[Verdict], summary: str) -> None:
    from judging import BREAKS, CAUGHT, LEFT
    from unnoticed import reason

    counts: dict[str, Counter[str]] = defaultdict(Counter)
    reasons: Counter[tuple[str, str]] = Counter()
    for one in verdicts:
        counts[one.signal][one.outcome] += 1
        if one.outcome == LEFT:
            why = reason(one.signal, one.where, one.removed) or "**no test notices**"
            shown = one.removed.replace("|", "&#124;")
            reasons[f"`{one.where}`: `{shown}`", why] += 1
    rows = [
        f"| {code} | {found.total()} | {found[CAUGHT]} | {found[BREAKS]} | {found[LEFT]} |"
        for code, found in sorted(counts.items())
    ]
    why = [f"| {what} | {why} | {rules} |" for (what, why), rules in sorted(reasons.items())]
    lines = [
        BEGIN, f"`make mutants`: {summary}.", "",
        "| signal | mutants | noticed | cannot run | no event changes |", "|---|--:|--:|--:|--:|",
        *rows, "", "| condition whose removal changes no event | why | rules |", "|---|---|---:|",
        *why, END,
    ]  # fmt: skip
    text = PAGE.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    PAGE.write_text(head + "\n".join(lines) + tail, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
