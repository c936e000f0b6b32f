"""What a portal may send: refused offers with what the operator is told, and odd but good ones.

Belongs here: the two tables of cases. Does not belong here: what must hold for each of
them (``test_fail_closed.py``), an ordinary publication (``world.py``).
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import polars as pl
from loopback import Reply, as_json, redirect
from world import (
    DATASET,
    HEADER,
    OCTOBER,
    RESOURCE,
    SEPTEMBER,
    STATIC,
    Row,
    Variant,
    World,
    csv,
    gzipped,
    unit,
    zipped,
)

from opendata.errors import (
    AddressError,
    ArchiveError,
    ContractError,
    DownloadError,
    LicenceError,
    OpenDataError,
    PortalError,
    QualityError,
)
from opendata.http import CutError, UnavailableError
from opendata.pace import Limits
from opendata.remote import ResourceGoneError

Offer = Callable[[World], None]
PLAIN, ZIP, GZIP, PAIR = Variant(), Variant("zip"), Variant("gzip"), Variant(second=True)
PADDED = Variant(siren=(("pad_to", 9),))
LENIENT = Variant(created=(("on_error", "null"),))
GOOD = csv(OCTOBER)
WHERE = ("resource stock", "file stock.csv")


@dataclass(frozen=True)
class Refused:
    """An offer that must change nothing, and what the operator is told."""

    name: str
    offer: Offer
    error: type[OpenDataError]
    says: str
    place: tuple[str, ...] = WHERE
    variant: Variant = PLAIN
    limits: Limits | None = None


@dataclass(frozen=True)
class Taken:
    """An unusual offer that must be read exactly."""

    name: str
    offer: Offer
    rows: list[Row]
    variant: Variant = PLAIN
    rules: tuple[tuple[str, int], ...] = ()
    requests: int = 1


def file(content: bytes, **changes: Any) -> Offer:
    """Offer a file as the portal announces it."""
    return lambda world: world.publish(content, **changes)


def raw(body: bytes, **changes: Any) -> Offer:
    """Offer a body as it is, whatever the packing of the dataset; no checksum."""
    return replies(Reply(200, body, **changes))


def replies(*answers: Reply) -> Offer:
    """Answer for the file with each reply in turn; no checksum."""

    def offer(world: World) -> None:
        world.describe(None)
        world.send(*answers)

    return offer


def probe(answer: Reply) -> Offer:
    """Answer so when asked what there is."""
    return lambda world: world.server.script(DATASET, answer)


def described(**changes: Any) -> Offer:
    """Describe the dataset otherwise; its file is good."""

    def offer(world: World) -> None:
        world.publish(GOOD)
        world.describe(GOOD, **changes)

    return offer


def vanished(world: World) -> None:
    world.publish(GOOD)
    world.describe(GOOD, resources=[])
    world.server.script(RESOURCE, Reply(404, b"{}"))


def wrong_checksum(world: World) -> None:
    world.describe(GOOD)
    world.send(Reply(200, csv(SEPTEMBER)))


def looped(world: World) -> None:
    world.describe(None)
    world.send(redirect(f"{world.server.url}/{STATIC}/round"))
    world.server.script(f"/{STATIC}/round", redirect(f"{world.server.url}{world.path}"))


def to_port_of(world: World) -> None:
    world.describe(None)
    world.send(redirect(f"http://127.0.0.2:{world.server.port}{world.path}"))


def bomb(world: World) -> None:
    world.describe(None)
    world.send(Reply(200, _bomb()))


@cache
def _bomb() -> bytes:
    return zipped(b"0" * (32 << 20))


def excel() -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame(OCTOBER, schema=list(HEADER), orient="row").write_excel(buffer)
    return buffer.getvalue()


def with_date(text: str) -> bytes:
    return csv([*SEPTEMBER, unit(44_000_000, date_creation=text)])


TAGGED = {"ETag": '"october"'}
WHOLE = Reply(200, GOOD, TAGGED, ranges=True)
CUT = replace(WHOLE, reset_after=len(GOOD) * 3 // 10)
LATIN = csv(OCTOBER).replace("SOCIÉTÉ 31000003".encode(), "SOCIÉTÉ 31000003".encode("latin-1"))
LOST_ZEROS = csv([(row[0].lstrip("0"), *row[1:]) for row in OCTOBER])
NO_NAME = csv([(row[0], *row[2:]) for row in OCTOBER], (HEADER[0], *HEADER[2:]))
RENAMED = ("siren", "appellation", "date_creation", "effectif")
PAGE = b"<!DOCTYPE html><html><title>Maintenance</title></html>"
SLOW = Limits(connect=60, read=60, window=0.1, min_rate=1_000_000)

REFUSED = [
    Refused("wrong checksum", wrong_checksum, DownloadError, "sha1 checksum differs"),
    Refused("redirect loop", looped, PortalError, "redirects in a loop"),
    Refused("redirect to a forbidden port", to_port_of, AddressError,
            r"http://127\.0\.0\.2:\d+/.* is not https on its usual port"),
    Refused("redirect to a forbidden host", replies(redirect("https://127.0.0.2/stock.csv")),
            AddressError, r"the host 127\.0\.0\.2 is not an allowed one"),
    Refused("slow drip", raw(GOOD, drip=0.02), CutError, "too slowly", limits=SLOW),
    Refused("429 for ever", replies(Reply(429, b"", {"Retry-After": "1"})), UnavailableError,
            "answered 429"),
    Refused("gzip cut short", raw(gzipped(GOOD)[:-20]), DownloadError, "gzip file is cut short",
            ("resource stock", "file stock.csv.gz"), GZIP),
    Refused("zip bomb", bomb, ArchiveError, "unpacks to more than",
            ("resource stock", "file stock.zip"), ZIP),
    Refused("zip that leaves its folder", raw(zipped(GOOD, "../../stock.csv")), ArchiveError,
            "a path that leaves its folder", ("resource stock", "file stock.zip"), ZIP),
    Refused("latin-1 in UTF-8", file(LATIN), ContractError,
            r"byte 0xc9 at offset .*, line 7, column 2 \(nom\) is not utf-8"),
    Refused("header changed", file(csv(OCTOBER, RENAMED)), ContractError,
            "columns not found: nom; found: siren, appellation"),
    Refused("column lost", file(NO_NAME), ContractError, "columns not found: nom"),
    Refused("duplicated key", file(csv([*OCTOBER, OCTOBER[0]])), QualityError,
            r"unique_key: 1 of 12 rows repeat a key \(siren\)"),
    Refused("40 % fewer rows", file(csv(SEPTEMBER[:6])), QualityError,
            "rows_vs_previous: 6 rows where the previous version had 10"),
    Refused("SIREN typed as a number", file(LOST_ZEROS), QualityError,
            "rejected_ceiling: 2 of 11 records refused"),
    Refused("date of the year 218", file(with_date("0218-10-29")), QualityError,
            "rejected_ceiling: 1 of 11 records refused"),
    Refused("date of the year 2921", file(with_date("2921-01-01")), QualityError,
            "rejected_ceiling: 1 of 11 records refused"),
    Refused("HTML error page", raw(PAGE), DownloadError, "an HTML page instead of csv"),
    Refused("empty body", raw(b""), DownloadError, "the answer is empty"),
    Refused("0 data rows", file(csv([])), ContractError, "0 data rows"),
    Refused("error object as the file", raw(b'{"error": "index in progress"}'), DownloadError,
            "sent an error as data: index in progress"),
    Refused("error object as the description", probe(as_json({"message": "try later"})),
            PortalError, "answered an error: try later", ("resource stock",)),
    Refused("licence changed", described(license="other-closed"), LicenceError,
            "licence is now 'other-closed' and was 'lov2'", ("resource stock",)),
    Refused("resource vanished", vanished, ResourceGoneError, "id-stock vanished",
            ("resource stock",)),
    Refused("dataset vanished", probe(Reply(404, b"{}")), PortalError, "d1 no longer exists",
            ("resource stock",)),
    Refused("dataset deleted", described(deleted="2026-10-01"), PortalError,
            "the dataset is deleted", ("resource stock",)),
    Refused("probe 500", probe(Reply(500)), UnavailableError, "answered 500", ("resource stock",)),
    Refused("months that differ", described(months={"sites": "01 septembre 2026"}), PortalError,
            "different months: stock 2026-10, sites 2026-09", (), PAIR),
]  # fmt: skip

TAKEN = [
    Taken("reset at 30 %", replies(CUT, WHOLE), OCTOBER, requests=2),
    Taken("Range ignored", replies(CUT, replace(WHOLE, ranges=False)), OCTOBER, requests=2),
    Taken("ETag changed on resuming",
          replies(Reply(200, csv(SEPTEMBER), {"ETag": '"x"'}, reset_after=120), WHOLE), OCTOBER,
          requests=2),
    Taken("429 then fine", replies(Reply(429, b"", {"Retry-After": "1"}), WHOLE), OCTOBER,
          requests=2),
    Taken("503 twice then fine", replies(Reply(503), Reply(503), WHOLE), OCTOBER, requests=3),
    Taken("byte order mark", file(b"\xef\xbb\xbf" + GOOD), OCTOBER),
    Taken("semicolons", file(csv(OCTOBER, delimiter=";")), OCTOBER),
    Taken("quoted newline", file(csv([*SEPTEMBER, unit(44_000_000, nom='"DEUX\nLIGNES, SA"')])),
          [*SEPTEMBER, unit(44_000_000, nom="DEUX\nLIGNES, SA")]),
    Taken("known synonym", file(csv(OCTOBER, ("siren", "raison_sociale", *HEADER[2:]))), OCTOBER),
    Taken("SIREN typed as a number, expected", file(LOST_ZEROS), OCTOBER, PADDED),
    Taken("date of the year 218, tolerated", file(with_date("0218-10-29")),
          [*SEPTEMBER, unit(44_000_000, date_creation=None)], LENIENT,
          (("stock.date_creation:unreadable", 1),)),
    Taken("date of the year 2921, tolerated", file(with_date("2921-01-01")),
          [*SEPTEMBER, unit(44_000_000, date_creation=None)], LENIENT,
          (("stock.date_creation:unreadable", 1),)),
    Taken("workbook where CSV was", file(excel()), OCTOBER),
    Taken("gzip", file(GOOD), OCTOBER, GZIP),
    Taken("zip", file(GOOD), OCTOBER, ZIP),
]  # fmt: skip
