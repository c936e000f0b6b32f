"""Copies that are whole, come back whole, and never bring back who was erased."""

from __future__ import annotations

import json
import shutil
import stat
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from interrupted import Killed, killed_at, killed_reaching
from object_store import object_server
from replaying import hashes

from assets.workspace import Workspace
from leads import keys
from leads.model import SCHEMA
from leads.privacy.renewal import renew
from opendata import folder_format
from opendata.clock import Clock
from opendata.errors import SettingsError, StateError
from opendata.lock import one_writer
from pipelines.audit import audit_log
from pipelines.backup import LEFT_OUT, CopiedFile, backup, fetch
from pipelines.backup_places import Bucket, Folder
from pipelines.migrations import STEPS, migrate
from pipelines.privacy import Subject, carry_out
from pipelines.restore import restore

DAY = date(2026, 11, 23)
CANARY = "Zuleika Vantongeren"


def opened(folder: Path) -> Workspace:
    return Workspace(data_dir=folder, clock=Clock.at(DAY))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Two leads, some plain files, a record that has begun."""
    workspace = opened(tmp_path / "data")
    rows = [
        {"lead_id": "1", "account_id": "acme", "company_name": "Xylophone"},
        {"lead_id": "2", "account_id": "acme", "contact_name": CANARY},
    ]
    workspace.lead_store.upsert(pl.DataFrame(rows, schema=SCHEMA), on=DAY)
    carry_out(workspace, "object", Subject("email", "someone@exemple.fr"))
    folder = workspace.data_dir
    for name in ("raw/a/b/file.bin", "state/some.json", "tmp/left", "index/x", ".dotted"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode() * 100)
    (folder / "empty.bin").write_bytes(b"")
    (folder / "state" / "some.json").write_text(
        json.dumps({"dataset": "some", "current": None, "versions": []})
    )
    return workspace


@pytest.fixture
def place(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "vault")


def copied(folder: Path) -> dict[str, str]:
    """Return the hashes of what a copy holds; the log of what was done goes on by itself."""
    return {
        name: value
        for name, value in hashes(folder).items()
        if name.split("/")[0] not in LEFT_OUT
        and not name.startswith((".", "privacy/audit"))
        and name != folder_format.NAME
    }


def lost(workspace: Workspace) -> Workspace:
    """Return the workspace after its disk was lost, with its keys brought back."""
    here = workspace.data_dir / "keys"
    aside = shutil.copytree(here, workspace.data_dir.parent / "keys", dirs_exist_ok=True)
    shutil.rmtree(workspace.data_dir)
    shutil.copytree(aside, here)
    return replace(workspace)


def test_a_lost_folder_comes_back_byte_for_byte(workspace: Workspace, place: Folder) -> None:
    before = copied(workspace.data_dir)
    made = backup(workspace, place)
    assert made.files >= 5
    done = restore(lost(workspace), place)
    again = opened(workspace.data_dir)
    assert (done.id, again.lead_store.leads()["lead_id"].to_list()) == (made.id, ["1", "2"])
    after = copied(workspace.data_dir)
    # The store of leads is written again when the record is applied.
    # The log was not begun; it says now where its numbers begin.
    assert after.pop("signals/log.json")
    assert before.keys() == after.keys()
    changed = {name for name in before if before[name] != after[name]}
    assert changed <= {"leads.duckdb"}
    assert [entry.kind for entry in audit_log(again).entries()][-1] == "restore"
    assert stat.S_IMODE((workspace.data_dir / "leads.duckdb").stat().st_mode) == 0o600
    assert not (workspace.data_dir / ".restore").exists()


def test_a_copy_holds_no_key_and_no_lead_in_clear_and_is_private(
    workspace: Workspace, place: Folder
) -> None:
    backup(workspace, place)
    content = b"".join(path.read_bytes() for path in place.root.rglob("*") if path.is_file())
    for name in ("lead.key", "record.key"):
        assert (workspace.data_dir / "keys" / name).read_bytes().strip() not in content
    assert CANARY.encode() not in content
    assert b"raw/a/b/file.bin" in content, "the search finds what is there"
    for path in place.root.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path.name


def test_who_was_erased_after_the_copy_does_not_come_back(
    workspace: Workspace, place: Folder
) -> None:
    backup(workspace, place)
    carry_out(workspace, "erase", Subject("lead", "acme/2"))
    done = restore(replace(workspace), place)
    assert done.taken_out == 1
    again = opened(workspace.data_dir)
    assert again.lead_store.leads()["lead_id"].to_list() == ["1"]
    assert [one.action for one in again.suppressions.requests()] == ["object", "erase"]


def test_only_what_changed_is_sent_and_old_copies_go(workspace: Workspace, place: Folder) -> None:
    first = backup(workspace, place)
    (workspace.data_dir / "state" / "other.json").write_text("{}")
    second = backup(workspace, place)
    # The new file, the log of what was done and its note.
    assert second.sent == 3
    (workspace.data_dir / "raw/a/b/file.bin").unlink()
    third = backup(workspace, place, keep=1)
    assert third.removed == 2
    assert place.lists() == [third.id]
    assert first.id < second.id < third.id
    listed = json.loads(place.get_list(third.id))["files"]
    assert place.parts() == {part for one in listed for part in one["parts"]}
    restore(lost(workspace), place)


def test_a_copy_that_holds_who_was_erased_goes_when_the_erasure_is_due(
    workspace: Workspace, place: Folder
) -> None:
    def after(days: int) -> Workspace:
        return replace(workspace, clock=Clock.at(DAY + timedelta(days=days)))

    first = backup(workspace, place)
    listed = json.loads(place.get_list(first.id))["files"]
    (of_leads,) = (set(one["parts"]) for one in listed if one["path"] == "leads.duckdb")
    carry_out(after(1), "restrict", Subject("lead", "acme/1"), asked_on=DAY - timedelta(days=90))
    carry_out(after(1), "erase", Subject("lead", "acme/2"), asked_on=DAY)
    second = backup(after(29), place)
    assert (second.removed, of_leads <= place.parts()) == (0, True)
    third = backup(after(30), place)
    assert (third.removed, place.lists()) == (1, [second.id, third.id])
    assert not of_leads & place.parts()
    # Nobody was erased since: the others stay however old they grow, and the last in any case.
    assert backup(after(400), place).removed == 0
    assert restore(lost(after(400)), place).taken_out == 0


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("part", "a part is missing or is not the one"),
        ("missing", "a part is missing or is not the one"),
        ("list", "the list of the backup is not the one"),
    ],
)
def test_a_damaged_copy_changes_nothing(
    workspace: Workspace, place: Folder, harm: str, said: str
) -> None:
    made = backup(workspace, place)
    listed = place.root / "backups" / f"{made.id}.json"
    content = json.loads(listed.read_bytes())
    chosen = next(one for one in content["files"] if one["path"] == "raw/a/b/file.bin")
    part = place.root / "parts" / chosen["parts"][0][:2] / chosen["parts"][0]
    if harm == "part":
        part.write_bytes(part.read_bytes()[:-1] + b"!")
    elif harm == "missing":
        part.unlink()
    else:
        # What nothing but the signature tells: a file would be readable by everybody.
        chosen["mode"] = 0o644 if chosen["mode"] != 0o644 else 0o666
        listed.write_text(json.dumps(content))
    before = copied(workspace.data_dir)
    with pytest.raises(StateError, match=said):
        restore(replace(workspace), place)
    assert copied(workspace.data_dir) == before


@pytest.mark.parametrize("path", ["../out", "a/../../out", "/tmp/out"])  # noqa: S108
def test_no_path_of_a_copy_leads_out_of_the_folder(
    path: str, place: Folder, tmp_path: Path
) -> None:
    one = CopiedFile(path=path, bytes=0, sha256="", mode=0o600, parts=())
    with pytest.raises(StateError, match="leads out of the data folder"):
        fetch(place, one, tmp_path / "data")
    assert not (tmp_path / "out").exists()


def test_a_copy_of_a_newer_release_and_one_under_another_key_are_refused(
    workspace: Workspace, place: Folder, tmp_path: Path
) -> None:
    made = backup(workspace, place)
    listed = place.root / "backups" / f"{made.id}.json"
    listed.write_text(listed.read_text().replace('"folder_format": 1', '"folder_format": 99'))
    with pytest.raises(StateError, match="newer release"):
        restore(replace(workspace), place)
    backup(workspace, place)
    other = opened(tmp_path / "other")
    with pytest.raises(StateError, match="key of the record is not here"):
        restore(other, place)
    carry_out(other, "object", Subject("email", "else@exemple.fr"))
    with pytest.raises(StateError, match="another key"):
        restore(other, place)


def test_a_copy_that_the_key_of_the_leads_does_not_open_is_refused(
    workspace: Workspace, place: Folder
) -> None:
    backup(workspace, place)
    key = workspace.data_dir / "keys" / "lead.key"
    key.write_text("00" * 32)
    with pytest.raises(SettingsError, match="does not open"):
        restore(replace(workspace), place)
    assert (workspace.data_dir / "raw/a/b/file.bin").exists()


def test_nobody_else_writes_meanwhile(workspace: Workspace, place: Folder) -> None:
    import subprocess
    import sys

    code = (
        "import sys; from pathlib import Path; from opendata.lock import one_writer\n"
        "with one_writer(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(workspace.data_dir)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as other:  # fmt: skip
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        for attempt in (lambda: backup(workspace, place), lambda: restore(workspace, place)):
            with pytest.raises(StateError, match="another run is writing"):
                attempt()
        other.communicate(b"")
    backup(workspace, place)


def renewed(workspace: Workspace) -> None:
    """Give the key of the record a further part, as `keys rotate --record` does."""
    key = keys.with_part(workspace.record_key, keys.fresh())
    with one_writer(workspace.data_dir):
        assert renew(workspace.data_dir, key, workspace.clock.now(), key_file=True)


def test_a_copy_made_before_the_key_of_the_record_was_renewed_comes_back(
    workspace: Workspace, place: Folder
) -> None:
    backup(workspace, place)
    renewed(workspace)
    carry_out(opened(workspace.data_dir), "erase", Subject("lead", "acme/2"))
    renewed(opened(workspace.data_dir))
    # Over a folder that goes on under the newer key, whose record is the longer one.
    assert restore(opened(workspace.data_dir), place).taken_out == 1
    asked = [one.action for one in opened(workspace.data_dir).suppressions.requests()]
    assert asked == ["object", "erase"]
    # And after the loss of the disk, when the copy's own record is the only one.
    restore(lost(opened(workspace.data_dir)), place)
    record = opened(workspace.data_dir).suppressions
    assert record.facts().emails == {record.keys().email("someone@exemple.fr")}


def test_a_renewal_that_was_killed_is_settled_before_anything_is_copied(
    workspace: Workspace, place: Folder
) -> None:
    with killed_reaching("renewal-file:after-rename"), pytest.raises(Killed):
        renewed(workspace)
    backup(opened(workspace.data_dir), place)
    restore(lost(opened(workspace.data_dir)), place)
    assert len(opened(workspace.data_dir).record_key.split(",")) == 2
    assert opened(workspace.data_dir).suppressions.requests()


def test_an_object_store_keeps_copies_too(workspace: Workspace) -> None:
    with object_server() as server:
        bucket = Bucket(server.store("vault"))
        backup(workspace, bucket)
        carry_out(workspace, "erase", Subject("lead", "acme/2"))
        made = backup(workspace, bucket, keep=1)
        assert (made.removed, bucket.lists()) == (1, [made.id])
        listed = json.loads(bucket.get_list(made.id))["files"]
        assert bucket.parts() == {part for one in listed for part in one["parts"]}
        restore(lost(workspace), bucket)
    assert opened(workspace.data_dir).lead_store.leads()["lead_id"].to_list() == ["1"]


#: How the points of both commands are named.
OWN = ("restore", "backup")


@pytest.mark.full
def test_killed_anywhere_a_restore_leaves_the_old_or_the_new_folder(
    workspace: Workspace, place: Folder, tmp_path: Path
) -> None:
    backup(workspace, place)
    carry_out(workspace, "erase", Subject("lead", "acme/2"))
    (workspace.data_dir / "raw/a/b/file.bin").unlink()
    points: list[str] = []
    for number in range(200):
        here = shutil.copytree(workspace.data_dir, tmp_path / f"killed-{number}")
        with killed_at(number, among=OWN) as passed, suppress(Killed):
            restore(opened(here), place)
        if len(passed) <= number:
            break
        points.append(passed[-1])
        shown = (here / folder_format.RESTORING).exists()
        if not shown and "restore:settled" not in passed:
            assert not (here / "raw/a/b/file.bin").exists(), passed[-1]
            assert opened(here).lead_store.leads()["lead_id"].to_list() == ["1"]
        if shown:
            with pytest.raises(StateError, match="restore was interrupted"):
                folder_format.require(here)
        restore(opened(here), place)
        assert (here / "raw/a/b/file.bin").exists(), passed[-1]
        assert opened(here).lead_store.leads()["lead_id"].to_list() == ["1"], passed[-1]
        assert not (here / ".replaced").exists()
        shutil.rmtree(here)
    wanted = {"restore:fetched", "restore:cleared", "restore:out", "restore:in", "restore:settled"}
    assert wanted <= set(points)


def test_an_erasure_reaches_what_a_killed_restore_left(workspace: Workspace, place: Folder) -> None:
    backup(workspace, place)
    with killed_at(7, among=OWN), pytest.raises(Killed):
        restore(opened(workspace.data_dir), place)
    assert list((workspace.data_dir / ".restore").rglob("*.*"))
    carry_out(opened(workspace.data_dir), "erase", Subject("lead", "acme/2"))
    left = [path for path in (workspace.data_dir / ".restore").rglob("*") if path.is_file()]
    assert left == []


def test_a_backup_that_was_killed_does_not_exist(workspace: Workspace, place: Folder) -> None:
    with killed_at(3, among=OWN), pytest.raises(Killed):
        backup(workspace, place)
    assert place.lists() == []
    made = backup(workspace, place)
    assert place.lists() == [made.id]
    restore(lost(workspace), place)


# -- formats -------------------------------------------------------------------------------


def test_a_folder_of_a_newer_release_is_refused_and_left_alone(tmp_path: Path) -> None:
    folder_format.note(tmp_path, folder_format.FORMAT + 1)
    before = hashes(tmp_path)
    with pytest.raises(StateError, match="this release reads up to"):
        folder_format.require(tmp_path)
    with pytest.raises(StateError, match="this release reads up to"):
        migrate(tmp_path)
    assert hashes(tmp_path) == before


def test_an_older_folder_takes_every_step_once_even_if_killed(tmp_path: Path) -> None:
    """With steps of the test's own: there was one format so far."""
    (tmp_path / "state").mkdir()
    taken: list[int] = []
    steps = {1: lambda _: taken.append(1), 2: lambda _: taken.append(2)}

    with killed_reaching("migration:step-taken", 2), pytest.raises(Killed):
        migrate(tmp_path, steps=steps, to=3)
    assert taken == [1, 2]
    assert folder_format.found(tmp_path) == 2
    assert migrate(tmp_path, steps=steps, to=3) == 1
    assert (taken, folder_format.found(tmp_path)) == ([1, 2, 2], 3)
    assert migrate(tmp_path, steps=steps, to=3) == 0


def test_a_step_leads_from_every_earlier_format_to_this_one() -> None:
    assert sorted(STEPS) == list(range(1, folder_format.FORMAT))


def test_the_lock_is_needed_by_nobody_twice(workspace: Workspace, place: Folder) -> None:
    with one_writer(workspace.data_dir):
        assert backup(workspace, place).files
