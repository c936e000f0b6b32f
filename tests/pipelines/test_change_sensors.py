"""The sensors ask first: a run for what is new, none for the rest, and no guess in between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import dagster as dg
import pytest
from listeners import Hook, hook
from replaying import hashes, workspace_at

from assets import discovery
from assets.workspace import INSEE_KEY, Workspace, as_resource
from opendata.clock import Clock
from opendata.sample_portal import SamplePortal
from pipelines.alert_channels import WEBHOOK, Channel, channels
from pipelines.change_sensors import (
    PATIENCE,
    TRIES,
    Seen,
    asked,
    change_sensors,
    failed_runs,
    interval,
)
from pipelines.definitions import build_defs
from pipelines.jobs import chosen_datasets
from pipelines.main_job import run_datasets
from pipelines.settings import Settings

#: Days before and after the portal of the sample shows another version.
BEFORE, SAME, AFTER = date(2017, 1, 2), date(2017, 1, 20), date(2017, 2, 2)
EGAPRO = date(2020, 3, 2)


@pytest.fixture
def webhook() -> Iterator[Hook]:
    with hook() as served:
        yield served


@pytest.fixture
def by(webhook: Hook) -> list[Channel]:
    return channels(Settings(), {WEBHOOK: webhook.url})


def ask(
    portal: SamplePortal, dataset: str, day: date, folder: Path, cursor: str | None = None
) -> dg.SensorResult:
    portal.set_date(day)
    source = discovery.sources()[dataset]
    return asked(source, workspace_at(portal, day, folder), cursor, [])


def why(result: dg.SensorResult) -> str:
    assert not result.run_requests
    assert result.skip_reason is not None
    return str(result.skip_reason.skip_message)


def test_a_version_starts_one_run_and_the_next_one_another(
    portal: SamplePortal, tmp_path: Path
) -> None:
    first = ask(portal, "sirene", BEFORE, tmp_path)
    (started,) = first.run_requests or ()
    again = ask(portal, "sirene", SAME, tmp_path, first.cursor)
    assert "offers what it offered before" in why(again)
    second = ask(portal, "sirene", AFTER, tmp_path, again.cursor)
    (follower,) = second.run_requests or ()
    assert started.tags["publication"] != follower.tags["publication"]
    # A portal that goes back is followed: a key seen before would start nothing.
    (back,) = ask(portal, "sirene", SAME, tmp_path, second.cursor).run_requests or ()
    assert back.tags["publication"] == started.tags["publication"]
    assert {one.run_key for one in (started, follower, back)} == {None}
    # Nothing was downloaded, nothing written.
    assert hashes(tmp_path) == {}


def test_a_version_whose_run_failed_is_tried_again_and_not_for_ever(
    portal: SamplePortal, tmp_path: Path
) -> None:
    portal.set_date(EGAPRO)
    source, workspace = discovery.sources()["egapro"], workspace_at(portal, EGAPRO, tmp_path)

    @dg.op(config_schema={"fails": bool})
    def took() -> None:
        if dg.OpExecutionContext.get().op_config["fails"]:
            raise dg.Failure("the disk is full")

    take_egapro = dg.JobDefinition(graph_def=dg.GraphDefinition("take_egapro", node_defs=[took]))
    instance = dg.DagsterInstance.ephemeral()

    def tick(cursor: str | None) -> dg.SensorResult:
        failed = partial(failed_runs, instance, "take_egapro")
        return asked(source, workspace, cursor, [], failed)

    def ran(result: dg.SensorResult, *, fails: bool) -> None:
        (request,) = result.run_requests or ()
        take_egapro.execute_in_process(
            run_config={"ops": {"took": {"config": {"fails": fails}}}},
            instance=instance, tags=dict(request.tags), raise_on_error=False,
        )  # fmt: skip

    result = tick(None)
    for _ in range(TRIES):
        ran(result, fails=True)
        result = tick(result.cursor)
    assert f"failed {TRIES} times" in why(result)
    # Executed again by a person, and well: it is over.
    ran(asked(source, workspace, None, []), fails=False)
    assert "before" in why(tick(result.cursor))


def test_what_was_taken_meanwhile_is_no_news(portal: SamplePortal, tmp_path: Path) -> None:
    """A source asked by period: after a run another period is asked for."""
    day = date(2008, 1, 16)
    portal.set_date(day)
    before = ask(portal, "bodacc", day, tmp_path)
    assert before.run_requests
    workspace = workspace_at(portal, day, tmp_path)
    assert run_datasets(workspace, ["bodacc"]).ok
    assert "before" in why(ask(portal, "bodacc", day, tmp_path, before.cursor))


def test_no_answer_is_neither_unchanged_nor_news_and_is_told_after_some(
    portal: SamplePortal, tmp_path: Path, webhook: Hook, by: list[Channel]
) -> None:
    seen = ask(portal, "egapro", EGAPRO, tmp_path).cursor
    # The webhook answers no GET.
    gone = {"www.data.gouv.fr": webhook.url.rpartition("/services")[0]}
    silent = replace(workspace_at(portal, EGAPRO, tmp_path), bases=gone)
    source, cursor = discovery.sources()["egapro"], seen
    for count in range(1, PATIENCE + 3):
        result = asked(source, silent, cursor, by)
        assert f"not answered ({count} in a row)" in why(result)
        assert len(webhook.received) == (count >= PATIENCE)
        cursor = result.cursor
    assert Seen.read(cursor).version == Seen.read(seen).version
    # Once it answers, what it offers is still what was seen, and the count begins again.
    healed = ask(portal, "egapro", EGAPRO, tmp_path, cursor)
    assert "before" in why(healed)
    assert Seen.read(healed.cursor) == Seen.read(seen)


def test_a_way_that_failed_is_tried_again_at_the_next_question(
    portal: SamplePortal, tmp_path: Path, webhook: Hook, by: list[Channel]
) -> None:
    gone = {"www.data.gouv.fr": webhook.url.rpartition("/services")[0]}
    silent = replace(workspace_at(portal, EGAPRO, tmp_path), bases=gone)
    cursor = Seen(unanswered=PATIENCE - 1).written()
    webhook.status = 500
    failed = asked(discovery.sources()["egapro"], silent, cursor, by)
    webhook.status = 200
    for _ in range(2):
        failed = asked(discovery.sources()["egapro"], silent, failed.cursor, by)
    assert len(webhook.received) == 1


def test_a_refusal_is_told_at_once(
    portal: SamplePortal, tmp_path: Path, webhook: Hook, by: list[Channel]
) -> None:
    portal.set_date(EGAPRO)
    source = discovery.sources()["egapro"]
    other = source.dataset.licence.model_copy(update={"id": "notspecified"})
    changed = replace(source, dataset=source.dataset.model_copy(update={"licence": other}))
    assert "licence" in why(asked(changed, workspace_at(portal, EGAPRO, tmp_path), None, by))
    assert len(webhook.received) == 1


def test_a_dataset_whose_key_is_not_set_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(INSEE_KEY, raising=False)
    workspace = Workspace(data_dir=tmp_path, clock=Clock.at(AFTER))
    result = asked(discovery.sources()["sirene_flux"], workspace, None, [])
    assert why(result) == f"not configured: {INSEE_KEY} is not set"


def test_a_damaged_cursor_has_seen_nothing() -> None:
    assert Seen.read("{") == Seen.read('{"version": 3}') == Seen.read(None) == Seen()


def test_each_dataset_has_a_sensor_that_starts_stopped_and_a_job_without_what_follows() -> None:
    defs = build_defs(Settings())
    for name in chosen_datasets():
        sensor = defs.resolve_sensor_def(f"changes_{name}")
        assert sensor.default_status == dg.DefaultSensorStatus.STOPPED
        assert sensor.job_name == f"take_{name}"
        cadence = discovery.sources()[name].dataset.cadence
        assert sensor.minimum_interval_seconds == interval(cadence)
        keys = defs.resolve_job_def(f"take_{name}").asset_layer.executable_asset_keys
        assert {key.to_user_string() for key in keys}.isdisjoint({"signals", "out_feed"})
    assert [s.name for s in change_sensors(Settings(datasets=("decp",)))] == [
        "changes_decp",
        "changes_leads",
    ]


def test_another_file_of_leads_is_taken_and_the_same_one_is_not(tmp_path: Path) -> None:
    leads = tmp_path / "leads.csv"
    workspace = Workspace(data_dir=tmp_path / "data", clock=Clock.at(AFTER), leads=leads)
    sensor = change_sensors(Settings(datasets=("decp",)))[-1]

    def look(cursor: str | None) -> dg.SensorResult:
        given = dg.build_sensor_context(
            cursor=cursor, resources={"workspace": as_resource(workspace)}
        )
        result = sensor(given)
        assert isinstance(result, dg.SensorResult)
        return result

    assert "no file" in why(look(None))
    leads.write_text("company_name\nACME\n")
    first = look(None)
    assert first.run_requests
    assert "ACME" not in repr(first)
    assert "the same" in why(look(first.cursor))
    leads.write_text("company_name\nOTHER\n")
    second = look(first.cursor)
    assert second.run_requests
    # The former file put back is another one than the last.
    leads.write_text("company_name\nACME\n")
    (back,) = look(second.cursor).run_requests or ()
    assert back.run_key is None
