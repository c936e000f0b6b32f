"""What docs/going-live.md says of the code is so."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from assets import discovery
from assets.workspace import INSEE_KEY
from leads.headers import HEADERS
from leads.keys import VARIABLE
from opendata.addresses import STORAGE_HOSTS
from opendata.catalogue import Assertions
from opendata.http import USER_AGENT
from opendata.mirrors import SETTING as MIRRORS
from pipelines.doctor import ENOUGH
from pipelines.settings import ROOT, Settings

PAGE = (ROOT / "docs" / "going-live.md").read_text(encoding="utf-8")


def test_the_headers_of_leads_are_those_recognised_in_their_order() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE, re.M)
    assert {field: tuple(text.split(", ")) for field, text in rows} == HEADERS


def test_every_setting_named_exists() -> None:
    named = set(re.findall(r"SIGNALS_[A-Z_]+", PAGE))
    known = {f"SIGNALS_{name.upper()}" for name in Settings.model_fields}
    assert named - known == {VARIABLE, INSEE_KEY, MIRRORS}


def test_the_flux_alone_needs_the_insee_key() -> None:
    asking = [name for name, one in discovery.catalogue().items() if one.portal == "insee"]
    assert asking == ["sirene_flux"]
    assert "`sirene_flux`" in PAGE


def test_figures_are_those_of_the_code() -> None:
    catalogue = discovery.catalogue()
    window = catalogue["bodacc"].resources[0].window
    assert window is not None
    assert f"the last {window.first_days} days" in PAGE
    assert f"{Assertions().changed_ceiling:.0%}".replace("%", " %") in PAGE
    assert f"below {ENOUGH >> 30} GB" in PAGE
    assert f"`keep` in `dataset.yml`, {catalogue['sirene'].keep} for Sirene" in PAGE
    assert f"`{USER_AGENT.split()[0]}`" in PAGE


def test_hosts_are_those_described() -> None:
    hosts = {urlsplit(one.host).hostname for one in discovery.catalogue().values()}
    said = PAGE[PAGE.index("- Requests go to the `host`") : PAGE.index("- They carry the ids")]
    assert set(re.findall(r"`([\w.-]+\.\w+\.?\w*)`", said)) - {"dataset.yml"} == hosts
    assert all(host.endswith(".data.gouv.fr") for host in STORAGE_HOSTS)


def test_the_sample_takes_the_disk_it_is_said_to_take(replayed: Path) -> None:
    done = subprocess.run(["du", "-sm", replayed], capture_output=True, text=True, check=True)
    (said,) = re.findall(r"sample takes about (\d+) MB", PAGE)
    assert abs(int(done.stdout.split()[0]) - int(said)) <= 2
