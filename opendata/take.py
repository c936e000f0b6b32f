"""Ask for what a dataset publishes now, starting from what serves.

Belongs here: which receipts and which day the fetch starts from. Does not belong here:
the fetch itself (:mod:`opendata.fetch`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from opendata import overlay
from opendata.clock import Clock
from opendata.counting import count_records
from opendata.download import Progress
from opendata.fetch import Fetched, ask, fetch_dataset
from opendata.fetched import load_fetched, save_fetched
from opendata.http import Http
from opendata.ingest import Source
from opendata.receipt import Receipt, load_receipt
from opendata.remote import Portal, RemoteFile
from opendata.state import version_id
from opendata.versions import TableStore


@dataclass(frozen=True)
class Client:
    """The client of one fetch and the portals that speak through it."""

    http: Http
    portals: Mapping[str, Portal]
    progress: Progress | None = None


#: Given the official host of a dataset, opens a client that may contact it.
Connect = Callable[[str], AbstractContextManager[Client]]


def take(source: Source, store: TableStore, clock: Clock, connect: Connect) -> Fetched:
    """Fetch a dataset and keep the note of it for the build.

    Raises:
        OpenDataError: whatever made the fetch fail; what serves stays.
    """
    dataset, since = source.dataset, _since(source, store, clock)
    if dataset.overlays is not None and since == clock.today():
        # Every day that is over was read after it ended: nothing is new before tomorrow.
        return replace(load_fetched(store.data_dir, dataset.name), unchanged=True)
    with connect(dataset.host) as client:
        fetched = fetch_dataset(
            dataset,
            portals=client.portals,
            http=client.http,
            data_dir=store.data_dir,
            clock=clock,
            previous=_receipts(source, store),
            since=since,
            progress=client.progress,
        )
    fetched = replace(fetched, receipts=_counted(source, fetched.receipts, store.data_dir))
    save_fetched(store.data_dir, fetched)
    return fetched


def look(source: Source, store: TableStore, clock: Clock, connect: Connect) -> str | None:
    """Ask the portal what a dataset offers now, and download nothing.

    Returns:
        What stands for the publication: the same text as long as the portal offers the same,
        whatever of it was taken meanwhile; ``None`` where nothing can be new before tomorrow.

    Raises:
        OpenDataError: the portal did not answer, or offers what may not be taken.
    """
    dataset, since = source.dataset, _since(source, store, clock)
    if dataset.overlays is not None and since == clock.today():
        return None
    with connect(dataset.host) as client:
        offered = ask(
            dataset,
            portal=client.portals[dataset.portal],
            today=clock.today(),
            previous=_receipts(source, store),
            since=since,
        )
    told: dict[str, list[list[str]]] = {}
    for name, remote in offered.remotes.items():
        told.setdefault(name.partition("/")[0], []).append(_identity(remote))
    # Of a period that grows and shrinks with what was taken only the newest file counts.
    newest = {name: max(files) if offered.window else files for name, files in told.items()}
    text = json.dumps([newest, offered.missing], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _identity(remote: RemoteFile) -> list[str]:
    """Return what tells a file from its successor, the strongest thing the portal says."""
    if remote.last_modified is not None and remote.checksum is None:
        strongest = remote.last_modified.isoformat()
    else:
        strongest = str(remote.checksum or "")
    weaker = "" if strongest else f"{remote.publisher_date} {remote.rows_expected} {remote.size}"
    return [strongest, weaker, remote.resource_id]


def _since(source: Source, store: TableStore, clock: Clock) -> date | None:
    """Return the last day already taken; an overlay starts from its snapshot, or from a gap."""
    serving = store.current(source.dataset.name)
    if source.dataset.overlays is not None:
        begins = overlay.begins(store, source.dataset, clock.today())
        if begins is not None:
            return begins
    return serving.window_to if serving is not None else None


def _counted(source: Source, receipts: Mapping[str, Receipt], data_dir: Path) -> dict[str, Receipt]:
    """Return the receipts with the number of records, written down once it is known."""
    counted = {}
    for name, receipt in receipts.items():
        if receipt.rows is None:
            rows = count_records(receipt.path(data_dir), source.dataset.resource(name))
            if rows is not None:
                receipt = receipt.model_copy(update={"rows": rows})
                receipt.save(data_dir, point="receipt-rows")
        counted[name] = receipt
    return counted


def _receipts(source: Source, store: TableStore) -> dict[str, Receipt]:
    """Return the receipts of the version that serves; those that were removed are left out.

    A raw file that was purged is asked for again only if the tables must be made anew.
    """
    serving = store.current(source.dataset.name)
    if serving is None:
        return {}
    paths = {one.resource: store.data_dir / one.receipt for one in serving.inputs}
    found = {name: load_receipt(path) for name, path in paths.items() if path.exists()}
    hashes = [one.sha256 for one in serving.inputs]
    if version_id(serving.publisher_date, hashes, source.fingerprint) == serving.id:
        return found
    return {name: one for name, one in found.items() if one.path(store.data_dir).exists()}
