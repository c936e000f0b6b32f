"""From the settings to the store, and from an erasure to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from object_store import BUCKET, KEYS, ObjectServer, object_server
from signal_tables import SALE
from signal_world import BUYER, LATER, SELLER, at, match, publish, sales, tell

from assets import feed
from assets.workspace import as_resource
from leads.privacy.facts import Facts
from opendata.errors import SettingsError
from opendata.stores import StoreAddress
from pipelines.places import all_places
from pipelines.places.remote import Mirror
from pipelines.settings import load_settings
from pipelines.workspace import open_workspace, resource


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectServer]:
    with object_server() as running:
        yield running


def test_an_erasure_reaches_the_store(
    server: ObjectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(
        data_dir=tmp_path, export_url=f"s3://{BUCKET}/erased", export_endpoint=server.url
    )
    workspace = open_workspace(settings)
    tell(workspace.log, sales(SALE))
    publish(workspace.log, workspace.exports, match("l1", BUYER), match("l2", SELLER))
    sent = feed.mirrored(workspace)
    assert sent is not None
    assert sent.streams == ("accounts/acme", "company")
    store = server.store("erased")
    before = {name for name in store.names("") if name.endswith(".parquet")}
    workspace.log.erase([SELLER], reason="opposition", recorded=at(LATER), run_id="run-2")
    publish(workspace.log, workspace.exports, match("l1", BUYER), day=LATER)
    (place,) = [one for one in all_places(workspace) if isinstance(one, Mirror)]
    assert place.erase(Facts()).files == 0
    assert place.erase(Facts(persons=frozenset({1}))).files > 0
    assert not before & set(store.names(""))
    assert place.erase(Facts(persons=frozenset({1}))).files == 0


def test_without_an_address_there_is_no_store(tmp_path: Path) -> None:
    workspace = open_workspace(load_settings(data_dir=tmp_path))
    assert workspace.export_to is None
    assert feed.mirrored(workspace) is None
    assert not any(isinstance(one, Mirror) for one in all_places(workspace))


def test_settings_reach_the_store_and_the_key_stays_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNALS_EXPORT_URL", "s3://feed/prod")
    monkeypatch.setenv("SIGNALS_EXPORT_ENDPOINT", "https://acme.eu.r2.cloudflarestorage.com")
    monkeypatch.setenv("SIGNALS_EXPORT_REGION", "auto")
    monkeypatch.setenv("SIGNALS_EXPORT_ENCRYPTION", "AES256")
    monkeypatch.setenv("SIGNALS_FEED_DAYS", "400")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "never shown")
    settings = load_settings(data_dir=tmp_path)
    workspace = open_workspace(settings)
    assert workspace.export_to == StoreAddress(
        "s3://feed/prod", "https://acme.eu.r2.cloudflarestorage.com", "auto", "AES256"
    )
    assert workspace.feed_days == 400
    assert as_resource(workspace).open().export_to == workspace.export_to
    assert "never shown" not in repr((settings, resource(settings), workspace))
    with pytest.raises(SettingsError, match="FEED_DAYS"):
        load_settings(data_dir=tmp_path, feed_days=3)
