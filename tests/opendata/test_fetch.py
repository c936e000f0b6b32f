from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from descriptions import dataset, resource, window
from loopback import Loopback, Reply, as_json, fast_http, loopback

from opendata.catalogue import Dataset
from opendata.clock import Clock
from opendata.errors import (
    DownloadError,
    LicenceError,
    OpenDataError,
    PortalError,
    SettingsError,
    StateError,
)
from opendata.fetch import Fetched, fetch_dataset
from opendata.http import UnavailableError
from opendata.pace import Retry
from opendata.portals import portals
from opendata.receipt import Receipt
from opendata.remote import DateWindow

PORTAL, STATIC, ODS = "www.data.gouv.fr", "static.data.gouv.fr", "bodacc-datadila.opendatasoft.com"
DATASET = f"/{PORTAL}/api/1/datasets/d1/"
TODAY = date(2026, 9, 2)
CONTENT = {name: f"siren\n{name}\n".encode() for name in ("units", "sites")}
BODACC = f"/{ODS}/api/explore/v2.1/catalog/datasets/annonces"


@pytest.fixture
def server() -> Iterator[Loopback]:
    with loopback() as running:
        for name, content in CONTENT.items():
            etag = {"ETag": f'"{name}"'}
            running.script(f"/{STATIC}/{name}.csv", Reply(200, content, etag, ranges=True))
        running.script(DATASET, answer())
        yield running


def answer(
    *, months: Mapping[str, str] | None = None, checksum: bool = True, **changes: Any
) -> Reply:
    """Return data.gouv.fr's answer: the resources of ``months``, published that day."""
    listed = []
    for name, day in (months or dict.fromkeys(CONTENT, "01 septembre 2026")).items():
        sha1 = hashlib.sha1(CONTENT[name]).hexdigest()  # noqa: S324
        listed.append(
            {
                "id": f"id-{name}",
                "title": f"Fichier {name} du {day}",
                "url": f"https://{STATIC}/{name}.csv",
                "filesize": len(CONTENT[name]),
                "checksum": {"type": "sha1", "value": sha1} if checksum else None,
                "last_modified": "2026-09-01T07:40:00+00:00",
            }
        )
    return as_json({"id": "d1", "license": "lov2", "resources": listed, **changes})


def sirene(**changes: Any) -> Dataset:
    return dataset(resource("units"), resource("sites"), **changes)


def bodacc(**changes: Any) -> Dataset:
    fields = {"id": "annonces", "format": "jsonl", "window": window(), **changes}
    return dataset(
        resource("notices", **fields), portal="opendatasoft", host=f"https://{ODS}", kind="events"
    )


def fetch(
    server: Loopback,
    tmp_path: Path,
    described: Dataset | None = None,
    *,
    previous: Mapping[str, Receipt] | None = None,
    retry: Retry | None = None,
    **changes: Any,
) -> Fetched:
    with fast_http(server, PORTAL, STATIC, ODS, retry=retry) as http:
        return fetch_dataset(
            described or sirene(),
            portals=portals(http),
            http=http,
            data_dir=tmp_path,
            clock=Clock.at(TODAY),
            previous=previous or {},
            **changes,
        )


def downloads(server: Loopback) -> int:
    return sum(len(server.asked(f"/{STATIC}/{name}.csv")) for name in CONTENT)


def test_every_resource_is_taken(server: Loopback, tmp_path: Path):
    told: list[str] = []
    fetched = fetch(server, tmp_path, progress=lambda name, _done, _total: told.append(name))
    assert list(fetched.receipts) == ["units", "sites"]
    for name, receipt in fetched.receipts.items():
        assert receipt.verify(tmp_path).read_bytes() == CONTENT[name]
    assert (fetched.unchanged, fetched.publisher_date) == (False, date(2026, 9, 1))
    assert (fetched.missing, fetched.window) == ((), None)
    assert set(told) == {"units", "sites"}


