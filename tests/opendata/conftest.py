"""The server that the tests of this folder ask."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from loopback import Loopback, loopback


@pytest.fixture
def server() -> Iterator[Loopback]:
    """Serve on the loopback interface what a test scripts."""
    with loopback() as running:
        yield running
