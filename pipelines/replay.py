"""Replaying the bundled sample.

Belongs here: the plan of run dates, the loopback portal, the clock moved through them.
The runs themselves are those of any operator: they get addresses and a date as settings.
"""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from opendata.errors import SettingsError
from opendata.lock import one_writer
from opendata.sample_portal import SamplePortal
from pipelines.console import console
from pipelines.settings import DATAGOUV_HOST, ROOT, Settings, load_settings

SAMPLE = ROOT / "data" / "sample"
#: File that says that only replays used a folder, so that the next one may empty it.
MARK = ".made-by-replay"
#: The sample was cut to companies that change, so most of its keys differ from month to
#: month; in the whole register about one in a hundred does, and the guard stays as it is.
ANY_CHANGE = {"sirene": 2.0}


#: What is made anew each time from what serves: on the last date of a replay only.
LOOKED_AT_LAST = ("contradictions", "warehouse")


class Step(BaseModel):
    """One run date: the datasets that run and what the portal shows for the first time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    date: date
    run: tuple[str, ...]
    publishes: tuple[str, ...]
    note: str


def load_plan(path: Path) -> list[Step]:
    """Read a plan of run dates.

    Raises:
        SettingsError: it is not one, or its dates go backwards.
    """
    try:
        steps = TypeAdapter(list[Step]).validate_python(yaml.safe_load(path.read_text("utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise SettingsError(
            f"not a plan of run dates ({type(error).__name__})",
            next_step="compare it with data/sample/replay.yml",
            file=path.name,
        ) from error
    if [step.date for step in steps] != sorted(step.date for step in steps):
        raise SettingsError(
            "the run dates go backwards", next_step="put them in order", file=path.name
        )
    return steps


def sample_settings(portal: SamplePortal, day: date, data_dir: Path | None) -> Settings:
    """Return the settings of a run at ``day`` that speaks to the sample portal."""
    bases = dict(portal.bases())
    return load_settings(
        data_dir=data_dir,
        leads=SAMPLE / "leads.csv",
        datagouv_url=bases.pop(DATAGOUV_HOST),
        base_urls=bases,
        at=day,
        changed_ceilings=ANY_CHANGE,
    )


def emptied(folder: Path) -> None:
    """Empty ``folder``, which a replay made and nobody else used, but for its mark and lock.

    Raises:
        SettingsError: it holds something that no replay made.
    """
    mark = folder / MARK
    kept = {mark.name, ".lock"}
    entries = [path for path in folder.iterdir() if path.name not in kept]
    if entries and not mark.exists():
        raise SettingsError(
            f"the folder {folder.name} holds other data than a replay's",
            next_step="give an empty folder or a new one with --data-dir",
        )
    mark.touch()
    for path in entries:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def replay_sample(plan: Path | None, data_dir: Path | None) -> bool:
    """Replay the plan from nothing; return whether every run went well.

    The last date runs twice: the second time there is nothing new.
    """
    from pipelines.main_job import RunReport, history, run_main_job
    from pipelines.progress import shown
    from pipelines.summary import print_step, print_summary
    from pipelines.workspace import open_workspace

    steps = load_plan(plan or SAMPLE / "replay.yml")
    steps.append(steps[-1].model_copy(update={"note": "The same date again"}))
    folder = data_dir or load_settings().data_dir / "replay"
    total, workspace = RunReport(), None
    with one_writer(folder), SamplePortal(SAMPLE) as portal, history():
        emptied(folder)
        for step in steps:
            portal.set_date(step.date)
            workspace = open_workspace(sample_settings(portal, step.date, folder))
            with shown(f"{step.date}  {step.note}"):
                # Nobody looks between two dates of a replay.
                skip = () if step.date == steps[-1].date else LOOKED_AT_LAST
                report = run_main_job(workspace, step.run, skip=skip)
            print_step(step.date, step.note, report)
            total = total.joined(report)
            if not report.ok:
                break
    if workspace is not None:
        print_summary(workspace, total)
    return total.ok


def serve_sample(port: int, as_of: date | None) -> None:
    """Serve the sample until interrupted; print the settings that point a run at it."""
    import json

    portal = SamplePortal(SAMPLE, as_of=as_of, port=port)
    bases = dict(portal.bases())
    console.print(f"The sample portal listens on {portal.base_url}; stop it with Ctrl-C.")
    console.print(f"SIGNALS_DATAGOUV_URL={bases.pop(DATAGOUV_HOST)}", soft_wrap=True)
    console.print(f"SIGNALS_BASE_URLS='{json.dumps(bases)}'", soft_wrap=True)
    try:
        portal.serve_forever()
    except KeyboardInterrupt:
        console.print("Stopped.")
    finally:
        portal.close()
