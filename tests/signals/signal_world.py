"""A small world for the log and the feed: sources, matches, runs, and folders compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
from signal_tables import OPENING, SALE, Row, Tables

from opendata import files
from opendata.clock import Clock
from signals.detect import detect_all
from signals.feed import manifest
from signals.feed.attribution import SOURCE_SCHEMA
from signals.feed.export import ExportReport, export
from signals.log import Appended, SignalLog
from signals.segments import Segment, read_segments

DAY = date(2021, 1, 8)
BUYER, SELLER = SALE["buyer_siren"], SALE["seller_siren"]
#: *Real* sale A20210005186 between two other companies.
OTHER_SALE = {
    **SALE,
    "notice_id": "A20210005186",
    "buyer_siren": "892552506",
    "buyer_name": "MARCO & ERNESTO",
    "seller_siren": "822825618",
    "price_eur": 25000.0,
    "code_postal": "75010",
    "ville": "Paris",
}
LIQUIDATION = {
    **OPENING,
    "siren": BUYER,
    "company_name": "CACHE-CACHE",
    "date_parution": DAY,
    "jugement_date": date(2021, 1, 5),
}


def at(day: date = DAY) -> datetime:
    return Clock.at(day).now()


def candidates(day: date = DAY, run_id: str = "run-1", **tables: Sequence[Row]) -> pl.DataFrame:
    return detect_all(Tables(day, tables), recorded=at(day), run_id=run_id)


def sales(*rows: Row, day: date = DAY) -> pl.DataFrame:
    return candidates(day, bodacc__sales=rows)


def tell(log: SignalLog, found: pl.DataFrame, version: str = "v1") -> Appended:
    return log.append(found, {"bodacc": version})


def source_frame(licence: str = "lov2") -> pl.DataFrame:
    rows = [
        {
            "source_id": f"{dataset}@v1",
            "dataset": dataset,
            "title": title,
            "publisher": publisher,
            "publisher_url": f"https://www.{publisher.lower()}.fr",
            "landing_page": f"https://www.data.gouv.fr/datasets/{dataset}",
            "licence_id": licence,
            "licence_title": "Licence Ouverte 2.0",
            "licence_url": "https://www.etalab.gouv.fr/licence-ouverte-open-licence",
            "publication_date": DAY,
            "fetched_at": datetime(2021, 1, 8, 6, tzinfo=UTC),
            "attribution": f"Source : {publisher}, {title}, mise à jour du 08/01/2021.",
        }
        for dataset, title, publisher in (
            ("bodacc", "Annonces commerciales", "DILA"),
            ("sirene_changes", "Base Sirene", "Insee"),
        )
    ]
    return pl.DataFrame(rows, schema=SOURCE_SCHEMA)


LATER = date(2021, 1, 12)
STATUS = pl.DataFrame({"dataset": ["bodacc"], "state": ["OK"], "last_data": [DAY]})


def match(lead: str, siren: str, account: str = "acme", **values: Any) -> dict[str, Any]:
    usual = {
        "match_id": f"m-{lead}",
        "lead_id": lead,
        "account_id": account,
        "verdict": "confirmed",
        "siren": siren,
        "siret": None,
        "probability": 0.98,
        "tier": "name_and_place",
        "matched_name": "CACHE-CACHE",
        "matched_kind": "denomination",
        "reasons": ["name", "postcode"],
        "alternatives": [],
        "question": None,
        "matched_at": datetime(2021, 1, 8, 7, tzinfo=UTC),
        "registry_version": "2021-01",
        "model_version": "1",
    }
    return {**usual, **values}


def match_frame(*rows: Mapping[str, Any]) -> pl.DataFrame:
    schema = {
        **dict.fromkeys(match("l", "s"), pl.String()),
        "probability": pl.Float64(),
        "reasons": pl.List(pl.String()),
        "alternatives": pl.List(pl.String()),
        "matched_at": pl.Datetime("us", "UTC"),
    }
    return pl.DataFrame(list(rows), schema=schema)


def publish(
    log: SignalLog, folder: Path, *rows: Mapping[str, Any], day: date = DAY, **values: Any
) -> ExportReport:
    given: dict[str, Any] = {
        "matches": match_frame(*rows),
        "sources": source_frame(),
        "source_status": STATUS,
        "clock": Clock.at(day),
        "run_id": "run-1",
    }
    return export(log, folder, **{**given, **values})


def tree(folder: Path) -> dict[str, str]:
    """Return every file under ``folder`` with the digest of its bytes."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class Killed(BaseException):
    """Stands for the end of the process: nothing but ``finally`` sees it."""


def points(action: Callable[[], object], monkeypatch: Any) -> list[str]:
    """Return the points that ``action`` passes, in order."""
    seen: list[str] = []
    monkeypatch.setattr(files, "on_point", seen.append)
    action()
    monkeypatch.setattr(files, "on_point", lambda _name: None)
    return seen


def killed_at(number: int, action: Callable[[], object], monkeypatch: Any) -> None:
    """Run ``action`` and stop it at its point ``number``."""
    passed = 0

    def stop(_name: str) -> None:
        nonlocal passed
        passed += 1
        if passed == number + 1:
            raise Killed

    monkeypatch.setattr(files, "on_point", stop)
    try:
        action()
    except Killed:
        pass
    else:
        raise AssertionError(f"point {number} was not reached")
    finally:
        monkeypatch.setattr(files, "on_point", lambda _name: None)


def stream(folder: Path) -> pl.DataFrame:
    published = manifest.read(folder)
    return read_segments(folder, published.segments)


def account(out: Path, name: str = "acme") -> Path:
    return out / "accounts" / name


def current(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / "signals_current.parquet")


def check_consistent(folder: Path) -> None:
    """Assert what a consumer may rely on at any instant: everything named is as described."""
    content = json.loads((folder / "manifest.json").read_text())
    expected = 1
    for entry in content["segments"]:
        rows = read_segments(folder, [Segment.parse(entry)])
        numbers = rows["sequence"].cast(pl.Int64).to_list()
        assert numbers == list(range(expected, expected + entry["rows"]))
        expected += entry["rows"]
    assert int(content["max_sequence"]) == expected - 1
    for entry in [*content["segments"], *content["resources"]]:
        path = folder / entry["path"]
        assert path.stat().st_size == entry["bytes"]
        assert entry["hash"] == f"sha256:{tree(path.parent)[path.name]}"
