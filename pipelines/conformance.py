"""What the commands of the group `feed` do and print.

Belongs here: the folders they work in, the lines people read. Does not belong here: the
scenarios and the judge (:mod:`signals.conformance`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from opendata.errors import SettingsError
from pipelines.console import console
from signals.conformance.judge import command, judge
from signals.conformance.scenarios import INDEX, write


def print_fixtures(out: Path) -> None:
    """Write the feeds of every scenario under ``out``.

    Raises:
        SettingsError: there is something already.
    """
    if out.exists():
        raise SettingsError(
            "the folder of the test events exists already",
            next_step="give --out another folder, or remove this one",
            file=out.name,
        )
    with TemporaryDirectory() as work:
        scenarios = write(out, Path(work))
    steps = sum(len(one.steps) for one in scenarios)
    console.print(
        f"{len(scenarios)} scenarios, {steps} feeds, described in {out / INDEX}", soft_wrap=True
    )
    first = scenarios[0].steps[0].feed
    console.print(
        f"the plain one, an account's stream with every type: {out / first}", soft_wrap=True
    )


def print_verdicts(words: Sequence[str]) -> bool:
    """Judge the consumer ``words``; return whether it keeps to every rule."""
    with TemporaryDirectory() as folder:
        feeds, states, work = (Path(folder) / name for name in ("feeds", "states", "work"))
        work.mkdir()
        verdicts = judge(command(words), write(feeds, work), feeds, states)
    for one in verdicts:
        console.print(
            f"{'ok  ' if one.ok else 'FAIL'} {one.scenario}: {one.rule}",
            markup=False,
            soft_wrap=True,
        )
        for finding in one.findings:
            console.print(f"       {finding}", markup=False, soft_wrap=True)
    good = sum(one.ok for one in verdicts)
    console.print(f"{good} of {len(verdicts)} scenarios passed")
    return good == len(verdicts)