def test_unchanged_by_the_portals_checksum(server: Loopback, tmp_path: Path):
    first = fetch(server, tmp_path)
    again = fetch(server, tmp_path, previous=first.receipts)
    assert again == replace(first, unchanged=True)
    assert downloads(server) == 2


def test_unchanged_by_304(server: Loopback, tmp_path: Path):
    server.script(DATASET, answer(checksum=False))
    first = fetch(server, tmp_path)
    again = fetch(server, tmp_path, previous=first.receipts)
    assert again == replace(first, unchanged=True)
    assert [seen.headers.get("if-none-match") for seen in server.asked(f"/{STATIC}/units.csv")] == [
        None,
        '"units"',
    ]


def test_one_changed_file_is_a_change(server: Loopback, tmp_path: Path):
    first = fetch(server, tmp_path)
    older = first.receipts["units"].model_copy(update={"portal_checksum": "sha1:0", "etag": None})
    older = older.model_copy(update={"sha256": "0" * 64})
    again = fetch(server, tmp_path, previous={**first.receipts, "units": older})
    assert not again.unchanged
    assert again.receipts["sites"] == first.receipts["sites"]


@pytest.mark.parametrize("failing", [DATASET, f"/{STATIC}/units.csv"])
@pytest.mark.parametrize("status", [500, 429])
def test_a_probe_that_fails_is_neither_unchanged_nor_gone(
    server: Loopback, tmp_path: Path, failing: str, status: int
):
    server.script(DATASET, answer(checksum=False))
    first = fetch(server, tmp_path)
    server.script(failing, Reply(status))
    described = dataset(resource("units", optional=True), resource("sites", optional=True))
    retry = Retry(attempts=2, wait_initial=0.001, wait_jitter=0.0)
    with pytest.raises(UnavailableError) as caught:
        fetch(server, tmp_path, described, previous=first.receipts, retry=retry)
    assert caught.value.dataset == "essai"
    assert caught.value.resource == "units"


@pytest.mark.parametrize(
    ("portal_says", "agreed", "message"),
    [
        ("odc-odbl", "lov2", "now 'odc-odbl' and was 'lov2'"),
        ("fr-lo", "lov2", "now 'fr-lo' and was 'lov2'"),
        (None, "lov2", "now 'notspecified' and was 'lov2'"),
        ("odc-odbl", "odc-odbl", "not one under which data may be re-published"),
    ],
)
def test_a_licence_is_checked_before_any_download(
    server: Loopback, tmp_path: Path, portal_says: str | None, agreed: str, message: str
):
    server.script(DATASET, answer(license=portal_says))
    described = sirene(licence={"id": agreed, "title": "t", "url": "https://x.example"})
    with pytest.raises(LicenceError, match=message):
        fetch(server, tmp_path, described)
    assert downloads(server) == 0
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("checksum", [True, False])
def test_a_licence_is_checked_on_every_fetch_of_an_unchanged_file_too(
    server: Loopback, tmp_path: Path, checksum: bool
):
    server.script(DATASET, answer(checksum=checksum))
    first = fetch(server, tmp_path)
    server.script(DATASET, answer(checksum=checksum, license="odc-odbl"))
    with pytest.raises(LicenceError, match="now 'odc-odbl' and was 'lov2'"):
        fetch(server, tmp_path, previous=first.receipts)
    assert downloads(server) == 2


def test_a_required_resource_that_vanished_stops_everything(server: Loopback, tmp_path: Path):
    server.script(DATASET, answer(months={"units": "01 septembre 2026"}))
    with pytest.raises(PortalError, match=r"dataset essai, resource sites: .* vanished"):
        fetch(server, tmp_path)
    assert downloads(server) == 0


def test_an_optional_resource_that_is_missing_is_reported(server: Loopback, tmp_path: Path):
    first = fetch(server, tmp_path)
    server.script(DATASET, answer(months={"units": "01 septembre 2026"}))
    described = dataset(resource("units"), resource("sites", optional=True))
    again = fetch(server, tmp_path, described, previous=first.receipts)
    assert again.missing == ("sites",)
    assert list(again.receipts) == ["units"]
    assert not again.unchanged


