"""Alerts arrive by every way that is set, once, and say nothing they must not."""

from __future__ import annotations

import email
import email.policy
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest
import structlog
from listeners import Hook, MailServer, certificate, hook, mail_server

from assets.workspace import Workspace, as_resource
from opendata.clock import Clock
from opendata.errors import SettingsError, StateError
from opendata.files import write_json
from opendata.lock import in_turn
from opendata.source_status import record_failure
from pipelines import alert_channels
from pipelines.alert_channels import WEBHOOK, Alert, Channel, channels, send
from pipelines.alert_sensors import alert_sensors, of_run
from pipelines.alerts import REMIND, after_run, alerting, standing, tell
from pipelines.alerts_again import GIVEN_UP, tell_again, tell_surely
from pipelines.privacy import Subject, carry_out
from pipelines.settings import Settings

DAY = date(2026, 9, 2)
ALERT = Alert("held:decp:1", "decp: a version waits for you", "5.1 % of the keys differ. Look.")


@pytest.fixture
def webhook() -> Iterator[Hook]:
    with hook() as served:
        yield served


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server() as served:
        yield served


def settings(mail: MailServer | None = None, **more: object) -> Settings:
    if mail is not None:
        more |= {
            "alert_smtp": mail.url,
            "alert_from": "signals@example.org",
            "alert_to": "ops@example.org, second@example.org",
        }
    return Settings(**more)  # type: ignore[arg-type]


def at(folder: Path, day: date = DAY) -> Workspace:
    return Workspace(data_dir=folder, clock=Clock.at(day))


def by(webhook: Hook) -> list[Channel]:
    return channels(settings(), {WEBHOOK: webhook.url})


def test_an_alert_arrives_by_webhook_and_by_mail(webhook: Hook, mail: MailServer) -> None:
    ways = channels(settings(mail), {WEBHOOK: webhook.url})
    assert send(ALERT, ways) == {"log", "webhook", "mail"}
    (posted,) = webhook.received
    assert posted == {"text": f"{ALERT.title}\n{ALERT.text}", "title": ALERT.title, "kind": "held"}
    assert mail.recipients == ["ops@example.org", "second@example.org"]
    (written,) = mail.messages
    message = email.message_from_string(written, policy=email.policy.default)
    assert message["Subject"] == f"[company-signals] {ALERT.title}"
    assert message.get_content().strip() == ALERT.text


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_webhook_that_fails_is_told_without_its_address(
    webhook: Hook, mail: MailServer, status: int
) -> None:
    webhook.status = status
    with structlog.testing.capture_logs() as logs:
        assert send(ALERT, channels(settings(mail), {WEBHOOK: webhook.url})) == {"log", "mail"}
    assert len(mail.messages) == 1
    assert "s3cr3t" not in repr(logs)
    assert any(entry["event"] == "alert not delivered" for entry in logs)


def test_a_mail_server_that_refuses_keeps_no_other_way_from_being_tried(
    webhook: Hook, mail: MailServer
) -> None:
    mail.refuse = True
    ways = channels(settings(mail), {WEBHOOK: webhook.url})
    assert send(ALERT, ways) == {"log", "webhook"}


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.org/s3cr3t",
        "https://u:s3cr3t@hooks.example.org/",
        "s3cr3t",
        "https://hooks.example.org:s3cr3t/",
        "https://[s3cr3t/",
    ],
)
def test_a_webhook_without_tls_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(SettingsError) as raised:
        channels(settings(), {WEBHOOK: url})
    assert "s3cr3t" not in str(raised.value)


def test_mail_needs_a_server_a_sender_and_a_recipient() -> None:
    for wrong in ("mail.example.org", "smtp://mail.example.org:submission"):
        with pytest.raises(SettingsError, match="smtp://host:port"):
            channels(settings(alert_smtp=wrong), {})
    with pytest.raises(SettingsError, match="sender"):
        channels(settings(alert_smtp="smtp://mail.example.org", alert_to="ops@example.org"), {})


