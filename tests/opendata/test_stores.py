"""An object store: conditional, encrypted in transit, and clear about what failed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from object_store import KEYS, ObjectServer, object_server

from opendata.errors import SettingsError
from opendata.stores import ConflictError, Store, StoreAddress, StoreError


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectServer]:
    with object_server() as running:
        yield running


def test_the_server_of_the_tests_honours_conditions(server: ObjectServer) -> None:
    store = server.store("conditions")
    store.create("a", b"1", point="test")
    store.create("a", b"1", point="test")  # the same bytes: a put whose answer was lost
    with pytest.raises(ConflictError, match="other bytes"):
        store.create("a", b"2", point="test")
    first = store.get("a")
    assert first is not None
    store.replace("a", b"2", first, point="test")
    with pytest.raises(ConflictError):
        store.replace("a", b"3", first, point="test")
    with pytest.raises(ConflictError):
        store.replace("a", b"3", None, point="test")
    held = store.get("a")
    assert held is not None
    assert held.body == b"2"
    store.delete(["a", "a"], point="test")
    with pytest.raises(ConflictError):
        store.replace("a", b"3", held, point="test")
    assert store.get("a") is None


def test_folders_do_not_meet_by_their_beginning(server: ObjectServer) -> None:
    store = server.store("folders")
    for name in ("acme/1", "acme/b/2", "acme-co/3"):
        store.create(name, b"x", point="test")
    assert store.names("acme") == ["acme/1", "acme/b/2"]
    assert len(server.store("fold").names("")) == 0


def test_a_put_whose_answer_is_lost_is_known_to_have_arrived(server: ObjectServer) -> None:
    store = server.store("lost", attempts=3)
    failures = iter(["lost"])
    server.fault = lambda method, _path: next(failures, None) if method == "PUT" else None
    try:
        store.create("a", b"1", point="test")
        first = store.get("a")
        assert first is not None
        failures = iter(["lost"])
        store.replace("a", b"2", first, point="test")
    finally:
        server.fault = None
    held = store.get("a")
    assert held is not None
    assert held.body == b"2"


@pytest.mark.parametrize("wrong", ["500", "reset"])
def test_what_passes_is_tried_again_and_what_stays_is_told(
    server: ObjectServer, wrong: str
) -> None:
    failures = iter([wrong])
    server.fault = lambda _method, _path: next(failures, None)
    try:
        server.store(f"again-{wrong}", attempts=3).create("a", b"1", point="test")
        server.fault = lambda _method, _path: wrong
        with pytest.raises(StoreError, match="run again") as told:
            server.store("again").create("b", b"1", point="test")
    finally:
        server.fault = None
    assert "not a secret" not in str(told.value)
    assert told.value.file == "b"


def test_encryption_at_rest_is_asked_for(server: ObjectServer) -> None:
    server.asked.clear()
    server.store("rest", encryption="AES256").create("a", b"1", point="test")
    server.store("rest", encryption="aws:kms:key-1").create("b", b"1", point="test")
    asked = [said for method, _, said in server.asked if method == "PUT"]
    assert [one["HTTP_X_AMZ_SERVER_SIDE_ENCRYPTION"] for one in asked] == ["AES256", "aws:kms"]
    assert asked[1]["HTTP_X_AMZ_SERVER_SIDE_ENCRYPTION_AWS_KMS_KEY_ID"] == "key-1"
    for wrong in ("none", "AES256:key", "aws:kmsx"):
        with pytest.raises(SettingsError, match="ENCRYPTION"):
            server.store("rest", encryption=wrong)


@pytest.mark.parametrize(
    "endpoint",
    ["http://example.org", "http://10.0.0.1:9000", "http://127.0.0.1.example.org",
     "ftp://127.0.0.1", "https://user:pass@example.org", "example.org"],
)  # fmt: skip
def test_nothing_goes_in_clear_but_to_this_machine(endpoint: str) -> None:
    with pytest.raises(SettingsError, match="EXPORT_ENDPOINT") as told:
        Store.open(StoreAddress("s3://feed/prod", endpoint=endpoint), KEYS)
    assert "pass" not in str(told.value)


@pytest.mark.parametrize("endpoint", ["", "https://eu.example.org", "http://localhost:9000"])
def test_encrypted_addresses_and_this_machine_are_fine(endpoint: str) -> None:
    store = Store.open(StoreAddress("s3://feed/prod", endpoint=endpoint), KEYS)
    assert "not a secret" not in repr(store)


@pytest.mark.parametrize("url", ["feed/prod", "https://feed/prod", "s3://", "s3://key@feed/prod"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="EXPORT_URL"):
        Store.open(StoreAddress(url), KEYS)


def test_without_credentials_in_the_environment_nothing_is_tried() -> None:
    with pytest.raises(SettingsError, match="AWS_SECRET_ACCESS_KEY"):
        Store.open(StoreAddress("s3://feed/prod"), {"AWS_ACCESS_KEY_ID": "publisher"})
