"""The recipe of CONTRIBUTING.md followed to the letter: two files, then the commands of a user.

The folder ``assets`` of the run is a copy with one dataset more; all else is the repository's.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from desks import BIN, plain_environment

from opendata.sample_portal import SamplePortal
from pipelines.replay import SAMPLE
from pipelines.settings import DATAGOUV_HOST, ROOT

pytestmark = pytest.mark.full
RECIPE = Path(__file__).with_name("recipes") / "datasets" / "buyers"
#: What `make generated` would write, asked of the code instead of written.
_PAGES = """
from pipelines.generated import pages
found = pages()
assert "buyers__names" in found["docs/datasets/buyers.md"]
assert "## buyers__names" in found["docs/dictionary/events.md"]
assert "décp.info" in found["ATTRIBUTION.md"]
assert "buyers" in found["docs/datasets/README.md"]
"""


def test_two_files_are_a_dataset_that_is_fetched_checked_published_and_asked(
    tmp_path: Path,
) -> None:
    package = tmp_path / "with" / "assets"
    shutil.copytree(ROOT / "assets", package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(RECIPE, package / "buyers")
    with SamplePortal(SAMPLE) as portal:
        bases = dict(portal.bases())
        environment = {
            **plain_environment(),
            "PYTHONPATH": f"{package.parent}{os.pathsep}{ROOT}",
            "HOME": str(tmp_path),
            "SIGNALS_DATA_DIR": "data",
            "SIGNALS_AT": "2025-01-06",
            "SIGNALS_DATAGOUV_URL": bases.pop(DATAGOUV_HOST),
            "SIGNALS_BASE_URLS": json.dumps(bases),
        }

        def command(*typed: str | Path) -> str:
            done = subprocess.run(
                typed,
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            assert done.returncode == 0, f"{typed}\n{done.stdout}{done.stderr}"
            return done.stdout

        signals = BIN / "company-signals"
        assert "offer what" in command(signals, "doctor", "--live", "buyers")
        assert "published" in command(signals, "fetch", "buyers")
        assert "1,044 taken, 1 refused" in command(signals, "quarantine", "buyers")
        command(signals, "export")
        counted = "SELECT count(*) AS n, count(DISTINCT acheteur_id) AS ids FROM buyers__names"
        assert command(signals, "query", counted).split()[:4] == ["n", "ids", "421", "421"]
        meaning = "SELECT comment FROM duckdb_columns() WHERE column_name = 'acheteur_nom'"
        assert "Name of the buyer / Nom de l'acheteur" in command(signals, "query", meaning)
        command(BIN / "python", "-W", "error", "-c", _PAGES)
