"""How each source stands: OK, STALE or GAP.

Belongs here: what was last tried for each dataset and what that means for its readers. A
gap is never "no change": a consumer must be able to tell that nothing happened from
nobody having looked. Does not belong here: alerts and schedules.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Literal

import polars as pl
from pydantic import AwareDatetime, ValidationError

from opendata.catalogue import Dataset, Model
from opendata.clock import PARIS, Clock
from opendata.errors import StateError
from opendata.files import write_json

State = Literal["OK", "STALE", "GAP"]

SCHEMA = pl.Schema(
    {
        "dataset": pl.String(),
        "state": pl.String(),
        "publication_date": pl.Date(),
        "last_checked": pl.Date(),
        "message": pl.String(),
    }
)


class Attempt(Model):
    """The last time a dataset was asked for.

    Attributes:
        attempted_at: instant of the last attempt, UTC.
        succeeded_at: instant of the last one that ended well, unchanged included.
        publication_date: the publisher's date of what serves since.
        error: why the last attempt failed; ``None`` if it did not.
    """

    attempted_at: AwareDatetime
    succeeded_at: AwareDatetime | None = None
    publication_date: date | None = None
    error: str | None = None


def _path(data_dir: Path, dataset: str) -> Path:
    return data_dir / "state" / "attempts" / f"{dataset}.json"


def last_attempt(data_dir: Path, dataset: str) -> Attempt | None:
    """Return what was last tried for ``dataset``; ``None`` if nothing ever was.

    Raises:
        StateError: the note is there and cannot be read.
    """
    path = _path(data_dir, dataset)
    if not path.exists():
        return None
    try:
        return Attempt.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise StateError(
            "the note of the last attempt cannot be read",
            next_step="remove it and run the dataset again",
            dataset=dataset,
            file=path.name,
        ) from error


def _save(data_dir: Path, dataset: str, attempt: Attempt) -> None:
    write_json(_path(data_dir, dataset), attempt.model_dump(mode="json"), point="attempt")


def record_success(data_dir: Path, dataset: str, published: date, clock: Clock) -> None:
    """Note that ``dataset`` was asked and serves what its publisher dates ``published``."""
    now = clock.now()
    _save(
        data_dir,
        dataset,
        Attempt(attempted_at=now, succeeded_at=now, publication_date=published),
    )


def record_failure(data_dir: Path, dataset: str, error: str, clock: Clock) -> None:
    """Note why asking for ``dataset`` failed; what was known of the last success stays."""
    try:
        before = last_attempt(data_dir, dataset)
    except StateError:
        before = None  # a damaged note must not hide the failure to be noted
    _save(
        data_dir,
        dataset,
        Attempt(
            attempted_at=clock.now(),
            succeeded_at=before.succeeded_at if before else None,
            publication_date=before.publication_date if before else None,
            error=error,
        ),
    )


def judge(dataset: Dataset, attempt: Attempt | None, today: date) -> tuple[State, str]:
    """Return the state of a dataset and a sentence that says why."""
    if attempt is None or attempt.succeeded_at is None:
        return "GAP", attempt.error if attempt and attempt.error else "never loaded"
    if attempt.error is not None:
        return "GAP", attempt.error
    asked = attempt.succeeded_at.astimezone(PARIS).date()
    age = (today - min(asked, attempt.publication_date or asked)).days
    if age > dataset.cadence.fail_after_days:
        return "GAP", f"older than {dataset.cadence.fail_after_days} days"
    if age > dataset.cadence.warn_after_days:
        return "STALE", f"older than {dataset.cadence.warn_after_days} days"
    return "OK", "as fresh as its publisher"


def source_status(
    catalogue: Mapping[str, Dataset],
    data_dir: Path,
    clock: Clock,
    gaps: Mapping[str, str] | None = None,
) -> pl.DataFrame:
    """Return one row per dataset in :data:`SCHEMA`, sorted by name.

    It tells days and not instants: asking twice a day and finding nothing is no news.

    Args:
        catalogue: the datasets.
        data_dir: the data folder.
        clock: clock of the run.
        gaps: dataset → what is missing in the middle of what it holds.
    """
    rows: list[dict[str, str | date | None]] = []
    for name in sorted(catalogue):
        attempt = last_attempt(data_dir, name)
        state, message = judge(catalogue[name], attempt, clock.today())
        if gaps and name in gaps and state != "GAP":
            state, message = "GAP", gaps[name]
        succeeded = attempt.succeeded_at if attempt else None
        rows.append(
            {
                "dataset": name,
                "state": state,
                "publication_date": attempt.publication_date if attempt else None,
                "last_checked": succeeded.astimezone(PARIS).date() if succeeded else None,
                "message": message,
            }
        )
    return pl.DataFrame(rows, schema=SCHEMA)