def test_secrets_do_not_show_in_the_channels() -> None:
    found = channels(
        settings(alert_smtp="smtps://m.example", alert_from="a@example.org", alert_to="b@c.d"),
        {
            WEBHOOK: "https://hooks.example.org/s3cr3t",
            alert_channels.SMTP_USER: "us3r",
            alert_channels.SMTP_PASSWORD: "passw0rd",
        },
    )
    assert len(found) == 3
    assert not [one for one in ("s3cr3t", "us3r", "passw0rd") if one in repr(found)]


def test_what_stands_is_told_once_then_after_a_week_and_again_when_it_comes_back(
    webhook: Hook, tmp_path: Path
) -> None:
    for day, count in ((0, 1), (1, 1), (REMIND, 2)):
        tell(at(tmp_path, DAY + timedelta(days=day)), [ALERT], by(webhook))
        assert len(webhook.received) == count
    tell(at(tmp_path, DAY + timedelta(days=REMIND)), [], by(webhook))
    tell(at(tmp_path, DAY + timedelta(days=REMIND)), [ALERT], by(webhook))
    assert len(webhook.received) == 3


def test_a_way_that_failed_is_tried_again_and_the_others_are_not(
    webhook: Hook, mail: MailServer, tmp_path: Path
) -> None:
    ways = channels(settings(mail), {WEBHOOK: webhook.url})
    webhook.status = 500
    tell(at(tmp_path), [ALERT], ways)
    webhook.status = 200
    tell(at(tmp_path), [ALERT], ways)
    assert (len(webhook.received), len(mail.messages)) == (1, 1)


def test_what_a_command_told_is_not_forgotten_by_the_sensor(
    webhook: Hook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WEBHOOK, webhook.url)
    workspace = at(tmp_path)
    sensor = next(one for one in alert_sensors(settings()) if one.name == "alert_waiting")
    for _ in range(2):
        after_run(workspace, {"signals": "unforeseen KeyError"}, settings())
        sensor(dg.build_sensor_context(resources={"workspace": as_resource(workspace)}))
    assert [one["kind"] for one in webhook.received] == ["failed"]
    # The next run that goes well knows that it is over.
    after_run(workspace, {}, settings())
    after_run(workspace, {"signals": "unforeseen KeyError"}, settings())
    assert len(webhook.received) == 2


@pytest.mark.parametrize("damaged", ["{", "[]", '{"held:decp:1": {"webhook": "yesterday"}}'])
def test_a_damaged_memory_means_that_all_is_told_again(
    webhook: Hook, tmp_path: Path, damaged: str
) -> None:
    note = tmp_path / "state" / "alerts" / "told.json"
    note.parent.mkdir(parents=True)
    note.write_text(damaged)
    for _ in range(2):
        tell(at(tmp_path), [ALERT], by(webhook))
    assert len(webhook.received) == 1


