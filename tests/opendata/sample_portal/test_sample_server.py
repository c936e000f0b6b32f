"""The server itself: its address, its life, its description, many clients at once."""

from __future__ import annotations

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from opendata.errors import SettingsError
from opendata.sample_portal import SamplePortal


def test_each_official_host_has_a_loopback_base(portal: SamplePortal) -> None:
    assert portal.bases() == {
        host: f"{portal.base_url}/{host}"
        for host in (
            "boamp-datadila.opendatasoft.com",
            "bodacc-datadila.opendatasoft.com",
            "data.statistiques.developpement-durable.gouv.fr",
            "static.data.gouv.fr",
            "www.data.gouv.fr",
        )
    }
    assert portal.base_url.startswith("http://127.0.0.1:")


def test_an_ordinary_client_follows_to_the_file(portal: SamplePortal, sample: Path) -> None:
    stable = "/api/1/datasets/r/22847056-61df-452d-837d-8b8ceadbfc52"
    with urlopen(portal.bases()["www.data.gouv.fr"] + stable, timeout=60) as answer:
        assert answer.read() == (sample / "decp/2025-01-06/decp.csv").read_bytes()


def test_the_port_is_free_again_after_use(sample: Path) -> None:
    with SamplePortal(sample) as portal:
        url, port = portal.base_url, int(portal.base_url.rsplit(":", 1)[1])
    with pytest.raises(URLError):
        urlopen(url, timeout=60)
    with SamplePortal(sample, port=port) as again:
        assert again.base_url == url


def test_a_taken_port_is_said(portal: SamplePortal, sample: Path) -> None:
    port = int(portal.base_url.rsplit(":", 1)[1])
    with pytest.raises(SettingsError, match=rf"the port {port} cannot be used.*another port"):
        SamplePortal(sample, port=port)


def test_many_clients_are_served_at_once(get: Callable[..., Any]) -> None:
    path = "/api/1/datasets/5b7ffc618b4c4169d30727e0/"
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: get("www.data.gouv.fr", path), range(40)))
    assert {reply.status for reply in replies} == {200}
    assert len({reply.body for reply in replies}) == 1


def test_nothing_is_said_even_when_a_client_leaves(
    portal: SamplePortal, get: Callable[..., Any], capfd: pytest.CaptureFixture[str]
) -> None:
    port = int(portal.base_url.rsplit(":", 1)[1])
    target = "/bodacc-datadila.opendatasoft.com/api/explore/v2.1/catalog/datasets"
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
            request = f"GET {target}/annonces-commerciales/exports/json HTTP/1.1\r\nHost: x\r\n\r\n"
            client.sendall(request.encode())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert get("www.data.gouv.fr", "/").status == 404
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("content", [None, "datagouv: {", "datagouv: [{id: x}]", "other: 1"])
def test_a_wrong_description_is_said_with_what_to_do(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "portal.yml").write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"portal\.yml.*What to do: give the folder"):
        SamplePortal(tmp_path)