def test_a_dataset_whose_every_optional_resource_is_missing_is_an_error(
    server: Loopback, tmp_path: Path
):
    server.script(DATASET, answer(resources=[]))
    described = dataset(resource("units", optional=True))
    with pytest.raises(PortalError, match="none of its resources"):
        fetch(server, tmp_path, described)


@pytest.mark.parametrize("status", [404, 410])
def test_a_vanished_dataset_is_an_error_even_for_optional_resources(
    server: Loopback, tmp_path: Path, status: int
):
    server.script(DATASET, Reply(status))
    with pytest.raises(PortalError, match="no longer exists"):
        fetch(server, tmp_path, dataset(resource("units", optional=True)))


def test_a_coherent_set_of_different_months_is_refused(server: Loopback, tmp_path: Path):
    months = {"units": "01 septembre 2026", "sites": "01 Août 2026"}
    server.script(DATASET, answer(months=months))
    with pytest.raises(PortalError, match="units 2026-09, sites 2026-08"):
        fetch(server, tmp_path, sirene(coherent=True))
    assert downloads(server) == 0
    assert fetch(server, tmp_path).publisher_date == date(2026, 9, 1)


def test_an_answer_of_another_shape_is_a_portal_error(server: Loopback, tmp_path: Path):
    server.script(f"/{PORTAL}/api/2/datasets/resources/id-units/", as_json(["x"]))
    server.script(DATASET, answer(resources=[]))
    with pytest.raises(PortalError, match="documented shape"):
        fetch(server, tmp_path)


def test_the_disk_is_checked_for_the_whole_set(server: Loopback, tmp_path: Path):
    listed = [
        {
            "id": f"id-{name}",
            "title": name,
            "url": f"https://{STATIC}/{name}.csv",
            "filesize": int(shutil.disk_usage(tmp_path).free * 0.6),
            "last_modified": "2026-09-01T07:40:00+00:00",
        }
        for name in CONTENT
    ]
    server.script(DATASET, answer(resources=listed))
    with pytest.raises(StateError, match="bytes free"):
        fetch(server, tmp_path)
    assert downloads(server) == 0


def test_when_one_transfer_fails_the_others_stop(server: Loopback, tmp_path: Path):
    slow = Reply(200, CONTENT["sites"] * 200, {"ETag": '"s"'}, drip=0.002)
    server.script(DATASET, answer(checksum=False))
    server.script(f"/{STATIC}/units.csv", Reply(200, b"<html></html>"))
    server.script(f"/{STATIC}/sites.csv", slow)
    with pytest.raises(DownloadError, match="resource units") as caught:
        fetch(server, tmp_path)
    assert "size differs" in str(caught.value)
    # What had come of the other file stays, to be resumed; a finished one would be gone.
    [part] = tmp_path.rglob("*.part")
    assert slow.body.startswith(part.read_bytes())


def test_a_baseline_then_windows_that_overlap(server: Loopback, tmp_path: Path):
    server.script(BODACC, as_json(METADATA))
    server.script(f"{BODACC}/records", as_json({"total_count": 2}))
    server.script(f"{BODACC}/exports/jsonl", Reply(200, b'{"id": "A"}\n{"id": "B"}\n'))
    first = fetch(server, tmp_path, bodacc())
    assert first.window == DateWindow(TODAY - timedelta(days=30), TODAY)
    receipt = first.receipts["notices"]
    assert (receipt.window_from, receipt.window_to) == (first.window.start, first.window.end)
    assert receipt.rows == 2
    later = fetch(server, tmp_path, bodacc(), previous=first.receipts, since=date(2026, 9, 1))
    assert later.window == DateWindow(date(2026, 8, 30), TODAY)
    assert not later.unchanged
    wheres = [seen.query["where"] for seen in server.asked(f"{BODACC}/exports/jsonl")]
    assert wheres == [
        "dateparution >= date'2026-08-03' AND dateparution < date'2026-09-03'",
        "dateparution >= date'2026-08-30' AND dateparution < date'2026-09-03'",
    ]
    assert not any("offset" in seen.query for seen in server.seen)


