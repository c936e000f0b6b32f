"""Is this machine fit for a run, and are the portals as described?

Belongs here: one check per thing a run needs, each tried for real, with a sentence and
what to do. Does not belong here: how fresh the data are (:mod:`pipelines.status`), what
differs at a portal (:mod:`opendata.live_check`). Nothing is written to the data folder.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import ssl
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rich.table import Table
from rich.text import Text

from assets import discovery
from assets.workspace import Workspace, lacking
from leads import keys
from opendata.addresses import PortalBases
from opendata.errors import OpenDataError
from opendata.http import tls_context
from opendata.live_check import Drift, check_dataset
from opendata.sample_portal import vintages
from opendata.warehouse import Warehouse
from pipelines.alert_channels import channels
from pipelines.console import console
from pipelines.jobs import chosen_datasets
from pipelines.settings import ROOT, load_settings

#: Bytes below which the disk is too full for any run.
ENOUGH = 2 << 30
OLDEST_PYTHON = (3, 11)
_MARK = "plain text that must not be found in the file"


@dataclass(frozen=True)
class Check:
    """What was looked at, whether it is well, a sentence, and what to do if not."""

    name: str
    ok: bool
    found: str
    todo: str = ""


def print_doctor(workspace: Workspace, *, live: bool, names: Sequence[str] = ()) -> bool:
    """Print every check, and with ``live`` what differs at the portals.

    Args:
        workspace: the place a run would work in.
        live: ask the portals too.
        names: the datasets whose portals are asked; all of them if none is named.

    Returns:
        Whether every check passed and no portal would stop a run.
    """
    results = checks(workspace)
    table = Table(box=None, pad_edge=False, show_header=False)
    for name in ("", "check", "found"):
        table.add_column(name, overflow="fold")
    for check in results:
        found = Text(check.found)
        if not check.ok:
            found.append(f"\nWhat to do: {check.todo}.", style="bold")
        mark = Text("✓", style="green") if check.ok else Text("✗", style="red")
        table.add_row(mark, check.name, found)
    console.print(table)
    well = all(check.ok for check in results)
    return print_drifts(drifts(workspace, names)) and well if live else well


def checks(workspace: Workspace) -> list[Check]:
    """Try everything a run needs; a failure is a result, never an exception."""
    tried: Sequence[tuple[str, Callable[[Workspace], Check]]] = (
        ("Python", _python),
        ("DuckDB", _duckdb),
        ("encryption", _encryption),
        ("data folder", _data_folder),
        ("rights", _rights),
        ("disk", _disk),
        ("lead key", _lead_key),
        ("settings", _settings),
        ("descriptions", _descriptions),
        ("sample", _sample),
        ("DAGSTER_HOME", _dagster_home),
        ("TLS", _tls),
        ("alerts", _alerts),
        ("versions", _versions),
    )
    results = []
    for name, check in tried:
        try:
            results.append(check(workspace))
        except OpenDataError as error:
            results.append(Check(name, False, f"{error.what}.", error.next_step))
    return results


def _python(_: Workspace) -> Check:
    oldest = ".".join(map(str, OLDEST_PYTHON))
    found = f"Python {platform.python_version()} on {platform.system()} ({platform.machine()})."
    todo = f"set up again with Python {oldest} or newer: `rm -rf .venv && make run`"
    return Check("Python", sys.version_info >= OLDEST_PYTHON, found, todo)


def _duckdb(workspace: Workspace) -> Check:
    with Warehouse.in_memory(memory_limit=workspace.memory_limit) as database:
        answer = database.rows("SELECT version()")[0][0]
    wheel = version("duckdb-extension-httpfs")
    found = f"DuckDB {answer}, its httpfs wheel {wheel}, memory limit {workspace.memory_limit}."
    todo = "install the same version of both: duckdb and duckdb-extension-httpfs"
    return Check("DuckDB", answer.lstrip("v") == wheel, found, todo)


def _encryption(_: Workspace) -> Check:
    """Write an encrypted file, look for the text in its bytes, read it back."""
    key = "0" * (2 * keys.KEY_BYTES)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trial.duckdb"
        with Warehouse.encrypted(path, key) as database:
            database.execute("CREATE TABLE trial AS SELECT ?::VARCHAR AS text", [_MARK])
        hidden = _MARK.encode() not in path.read_bytes()
        with Warehouse.encrypted(path, key, read_only=True) as database:
            same = database.rows("SELECT text FROM trial") == [(_MARK,)]
    found = "An encrypted file was written and read back (AES-256-GCM)."
    if not hidden or not same:
        found = "A trial file was not encrypted, or not read back as it was written."
    todo = "set up again with `rm -rf .venv && make run`; keep no leads"
    return Check("encryption", hidden and same, found, todo)


def _existing(path: Path) -> Path:
    """Return ``path`` or the nearest folder above it that exists."""
    return next(one for one in (path, *path.parents) if one.exists())


def _data_folder(workspace: Workspace) -> Check:
    folder = _existing(workspace.data_dir)
    usable = folder.is_dir() and os.access(folder, os.R_OK | os.W_OK | os.X_OK)
    state = "there" if workspace.data_dir.exists() else "not there yet, a run makes it"
    found = f"{workspace.data_dir} is {state}."
    if not usable:
        found = f"{folder} is not a folder this user may write to."
    todo = "give that folder to this user, or name another in SIGNALS_DATA_DIR"
    return Check("data folder", usable, found, todo)


def _rights(workspace: Workspace) -> Check:
    """Look for what everybody may read; the bundled sample is public."""
    folder = workspace.data_dir
    made = sorted(folder.iterdir()) if folder.is_dir() and os.access(folder, os.R_OK) else []
    public = {"sample", "README.md", ".gitignore"}
    loose = [one.name for one in made if one.name not in public and one.stat().st_mode & 0o007]
    found = "Nobody but its owner and group may read what a run made."
    if loose:
        found = f"Everybody on this machine may read {', '.join(loose[:5])}."
    todo = f"run `chmod -R o-rwx` on it in {folder}; new files follow SIGNALS_UMASK"
    return Check("rights", not loose, found, todo)


def _disk(workspace: Workspace) -> Check:
    free = shutil.disk_usage(_existing(workspace.data_dir)).free
    found = f"{free / 2**30:,.1f} GB free; below {ENOUGH / 2**30:.0f} GB no run is sensible."
    todo = "run `company-signals gc`, or name a folder on a larger disk in SIGNALS_DATA_DIR"
    return Check("disk", free >= ENOUGH, found, todo)


def _lead_key(workspace: Workspace) -> Check:
    path = workspace.data_dir / "keys" / "lead.key"
    leads = workspace.data_dir / "leads.duckdb"
    given = keys.is_given(os.environ)
    if given is None and not path.exists():
        found = "There is no key yet; the first run makes one, mode 0600."
        if leads.exists():
            found = "There are encrypted leads and no key to them."
        todo = f"restore {path.name} from its backup or set {keys.VARIABLE}"
        return Check("lead key", not leads.exists(), found, todo)
    key = keys.load(path, os.environ)
    where = f"from {given}" if given is not None else "in a file of mode 0600"
    if leads.exists():
        Warehouse.encrypted(leads, key, read_only=True).close()
        return Check("lead key", True, f"The key {where} opens the leads.")
    return Check("lead key", True, f"There is a key, {where}; no leads yet.")


def _settings(workspace: Workspace) -> Check:
    PortalBases(workspace.bases)
    leads = workspace.leads
    if leads is not None and not leads.is_file():
        todo = "correct SIGNALS_LEADS or --leads"
        return Check("settings", False, "The file of leads is not there.", todo)
    elsewhere = len(workspace.bases)
    portals = f"{elsewhere} not at their official place" if elsewhere else "official"
    given = "a file of leads" if leads is not None else "no file of leads"
    asked = len(chosen_datasets(load_settings().datasets))
    return Check("settings", True, f"Portals: {portals}; {given}; {asked} datasets are asked.")


def _descriptions(_: Workspace) -> Check:
    names = ", ".join(discovery.sources())
    return Check("descriptions", True, f"Every dataset.yml can be used: {names}.")


def _sample(_: Workspace) -> Check:
    folder = ROOT / "data" / "sample"
    described = vintages.load(folder)
    named = {name for one in described.opendatasoft for name in one.files}
    for dataset in described.datagouv:
        for resource in dataset.resources:
            named |= set(resource.files.values())
    missing = sorted(name for name in named if not (folder / name).is_file())
    found = f"All {len(named)} files of the sample are there."
    if missing:
        found = f"{len(missing)} of {len(named)} files of the sample are missing: {missing[0]} …"
    return Check("sample", not missing, found, "restore data/sample with git")


def _dagster_home(_: Workspace) -> Check:
    home = os.environ.get("DAGSTER_HOME")
    if not home:
        return Check("DAGSTER_HOME", True, "Not set: runs leave no history in Dagster.")
    usable = Path(home).is_absolute() and Path(home).is_dir()
    found = f"{home}." if usable else f"{home} is not the absolute path of a folder."
    todo = 'run `export DAGSTER_HOME="$PWD"` in the folder of dagster.yaml'
    return Check("DAGSTER_HOME", usable, found, todo)


def _alerts(_: Workspace) -> Check:
    found = [way.name for way in channels(load_settings(), os.environ)]
    further = " and ".join(found[1:]) or "nobody is told beside it"
    return Check("alerts", True, f"Go to the log; {further}.")


def _versions(_: Workspace) -> Check:
    """Compare what is installed with what is locked, and was tested together."""
    locked = ROOT / "requirements" / "run.txt"
    if not locked.is_file():
        return Check("versions", True, "There is no list of locked packages to compare with.")
    pins = re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;]+)([^\n\\]*)", locked.read_text("utf-8"), re.M)
    # A pin with a condition may be for another machine or Python.
    plain = [(name, wanted) for name, wanted, condition in pins if not condition.strip()]
    other = [
        f"{name} {there} instead of {wanted}"
        for name, wanted in plain
        if (there := _installed(name)) != wanted
    ]
    found = f"All {len(plain)} packages are as locked."
    if other:
        found = f"{len(other)} of {len(plain)} packages are not as locked: {', '.join(other[:3])}."
    todo = "install requirements/run.txt again: `rm -rf .venv && make run`"
    return Check("versions", not other, found, todo)


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "nothing"


def _tls(_: Workspace) -> Check:
    todo = "unset SSL_CERT_FILE and SSL_CERT_DIR, or point them at the system's certificates"
    try:
        context = tls_context()
    except OSError as error:
        found = f"The certificates cannot be read ({type(error).__name__})."
        return Check("TLS", False, found, todo)
    trusted = context.cert_store_stats()["x509_ca"]
    strict = context.verify_mode is ssl.CERT_REQUIRED and context.check_hostname
    found = f"{trusted} authorities trusted, {context.minimum_version.name} at least."
    return Check("TLS", bool(trusted and strict), found, todo)


def drifts(workspace: Workspace, names: Sequence[str] = ()) -> list[Drift]:
    """Ask the portals of the datasets called ``names``, or of the chosen ones that can be asked.

    Raises:
        SettingsError: no dataset that comes from a portal has one of these names.
    """
    found: list[Drift] = []
    for name in chosen_datasets(names or load_settings().datasets):
        dataset = discovery.catalogue()[name]
        # Without its key a portal only says that the key is missing.
        if not names and lacking(dataset) is not None:
            continue
        described_in = f"assets/{name}/dataset.yml"
        with (
            console.status(f"{name}: asking {dataset.host}"),
            workspace.portals(dataset.host) as client,
        ):
            found += check_dataset(
                dataset,
                portal=client.portals[dataset.portal],
                http=client.http,
                today=workspace.clock.today(),
                described_in=described_in,
            )
    return found


def print_drifts(found: Sequence[Drift]) -> bool:
    """Print what differs at the portals; return whether nothing has to be acted on."""
    if not found:
        console.print("\nThe portals offer what every dataset.yml describes.")
        return True
    console.print("\n[bold]Portals[/]")
    for drift in found:
        serious = ("act on it", "bold red") if drift.stops else ("a run copes", "dim")
        place = " ".join(name for name in (drift.dataset, drift.resource) if name)
        console.print(Text.assemble(f"\n{place}: {drift.what}, ", serious))
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        for label, said in (
            ("  expected", drift.expected), ("  found", drift.found), ("  edit", drift.edit)
        ):  # fmt: skip
            table.add_row(label, Text(said))
        console.print(table)
    return not any(drift.stops for drift in found)
