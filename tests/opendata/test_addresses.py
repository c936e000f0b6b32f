from __future__ import annotations

import pytest

from opendata.addresses import Addresses, PortalBases, is_public, printable
from opendata.errors import AddressError

BASE = "http://127.0.0.1:8765/www.data.gouv.fr"


def public(_host: str, _port: int) -> list[str]:
    return ["5.196.10.20"]


def gate(**bases: str) -> Addresses:
    mapped = {host.replace("_", "."): url for host, url in bases.items()}
    return Addresses({"www.data.gouv.fr"}, bases=PortalBases(mapped), resolver=public)


def test_an_official_host_passes_unchanged():
    url = "https://www.data.gouv.fr/api/1/datasets/x/?a=b"
    assert gate().wire(url) == url


def test_a_mapped_host_is_contacted_at_its_base():
    addresses = Addresses({"www.data.gouv.fr"}, bases=PortalBases({"www.data.gouv.fr": BASE + "/"}))
    assert addresses.wire("https://www.data.gouv.fr/a/b?c=d") == f"{BASE}/a/b?c=d"


@pytest.mark.parametrize(
    "url",
    [
        "http://www.data.gouv.fr/x",
        "https://www.data.gouv.fr:8443/x",
        "https://user:secret@www.data.gouv.fr/x",
        "https://evil.example/x",
        "https://www.data.gouv.fr.evil.example/x",
        "ftp://www.data.gouv.fr/x",
        "file:///etc/passwd",
        "https:///x",
        "https://www.data.gouv.fr:99999/x",
        "http://127.0.0.1/x",
        "https://169.254.169.254/latest/meta-data/",
    ],
)
def test_every_other_address_is_refused(url: str):
    with pytest.raises(AddressError) as caught:
        gate().wire(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8766/www.data.gouv.fr/x",
        "http://127.0.0.2:8765/www.data.gouv.fr/x",
        "https://127.0.0.1:8765/www.data.gouv.fr/x",
        "http://localhost:8765/x",
    ],
)
def test_a_loopback_base_allows_that_origin_only(url: str):
    addresses = Addresses({"www.data.gouv.fr"}, bases=PortalBases({"www.data.gouv.fr": BASE}))
    assert addresses.wire("http://127.0.0.1:8765/elsewhere") == "http://127.0.0.1:8765/elsewhere"
    with pytest.raises(AddressError):
        addresses.wire(url)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104
        "224.0.0.1",
        "168.63.129.16",
        "::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:10.0.0.1",
        "2002:7f00:1::",
        "64:ff9b::a9fe:a9fe",
    ],
)
def test_a_host_that_resolves_to_an_inner_network_is_refused(address: str):
    addresses = Addresses(
        {"www.data.gouv.fr"}, resolver=lambda _host, _port: ["5.196.10.20", address]
    )
    with pytest.raises(AddressError, match="private network"):
        addresses.wire("https://www.data.gouv.fr/x")
    assert not is_public(address)


def test_the_system_resolver_is_asked():
    with pytest.raises(AddressError, match="private network"):
        Addresses({"localhost"}).wire("https://localhost/x")


def test_public_addresses_are_public():
    assert is_public("5.196.10.20")
    assert is_public("2001:41d0:1::1")


def test_a_relative_redirect_is_completed_and_an_official_one_is_mapped():
    bases = PortalBases({"www.data.gouv.fr": BASE, "static.data.gouv.fr": f"{BASE}/static"})
    addresses = Addresses({"www.data.gouv.fr"}, bases=bases)
    assert addresses.wire("../r2", seen_from=f"{BASE}/a/b/r1") == f"{BASE}/a/r2"
    assert addresses.wire("https://static.data.gouv.fr/f", seen_from=BASE) == f"{BASE}/static/f"


def test_a_peer_that_differs_from_what_was_resolved_is_refused():
    addresses = gate()
    addresses.wire("https://www.data.gouv.fr/x")
    with pytest.raises(AddressError):
        addresses.check_peer("www.data.gouv.fr", "127.0.0.1")


@pytest.mark.parametrize(
    "base", ["http://mirror.example", "ftp://127.0.0.1", "https://", "https://u:p@h.example"]
)
def test_a_base_that_is_neither_https_nor_loopback_is_refused(base: str):
    with pytest.raises(AddressError, match="neither https nor a loopback"):
        PortalBases({"www.data.gouv.fr": base})


def test_a_host_without_address_is_named():
    def nowhere(_host: str, _port: int) -> list[str]:
        raise OSError("Name or service not known")

    with pytest.raises(AddressError, match=r"www\.data\.gouv\.fr has no address"):
        Addresses({"www.data.gouv.fr"}, resolver=nowhere).wire("https://www.data.gouv.fr/")


def test_printable_hides_credentials_and_query():
    assert printable("https://u:p@h.example:8443/a?key=s#f") == "https://h.example:8443/a"
    assert printable("https://[::1]:80/a") == "https://[::1]:80/a"