def test_days_that_a_standing_portal_could_not_have_are_asked_again(
    server: Loopback, tmp_path: Path
):
    stale = {**METADATA["metas"]["default"], "data_processed": "2026-08-20T04:10:00+00:00"}
    server.script(BODACC, as_json({**METADATA, "metas": {"default": stale}}))
    server.script(f"{BODACC}/records", as_json({"total_count": 1}))
    server.script(f"{BODACC}/exports/jsonl", Reply(200, b'{"id": "A"}\n'))
    first = fetch(server, tmp_path, bodacc())
    assert first.publisher_date == date(2026, 8, 20)
    later = fetch(server, tmp_path, bodacc(), previous=first.receipts, since=TODAY)
    assert later.window == DateWindow(date(2026, 8, 18), TODAY)


def test_the_same_window_with_the_same_records_is_unchanged(server: Loopback, tmp_path: Path):
    server.script(BODACC, as_json(METADATA))
    server.script(f"{BODACC}/records", as_json({"total_count": 1}))
    server.script(f"{BODACC}/exports/jsonl", Reply(200, b'{"id": "A"}\n'))
    first = fetch(server, tmp_path, bodacc())
    assert fetch(server, tmp_path, bodacc(), previous=first.receipts).unchanged


def test_fewer_records_than_counted_are_refused(server: Loopback, tmp_path: Path):
    server.script(BODACC, as_json(METADATA))
    server.script(f"{BODACC}/records", as_json({"total_count": 2}))
    server.script(f"{BODACC}/exports/jsonl", Reply(200, b'{"id": "A"}\n'))
    with pytest.raises(DownloadError, match="says 2 records, 1 came"):
        fetch(server, tmp_path, bodacc())


def test_a_long_window_without_records_is_not_plausible(server: Loopback, tmp_path: Path):
    server.script(BODACC, as_json(METADATA))
    empty = (as_json({"total_count": 0}), as_json({"total_count": 9}))
    server.script(f"{BODACC}/exports/jsonl", Reply(200, b""))
    server.script(f"{BODACC}/records", *empty)
    with pytest.raises(PortalError, match="not plausible"):
        fetch(server, tmp_path, bodacc())
    assert server.asked(f"{BODACC}/exports/jsonl") == []
    server.script(f"{BODACC}/records", *empty)
    quiet = fetch(server, tmp_path, bodacc(), since=TODAY)
    assert (quiet.receipts["notices"].rows, quiet.window.days if quiet.window else 0) == (0, 3)


def test_a_clock_that_went_back_is_an_error(server: Loopback, tmp_path: Path):
    with pytest.raises(StateError, match="already taken"):
        fetch(server, tmp_path, bodacc(), since=TODAY + timedelta(days=9))
    assert server.seen == []


def test_a_derived_dataset_is_not_fetched(server: Loopback, tmp_path: Path):
    described = dataset(portal="derived", derived_from="sirene", resources=[])
    with pytest.raises(SettingsError, match="kind 'derived'"):
        fetch(server, tmp_path, described)


def test_a_failure_of_one_file_leaves_no_receipt_without_its_file(server: Loopback, tmp_path: Path):
    server.script(f"/{STATIC}/sites.csv", Reply(404))
    with pytest.raises(OpenDataError):
        fetch(server, tmp_path)
    for path in tmp_path.rglob("*.receipt.json"):
        assert Receipt.model_validate_json(path.read_bytes()).verify(tmp_path)


METADATA: dict[str, Any] = {
    "dataset_id": "annonces",
    "has_records": True,
    "fields": [{"name": "dateparution", "type": "date"}],
    "metas": {
        "default": {
            "title": "BODACC",
            "license": "Licence Ouverte v2.0 (Etalab)",
            "data_processed": "2026-09-02T04:10:00+00:00",
        }
    },
}
