"""Past periods of a source asked by period, taken up as history that is news to nobody.

Belongs here: which periods may be taken, month by month, and in which place they stand. Does
not belong here: fetching and building (:mod:`opendata.fetch`, :mod:`opendata.ingest`).

A backfilled version stands before every version that was ever current, so that whoever reads
what is new since one of those never meets it; where both have a record, the later has the last
word. What is taken twice is found again by its bytes and left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta

from opendata import files
from opendata.catalogue import Dataset
from opendata.clock import Clock
from opendata.errors import OpenDataError, SettingsError
from opendata.fetch import fetch_dataset
from opendata.ingest import Source, build
from opendata.outcome import Outcome
from opendata.remote import DateWindow
from opendata.take import Connect
from opendata.versions import TableStore


def backfill(
    source: Source,
    store: TableStore,
    clock: Clock,
    connect: Connect,
    first: date,
    last: date,
    *,
    each: Callable[[DateWindow, Outcome], None] | None = None,
) -> list[Outcome]:
    """Take the records published from ``first`` to ``last``, both included, as history.

    Args:
        source: the dataset.
        store: the versions.
        clock: clock of the run.
        connect: opens a client of the portal.
        first: first day to take.
        last: last day to take.
        each: told of each month as it is done; those done stay if a later one fails.

    Raises:
        SettingsError: the dataset is not asked by period, serves nothing yet, or serves days
            of the period already.
        StateError: the disk is full.
        OpenDataError: a month could not be fetched or built.
    """
    try:
        with files.space_told():
            return _months_taken(source, store, clock, connect, first, last, each)
    except OpenDataError as error:
        # Not noted as an attempt: what is asked of the present is as fresh as it was.
        error.located(dataset=source.dataset.name)
        raise


def _months_taken(
    source: Source,
    store: TableStore,
    clock: Clock,
    connect: Connect,
    first: date,
    last: date,
    each: Callable[[DateWindow, Outcome], None] | None,
) -> list[Outcome]:
    dataset = source.dataset
    _require(dataset, store, first, last)
    outcomes = []
    for window in months(first, last):
        with connect(dataset.host) as client:
            fetched = fetch_dataset(
                dataset,
                portals=client.portals,
                http=client.http,
                data_dir=store.data_dir,
                clock=clock,
                progress=client.progress,
                asked=window,
            )
        outcome = build(source, store, clock, history=fetched)
        outcomes.append(outcome)
        if each is not None:
            each(window, outcome)
    return outcomes


def months(first: date, last: date) -> Iterator[DateWindow]:
    """Yield the period month by month, oldest first."""
    start = first
    while start <= last:
        following = (start.replace(day=1) + timedelta(days=32)).replace(day=1)
        end = min(following - timedelta(days=1), last)
        yield DateWindow(start, end)
        start = end + timedelta(days=1)


def by_period(dataset: Dataset) -> bool:
    """Tell whether past periods of a dataset can be asked for."""
    windows = all(resource.window is not None for resource in dataset.resources)
    return dataset.kind == "events" and windows and dataset.overlays is None


def loaded_from(dataset: Dataset, store: TableStore) -> date:
    """Return the first day that what serves begins with; history may stand before it.

    Raises:
        SettingsError: it serves nothing yet.
    """
    served = [one for one in store.state(dataset.name).good() if not one.backfilled]
    if not served:
        raise SettingsError(
            "it serves nothing yet, so that there is nothing to stand before",
            next_step=f"run `company-signals fetch {dataset.name}` first",
            dataset=dataset.name,
        )
    return min(one.window_from or one.publisher_date for one in served)


def _require(dataset: Dataset, store: TableStore, first: date, last: date) -> None:
    if first > last:
        raise SettingsError(
            f"{first} is after {last}", next_step="give --from before --to", dataset=dataset.name
        )
    if not by_period(dataset):
        raise SettingsError(
            "it is not asked by period: what it publishes holds its own past",
            next_step="backfill a dataset of events, e.g. bodacc",
            dataset=dataset.name,
        )
    begins = loaded_from(dataset, store)
    if last >= begins:
        raise SettingsError(
            f"its records are loaded from {begins} on",
            next_step=f"give --to {begins - timedelta(days=1)} or earlier",
            dataset=dataset.name,
        )
