"""The notebook runs from top to bottom on the replayed sample, and says what is there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from desks import plain_environment

from opendata.files import digest
from opendata.warehouse import Warehouse
from pipelines.settings import ROOT

pytestmark = pytest.mark.full
NOTEBOOK = ROOT / "notebooks" / "explore.py"
#: Runs the cells and prints what they define.
_RUN = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("explore", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
outputs, found = module.app.run()
kept = {name: found[name] for name in ("freshness", "weeks", "counted", "leads", "timeline")}
print(json.dumps({"shown": sum(one is not None for one in outputs), **kept}, default=str))
"""


def test_every_cell_runs_and_counts_what_the_warehouse_has(replayed: Path, tmp_path: Path) -> None:
    before = digest(replayed / "warehouse.duckdb")
    done = subprocess.run(
        [sys.executable, "-c", _RUN, NOTEBOOK],
        cwd=tmp_path,
        env={**plain_environment(), "SIGNALS_DATA_DIR": str(replayed), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["shown"] == 6
    with Warehouse.read_only(replayed / "warehouse.duckdb") as opened:
        ((signals, placed),) = opened.rows(
            "SELECT count(*) FILTER (NOT is_baseline AND NOT is_mass_operation), "
            "count(departement) FROM signals"
        )
        ((of_lead,),) = opened.rows(
            "SELECT (SELECT count(*) FROM signals WHERE siren = $1) + "
            "(SELECT count(*) FROM sirene_changes WHERE siren = $1)",
            [found["leads"][0]["siren"]],
        )
    assert sum(row["signals"] for row in found["weeks"]) == signals > 0
    assert sum(row["signals"] for row in found["counted"]) == placed > 0
    assert len(found["timeline"]) == of_lead > 0
    assert {row["state"] for row in found["freshness"]} == {"OK", "GAP"}
    assert digest(replayed / "warehouse.duckdb") == before
