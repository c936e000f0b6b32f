"""What the deployment files promise: loopback, no root, nothing writable, locked packages."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
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


Block = list[tuple[list[str], Any]]


def nginx(text: str) -> Block:
    """Read a configuration of nginx: directives of words, each with its block or ``None``.

    Raises:
        AssertionError: it is none, by the grammar of nginx: words, ``;``, ``{``, ``}``, quotes.
    """
    without = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    tokens = re.findall(r'"[^"]*"|[;{}]|[^\s;{}"]+|"', without)
    stack: list[Block] = [[]]
    words: list[str] = []
    for one in tokens:
        assert one != '"', "a quote without its end"
        if one == ";":
            assert words, "an end without a directive"
            stack[-1].append((words, None))
        elif one == "{":
            inside: Block = []
            stack[-1].append((words, inside))
            stack.append(inside)
        elif one == "}":
            assert not words, f"no semicolon after {words}"
            assert len(stack) > 1, "a block ends twice"
            stack.pop()
        else:
            words = [*words, one.strip('"')]
            continue
        words = []
    assert len(stack) == 1, "a block has no end"
    assert not words, f"no semicolon after {words}"
    return stack[0]


@pytest.mark.parametrize(
    "wrong",
    ["server { listen 443 ssl }", "server { listen 443;", "a b", 'a "b;', "} a;", "server { ; }"],
)
def test_what_nginx_would_refuse_is_refused(wrong: str) -> None:
    with pytest.raises(AssertionError):
        nginx(wrong)


#: Directives of the file → fewest and most words behind them (nginx.org/en/docs/dirindex.html).
DIRECTIVES = {
    "limit_req_zone": (3, 4), "server": (0, 0), "listen": (1, 9), "server_name": (1, 9),
    "return": (1, 2), "ssl_certificate": (1, 1), "ssl_certificate_key": (1, 1),
    "ssl_protocols": (1, 6), "auth_basic": (1, 1), "auth_basic_user_file": (1, 1),
    "add_header": (2, 3), "location": (1, 2), "limit_req": (1, 3), "proxy_pass": (1, 1),
    "proxy_http_version": (1, 1), "proxy_set_header": (2, 2), "proxy_read_timeout": (1, 1),
}  # fmt: skip


def directives(block: Block) -> Iterator[list[str]]:
    for words, inside in block:
        yield words
        yield from directives(inside or [])


def test_the_proxy_asks_everybody_who_comes_on_every_page() -> None:
    read_back = nginx((DEPLOY / "nginx.conf").read_text(encoding="utf-8"))
    for name, *said in directives(read_back):
        fewest, most = DIRECTIVES[name]
        assert fewest <= len(said) <= most, name
    servers = [inside for words, inside in read_back if words == ["server"]]
    for server in servers:
        own = {words[0]: words[1:] for words, inside in server if inside is None}
        if own["listen"] == ["80"]:
            assert own["return"] == ["308", "https://$host$request_uri"]
            assert len(server) == len(own), "in the clear there is nothing but the way to TLS"
            continue
        assert own["listen"] == ["443", "ssl"]
        assert own["auth_basic"] != ["off"]
        assert own["auth_basic_user_file"]
        assert set(own["ssl_protocols"]) == {"TLSv1.2", "TLSv1.3"}
        for _, inside in server:
            below = {words[0]: words[1:] for words, _ in inside or []}
            assert not below.keys() & {"auth_basic", "satisfy", "allow"}
            assert inside is None or below["proxy_pass"] == ["http://127.0.0.1:3000"]
    assert len(servers) == 2


#: Starts Dagster's web interface.
_STARTS = re.compile(r"(?:dagster(?:-webserver|['\"]?,?\s+['\"]?dev)\b)(.*)")
_LOOPBACK = re.compile(r"(?:--host|-h)[\s=,'\"]+127\.0\.0\.1")


def test_the_web_interface_is_on_loopback_wherever_it_is_started() -> None:
    kinds = {".md", ".yml", ".yaml", ".service", ".sh", ".conf"}
    named = [path for folder in (DEPLOY, ROOT / "docs") for path in folder.rglob("*")]
    named += [*ROOT.glob("*.md"), *ROOT.glob("*.yaml"), *ROOT.glob("*.yml"), ROOT / "Makefile"]
    found = {}
    for path in named:
        if path.suffix not in kinds and path.name not in ("Makefile", "Dockerfile"):
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            started = _STARTS.search(line)
            # In prose it is named without what follows it.
            if started and re.search(r"\s-{1,2}\w", started[1]):
                place = path.relative_to(ROOT).as_posix()
                found[place] = found.get(place, True) and bool(_LOOPBACK.search(started[1]))
    # A container listens to its own network; what compose publishes of it is on loopback. Those of
    # a cluster have tests of their own.
    loose = {place for place, bound in found.items() if not bound}
    composed = {path.relative_to(ROOT).as_posix() for path in DEPLOY.glob("compose*.yml")}
    assert {place for place in loose - composed if not place.startswith("deploy/helm/")} == set()
    for place in composed:
        services = yaml.safe_load((ROOT / place).read_text(encoding="utf-8"))["services"]
        ports = [port for service in services.values() for port in service.get("ports", ())]
        assert all(str(port).startswith("127.0.0.1:") for port in ports), place
        assert not [one for one in services.values() if one.get("network_mode") == "host"]
    assert {"Makefile", "deploy/systemd/company-signals-dagster.service"} <= found.keys()