def test_a_state_that_cannot_be_read_is_told_and_hides_nothing_else(
    webhook: Hook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the sensor too: one that fails is a line in Dagster that nobody looks at."""
    monkeypatch.setenv(WEBHOOK, webhook.url)
    workspace = at(tmp_path / "data")
    asked = DAY - timedelta(days=26)
    carry_out(workspace, "erase", Subject("email", "z@qwyx.example"), asked_on=asked, defer=True)
    (workspace.data_dir / "state").mkdir(exist_ok=True)
    (workspace.data_dir / "state" / "decp.json").write_text("{ damaged Zuleika")
    sensor = next(one for one in alert_sensors(settings()) if one.name == "alert_waiting")
    sensor(dg.build_sensor_context(resources={"workspace": as_resource(workspace)}))
    titles = [one["title"] for one in webhook.received]
    assert "held versions cannot be looked at" in titles
    assert "a request about personal data is late soon" in titles
    assert "Zuleika" not in repr(webhook.received)
    # Nor is the record of requests taken for empty.
    (workspace.data_dir / "privacy" / "suppressions.jsonl").write_text("damaged")
    sensor(dg.build_sensor_context(resources={"workspace": as_resource(workspace)}))
    assert "requests cannot be looked at" in [one["title"] for one in webhook.received]


def test_what_two_look_at_at_once_is_told_once(webhook: Hook, tmp_path: Path) -> None:
    folder = tmp_path / "state" / "alerts"
    told: list[list[Alert]] = []
    other = threading.Thread(target=lambda: told.append(tell(at(tmp_path), [ALERT], by(webhook))))
    with in_turn(folder / ".told.lock"):
        other.start()
        other.join(timeout=0.5)
        assert other.is_alive(), "it waits for whoever is telling"
        day = DAY.isoformat()
        write_json(folder / "told.json", {ALERT.key: {"log": day, "webhook": day}}, point="alerts")
    other.join()
    assert told == [[]]
    assert webhook.received == []


def test_a_gap_and_an_erasure_whose_day_comes_stand_and_name_nobody(tmp_path: Path) -> None:
    workspace = at(tmp_path / "data")
    assert standing(workspace) == []
    assert not workspace.data_dir.exists()
    record_failure(workspace.data_dir, "decp", "the portal gave no answer", workspace.clock)
    asked = DAY - timedelta(days=26)
    subject = Subject("email", "zuleika@qwyx.example")
    carry_out(workspace, "erase", subject, asked_on=asked, defer=True)
    gap, request = standing(workspace)
    assert gap.key == "gap:decp"
    assert "the portal gave no answer" in gap.text
    assert request.key.endswith(":late-soon")
    assert str(asked + timedelta(days=30)) in request.text
    assert "zuleika" not in repr([gap, request])
    (_, overdue) = standing(at(tmp_path / "data", DAY + timedelta(days=5)))
    assert "overdue" in overdue.title


def test_a_run_tells_a_failure_once_although_it_is_a_gap_too(
    webhook: Hook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WEBHOOK, webhook.url)
    workspace = at(tmp_path)
    record_failure(workspace.data_dir, "decp", "no answer", workspace.clock)
    after_run(workspace, {"decp": "no answer", "signals": "unforeseen KeyError"}, settings())
    assert [one["kind"] for one in webhook.received] == ["gap", "failed"]


def test_the_run_command_alerts_about_a_portal_that_does_not_answer(
    webhook: Hook, tmp_path: Path
) -> None:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("SIGNALS_")}
    done = subprocess.run(
        [Path(sys.executable).with_name("company-signals"), "run", "egapro"],
        env={
            **plain,
            "SIGNALS_DATA_DIR": str(tmp_path / "data"),
            # It answers no GET.
            "SIGNALS_DATAGOUV_URL": webhook.url.rpartition("/services")[0],
            "SIGNALS_ATTEMPTS": "1",
            WEBHOOK: webhook.url,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 1, done.stderr
    posted = webhook.received[0]
    assert posted["title"] == "egapro: readers see a gap"
    assert "answered 501" in posted["text"]
    assert "s3cr3t" not in done.stdout + done.stderr


def test_an_end_before_the_end_is_told(
    webhook: Hook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WEBHOOK, webhook.url)
    locked = StateError("another run is writing", next_step="wait")
    for error, shown in ((locked, "another run is writing"), (KeyError("Zuleika"), "KeyError")):
        workspace = at(tmp_path / shown)
        with pytest.raises(type(error)), alerting(workspace, settings()):
            raise error
        assert shown in webhook.received[-1]["text"]
    assert "Zuleika" not in repr(webhook.received)


def _failing(error: Exception) -> dg.RunFailureSensorContext:
    """Return what the sensor of failed runs is given after a run that really failed."""

    @dg.op
    def breaks() -> None:
        raise error

    @dg.job
    def a_job() -> None:
        breaks()

    instance = dg.DagsterInstance.ephemeral()
    result = a_job.execute_in_process(instance=instance, raise_on_error=False)
    return dg.build_run_status_sensor_context(
        sensor_name="alert_failed_runs",
        dagster_instance=instance,
        dagster_run=result.dagster_run,
        dagster_event=result.get_run_failure_event(),
    ).for_run_failure()


def test_a_failed_run_is_told_in_our_words_or_by_the_kind_of_its_error(
    webhook: Hook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WEBHOOK, webhook.url)
    told = of_run(_failing(dg.Failure(description="decp: the licence is now 'x'.")))
    assert told.title == "the run a_job failed"
    assert "breaks: decp: the licence is now 'x'." in told.text
    context = _failing(ValueError("row 7: Zuleika Vantongeren"))
    sensor = next(one for one in alert_sensors(settings()) if one.name == "alert_failed_runs")
    sensor(context, workspace=as_resource(at(tmp_path)))
    (posted,) = webhook.received
    assert "unforeseen ValueError" in posted["text"]
    assert "Zuleika" not in posted["text"]


def test_the_sensor_tells_what_waits_and_not_twice(
    webhook: Hook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WEBHOOK, webhook.url)
    workspace = at(tmp_path)
    record_failure(workspace.data_dir, "decp", "no answer", workspace.clock)
    sensor = next(one for one in alert_sensors(settings()) if one.name == "alert_waiting")
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    for said in ("told: gap:decp", "told: nothing new"):
        given = dg.build_sensor_context(resources={"workspace": as_resource(workspace)})
        assert sensor(given).skip_message == said
    assert [one["title"] for one in webhook.received] == ["decp: readers see a gap"]


ACCOUNT = {alert_channels.SMTP_USER: "us3r", alert_channels.SMTP_PASSWORD: "passw0rd"}
#: Names of this machine that are none of its usual ones: a server there is a stranger.
STRANGER, LOCAL = "127.1", "127.0.0.1"


@pytest.mark.parametrize(("scheme", "host"), [("smtp", STRANGER), ("smtps", LOCAL)])
def test_mail_logs_in_on_an_encrypted_line_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, host: str
) -> None:
    tls, trusted = certificate(tmp_path, host)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with mail_server(tls, at_once=scheme == "smtps", account=("us3r", "passw0rd")) as server:
        said = mail_by(f"{scheme}://{host}:{server.port}")
        assert send(ALERT, channels(said, ACCOUNT)) == {"log", "mail"}
        wrong = {**ACCOUNT, alert_channels.SMTP_PASSWORD: "an0ther"}
        assert send(ALERT, channels(said, wrong)) == {"log"}
    assert len(server.messages) == 1
    assert {encrypted for verb, encrypted in server.heard if verb in {"AUTH", "MAIL"}} == {True}
    assert ("STARTTLS", False) in server.heard or scheme == "smtps"


@pytest.mark.parametrize("named", ["mail.example.org", None])
def test_a_mail_server_that_cannot_be_trusted_gets_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str | None
) -> None:
    """Another name in its certificate, or no encryption at all: no password, no message."""
    tls, trusted = certificate(tmp_path, named or STRANGER)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with mail_server(tls if named else None, account=("us3r", "passw0rd")) as server:
        said = mail_by(f"smtp://{STRANGER}:{server.port}")
        assert send(ALERT, channels(said, ACCOUNT)) == {"log"}
    assert not {verb for verb, _ in server.heard} & {"AUTH", "MAIL", "DATA"}
    assert server.messages == []


def mail_by(url: str) -> Settings:
    return settings(alert_smtp=url, alert_from="signals@example.org", alert_to="ops@example.org")


def test_an_alert_of_a_failed_run_is_kept_until_it_arrives(
    webhook: Hook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WEBHOOK, webhook.url)
    sensors = {one.name: one for one in alert_sensors(settings())}
    resources = {"workspace": as_resource(at(tmp_path))}
    webhook.status = 500
    context = _failing(dg.Failure(description="decp: no answer."))
    sensors["alert_failed_runs"](context, **resources)
    told = []
    for status in (500, 200, 200):
        webhook.status = status
        given = dg.build_sensor_context(resources=resources)
        told.append(sensors["alert_again"](given).skip_message)
    nothing = "arrived now: nothing was waiting"
    assert told == [nothing, f"arrived now: run:{context.dagster_run.run_id}", nothing]
    assert [one["kind"] for one in webhook.received] == ["run"]
    # The log had it at once and is not told again.
    assert not list((tmp_path / "state" / "alerts" / "undelivered").iterdir())


def test_an_alert_that_never_arrives_is_given_up_after_a_week(
    webhook: Hook, tmp_path: Path
) -> None:
    webhook.status = 500
    tell_surely(at(tmp_path), ALERT, by(webhook))
    for days, waiting in ((GIVEN_UP - 1, 1), (GIVEN_UP, 0)):
        assert tell_again(at(tmp_path, DAY + timedelta(days=days)), by(webhook)) == []
        assert len(list((tmp_path / "state" / "alerts" / "undelivered").iterdir())) == waiting
