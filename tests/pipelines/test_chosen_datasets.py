"""Which datasets are asked when nobody names one."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from replaying import workspace_at

from assets import discovery
from opendata.errors import SettingsError
from opendata.sample_portal import SamplePortal
from pipelines.definitions import build_defs
from pipelines.doctor import checks
from pipelines.jobs import chosen_datasets, dataset_keys, fetched_datasets
from pipelines.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]


def test_the_setting_is_a_list_of_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNALS_DATASETS", " egapro, bodacc ,")
    assert load_settings().datasets == ("egapro", "bodacc")
    monkeypatch.setenv("SIGNALS_DATASETS", "")
    assert load_settings().datasets == ()


def test_all_enabled_datasets_are_asked_if_none_is_chosen() -> None:
    enabled = [name for name in fetched_datasets() if discovery.catalogue()[name].enabled]
    assert chosen_datasets() == enabled
    assert chosen_datasets(("egapro",)) == ["egapro"]


def test_one_that_is_not_enabled_is_asked_when_named() -> None:
    for name in set(fetched_datasets()) - set(chosen_datasets()):
        assert chosen_datasets((name,)) == [name]


def test_a_wrong_name_is_told_with_the_right_ones() -> None:
    with pytest.raises(SettingsError, match="no dataset is called bodac, x") as caught:
        chosen_datasets(("x", "egapro", "bodac"))
    assert "bodacc" in caught.value.next_step


def test_jobs_and_schedules_follow_the_choice(tmp_path: Path) -> None:
    defs = build_defs(Settings(data_dir=tmp_path, datasets=("egapro",)))
    assert [one.name for one in defs.schedules or ()] == ["update_egapro"]
    main = defs.resolve_job_def("main")
    made = {key.to_user_string() for key in main.asset_layer.selected_asset_keys}
    assert made > {*dataset_keys("egapro"), "out_feed"}
    assert "raw_bodacc" not in made
    # A dataset that was not chosen can still be brought up to date by hand.
    assert defs.resolve_job_def("update_bodacc")


def test_doctor_tells_a_wrong_choice(
    portal: SamplePortal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = workspace_at(portal, date(2020, 3, 2), tmp_path / "data")
    monkeypatch.setenv("SIGNALS_DATASETS", "egapro")
    told = {check.name: check for check in checks(workspace)}
    assert told["settings"].ok
    assert "1 datasets are asked" in told["settings"].found
    monkeypatch.setenv("SIGNALS_DATASETS", "egapr")
    told = {check.name: check for check in checks(workspace)}
    assert not told["settings"].ok
    assert "egapr" in told["settings"].found


def test_fetch_without_names_asks_the_chosen_ones(portal: SamplePortal, tmp_path: Path) -> None:
    day = date(2020, 3, 2)
    portal.set_date(day)
    workspace = workspace_at(portal, day, tmp_path / "data")
    bases = ",".join(f'"{host}":"{url}"' for host, url in workspace.bases.items())
    done = subprocess.run(
        [Path(sys.executable).with_name("company-signals"), "fetch", "--at", str(day)],
        cwd=ROOT,
        env={
            **os.environ,
            "SIGNALS_DATASETS": "egapro",
            "SIGNALS_DATA_DIR": str(tmp_path / "data"),
            "SIGNALS_BASE_URLS": f"{{{bases}}}",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "egapro" in done.stdout
    assert workspace.store.datasets() == ["egapro"]
