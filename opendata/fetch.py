"""Take what a dataset publishes now, or find that nothing changed.

Belongs here: what must hold before anything is downloaded (existence, licence, coherence)
and the set of files of one dataset. Does not belong here: one transfer
(:mod:`opendata.download`), and what the files become (:mod:`opendata.ingest`).

A probe that failed is an error: it is never taken for "unchanged" or "gone".
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from opendata import files
from opendata.catalogue import OPEN_LICENCES, Dataset, Resource
from opendata.clock import Clock
from opendata.download import Download, Outcome, Progress, StoppedError
from opendata.errors import (
    LicenceError,
    OpenDataError,
    PortalError,
    SettingsError,
    StateError,
)
from opendata.http import Http
from opendata.receipt import Receipt
from opendata.remote import DateWindow, FolderPortal, Portal, RemoteFile, ResourceGoneError

#: Transfers of one dataset at the same time; hosts add their own, lower bound.
WORKERS = 4


@dataclass(frozen=True)
class Fetched:
    """What a dataset publishes now.

    Attributes:
        dataset: name of the dataset.
        receipts: resource name → receipt, in the order of ``dataset.yml``; where a window is
            answered by several files, ``<resource>/<file>`` → receipt.
        unchanged: every file is the previous one, and none is missing that was there.
        publisher_date: legal date of the publication, the latest of the files.
        missing: optional resources that the portal does not have.
        window: period asked for (events only).
    """

    dataset: str
    receipts: Mapping[str, Receipt]
    unchanged: bool
    publisher_date: date
    missing: tuple[str, ...] = ()
    window: DateWindow | None = None


def fetch_dataset(
    dataset: Dataset,
    *,
    portals: Mapping[str, Portal],
    http: Http,
    data_dir: Path,
    clock: Clock,
    previous: Mapping[str, Receipt] | None = None,
    since: date | None = None,
    progress: Progress | None = None,
    asked: DateWindow | None = None,
) -> Fetched:
    """Take every resource of ``dataset``, all of them or none.

    Args:
        dataset: what to take.
        portals: kind of portal → portal, as made by :func:`opendata.portals.portals`.
        http: the client of the run.
        data_dir: the data folder.
        clock: clock of the run.
        previous: receipts of the version that serves now, named as in :class:`Fetched`.
        since: last day already taken (events only); ``None`` takes the baseline.
        progress: told resource, bytes (or records) received and their total if known;
            called from several threads.
        asked: period to ask for instead of what is new (events only).

    Raises:
        PortalError: a resource or the dataset vanished, a probe failed, or the resources
            are of different months.
        LicenceError: the licence changed or is not an open one; nothing was downloaded.
        DownloadError: a file did not arrive whole.
        SettingsError: the description cannot be fetched as it is.
        StateError: the disk is full, or the clock went back.
    """
    previous = previous or {}
    portal = _portal(dataset, portals)
    offered = ask(
        dataset, portal=portal, today=clock.today(), previous=previous, since=since, asked=asked
    )
    remotes = offered.remotes
    jobs = [
        Download(
            dataset, dataset.resource(name), remote, data_dir, clock, previous.get(name), progress
        )
        for name, remote in remotes.items()
    ]
    outcomes = _run(jobs, http, portal, data_dir)
    receipts = {name: outcome.receipt for name, outcome in zip(remotes, outcomes, strict=True)}
    return Fetched(
        dataset=dataset.name,
        receipts=receipts,
        unchanged=all(o.unchanged for o in outcomes) and receipts.keys() == previous.keys(),
        publisher_date=max(remote.publisher_date for remote in remotes.values()),
        missing=offered.missing,
        window=offered.window,
    )


def _portal(dataset: Dataset, portals: Mapping[str, Portal]) -> Portal:
    portal = portals.get(dataset.portal)
    if portal is None:
        raise SettingsError(
            f"nothing is fetched from a portal of kind {dataset.portal!r}",
            next_step=f"use one of {', '.join(sorted(portals))} in dataset.yml",
            dataset=dataset.name,
        )
    return portal


@dataclass(frozen=True)
class Offered:
    """What a portal says of the files of a dataset; ``remotes`` are named as the receipts."""

    remotes: Mapping[str, RemoteFile]
    missing: tuple[str, ...] = ()
    window: DateWindow | None = None


def ask(
    dataset: Dataset,
    *,
    portal: Portal,
    today: date,
    previous: Mapping[str, Receipt],
    since: date | None = None,
    asked: DateWindow | None = None,
) -> Offered:
    """Ask what there is of ``dataset``, and refuse what may not be taken; nothing is downloaded.

    Raises:
        PortalError, LicenceError, StateError: as :func:`fetch_dataset`.
    """
    windows = {
        res.name: asked
        if asked is not None and res.window is not None
        else _window(res, since, _newest(previous, res.name), today)
        for res in dataset.resources
    }
    remotes, missing = _describe(dataset, portal, windows)
    for name, remote in remotes.items():
        _check_licence(dataset, remote, name)
        _check_plausible(dataset.resource(name), remote, dataset.name)
    if dataset.coherent:
        _check_coherent(dataset.name, remotes)
    return Offered(remotes, missing, next((one for one in windows.values() if one), None))


def _newest(previous: Mapping[str, Receipt], resource: str) -> Receipt | None:
    """Return the receipt of the latest file of a resource that serves."""
    own = [receipt for name, receipt in previous.items() if name.partition("/")[0] == resource]
    return max(own, key=lambda receipt: receipt.publisher_date, default=None)


def _window(
    resource: Resource, since: date | None, previous: Receipt | None, today: date
) -> DateWindow | None:
    """Return the period to ask: what is new, and again the days in which records come late.

    A portal that stood still when it was asked last had nothing of the days after its last
    publication: they are asked again, however often it was asked meanwhile.
    """
    declared = resource.window
    if declared is None:
        return None
    if since is None:
        return DateWindow(today - timedelta(days=declared.first_days), today)
    covered = min(since, previous.publisher_date) if previous else since
    start = covered - timedelta(days=declared.overlap_days)
    if start > today:
        raise StateError(
            f"{since} was already taken and today is {today}",
            next_step="check the clock of this machine, or the run date that was given",
            resource=resource.name,
        )
    return DateWindow(start, today)


def _describe(
    dataset: Dataset, portal: Portal, windows: Mapping[str, DateWindow | None]
) -> tuple[dict[str, RemoteFile], tuple[str, ...]]:
    remotes: dict[str, RemoteFile] = {}
    missing: list[str] = []
    for resource in dataset.resources:
        try:
            remotes |= _files(dataset, portal, resource, windows[resource.name])
        except ResourceGoneError as error:
            if not resource.optional:
                error.located(dataset=dataset.name, resource=resource.name)
                raise
            missing.append(resource.name)
        except OpenDataError as error:
            error.located(dataset=dataset.name, resource=resource.name)
            raise
        except (AttributeError, KeyError, TypeError) as error:
            raise PortalError(
                "the portal's answer does not have its documented shape",
                next_step="look at the portal's notices; nothing was changed",
                dataset=dataset.name,
                resource=resource.name,
            ) from error
    if not remotes:
        raise PortalError(
            "none of its resources is there",
            next_step="look at the page of the dataset; what is published here stays",
            dataset=dataset.name,
        )
    return remotes, tuple(missing)


def _files(
    dataset: Dataset, portal: Portal, resource: Resource, window: DateWindow | None
) -> dict[str, RemoteFile]:
    """Return the files of a resource by name: one, or those that a folder has for a window."""
    if window is None or not isinstance(portal, FolderPortal):
        return {resource.name: portal.describe(dataset, resource, window)}
    listed = portal.listing(dataset, resource, window)
    return {f"{resource.name}/{remote.file_name}": remote for remote in listed}


def _check_licence(dataset: Dataset, remote: RemoteFile, resource: str) -> None:
    found, agreed = remote.licence_id or dataset.licence.id, dataset.licence.id
    if found != agreed:
        raise LicenceError(
            f"the licence is now {found!r} and was {agreed!r}",
            next_step="read the new licence; correct dataset.yml only if it allows re-publication",
            dataset=dataset.name,
            resource=resource,
            file=remote.file_name,
        )
    if found not in OPEN_LICENCES and dataset.licence.republication:
        raise LicenceError(
            f"the licence {found!r} is not one under which data may be re-published",
            next_step=f"use only {', '.join(sorted(OPEN_LICENCES))}, or have the list extended",
            dataset=dataset.name,
            resource=resource,
            file=remote.file_name,
        )


def _check_plausible(resource: Resource, remote: RemoteFile, dataset: str) -> None:
    """Refuse an announced emptiness that a wrong filter would give as well."""
    if remote.rows_expected != 0:
        return
    window, declared = remote.window, resource.window
    if window is None or declared is None or window.days > declared.empty_ok_days:
        period = f" from {window}" if window else ""
        raise PortalError(
            f"the portal has no record{period}, which is not plausible",
            next_step="compare the query in dataset.yml with the portal; nothing was changed",
            dataset=dataset,
            resource=resource.name,
            file=remote.file_name,
        )


def _check_coherent(dataset: str, remotes: Mapping[str, RemoteFile]) -> None:
    months = {name: f"{remote.publisher_date:%Y-%m}" for name, remote in remotes.items()}
    if len(set(months.values())) > 1:
        shown = ", ".join(f"{name} {month}" for name, month in months.items())
        raise PortalError(
            f"its resources are of different months: {shown}",
            next_step="run again when the publisher has replaced all of them",
            dataset=dataset,
        )


def _run(jobs: list[Download], http: Http, portal: Portal, data_dir: Path) -> list[Outcome]:
    """Run the transfers side by side; when one fails the others stop, to be resumed later."""
    files.require_free(data_dir, sum(job.remote.size or 0 for job in jobs if job.needed))
    with ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="fetch") as pool:
        futures = [pool.submit(job.run, http, portal) for job in jobs]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            if not all(future.done() and future.exception() is None for future in futures):
                for job in jobs:
                    job.stop.set()
    failures = [error for future in futures if (error := future.exception()) is not None]
    for error in sorted(failures, key=lambda error: isinstance(error, StoppedError)):
        raise error
    return [future.result() for future in futures]
