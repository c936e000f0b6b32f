"""One small dataset behind a real loopback portal: published once, then asked again.

Belongs here: what its publisher offers, the run as the assets do it, and what readers
see. Does not belong here: what goes wrong.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from descriptions import dataset, resource
from loopback import Loopback, Reply, as_json, fast_http

from opendata.assembly import Content, assemble
from opendata.clock import Clock
from opendata.ingest import Outcome, Rows, Source, build, noted
from opendata.pace import Limits, Retry
from opendata.portals import portals
from opendata.source_status import source_status
from opendata.take import Client, take
from opendata.versions import TableStore
from signals.feed.export import MATCH_SCHEMA, export
from signals.log import SignalLog

NAME, TABLE = "essai", "essai__units"
PORTAL, STATIC = "www.data.gouv.fr", "static.data.gouv.fr"
DATASET = f"/{PORTAL}/api/1/datasets/d1/"
RESOURCE = f"/{PORTAL}/api/2/datasets/resources/id-stock/"
FIRST, SECOND = date(2026, 9, 2), date(2026, 10, 2)
HEADER = ("siren", "nom", "date_creation", "effectif")
Row = tuple[str, str | None, date | None, int | None]
Bounds = Mapping[str, Any]


def siren(number: int) -> str:
    """Return an eight-digit number with its check digit (Luhn): a valid SIREN."""
    digits = [int(digit) for digit in f"{number:08d}"]
    doubled = [2 * digit - 9 * (digit > 4) for digit in digits[1::2]]
    return f"{number:08d}{-(sum(digits[::2]) + sum(doubled)) % 10}"


def unit(number: int, **changes: Any) -> Row:
    row = {
        "siren": siren(number),
        "nom": f"SOCIÉTÉ {number}",
        "date_creation": date(2000, 1, number % 28 + 1),
        "effectif": number,
    }
    return tuple({**row, **changes}.values())  # type: ignore[return-value]


#: Two of them begin with zeros. September has ten units, October one more.
SEPTEMBER = [unit(number) for number in (55_213, 5_520_135, *range(31_000_000, 31_000_008))]
OCTOBER = [*SEPTEMBER, unit(44_000_000)]


def csv(
    rows: list[Row] | list[tuple[Any, ...]],
    header: tuple[str, ...] = HEADER,
    delimiter: str = ",",
    encoding: str = "utf-8",
) -> bytes:
    lines = [header, *(["" if cell is None else str(cell) for cell in row] for row in rows)]
    return "".join(delimiter.join(line) + "\n" for line in lines).encode(encoding)


def zipped(content: bytes, name: str = "stock.csv") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def gzipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


PACKINGS = {"zip": zipped, "gzip": gzipped}
SUFFIXES = {"zip": "zip", "gzip": "csv.gz"}


@dataclass(frozen=True)
class Variant:
    """How the dataset is described: packing, a second resource, rules of two columns."""

    archive: str | None = None
    second: bool = False
    siren: tuple[tuple[str, Any], ...] = ()
    created: tuple[tuple[str, Any], ...] = ()

    @property
    def file(self) -> str:
        return f"stock.{SUFFIXES.get(self.archive or '', 'csv')}"

    def source(self) -> Source:
        text = {"fr": "x", "en": "x"}
        columns = [
            {"name": "siren", "type": "code", "nullable": False, "pattern": "[0-9]{9}",
             "luhn": {}, **dict(self.siren), **text},
            {"name": "nom", "synonyms": ["raison_sociale"], **text},
            {"name": "date_creation", "type": "date", "minimum": "1900-01-01",
             "maximum": "2100-12-31", **dict(self.created), **text},
            {"name": "effectif", "type": "integer", **text},
        ]  # fmt: skip
        table = {
            "title_fr": "Unités",
            "title_en": "Units",
            "key": ["siren"],
            "columns": [
                *({"name": name} for name in HEADER),
                {"name": "publication_date", "type": "date", **text},
            ],
            "assertions": {"changed_ceiling": 0.3, "changed_ceiling_min_rows": 5},
        }
        names = ["stock", "sites"] if self.second else ["stock"]
        described = dataset(
            *(resource(name, columns=columns, archive=self.archive) for name in names),
            tables={TABLE: table},
            coherent=self.second,
        )
        return Source(described, "1", normalise)


def normalise(raw: Rows) -> Rows:
    nothing = pl.lit(None, dtype=pl.Date)
    return {TABLE: raw["stock"].select(*HEADER, publication_date=nothing)}


@dataclass
class World:
    """The dataset, its portal and the folder of the run."""

    folder: Path
    server: Loopback
    variant: Variant = field(default_factory=Variant)
    day: date = FIRST
    limits: Limits | None = None
    source: Source = field(init=False)

    def __post_init__(self) -> None:
        self.source = self.variant.source()

    @property
    def store(self) -> TableStore:
        return TableStore(self.folder)

    @property
    def clock(self) -> Clock:
        return Clock.at(self.day)

    # -- the publisher -----------------------------------------------------------------

    @property
    def path(self) -> str:
        return f"/{STATIC}/{self.variant.file}"

    def packed(self, content: bytes) -> bytes:
        return PACKINGS.get(self.variant.archive or "", bytes)(content)

    def publish(self, content: bytes, *, announced: bool = True) -> None:
        """Offer ``content`` as this month's file; its checksum is announced or not."""
        body = self.packed(content)
        self.describe(body if announced else None)
        tag = hashlib.sha256(body).hexdigest()[:8]
        self.send(Reply(200, body, {"ETag": f'"{tag}"'}, ranges=True))

    def describe(
        self,
        body: bytes | None,
        months: Mapping[str, str] | None = None,
        size: int | None = None,
        **changes: Any,
    ) -> None:
        """Let the portal describe the dataset; ``body`` is what its checksum is made from."""
        listed = []
        for one in self.source.dataset.resources:
            month = (months or {}).get(one.name) or f"01 {MONTHS[self.day.month]} 2026"
            entry: dict[str, Any] = {
                "id": one.id,
                "title": f"Fichier {one.name} du {month}",
                "url": f"https://{STATIC}/{self.variant.file}",
                "last_modified": "2026-09-01T06:00:00+00:00",
                "filesize": size,
            }
            if body is not None:
                digest = hashlib.sha1(body).hexdigest()  # noqa: S324
                entry["checksum"] = {"type": "sha1", "value": digest}
            listed.append(entry)
        content = {"id": "d1", "license": "lov2", "resources": listed, **changes}
        self.server.script(DATASET, as_json(content))

    def send(self, *replies: Reply) -> None:
        self.server.script(self.path, *replies)

    # -- the run -----------------------------------------------------------------------

    @contextmanager
    def connect(self, _host: str) -> Iterator[Client]:
        patience = Retry(attempts=3, wait_initial=0.001, wait_jitter=0.001, retry_after_cap=0.01)
        with fast_http(self.server, PORTAL, STATIC, retry=patience, limits=self.limits) as http:
            yield Client(http, portals(http))

    def take(self) -> None:
        with noted(NAME, self.folder, self.clock):
            take(self.source, self.store, self.clock, self.connect)

    def run(self) -> Outcome:
        """Fetch and build, as the assets of the dataset do."""
        self.take()
        with noted(NAME, self.folder, self.clock):
            return build(self.source, self.store, self.clock)

    def export(self) -> None:
        """Make what consumers read: the warehouse and the streams."""
        version = self.store.current(NAME)
        assert version is not None
        content = Content([self.folder / version.tables[TABLE].file], ("siren",))
        assemble({TABLE: content}, self.folder / "warehouse.duckdb")
        export(
            SignalLog(self.folder / "signals"),
            self.folder / "exports",
            matches=MATCH_SCHEMA.to_frame(),
            sources=self.store.sources(),
            source_status=source_status({NAME: self.source.dataset}, self.folder, self.clock),
            clock=self.clock,
            run_id="run",
        )

    # -- the readers -------------------------------------------------------------------

    def rows(self) -> list[Row]:
        """Return what serves."""
        return self.store.scan(TABLE).select(HEADER).collect().rows()

    def status(self) -> dict[str, Any]:
        row = source_status({NAME: self.source.dataset}, self.folder, self.clock)
        return row.row(0, named=True)

    def published(self) -> dict[str, bytes]:
        """Return the bytes of everything a reader may look at."""
        roots = [self.folder / name for name in ("tables", "exports", "warehouse.duckdb")]
        files = [self.folder / "state" / f"{NAME}.json"]
        for root in roots:
            files += [root] if root.is_file() else [p for p in root.rglob("*") if p.is_file()]
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in files}


MONTHS = {9: "septembre", 10: "octobre", 11: "novembre"}


def september(folder: Path, server: Loopback, variant: Variant) -> World:
    """Return a world in which September serves and is exported."""
    world = World(folder, server, variant)
    world.publish(csv(SEPTEMBER))
    assert world.run().status == "published"
    world.export()
    return world


def october(template: World, folder: Path) -> World:
    """Return a copy of ``template`` one month later, with nothing offered yet."""
    shutil.copytree(template.folder, folder)
    return World(folder, template.server, template.variant, SECOND)
