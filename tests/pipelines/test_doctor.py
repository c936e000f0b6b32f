"""The doctor tries each thing for real, and says what to do about what fails."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from replaying import Replayed, hashes, workspace_at

from assets.workspace import Workspace
from leads import keys
from opendata.clock import Clock
from opendata.errors import SettingsError
from opendata.live_check import Drift
from opendata.sample_portal import SamplePortal
from pipelines import doctor
from pipelines.doctor import Check, checks, print_doctor, print_drifts

DAY = date(2025, 1, 6)
#: The datasets that the sample portal has; the portals of others are not asked in tests.
SERVED = ("bodacc", "decp", "egapro", "sirene")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace whose folder does not exist yet, in an environment that says nothing."""
    for name in ("DAGSTER_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR", keys.VARIABLE):
        monkeypatch.delenv(name, raising=False)
    return Workspace(data_dir=tmp_path / "data", clock=Clock.at(DAY))


def found(workspace: Workspace, name: str) -> Check:
    (check,) = [one for one in checks(workspace) if one.name == name]
    return check


def failing(workspace: Workspace) -> list[str]:
    return [check.name for check in checks(workspace) if not check.ok]


def test_a_machine_that_is_set_up_passes_and_nothing_is_written(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert print_doctor(workspace, live=False)
    shown = capsys.readouterr().out
    assert "✗" not in shown
    assert "AES-256-GCM" in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert not workspace.data_dir.exists()


def test_a_failure_is_printed_with_what_to_do(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = replace(workspace, leads=Path("nowhere.csv"))
    assert not print_doctor(lost, live=False)
    shown = capsys.readouterr().out
    assert "The file of leads is not there." in shown
    assert "What to do: correct SIGNALS_LEADS or --leads." in shown


def test_a_folder_that_is_a_file_is_no_data_folder(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert failing(replace(workspace, data_dir=tmp_path / "file" / "data")) == ["data folder"]


def test_a_key_that_others_may_read_fails(workspace: Workspace) -> None:
    path = workspace.data_dir / "keys" / "lead.key"
    key = keys.generate(path)
    assert found(workspace, "lead key").ok
    path.chmod(0o644)
    check = found(workspace, "lead key")
    assert not check.ok
    assert "chmod 600" in check.todo
    assert key not in check.found + check.todo


def test_leads_without_their_key_fail_and_no_key_is_made(
    replayed: Replayed, workspace: Workspace
) -> None:
    workspace.data_dir.mkdir()
    leads = workspace.data_dir / "leads.duckdb"
    leads.write_bytes((replayed.data_dir / "leads.duckdb").read_bytes())
    assert failing(workspace) == ["lead key"]
    assert not (workspace.data_dir / "keys").exists()


def test_the_key_is_tried_on_the_leads(
    replayed: Replayed, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = (replayed.data_dir / "keys" / "lead.key").read_text().strip()
    full = replace(workspace, data_dir=replayed.data_dir)
    monkeypatch.setenv(keys.VARIABLE, right)
    assert found(full, "lead key").found == f"The key from {keys.VARIABLE} opens the leads."
    monkeypatch.setenv(keys.VARIABLE, "0" * len(right))
    assert not found(full, "lead key").ok


def test_dagster_home_must_be_the_absolute_path_of_a_folder(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", ".")
    assert not found(workspace, "DAGSTER_HOME").ok
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "absent"))
    assert not found(workspace, "DAGSTER_HOME").ok
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    assert found(workspace, "DAGSTER_HOME").ok


def test_an_empty_trust_store_fails(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "empty.pem").write_text("")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "empty.pem"))
    assert not found(workspace, "TLS").ok


def test_a_base_url_without_tls_fails(workspace: Workspace) -> None:
    plain = replace(workspace, bases={"www.data.gouv.fr": "http://mirror.example"})
    assert failing(plain) == ["settings"]


def test_a_missing_sample_fails(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sample = tmp_path / "data" / "sample"
    sample.mkdir(parents=True)
    described = doctor.ROOT / "data" / "sample" / "portal.yml"
    (sample / "portal.yml").write_bytes(described.read_bytes())
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    check = found(workspace, "sample")
    assert not check.ok
    assert "are missing: boamp/" in check.found


def test_a_disk_that_is_full_fails(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "ENOUGH", 1 << 60)
    assert failing(workspace) == ["disk"]


def test_live_tells_what_drifted_and_leaves_the_data_folder_as_it_is(
    portal: SamplePortal, replayed: Replayed, capsys: pytest.CaptureFixture[str]
) -> None:
    portal.set_date(DAY)
    workspace = workspace_at(portal, DAY, replayed.data_dir)
    before = hashes(replayed.data_dir)
    portal.drift("header", "22847056-61df-452d-837d-8b8ceadbfc52")
    try:
        assert not print_doctor(workspace, live=True, names=SERVED)
    finally:
        portal.restore()
    shown = capsys.readouterr().out
    assert "decp decp: columns, act on it" in shown
    assert "renomme_uid" in shown
    assert "in assets/decp/dataset.yml" in " ".join(shown.split())
    assert hashes(replayed.data_dir) == before


def test_live_without_anything_loaded_compares_all_the_same(
    portal: SamplePortal, tmp_path: Path
) -> None:
    """What the portals had on one day: each dataset is compared, and only their ages differ."""
    portal.set_date(DAY)
    drifts = doctor.drifts(workspace_at(portal, DAY, tmp_path / "data"), SERVED)
    assert {(drift.dataset, drift.what) for drift in drifts} == {
        ("bodacc", "date"), ("egapro", "date"), ("egapro", "format"), ("sirene", "date"),
    }  # fmt: skip
    assert not (tmp_path / "data").exists()


def test_a_dataset_that_does_not_exist_is_not_asked_for(workspace: Workspace) -> None:
    with pytest.raises(SettingsError, match="no dataset is called nowhere"):
        doctor.drifts(workspace, ["nowhere"])


def test_only_drifts_to_act_on_fail(capsys: pytest.CaptureFixture[str]) -> None:
    copes = Drift("egapro", "index", "format", "xlsx", "csv [sent]", "nothing", stops=False)
    assert print_drifts([])
    assert print_drifts([copes])
    assert "csv [sent]" in capsys.readouterr().out
    assert not print_drifts([copes, replace(copes, stops=True)])


def test_a_webhook_that_cannot_be_used_fails_and_is_not_repeated(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found(workspace, "alerts").found == "Go to the log; nobody is told beside it."
    monkeypatch.setenv("SIGNALS_ALERT_WEBHOOK", "https://hooks.example.org/s3cr3t")
    assert found(workspace, "alerts").found == "Go to the log; webhook."
    monkeypatch.setenv("SIGNALS_ALERT_WEBHOOK", "http://hooks.example.org/s3cr3t")
    check = found(workspace, "alerts")
    assert not check.ok
    assert "s3cr3t" not in check.found + check.todo


def test_a_package_that_is_not_as_locked_fails(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert found(workspace, "versions").ok
    locked = tmp_path / "requirements" / "run.txt"
    locked.parent.mkdir()
    pins = ["polars==0.0.1 \\", "    --hash=sha256:0", "pywin32==1 ; sys_platform == 'win32'"]
    locked.write_text("\n".join(pins))
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    check = found(workspace, "versions")
    assert not check.ok
    assert check.found.startswith("1 of 1 packages are not as locked: polars ")


def test_what_everybody_may_read_is_found(workspace: Workspace) -> None:
    for name in ("sample", "raw", "tables"):
        (workspace.data_dir / name).mkdir(parents=True)
        (workspace.data_dir / name).chmod(0o750 if name == "tables" else 0o755)
    check = found(workspace, "rights")
    assert not check.ok
    assert check.found == "Everybody on this machine may read raw."
    (workspace.data_dir / "raw").chmod(0o700)
    assert found(workspace, "rights").ok
