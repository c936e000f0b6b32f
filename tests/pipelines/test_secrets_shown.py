"""Secrets and people planted where an operator and a customer put them are shown nowhere.

Real runs that fail: a portal that repeats what it was sent, a store that refuses the key, a wrong
key of the leads, files of leads that cannot be read, matching that breaks, a webhook and a mail
server that refuse, settings with credentials in them. Then everything they left is searched: what
was printed and logged, what Dagster keeps, every file and its name, what was posted and mailed.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import threading
import traceback
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
import structlog
from listeners import Hook, MailServer, hook, mail_server
from object_store import BUCKET, ObjectServer, object_server
from synthetic_world import CANARIES, World, with_leads
from typer.testing import CliRunner

from opendata.errors import OpenDataError
from opendata.pace import Retry
from opendata.stores import KEY_ID, SECRET, TOKEN, Store, StoreAddress
from pipelines import main_job
from pipelines.alert_channels import SMTP_PASSWORD, SMTP_USER, WEBHOOK, channels
from pipelines.alerts import after_run, alerting
from pipelines.cli import _explained, app
from pipelines.logs import configure_logs
from pipelines.privacy import Subject, carry_out
from pipelines.settings import Settings, load_settings

PLANTED = {
    "SIGNALS_INSEE_API_KEY": "plantedinsee-41f9-8c77",
    "SIGNALS_INPI_USERNAME": "planted.inpi.user@qwyx.example",
    "SIGNALS_INPI_PASSWORD": "planted inpi p4ssw0rd",
    KEY_ID: "AKIAPLANTEDIDENTITY9",
    SECRET: "plantedS3/secret+access0key",
    TOKEN: "plantedS3sessiontoken==",
    SMTP_USER: "planted.smtp.user",
    SMTP_PASSWORD: "planted-smtp-p4ssw0rd",
    "SIGNALS_EXPORT_KEYS": json.dumps({"acme": "3d" * 32}),
}
KEY = "1f" * 32
#: What is typed into an address by mistake, and what the listeners have in theirs or give out.
IN_ADDRESSES = "planted-in-address"
HOOK_TOKEN, SESSION = "s3cr3t-token", "planted-session-of-the-portal"
NEEDLES = (
    *(value for name, value in PLANTED.items() if name != "SIGNALS_EXPORT_KEYS"),
    KEY,
    "2e" * 32,
    "3d" * 32,
    IN_ADDRESSES,
    HOOK_TOKEN,
    SESSION,
    *CANARIES,
)


class Repeating(ThreadingHTTPServer):
    """A portal that refuses, and repeats in its answer every header and byte it was sent."""

    def __init__(self) -> None:
        self.status = 400
        self.heard: list[str] = []
        super().__init__(("127.0.0.1", 0), _Repeated)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Repeated(BaseHTTPRequestHandler):
    server: Repeating

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.status == 401:
            self._answer(body)
        else:
            self._say(200, {"token": SESSION})

    def _answer(self, body: bytes) -> None:
        sent = f"{self.path} {dict(self.headers)} {body.decode()}"
        self.server.heard.append(sent)
        keys = [self.headers.get(n, "") for n in ("X-INSEE-Api-Key-Integration", "Authorization")]
        said = {"message": f"refused: {' '.join(keys)} {body.decode()}", "status": 400}
        self._say(self.server.status, said)

    def _say(self, status: int, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        if status == 302:
            key = self.headers.get("X-INSEE-Api-Key-Integration", "")
            self.send_header("Location", f"http://elsewhere.example/?key={key}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        return


@contextmanager
def repeating() -> Iterator[Repeating]:
    server = Repeating()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


# -- looking ---------------------------------------------------------------------------------


def rows_of(path: Path) -> bytes:
    """Return every value in a database of SQLite, whole: a page may cut one in two."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        tables = [name for (name,) in database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'")]  # fmt: skip
        every = [list(database.execute(f'SELECT * FROM "{table}"')) for table in tables]
    database.close()
    return "\n".join(str(row) for rows in every for row in rows).encode()


