"""The commands for those who read the feed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.conformance import print_fixtures


def test_the_test_events_are_written_once(tmp_path: Path) -> None:
    from opendata.errors import SettingsError

    out = tmp_path / "events"
    done = CliRunner().invoke(app, ["feed", "fixtures", "--out", str(out)])
    assert done.exit_code == 0, done.output
    index = json.loads((out / "scenarios.json").read_bytes())["scenarios"]
    for step in (step for one in index for step in one["steps"]):
        assert (out / step["feed"] / "manifest.json").is_file()
    with pytest.raises(SettingsError, match="exists already"):
        print_fixtures(out)


def test_a_consumer_that_breaks_rules_fails_the_command() -> None:
    # It prints nothing and ends well: right only where nothing stands.
    words = ["feed", "conformance", "--", sys.executable, "-S", "-c", ""]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    assert "FAIL life" in done.output
    assert "it lacks" in done.output


@pytest.mark.full
def test_the_reader_passes_as_a_command() -> None:
    words = ["feed", "conformance", "--", sys.executable, "-m", "signals.reader"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "FAIL" not in done.output
