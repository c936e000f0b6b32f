"""The bundled sample, served; and a client that shows everything of an answer."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from opendata.sample_portal import SamplePortal

ROOT = Path(__file__).parents[3]
Get = Callable[..., "Reply"]


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@pytest.fixture
def sample() -> Path:
    return ROOT / "data" / "sample"


@pytest.fixture
def recorded() -> Callable[[str], Any]:
    folder = ROOT / "tests" / "data" / "recorded" / "sample_portal"
    return lambda name: json.loads((folder / name).read_text("utf-8"))


@pytest.fixture
def portal(sample: Path) -> Iterator[SamplePortal]:
    with SamplePortal(sample, as_of=date(2025, 1, 6)) as served:
        yield served


@pytest.fixture
def get(portal: SamplePortal) -> Get:
    """Ask the portal: ``get("www.data.gouv.fr", "/api/…", method="HEAD", Range="…", q={…})``."""

    def ask(
        host: str,
        path: str,
        *,
        method: str = "GET",
        q: Mapping[str, str] | None = None,
        **headers: str,
    ) -> Reply:
        parts = urlsplit(portal.base_url)
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=60)
        target = f"/{host}{path}" + (f"?{urlencode(q)}" if q else "")
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, target, headers=named)
            answer = connection.getresponse()
            lowered = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, lowered, answer.read())
        finally:
            connection.close()

    return ask