def contents(path: Path) -> list[bytes]:
    """Return the bytes of a file, and what is packed in it."""
    found = [path.read_bytes()]
    if found[0].startswith(b"SQLite format 3"):
        found.append(rows_of(path))
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as packed:
            found += [packed.read(name) for name in packed.namelist()]
    elif path.suffix == ".parquet":
        # One that was damaged on purpose has only its bytes.
        with suppress(pl.exceptions.ComputeError):
            found.append(pl.read_parquet(path, glob=False).write_ndjson().encode())
    return found


def written(text: bytes, needles: Sequence[str] = NEEDLES) -> set[str]:
    """Return which needles stand in ``text``, as they are, escaped as in JSON, or in an address."""
    forms = {one: {one, json.dumps(one)[1:-1], one.replace(" ", "_"), one.replace(" ", "%20"),
                   one.replace("@", "%40").replace("+", "%2B").replace("/", "%2F")}
             for one in needles}  # fmt: skip
    return {one for one, spelled in forms.items() if any(form.encode() in text for form in spelled)}


def shown_in(folder: Path, needles: Sequence[str] = NEEDLES) -> dict[str, set[str]]:
    """Return file → needles that its bytes or its name show."""
    found: dict[str, set[str]] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        hit = written(name.encode(), needles)
        for content in contents(path) if path.is_file() else ():
            hit |= written(content, needles)
        if hit:
            found[name] = hit
    return found


# -- failing ---------------------------------------------------------------------------------


@dataclass
class Failing:
    """A data folder, the servers around it, and what was said of each failure."""

    world: World
    home: Path
    portal: Repeating
    store: ObjectServer
    webhook: Hook
    mail: MailServer
    settings: Settings
    said: list[str] = field(default_factory=list)

    def runs(self, *keys: str, **changes: Any) -> dict[str, str]:
        """Run assets, which must fail; alert of it as a command does."""
        workspace = replace(self.world.workspace(), patience=Retry(attempts=1), **changes)
        report = main_job._materialise(workspace, keys)
        self.said.append(str(report))
        after_run(workspace, report.failures, self.settings)
        return report.failures

    def fails(self, action: Callable[[], object]) -> str:
        """Do what must fail; keep what the error says, those it comes from included."""
        with (
            pytest.raises(OpenDataError) as caught,
            alerting(self.world.workspace(), self.settings),
        ):
            action()
        self.said += [_explained(caught.value), repr(caught.value)]
        self.said += traceback.format_exception_only(caught.value)
        cause = caught.value.__cause__
        self.said += traceback.format_exception(cause) if cause is not None else []
        return str(caught.value)


def portals_refuse(failing: Failing) -> None:
    insee, inpi = "api.insee.fr", "registre-national-entreprises.inpi.fr"
    for status, host, dataset in (
        (400, insee, "sirene_flux"),
        (401, insee, "sirene_flux"),
        (302, insee, "sirene_flux"),
        (400, inpi, "rne"),
        (401, inpi, "rne"),
    ):
        failing.portal.status = status
        keys = main_job._keys([dataset])
        assert dataset in failing.runs(*keys, bases={host: failing.portal.url})
    heard = "\n".join(failing.portal.heard)
    for sent in ("plantedinsee-41f9-8c77", "planted inpi p4ssw0rd", SESSION):
        assert sent in heard, "it was sent where it belongs"


def the_store_refuses(failing: Failing) -> None:
    failing.store.fault = lambda *_: "403"
    address = StoreAddress(f"s3://{BUCKET}/prod", failing.store.url, attempts=1)
    assert "refuses the key" in failing.runs("out_feed", export_to=address)["out_feed"]
    failing.fails(lambda: Store.open(address, os.environ).get("some"))


def the_key_of_the_leads_is_another(failing: Failing) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SIGNALS_LEAD_KEY", KEY)
        assert "does not open" in str(failing.runs("matches"))
        failing.fails(lambda: failing.world.workspace().lead_store.leads())
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SIGNALS_LEAD_KEY", f"{KEY}00")
        failing.fails(lambda: failing.world.workspace().lead_key)
        patched.setenv("SIGNALS_RECORD_KEY", f"{'2e' * 32},{CANARIES[0]}")
        failing.fails(lambda: failing.world.workspace().record_key)
        patched.delenv("SIGNALS_LEAD_KEY")
        patched.setenv("SIGNALS_KEY_COMMAND", f"sh -c 'echo {IN_ADDRESSES} >&2; exit 4'")
        failing.fails(lambda: failing.world.workspace().lead_key)


