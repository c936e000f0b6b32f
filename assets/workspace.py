"""What every asset works with: folders, clock, portals, stores.

Belongs here: opening the plain classes of the lower layers from a handful of plain
values. The same values make a Dagster resource, so that a run by the command line and
one by the daemon are the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dagster as dg
import polars as pl
from pydantic import Field

from assets import discovery
from leads import keys, rotation
from leads.labels import LabelStore
from leads.privacy import renewal
from leads.privacy.screen import Screen
from leads.privacy.suppressions import Suppressions
from leads.store import LeadStore
from opendata import folder_format
from opendata.addresses import Addresses, PortalBases
from opendata.catalogue import Dataset
from opendata.clock import Clock
from opendata.errors import OpenDataError
from opendata.http import TRANSIENT, Http
from opendata.lake_address import LakeAddress
from opendata.lock import one_writer
from opendata.overlay import gap
from opendata.pace import Retry
from opendata.portals import portals
from opendata.source_status import source_status
from opendata.stores import StoreAddress
from opendata.take import Client
from opendata.versions import TableStore
from signals.log import SignalLog
from sirene.diffusion import Shape, shapes

#: Secrets come from the environment when they are needed: what a resource holds, Dagster shows.
INSEE_KEY = "SIGNALS_INSEE_API_KEY"
INPI_ACCOUNT = ("SIGNALS_INPI_USERNAME", "SIGNALS_INPI_PASSWORD")
#: Kind of portal → environment variables without which it is not asked.
NEEDED = {"insee": (INSEE_KEY,), "inpi": INPI_ACCOUNT}
#: Told what goes on by whoever shows it to a person; nobody by default.
_tell: Callable[[str], None] = lambda _step: None  # noqa: E731


@contextmanager
def told(tell: Callable[[str], None]) -> Iterator[None]:
    """Let ``tell`` hear of each step and download of this process until the block ends."""
    global _tell
    before, _tell = _tell, tell
    try:
        yield
    finally:
        _tell = before


def lacking(dataset: Dataset) -> str | None:
    """Return the environment variable that ``dataset`` needs and that is not set, if any."""
    needed = NEEDED.get(dataset.portal, ())
    return next((variable for variable in needed if not os.environ.get(variable)), None)


def _received(resource: str, done: int, total: int | None) -> None:
    _tell(f"{resource} {done:,}" + (f" of {total:,}" if total else ""))


@dataclass(frozen=True)
class Workspace:
    """The place a run works in.

    Attributes:
        data_dir: folder of everything a run makes.
        clock: the clock of the run.
        bases: official host → base URL, for portals that are not at their official place.
        leads: file of leads, if there is one.
        profiles: file of what each account wants, if there is one.
        default_account: account of leads whose file has no account column.
        leads_complete: the file of leads is the whole list of each account it names.
        leads_floor: least share of an account's leads that a whole list must still have.
        warehouse_personal: columns that may describe natural persons are in the warehouse too.
        memory_limit: memory DuckDB may take before it spills, e.g. ``8GB``.
        changed_ceilings: dataset → the operator's own limit of the mass-change guard.
        patience: how often and how long a request is tried again.
        feed_days: days for which the rows of a stream are kept; ``None`` keeps all.
        export_to: object store that the exports are mirrored to, if there is one.
        feedback_from: folder or object store where platforms leave what they say of signals.
        lake: DuckLake that gets the tables of the warehouse too, if there is one.
        shares: into how many shares matching, detection and writing to the lake are cut.
    """

    data_dir: Path
    clock: Clock
    bases: Mapping[str, str] = field(default_factory=dict)
    leads: Path | None = None
    profiles: Path | None = None
    default_account: str = "default"
    leads_complete: bool = True
    leads_floor: float = 0.5
    warehouse_personal: bool = False
    memory_limit: str = "8GB"
    changed_ceilings: Mapping[str, float] = field(default_factory=dict)
    patience: Retry = field(default_factory=Retry)
    feed_days: int | None = None
    export_to: StoreAddress | None = None
    feedback_from: Path | StoreAddress | None = None
    lake: LakeAddress | None = None
    shares: int = 1

    @cached_property
    def store(self) -> TableStore:
        """Return the versions of all normalised tables, less what is suppressed."""
        return TableStore(self.data_dir, self.screen)

    @cached_property
    def screen(self) -> Screen:
        """Return the record of suppressions as the tables need it."""
        record = self.suppressions
        return Screen(lambda: self.shapes, record.keys, record.facts, record.unsettled)

    @cached_property
    def shapes(self) -> Mapping[str, Shape]:
        """Return how each table names units and persons."""
        return shapes(discovery.catalogue())

    @cached_property
    def suppressions(self) -> Suppressions:
        """Return the record of who must not be kept, shown or used."""
        return Suppressions(self.data_dir / "privacy", lambda: keys.parts_of(self.record_key))

    @property
    def record_key(self) -> str:
        """Return the key of the record, made on first use; a renewal that was killed is settled."""
        renewal.settle(self.data_dir)
        path = self.data_dir / "keys" / keys.RECORD_FILE
        # Another key would recognise nobody: a record that has begun needs its own.
        begun = any((self.data_dir / "privacy").glob("*.jsonl"))
        return keys.load(path, os.environ, variable=keys.RECORD_VARIABLE, make=not begun)

    @property
    def exports(self) -> Path:
        """Return the folder the platform fetches from."""
        return self.data_dir / "exports"

    @property
    def warehouse(self) -> Path:
        """Return the DuckDB file that analysts query."""
        return self.data_dir / "warehouse.duckdb"

    @property
    def work(self) -> Path:
        """Return the folder of temporary files."""
        return self.data_dir / "tmp"

    @contextmanager
    def portals(self, host: str) -> Iterator[Client]:
        """Open a client that may contact the official ``host`` and where it redirects to."""
        bases = PortalBases(self.bases)
        allowed = Addresses({urlsplit(host).hostname or host}, bases=bases)
        with Http(allowed, retry=self.patience) as http:
            username, password = map(os.environ.get, INPI_ACCOUNT)
            by_kind = portals(
                http,
                insee_api_key=os.environ.get(INSEE_KEY),
                inpi_account=(username, password),
                today=self.clock.today(),
            )
            yield Client(http, by_kind, _received)

    @cached_property
    def lead_key(self) -> str:
        """Return the key of the leads, made on first use; a rotation that was killed is settled."""
        key = keys.load(self.data_dir / "keys" / keys.LEAD_FILE, os.environ)
        rotation.settle(self.data_dir, key)
        return key

    @cached_property
    def lead_store(self) -> LeadStore:
        """Return the encrypted store of leads."""
        return LeadStore(self.data_dir / "leads.duckdb", self.lead_key, temporary=self.work)

    @cached_property
    def label_store(self) -> LabelStore:
        """Return the encrypted store of what people answered, under the key of the leads."""
        return LabelStore(self.data_dir / "labels.duckdb", self.lead_key, temporary=self.work)

    @property
    def models(self) -> Path:
        """Return the folder of the models of matching fitted here."""
        return self.data_dir / "models"

    @cached_property
    def log(self) -> SignalLog:
        """Return the company log of signals."""
        return SignalLog(self.data_dir / "signals")

    def provenance(self, *datasets: str) -> dict[str, Any]:
        """Return whom to name for what is made of ``datasets``, or of all that serve."""
        names = datasets or self.store.datasets()
        versions = [version for name in names if (version := self.store.current(name))]
        said = [version.provenance for version in versions]
        return {
            "publisher": ", ".join(dict.fromkeys(one.publisher for one in said)) or "none yet",
            "licence": ", ".join(dict.fromkeys(one.licence_title for one in said)) or "none yet",
            "source_date": ", ".join(
                f"{version.dataset} {version.publisher_date}" for version in versions
            )
            or "none yet",
        }

    def unconfigured(self) -> dict[str, str]:
        """Return dataset → variable it lacks, for those that were never loaded either.

        They are no source of this installation: nobody waits for them. One that was loaded
        once and whose key is gone grows old as any other.
        """
        lacked = {name: lacking(dataset) for name, dataset in discovery.catalogue().items()}
        return {
            name: variable
            for name, variable in lacked.items()
            if variable is not None and self.store.current(name) is None
        }

    def source_status(self) -> pl.DataFrame:
        """Return how each source of this installation stands; see ``source_status``."""
        off = self.unconfigured()
        watched = {
            name: one
            for name, one in discovery.catalogue().items()
            if name not in off and (one.enabled or self.store.current(name) is not None)
        }
        today = self.clock.today()
        found = {name: gap(self.store, one, today) for name, one in watched.items()}
        gaps = {name: message for name, message in found.items() if message is not None}
        return source_status(watched, self.data_dir, self.clock, gaps)

    @cached_property
    def run_id(self) -> str:
        """Return the id of the run: the instant it takes as now."""
        return self.clock.now().strftime("%Y%m%dT%H%M%SZ")


class WorkspaceResource(dg.ConfigurableResource[Workspace]):
    """The workspace as a Dagster resource."""

    data_dir: str
    bases: dict[str, str] = Field(default_factory=dict)
    leads: str | None = None
    profiles: str | None = None
    default_account: str = "default"
    leads_complete: bool = True
    leads_floor: float = 0.5
    warehouse_personal: bool = False
    memory_limit: str = "8GB"
    changed_ceilings: dict[str, float] = Field(default_factory=dict)
    attempts: int = Retry().attempts
    at: str | None = None
    feed_days: int | None = None
    export_url: str = ""
    export_endpoint: str = ""
    export_region: str = StoreAddress.region
    export_encryption: str = ""
    feedback: str = ""
    lake: str = ""
    lake_data: str = ""
    lake_days: int = LakeAddress.keep_days
    shares: int = 1
    #: A portal that does not answer is asked again minutes later; a command says so at once.
    asks_again: bool = False

    @contextmanager
    def writing(self, step: str) -> Iterator[Workspace]:
        """Open the workspace for one ``step``: alone in its folder, our errors shown as ours.

        Dagster shows a failure as one paragraph. Only what may pass by itself may be tried
        again (``allow_retries``); whatever was refused stays refused.
        """
        with self.beside(step) as opened, one_writer(opened.data_dir):
            folder_format.require(opened.data_dir)
            folder_format.note(opened.data_dir)
            yield opened

    @contextmanager
    def beside(self, step: str) -> Iterator[Workspace]:
        """Open the workspace for a ``step`` that writes nothing another one may write."""
        opened = self.open()
        _tell(step)
        try:
            yield opened
        except PermissionError as error:
            name = Path(str(error.filename)).name
            raise dg.Failure(
                description=f"{name}: this user may not write it. What to do: check the owner of "
                "the data folder.",
                allow_retries=False,
            ) from error
        except OpenDataError as error:
            passing = self.asks_again and isinstance(error, TRANSIENT)
            raise dg.Failure(description=str(error), allow_retries=passing) from error

    def open(self) -> Workspace:
        """Return the workspace these values describe."""
        return Workspace(
            data_dir=Path(self.data_dir),
            clock=Clock.at(datetime.fromisoformat(self.at)) if self.at else Clock(),
            bases=self.bases,
            leads=Path(self.leads) if self.leads else None,
            profiles=Path(self.profiles) if self.profiles else None,
            default_account=self.default_account,
            leads_complete=self.leads_complete,
            leads_floor=self.leads_floor,
            warehouse_personal=self.warehouse_personal,
            memory_limit=self.memory_limit,
            changed_ceilings=self.changed_ceilings,
            patience=Retry(attempts=self.attempts),
            feed_days=self.feed_days,
            export_to=self._store_address(self.export_url) if self.export_url else None,
            feedback_from=self._feedback_from(),
            lake=self._lake(),
            shares=self.shares,
        )

    def _lake(self) -> LakeAddress | None:
        if not self.lake:
            return None
        where = self.export_endpoint, self.export_region
        return LakeAddress(self.lake, self.lake_data, *where, self.lake_days)

    def _feedback_from(self) -> Path | StoreAddress | None:
        if "://" in self.feedback:
            return self._store_address(self.feedback)
        return Path(self.feedback) if self.feedback else None

    def _store_address(self, url: str) -> StoreAddress:
        return StoreAddress(
            url,
            self.export_endpoint,
            self.export_region,
            self.export_encryption,
            self.attempts,
        )


def _feedback(place: Path | StoreAddress | None) -> str:
    if place is None:
        return ""
    return place.url if isinstance(place, StoreAddress) else str(place)


def as_resource(workspace: Workspace) -> WorkspaceResource:
    """Return the resource that opens the same workspace."""
    lake = workspace.lake
    store = next(
        (
            place
            for place in (workspace.export_to, workspace.feedback_from)
            if isinstance(place, StoreAddress)
        ),
        StoreAddress("") if lake is None else StoreAddress("", lake.endpoint, lake.region),
    )
    return WorkspaceResource(
        data_dir=str(workspace.data_dir),
        bases=dict(workspace.bases),
        leads=str(workspace.leads) if workspace.leads else None,
        profiles=str(workspace.profiles) if workspace.profiles else None,
        default_account=workspace.default_account,
        leads_complete=workspace.leads_complete,
        leads_floor=workspace.leads_floor,
        warehouse_personal=workspace.warehouse_personal,
        memory_limit=workspace.memory_limit,
        changed_ceilings=dict(workspace.changed_ceilings),
        attempts=workspace.patience.attempts,
        feed_days=workspace.feed_days,
        export_url=workspace.export_to.url if workspace.export_to else "",
        export_endpoint=store.endpoint,
        export_region=store.region,
        export_encryption=store.encryption,
        feedback=_feedback(workspace.feedback_from),
        lake=lake.catalogue if lake else "",
        lake_data=lake.data if lake else "",
        lake_days=lake.keep_days if lake else LakeAddress.keep_days,
        shares=workspace.shares,
        at=workspace.clock.now().isoformat() if workspace.clock.fixed else None,
    )
