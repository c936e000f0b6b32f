"""Going back one version of a dataset, with all that followed from it.

Belongs here: the order of the steps and the note that survives a kill. Does not belong
here: any of the steps.

Before anything else the record of suppressions is applied to what will serve: who objected
since is not shown again. What the log said is taken back next, then the derived versions go,
then the dataset's own pointer. A run that meets the first half of it says the signals anew, or
stops; a second `rollback` finds the note and finishes the same step instead of taking another
one. No other writer comes in between: the lock is held until what follows is exported.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from assets import discovery
from assets.workspace import Workspace
from opendata.catalogue import Model
from opendata.errors import SettingsError, StateError
from opendata.files import write_json
from opendata.lock import one_writer
from opendata.source_status import record_success
from opendata.state import Version
from pipelines.audit import noted
from pipelines.diffusion import kept_in_force
from pipelines.main_job import RunReport, history, run_exports, run_matching
from signals.contract import CANDIDATE_SCHEMA
from signals.log import Appended
from signals.rolled_back import taken_back

REASON = "rolled back by an operator"


class Step(Model):
    """One step back: dataset → version that goes, and → version that serves after it."""

    goes: dict[str, str]
    serves: dict[str, str | None]

    @property
    def withdrawn(self) -> set[str]:
        """Return the ``source_id`` of the versions that go."""
        return {f"{dataset}@{version}" for dataset, version in self.goes.items()}


def _note(workspace: Workspace, dataset: str) -> Path:
    return workspace.data_dir / "state" / "rollbacks" / f"{dataset}.json"


def unfinished(workspace: Workspace) -> list[str]:
    """Return the datasets whose rollback was begun and not finished."""
    return sorted(path.stem for path in (workspace.data_dir / "state" / "rollbacks").glob("*.json"))


def step_back(workspace: Workspace, dataset: str) -> tuple[Step, Appended, RunReport]:
    """Return ``dataset`` to its previous good version, and publish what follows.

    Returns:
        What went, what the log took back, and the report of the export.

    Raises:
        SettingsError: no such dataset, or it is made from another one.
        StateError: there is no previous version, or another run is writing.
    """
    with one_writer(workspace.data_dir):
        step = _begun(workspace, dataset) or _planned(workspace, dataset)
        note = _note(workspace, dataset)
        write_json(note, step.model_dump(mode="json"), point="rollback")
        _suppress(workspace, step)
        appended = _take_back(workspace, step)
        # What was said before the rollback speaks again: it is closed anew to prospecting.
        _suppress(workspace, step)
        for name, version in step.goes.items():
            workspace.store.withdraw(name, version, reason=REASON)
            serving = workspace.store.current(name)
            if serving is not None:
                published = serving.publisher_date
                record_success(workspace.data_dir, name, published, workspace.clock)
        noted(workspace, "rollback", goes=step.goes, serves=step.serves)
        report = publish(workspace)
        if report.ok:
            note.unlink(missing_ok=True)
    return step, appended, report


def _suppress(workspace: Workspace, step: Step) -> None:
    """Apply what is on record to the versions that will serve, and to the log."""
    for name, version in step.serves.items():
        serving = workspace.store.state(name).find(version or "")
        if serving is not None:
            kept_in_force(workspace, serving.publisher_date)


def publish(workspace: Workspace) -> RunReport:
    """Match the leads to what serves now, if there are any, and export."""
    if not (workspace.data_dir / "leads.duckdb").exists():
        return run_exports(workspace)
    with history():
        return run_matching(workspace).joined(run_exports(workspace))


def _begun(workspace: Workspace, dataset: str) -> Step | None:
    note = _note(workspace, dataset)
    if not note.exists():
        return None
    try:
        return Step.model_validate_json(note.read_bytes())
    except ValidationError as error:
        raise StateError(
            "the note of an unfinished rollback cannot be read",
            next_step="remove it, then look at `company-signals status`",
            dataset=dataset,
            file=note.name,
        ) from error


def _planned(workspace: Workspace, dataset: str) -> Step:
    """Return the step: derived versions first, the dataset itself last."""
    known, store = discovery.catalogue(), workspace.store
    if dataset not in known:
        raise SettingsError(
            f"no dataset is called {dataset!r}", next_step=f"choose among {', '.join(known)}"
        )
    origin = known[dataset].derived_from
    if origin is not None and not _orphaned(workspace, store.current(dataset), origin):
        raise SettingsError(
            f"{dataset} is made from {origin}",
            next_step=f"run `company-signals rollback {origin}`: both go back together",
        )
    current, _ = store.going_back(dataset)
    going = [*(one for one in store.derived(current) if one.status == "good"), current]
    before = {one.dataset: store.state(one.dataset).before(one.id) for one in going}
    return Step(
        goes={one.dataset: one.id for one in going},
        serves={name: one.id if one is not None else None for name, one in before.items()},
    )


def _orphaned(workspace: Workspace, derived: Version | None, origin: str) -> bool:
    """Return whether ``derived`` tells the changes up to a version that was withdrawn."""
    if derived is None:
        return False
    over = discovery.overlays().get(origin)
    for name in (origin, *([over.name] if over is not None else [])):
        compared = workspace.store.state(name).find(derived.told(name) or "")
        if compared is not None and compared.status == "withdrawn":
            return True
    return False


def _take_back(workspace: Workspace, step: Step) -> Appended:
    """Undo in the log what the versions said, and move the cursors before them."""
    log = workspace.log
    rows = taken_back(
        log.rows(), step.withdrawn, recorded=workspace.clock.now(), run_id=workspace.run_id
    )
    cursors = {
        name: before
        for name, before in step.serves.items()
        if before is not None and log.cursor(name) == step.goes[name]
    }
    return log.append(CANDIDATE_SCHEMA.to_frame(), cursors, rows)