def leads_cannot_be_read(failing: Failing) -> None:
    given = failing.world.leads
    for suffix in (".xlsx", ".jsonl"):
        failing.world.leads = given.with_suffix(suffix)
        failing.world.leads.write_text(f'{{"contact": ["{CANARIES[0]}", "{CANARIES[1]}"')
        assert failing.runs("leads"), suffix
        failing.world.leads.unlink()
    failing.world.leads = given


def matching_breaks(failing: Failing) -> None:
    """Both ways: an answer of ours, and a failure that nobody foresaw, among people's words."""
    folder = failing.world.folder
    for table in ("sirene__legal_units", "sirene__names"):
        for path in (folder / "tables" / table).glob("*.parquet"):
            path.write_bytes(b"PAR1 damaged")
    shutil.rmtree(folder / "index", ignore_errors=True)
    assert failing.runs("leads", "matches")


def ways_of_alerts_refuse(failing: Failing) -> None:
    failing.webhook.status, failing.mail.refuse = 500, True
    after_run(failing.world.workspace(), {"decp": "no answer"}, failing.settings)
    failing.webhook.status, failing.mail.refuse = 302, False
    after_run(failing.world.workspace(), {"decp": "no answer"}, failing.settings)
    failing.webhook.status = 200


#: Setting → a value with credentials in it.
MISTAKEN = {
    "SIGNALS_DATAGOUV_URL": f"https://user:{IN_ADDRESSES}@portal.example",
    "SIGNALS_BASE_URLS": json.dumps({"api.insee.fr": f"https://u:{IN_ADDRESSES}@portal.example"}),
    "SIGNALS_EXPORT_URL": f"s3://key:{IN_ADDRESSES}@bucket/prefix",
    "SIGNALS_EXPORT_ENDPOINT": f"https://key:{IN_ADDRESSES}@store.example",
    "SIGNALS_FEEDBACK": f"s3://key:{IN_ADDRESSES}@bucket/prefix",
    "SIGNALS_LAKE": f"postgres:dbname=lake password={IN_ADDRESSES}",
    "SIGNALS_LAKE_DATA": f"s3://key:{IN_ADDRESSES}@bucket/prefix",
    "SIGNALS_ALERT_SMTP": f"smtp://user:{IN_ADDRESSES}@mail.example",
}


def settings_hold_credentials(failing: Failing) -> None:
    for name, value in MISTAKEN.items():
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv(name, value)
            assert name in failing.fails(load_settings), name
    failing.fails(lambda: load_settings(changed_ceilings=f'{{"{IN_ADDRESSES}'))
    failing.fails(lambda: channels(Settings(), {WEBHOOK: f"http://h.example/{IN_ADDRESSES}"}))


def commands_are_typed(failing: Failing) -> None:
    where = ["--data-dir", str(failing.world.folder)]
    typed: list[tuple[list[str], str]] = [
        (["object", "--email", "-"], CANARIES[1]),
        (["restrict", "--phone", "-"], CANARIES[2]),
        (["rectify", "acme/9", "--set", f"contact_name={CANARIES[0]}"], ""),
        (["object", "--email", CANARIES[2]], ""),
        (["erase", "--siren-person", CANARIES[0]], ""),
        (["status"], ""),
        (["keys", "show"], ""),
        (["audit", "show"], ""),
        (["audit", "verify"], ""),
        (["retention"], ""),
    ]
    for words, given in typed:
        done = CliRunner().invoke(app, [*words, *where], input=given)
        failing.said += [done.output, _explained(done.exception) if done.exception else ""]  # type: ignore[arg-type]
    carry_out(failing.world.workspace(), "object", Subject("email", CANARIES[1]))


