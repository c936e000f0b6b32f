"""What the deployment files promise: loopback, no root, nothing writable, locked packages."""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yml").read_text(encoding="utf-8"))["services"])


def test_containers_have_no_rights_they_do_not_need(services: dict[str, Any]) -> None:
    for service in services.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]
        assert int(service["user"].split(":")[0]) > 0
        assert service["healthcheck"]["test"]


def test_pages_and_daemon_load_the_same_definitions_with_the_same_settings(
    services: dict[str, Any],
) -> None:
    """Sensors and automation run in the daemon; the pages only switch them on."""
    started = {service["entrypoint"][0]: service for service in services.values()}
    assert started.keys() >= {"dagster-webserver", "dagster-daemon"}
    for service in started.values():
        at = service["entrypoint"].index("-m")
        assert service["entrypoint"][at + 1] == "pipelines.definitions"
        assert service["env_file"] == [{"path": "../.env", "required": False}]
        assert service["environment"] == services["web"]["environment"]
    dagster = read(DEPLOY / "systemd" / "company-signals-dagster.service")
    # `dagster dev` is both in one.
    assert dagster["ExecStart"].split()[1:4] == ["dev", "-m", "pipelines.definitions"]
    assert dagster["EnvironmentFile"] == read(UNITS[-1])["EnvironmentFile"]


def test_ports_are_published_on_loopback_only(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_mounted_files_exist_and_are_read_only(services: dict[str, Any]) -> None:
    for service in services.values():
        for volume in service["volumes"]:
            source, *_rest = volume.replace("${LEADS_FOLDER:-../data/sample}", "..").split(":")
            if source.startswith(".."):
                assert (DEPLOY / source).exists()
                assert volume.endswith(":ro")


def test_the_image_installs_what_is_locked_and_runs_as_nobody_special() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    assert "--require-hashes --no-deps -r requirements/run.txt" in text
    assert re.search(r"^USER 10001", text, re.MULTILINE)
    assert ":latest" not in text
    stages = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert all(":" in stage for stage in stages)
    version = stages[0].split(":")[1].split("-")[0]
    assert tuple(int(part) for part in version.split(".")) >= (3, 11)
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    assert {".env", "data/*", ".git"} <= set(ignored)


def read(unit: Path) -> dict[str, str]:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(unit, encoding="utf-8")
    return dict(parser["Service"])


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_are_confined(unit: Path) -> None:
    said = read(unit)
    assert said["User"] == "signals"
    assert said["UMask"] == "0077"
    assert said["NoNewPrivileges"] == "yes"
    assert said["ProtectSystem"] == "strict"
    assert said["ReadWritePaths"].startswith("/srv/company-signals")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_start_commands_that_are_installed(unit: Path) -> None:
    command = read(unit)["ExecStart"].split()
    program = Path(command[0]).relative_to("/srv/company-signals")
    assert (ROOT / program).exists() or program.parts[0] == ".venv"
    assert program.name in {"company-signals", "dagster"}
    assert "--host" not in command or command[command.index("--host") + 1] == "127.0.0.1"


def test_the_proxy_asks_who_comes_and_speaks_modern_tls() -> None:
    text = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    assert "auth_basic_user_file" in text
    assert "proxy_pass http://127.0.0.1:3000" in text
    protocols = re.search(r"ssl_protocols\s+([^;]+);", text)
    assert protocols is not None
    assert set(protocols[1].split()) == {"TLSv1.2", "TLSv1.3"}
