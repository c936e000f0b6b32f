"""Whatever a portal sends: it serves exactly, or nothing published changes and it is told."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from loopback import Loopback, Reply, as_json, loopback, redirect
from world import (
    DATASET,
    FIRST,
    HEADER,
    NAME,
    OCTOBER,
    PORTAL,
    RESOURCE,
    SECOND,
    SEPTEMBER,
    STATIC,
    Row,
    Variant,
    World,
    csv,
    gzipped,
    october,
    september,
    siren,
    unit,
    zipped,
)

from opendata import outcome
from opendata.clock import Clock
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
from opendata.source_status import last_attempt

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
SLOW = Limits(connect=5, read=5, window=0.1, min_rate=1_000_000)

REFUSED = [
    Refused("wrong checksum", wrong_checksum, DownloadError, "sha1 checksum differs"),
    Refused("redirect loop", looped, PortalError, "redirects in a loop"),
    Refused("redirect to a forbidden port", to_port_of, AddressError,
            r"http://127\.0\.0\.2:\d+/.* is not https on its usual port"),
    Refused("redirect to a forbidden host", replies(redirect("https://127.0.0.2/stock.csv")),
            AddressError, r"the host 127\.0\.0\.2 is not an allowed one"),
    Refused("slow drip", raw(GOOD, drip=0.002), CutError, "too slowly", limits=SLOW),
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


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    with loopback() as running:
        yield running


@pytest.fixture
def world_of(
    server: Loopback, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Variant], World]:
    """Return a world of a variant in which September serves and October is to come."""

    def made(variant: Variant) -> World:
        if (server, variant) not in _TEMPLATES:
            folder = tmp_path_factory.mktemp("september")
            _TEMPLATES[server, variant] = september(folder, server, variant)
        return october(_TEMPLATES[server, variant], tmp_path / "data")

    return made


_TEMPLATES: dict[tuple[Loopback, Variant], World] = {}


def fails(world: World) -> OpenDataError:
    with pytest.raises(OpenDataError) as caught:
        world.run()
    return caught.value


@cache
def documented() -> list[re.Pattern[str]]:
    """Return the messages that the page for operators explains."""
    page = Path(__file__).parents[2] / "docs" / "operations" / "failures.md"
    rows = [line.split("|")[2] for line in page.read_text("utf-8").splitlines() if line[:1] == "|"]
    texts = re.findall(r"`([^`]+)`", " ".join(rows))
    return [re.compile(".*".join(map(re.escape, text.split("…")))) for text in texts]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_a_bad_offer_changes_nothing_and_is_told(
    case: Refused, world_of: Callable[[Variant], World]
):
    world = world_of(case.variant)
    before = world.published()
    case.offer(world)
    world.limits = case.limits
    for _asked_again in range(2):
        error = fails(world)
        message = str(error)
        assert type(error) is case.error
        assert re.search(case.says, message)
        assert any(known.match(error.what) for known in documented())
        for part in (f"dataset {NAME}", *case.place, ". What to do: "):
            assert part in message
        assert world.published() == before
        status = world.status()
        assert (status["state"], status["message"]) == ("GAP", message)
        assert (status["publication_date"], status["last_checked"]) == (date(2026, 9, 1), FIRST)
        attempt = last_attempt(world.folder, NAME)
        assert attempt is not None
        assert attempt.attempted_at == Clock.at(SECOND).now()
    world.limits = None
    world.publish(GOOD)
    assert world.run().status == "published"
    assert world.rows() == OCTOBER
    assert (world.status()["state"], world.status()["last_checked"]) == ("OK", SECOND)
    assert world.run().status == "unchanged"


@pytest.mark.parametrize("case", TAKEN, ids=lambda case: case.name)
def test_an_unusual_offer_is_read_exactly(case: Taken, world_of: Callable[[Variant], World]):
    world = world_of(case.variant)
    asked = len(world.server.asked(world.path))
    case.offer(world)
    done = world.run()
    assert done.status == "published"
    assert world.rows() == case.rows
    assert dict(done.version.rules) == dict(case.rules)
    assert len(world.server.asked(world.path)) - asked == case.requests
    assert world.status()["state"] == "OK"


def test_a_resumed_transfer_asks_for_the_rest_only(world_of: Callable[[Variant], World]):
    world = world_of(PLAIN)
    replies(CUT, WHOLE)(world)
    world.run()
    resumed = world.server.asked(world.path)[-1].headers
    assert resumed["if-range"] == '"october"'
    assert 0 < int(resumed["range"].removeprefix("bytes=").rstrip("-")) <= len(GOOD) * 3 // 10


def test_a_mass_change_is_held_then_released(world_of: Callable[[Variant], World]):
    world = world_of(PLAIN)
    before = world.published()
    changed = [(*row[:3], 1) for row in SEPTEMBER]
    world.publish(csv(changed))
    for _asked_again in range(2):
        assert world.run().status == "held"
        assert world.rows() == SEPTEMBER
        status = world.status()
        assert status["state"] == "GAP"
        assert status["message"].startswith("held: 10 of 10 keys differ")
        assert "company-signals release essai" in status["message"]
    after = world.published()
    state = f"state/{NAME}.json"
    assert {k: v for k, v in before.items() if k != state}.items() <= after.items()
    assert json.loads(after[state])["current"] == json.loads(before[state])["current"]
    outcome.release(world.store, NAME, world.clock)
    assert world.rows() == changed
    assert world.status()["state"] == "OK"
    assert world.run().status == "unchanged"


def test_a_run_killed_while_holding_is_told_by_the_next(world_of: Callable[[Variant], World]):
    world = world_of(PLAIN)
    world.publish(csv([(*row[:3], 1) for row in SEPTEMBER]))
    note = world.folder / "state" / "attempts" / f"{NAME}.json"
    before = note.read_bytes()
    world.run()
    note.write_bytes(before)  # as if killed between the state and the note
    assert world.run().status == "held"
    assert world.status()["state"] == "GAP"


def test_an_older_publication_waits_for_a_person(world_of: Callable[[Variant], World]):
    world = world_of(PLAIN)
    world.describe(GOOD, {"stock": "01 août 2026"})
    world.send(Reply(200, GOOD))
    done = world.run()
    assert done.status == "held"
    assert "2026-08-01 is older than the one that serves (2026-09-01)" in str(done.version.reason)
    assert world.rows() == SEPTEMBER


def test_the_former_publication_again_is_not_unchanged(world_of: Callable[[Variant], World]):
    world = world_of(PLAIN)
    world.publish(GOOD)
    world.run()
    before = world.published()
    world.describe(csv(SEPTEMBER), {"stock": "01 septembre 2026"})
    world.send(Reply(200, csv(SEPTEMBER)))
    error = fails(world)
    assert type(error) is QualityError
    assert "company-signals rollback essai" in str(error)
    assert world.published() == before
    assert world.status()["state"] == "GAP"
    world.store.rollback(NAME)
    assert world.run().status == "unchanged"
    assert world.rows() == SEPTEMBER


def test_a_version_rolled_back_stays_away_and_the_status_says_what_serves(
    world_of: Callable[[Variant], World],
):
    world = world_of(PLAIN)
    world.publish(GOOD)
    world.run()
    world.store.rollback(NAME)
    assert world.run().status == "unchanged"
    assert world.rows() == SEPTEMBER
    assert world.status()["publication_date"] == date(2026, 9, 1)


def test_what_was_refused_can_be_looked_at(world_of: Callable[[Variant], World]):
    world = world_of(PLAIN)
    world.publish(LOST_ZEROS)
    fails(world)
    (kept,) = (world.folder / "quarantine" / NAME).glob("*.parquet")
    found = pl.read_parquet(kept).select("resource", "line", "column", "rule", "value").rows()
    assert found == [
        ("stock", 2, "siren", "pattern", siren(55_213).lstrip("0")),
        ("stock", 3, "siren", "pattern", siren(5_520_135).lstrip("0")),
    ]
    world.publish(GOOD)
    world.run()
    assert not list((world.folder / "quarantine" / NAME).glob("*"))


def test_a_table_that_is_new_in_the_description_is_taken_up(world_of: Callable[[Variant], World]):
    world = world_of(PLAIN)
    world.publish(GOOD)
    described = world.source.dataset
    tables = {**described.tables, "essai__noms": described.tables["essai__units"]}
    world.source = replace(
        world.source,
        dataset=described.model_copy(update={"tables": tables}),
        normalise=lambda raw: dict.fromkeys(tables, _one(raw)),
    )
    assert world.run().status == "published"
    assert world.store.scan("essai__noms").select(HEADER).collect().rows() == OCTOBER


def _one(raw: Any) -> pl.LazyFrame:
    return raw["stock"].select(*HEADER, publication_date=pl.lit(None, dtype=pl.Date))


def test_rows_that_do_not_become_tables_are_refused_without_quoting_them(
    world_of: Callable[[Variant], World],
):
    world = world_of(PLAIN)
    before = world.published()
    world.publish(GOOD)
    world.source = replace(
        world.source,
        normalise=lambda raw: {
            "essai__units": _one(raw).with_columns(pl.col("nom").cast(pl.Int64).cast(pl.String))
        },
    )
    error = fails(world)
    assert type(error) is ContractError
    assert "InvalidOperationError" in str(error)
    assert "SOCIÉTÉ" not in str(error)
    assert error.__cause__ is None
    assert error.__suppress_context__
    assert all(part in str(error) for part in (f"dataset {NAME}", *WHERE))
    assert world.published() == before


def test_a_damaged_note_does_not_hide_the_failure(world_of: Callable[[Variant], World]):
    world = world_of(PLAIN)
    (world.folder / "state" / "attempts" / f"{NAME}.json").write_text("{")
    world.server.script(DATASET, Reply(500))
    assert type(fails(world)) is UnavailableError
    assert world.status()["state"] == "GAP"


def test_consumers_are_told_of_the_gap_and_keep_their_signals(
    world_of: Callable[[Variant], World],
):
    world = world_of(PLAIN)
    exports = world.folder / "exports" / "company"
    signals = (exports / "signals_current.parquet").read_bytes()
    world.server.script(DATASET, Reply(500))
    error = fails(world)
    world.export()
    told = pl.read_parquet(exports / "source_status.parquet").row(0, named=True)
    assert (told["state"], told["message"]) == ("GAP", str(error))
    assert (exports / "signals_current.parquet").read_bytes() == signals
    assert PORTAL in told["message"]
