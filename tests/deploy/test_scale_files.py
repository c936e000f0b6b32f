"""What the files for several machines promise, and that they say the same as the code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.settings import Settings

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
PREFIX = "SIGNALS_"
#: Read from the environment alone, so that no setting shows them.
SECRETS = ("PASSWORD", "SECRET", "_KEY", "POSTGRES_URL")


def load(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return load("compose.scale.yml")


@pytest.fixture(scope="module")
def helm() -> dict[str, Any]:
    return load("helm/values.yaml")


def ours(compose: dict[str, Any]) -> dict[str, Any]:
    return {
        name: one
        for name, one in compose["services"].items()
        if name in {"code", "web", "scheduler"}
    }


def test_our_containers_have_no_rights_they_do_not_need(compose: dict[str, Any]) -> None:
    for service in ours(compose).values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert int(service["user"].split(":")[0]) > 0
        assert service["healthcheck"]["test"]
        assert service["build"]["args"]["REQUIREMENTS"] == "requirements/scale.txt"


def test_nothing_is_published_but_the_pages_on_loopback(compose: dict[str, Any]) -> None:
    ports = {name: one["ports"] for name, one in compose["services"].items() if "ports" in one}
    assert ports == {"web": ["127.0.0.1:3000:3000"]}
    # The store speaks in clear, to those who share its network only.
    assert compose["services"]["store"]["network_mode"] == "service:code"
    assert "127.0.0.1:9000" in compose["services"]["store"]["command"]


def test_no_file_holds_a_password(compose: dict[str, Any], helm: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for name, value in service["environment"].items():
            if any(part in name for part in SECRETS):
                assert "${" in value
    (code,) = helm["dagster-user-deployments"]["deployments"]
    named = [one["name"] for one in code["env"]]
    assert not any(part in name for name in named for part in SECRETS)
    assert code["envSecrets"] == [{"name": "signals-env"}]
    assert "postgresqlPassword" not in helm["postgresql"]
    assert helm["generatePostgresqlPasswordSecret"] is False


def test_what_is_set_is_a_setting_and_allowed(
    compose: dict[str, Any], helm: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,) = helm["dagster-user-deployments"]["deployments"]
    places = [
        compose["services"]["code"]["environment"],
        {one["name"]: one["value"] for one in code["env"]},
    ]
    for given in places:
        said = {
            name.removeprefix(PREFIX).lower(): str(value).replace("${SHARES:-2}", "2")
            for name, value in given.items()
            if name.startswith(PREFIX)
        }
        assert said.keys() <= Settings.model_fields.keys()
        settings = Settings(**{**said, "data_dir": Path("data")})  # type: ignore[arg-type]
        assert settings.shares > 1
        assert settings.lake.startswith("postgres:")


def test_pods_run_as_nobody_special_on_a_root_they_cannot_write(helm: dict[str, Any]) -> None:
    (code,) = helm["dagster-user-deployments"]["deployments"]
    launched = helm["runLauncher"]["config"]["k8sRunLauncher"]["runK8sConfig"]
    parts = {
        "web": helm["dagsterWebserver"],
        "daemon": helm["dagsterDaemon"],
        "code": code,
        "runs": {
            "podSecurityContext": launched["podSpecConfig"]["securityContext"],
            "securityContext": launched["containerConfig"]["securityContext"],
            "resources": launched["containerConfig"]["resources"],
        },
    }
    for name, part in parts.items():
        assert part["podSecurityContext"]["runAsNonRoot"] is True, name
        assert part["podSecurityContext"]["runAsUser"] == 10001
        assert part["securityContext"]["readOnlyRootFilesystem"] is True
        assert part["securityContext"]["allowPrivilegeEscalation"] is False
        assert part["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert part["resources"]["limits"]["memory"]
    assert helm["runLauncher"]["type"] == "K8sRunLauncher"
    assert code["includeConfigInLaunchedRuns"]["enabled"] is True
    # Without a log-in before it nobody from elsewhere gets there.
    assert helm["ingress"]["enabled"] is False
    assert helm["dagsterWebserver"]["service"]["type"] == "ClusterIP"


def test_all_instances_let_one_writer_through() -> None:
    single = yaml.safe_load((DEPLOY.parent / "dagster.yaml").read_text(encoding="utf-8"))
    postgres, helm = load("dagster.postgres.yaml"), load("helm/values.yaml")
    assert postgres["concurrency"] == single["concurrency"]
    assert helm["additionalInstanceConfig"]["concurrency"] == single["concurrency"]
    for name in ("freshness", "run_monitoring", "run_retries", "retention", "telemetry", "sensors"):
        assert postgres[name] == single[name]


def test_mounted_files_exist_and_are_read_only(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for volume in service.get("volumes", ()):
            source, *_ = volume.replace("${LEADS_FOLDER:-../data/sample}", "..").split(":")
            if source.startswith("."):
                assert (DEPLOY / source).exists()
                assert volume.endswith(":ro")
