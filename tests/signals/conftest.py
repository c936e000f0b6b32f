"""The log and the folder that the tests of the feed begin with."""

from __future__ import annotations

from pathlib import Path

import pytest
from signal_tables import SALE
from signal_world import OTHER_SALE, sales, tell

from signals.log import SignalLog


@pytest.fixture
def log(tmp_path: Path) -> SignalLog:
    log = SignalLog(tmp_path / "signals")
    tell(log, sales(SALE, OTHER_SALE))
    return log


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "exports"