def secrets_are_logged(_: Failing) -> None:
    """Under the name of a secret, or where one stands in an address."""
    # The commands sent the log to an output that is closed since.
    configure_logs()
    log = structlog.get_logger()
    log.warning("trying", api_key=PLANTED["SIGNALS_INSEE_API_KEY"], headers={"cookie": SESSION})
    log.warning(f"asking https://user:{IN_ADDRESSES}@portal.example/file", key=PLANTED[SECRET])
    log.warning(f"with {KEY}", nested=[{"password": HOOK_TOKEN}])


SCENES = (
    portals_refuse,
    the_store_refuses,
    the_key_of_the_leads_is_another,
    leads_cannot_be_read,
    ways_of_alerts_refuse,
    settings_hold_credentials,
    commands_are_typed,
    secrets_are_logged,
    # Last: it damages the tables.
    matching_breaks,
)


@pytest.fixture
def failing(february: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Failing]:
    for name, value in PLANTED.items():
        monkeypatch.setenv(name, value)
    home = tmp_path / "dagster"
    home.mkdir()
    with (
        repeating() as portal,
        object_server() as store,
        hook() as webhook,
        mail_server() as mail,
        dg.DagsterInstance.local_temp(str(home)) as instance,
    ):
        monkeypatch.setenv(WEBHOOK, webhook.url)
        mail.asks = True
        monkeypatch.setattr(main_job, "_history", instance)
        world = with_leads(february.copied(tmp_path / "world"))
        settings = Settings(alert_smtp=mail.url, alert_from="a@b.example", alert_to="c@d.example")
        yield Failing(world, home, portal, store, webhook, mail, settings)


def test_no_failure_shows_a_secret_or_a_person(
    failing: Failing, capfd: pytest.CaptureFixture[str]
) -> None:
    configure_logs(debug=True)
    try:
        for scene in SCENES:
            scene(failing)
    finally:
        structlog.reset_defaults()
    # Where they stand: the customer's own file, and the keys.
    failing.world.leads.unlink()
    keys = [path.read_text().strip() for path in (failing.world.folder / "keys").iterdir()]
    shutil.rmtree(failing.world.folder / "keys")
    every = (*NEEDLES, *keys)
    printed = capfd.readouterr()
    found: dict[str, object] = {
        "printed": written((printed.out + printed.err).encode(), every),
        "errors": written("\n".join(failing.said).encode(), every),
        "posted": written(json.dumps(failing.webhook.received).encode(), every),
        "mailed": written("\n".join(failing.mail.messages).encode(), every),
        "Dagster": shown_in(failing.home, every),
        "files": shown_in(failing.world.folder, every),
    }
    assert {place: what for place, what in found.items() if what} == {}
    # What was looked at was there.
    assert "alert not delivered" in printed.err
    assert "***" in printed.err
    assert len(failing.webhook.received) > 5
    assert failing.mail.messages
    assert list(failing.home.rglob("*.db"))
    assert list((failing.world.folder / "privacy" / "receipts").iterdir())


def test_the_search_finds_each_of_them_wherever_it_stands(tmp_path: Path) -> None:
    """Put there on purpose: in events of Dagster, a note, a table, an archive, a name."""
    everything = set(NEEDLES)
    home = tmp_path / "dagster"
    home.mkdir()

    @dg.op
    def breaks() -> None:
        raise dg.Failure(" | ".join(NEEDLES))

    @dg.job
    def a_job() -> None:
        breaks()

    with dg.DagsterInstance.local_temp(str(home)) as instance:
        a_job.execute_in_process(instance=instance, raise_on_error=False)
    assert everything in shown_in(home).values()
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "receipt.json").write_text(json.dumps({"tag": NEEDLES}))
    pl.DataFrame({"a": NEEDLES}).write_parquet(folder / "a.parquet", compression="zstd")
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("inside.txt", "\n".join(NEEDLES))
    found = shown_in(folder)
    assert found == dict.fromkeys(("receipt.json", "a.parquet", "a.zip"), everything)
    (folder / f"{CANARIES[0].replace(' ', '_')}.csv").touch()
    assert shown_in(folder)["Zuleika_Vantongeren.csv"] == {CANARIES[0]}
