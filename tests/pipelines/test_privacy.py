"""Requests about personal data: everywhere, once, provable, and finished after a kill."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from interrupted import Killed, killed_reaching
from object_store import BUCKET, KEYS, ObjectServer, object_server
from replaying import Replayed
from synthetic_persons import COMPANY, STAYS, files_with
from synthetic_world import CANARIES, DAYS, SITES, UNITS, World, with_leads

from assets import feed
from assets.lead_intake import take_in
from assets.publications import KIND, recorded
from assets.workspace import as_resource
from leads.labels import LABEL_SCHEMA
from leads.privacy.receipts import read_receipt, receipts
from leads.privacy.suppressions import facts_of
from opendata import files
from opendata.clock import Clock
from opendata.errors import SettingsError, StateError
from opendata.stores import StoreAddress
from opendata.warehouse import Warehouse
from pipelines import lead_retention, personal_copies, privacy
from pipelines.audit import audit_log
from pipelines.places import all_places
from pipelines.privacy import Subject, carry_out, deadlines, lift
from pipelines.privacy_screens import print_rectified, print_verified
from pipelines.settings import Settings
from pipelines.status import print_status
from pipelines.workspace import open_workspace
from signals.contract import CANDIDATE_SCHEMA
from signals.feed import manifest
from signals.segments import read_segments

LEAD = Subject("lead", "acme/2")
NAME, EMAIL, PHONE, NOTE = CANARIES


@pytest.fixture(scope="module")
def settled(february: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Leads with canaries, answered and published; only to be read."""
    return with_leads(february.copied(tmp_path_factory.mktemp("settled")))


@pytest.fixture
def world(settled: World, tmp_path: Path) -> World:
    return settled.copied(tmp_path)


def decrypted(world: World) -> bytes:
    """Return every value in the tables of the encrypted databases.

    Their freed pages are searched in ``tests/leads/test_erased_pages.py``.
    """
    workspace = world.workspace()
    found = []
    for store in (workspace.lead_store, workspace.label_store):
        with store._transaction() as database:
            for (table,) in database.rows("SELECT table_name FROM duckdb_tables()"):
                found.append(database.frame(f"FROM {table}").write_ndjson())
    return "\n".join(found).encode()


def stream(world: World, account: str) -> pl.DataFrame:
    folder = world.folder / "exports" / "accounts" / account
    return read_segments(folder, manifest.read(folder).segments)


# -- canaries ------------------------------------------------------------------------------


def test_no_byte_of_any_file_shows_a_living_lead_and_the_decrypted_tables_do(world: World) -> None:
    assert files_with(world.folder, CANARIES) == []
    for canary in CANARIES:
        assert canary.encode() in decrypted(world)


def test_after_an_erasure_not_even_the_decrypted_tables_show_it(world: World) -> None:
    carry_out(world.workspace(), "erase", LEAD)
    assert files_with(world.folder, CANARIES) == []
    for canary in CANARIES:
        assert canary.encode() not in decrypted(world)


def test_files_that_hold_persons_are_private(world: World) -> None:
    carry_out(world.workspace(), "erase", LEAD)
    private = [*(world.folder / "privacy").rglob("*"), *(world.folder / "keys").rglob("*"),
               world.folder / "leads.duckdb"]  # fmt: skip
    loose = {p.name for p in private if p.is_file() and stat.S_IMODE(p.stat().st_mode) & 0o077}
    assert loose == set()


def objects(server: ObjectServer, needle: str) -> list[str]:
    """Return the objects of the store whose bytes or rows hold ``needle``."""
    store = server.store()
    found = []
    for name in store.names(""):
        held = store.get(name)
        assert held is not None
        rows = pl.read_parquet(held.body).write_ndjson() if name.endswith(".parquet") else ""
        if needle.encode() in held.body or needle in rows or needle in name:
            found.append(name)
    return found


def test_an_erased_id_is_in_no_file_and_in_no_object_of_the_store(
    february: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a lead the streams show its id alone; this one stands nowhere else."""
    lead = "ZQX-CANARY-7"
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    with object_server() as server:
        to = StoreAddress(f"s3://{BUCKET}/prod", server.url, attempts=1)
        world = with_leads(february.copied(tmp_path), second=lead, export_to=to)
        there = objects(server, lead)
        assert {name.split("/")[0] for name in there} == {"accounts"}, "the search finds it"
        assert files_with(world.folder / "exports", (lead,))
        workspace = replace(world.workspace(), export_to=to)
        carry_out(workspace, "erase", Subject("lead", f"acme/{lead}"))
        assert objects(server, lead) == []
        assert server.store().names("accounts"), "the stream goes on without it"
        assert files_with(world.folder, (lead, *CANARIES)) == []
        carry_out(workspace, "erase", Subject("account", "globex"))
        assert objects(server, "globex") == []


def test_whatever_a_run_makes_is_its_owners_alone(replayed: Replayed) -> None:
    """Tables, raw files, exports, warehouse, temporary files: of all dates of the sample."""
    made = [replayed.data_dir, *replayed.data_dir.rglob("*")]
    assert len(made) > 100
    loose = [path.name for path in made if stat.S_IMODE(path.stat().st_mode) & 0o077]
    assert loose == []


def test_a_group_may_be_let_in_and_never_to_what_is_private(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        workspace = open_workspace(Settings(data_dir=tmp_path / "data", umask="027"))
        carry_out(workspace, "object", Subject("email", "someone@exemple.fr"))
        files.write_json(workspace.data_dir / "state" / "a.json", {}, point="test")
        modes = {
            path.name: stat.S_IMODE(path.stat().st_mode)
            for path in workspace.data_dir.rglob("*")
            if path.is_file()
        }
        assert modes["a.json"] == 0o640
        kept = [
            *(workspace.data_dir / "privacy").rglob("*"),
            workspace.data_dir / "keys/record.key",
        ]
        of_kept = {path.name: modes[path.name] for path in kept if path.is_file()}
        assert {"suppressions.jsonl", "suppressions.head.json", "record.key"} <= of_kept.keys()
        assert set(of_kept.values()) == {0o600}
        open_workspace(Settings(data_dir=tmp_path / "data"))
        assert os.umask(0o022) == 0o077
    finally:
        os.umask(before)


# -- erasure -------------------------------------------------------------------------------


def test_an_erased_lead_leaves_its_stream_without_values_and_with_a_word(world: World) -> None:
    before = stream(world, "acme").filter(lead_id="2")
    assert before.height
    company = before["siren"][0]
    carry_out(world.workspace(), "erase", LEAD)
    rows = stream(world, "acme")
    assert rows.filter(lead_id="2").is_empty()
    assert rows.filter(siren=company).is_empty()
    gone = rows.filter(pl.col("signalid").is_in(before["signalid"].to_list()))
    assert set(gone["op"]) == {"ERASE"}
    # Told at the end of the stream, to a reader that only looks at what is new.
    assert gone["sequence"].max() > before["sequence"].max()
    assert rows["sequence"].cast(pl.Int64).diff().drop_nulls().eq(1).all()
    # Others are left as they were; no former version of the files stays behind.
    assert stream(world, "acme").filter(lead_id="1").height
    folder = world.folder / "exports" / "accounts" / "acme"
    assert len(list((folder / "versions").iterdir())) == 1
    for path in folder.rglob("matches.parquet"):
        assert "2" not in pl.read_parquet(path, glob=False)["lead_id"].to_list()


def test_an_erased_lead_is_refused_when_its_file_comes_again(world: World) -> None:
    workspace = world.workspace()
    carry_out(workspace, "erase", LEAD)
    with world.leads.open("a", encoding="utf-8") as stream:
        stream.write("5,acme,ANOTHER ONE,,,,,\n")
    counts = take_in(world.workspace())
    assert counts["rejected_by_rule"]["suppressed"] == 1
    leads = world.workspace().lead_store.leads("acme")["lead_id"].to_list()
    assert "2" not in leads
    assert "5" in leads
    assert lift(world.workspace(), LEAD) == 1
    take_in(world.workspace())
    assert "2" in world.workspace().lead_store.leads("acme")["lead_id"].to_list()


def test_an_erased_account_leaves_nothing_and_the_other_account_stays(world: World) -> None:
    others = stream(world, "globex")
    carry_out(world.workspace(), "erase", Subject("account", "acme"))
    workspace = world.workspace()
    assert workspace.lead_store.leads("acme").is_empty()
    assert not (world.folder / "exports" / "accounts" / "acme").exists()
    assert workspace.lead_store.leads("globex").height == 2
    assert stream(world, "globex").equals(others)


def test_a_sole_trader_is_erased_from_tables_raw_files_warehouse_and_leads(world: World) -> None:
    workspace = world.workspace()
    subject = Subject("person", STAYS.siren)
    facts = facts_of("person", [subject.tag(workspace.suppressions)])
    found = [place.find(facts) for place in all_places(workspace)]
    held = {report.place for report in found if report.rows or report.files}
    assert {"tables", "raw", "leads"} <= held
    receipt = carry_out(workspace, "erase", subject)
    assert receipt is not None
    done = {one.place: one for one in receipt.places}
    assert done["tables"].rows >= 4
    assert done["raw"].files >= 2
    assert files_with(world.folder, (STAYS.siren, STAYS.siret)) == []
    with Warehouse.read_only(world.folder / "warehouse.duckdb") as db:
        for table in (UNITS, SITES):
            assert db.rows(f"SELECT 1 FROM {table} WHERE siren = ?", [STAYS.siren]) == []
    assert "3" not in world.workspace().lead_store.leads()["lead_id"].to_list()
    # The next publication of the register still has the person; our tables do not.
    assert world.run(DAYS[2]).ok
    rows = world.workspace(DAYS[2]).store.scan(UNITS).filter(siren=STAYS.siren).collect()
    assert rows.is_empty()


def test_a_sole_trader_leaves_log_index_answers_quarantine_and_temporary_files(
    world: World,
) -> None:
    """The sample has nothing of them there: it is put there first."""
    workspace, name = world.workspace(), "f" * 32
    row = workspace.log.current().head(1).with_columns(
        *(pl.lit(name).alias(column) for column in ("id", "signalid", "correlationid")),
        siren=pl.lit(STAYS.siren), subject=pl.lit(f"siren:{STAYS.siren}"),
        amends_only=pl.lit(False),
    )  # fmt: skip
    workspace.log.append(row.select(CANDIDATE_SCHEMA.names()), {})
    index, refused = world.folder / "index" / "v", world.folder / "quarantine" / "rge" / "v.parquet"
    for folder in (index, refused.parent, workspace.work):
        folder.mkdir(parents=True, exist_ok=True)
    shown = pl.DataFrame(
        {"siren": [STAYS.siren], "siret": [STAYS.siret], "statut_diffusion": ["O"]}
    )
    shown.write_parquet(index / "units.parquet")
    shown.write_parquet(index / "establishments.parquet")
    values = [STAYS.siren, "<personal>", COMPANY.siren]
    pl.DataFrame(
        {"resource": "r", "file": "f", "line": [1, 1, 2], "column": ["siren", "nom", "siren"],
         "rule": "r", "value": values}
    ).write_parquet(refused)  # fmt: skip
    (workspace.work / "left.bin").write_text(STAYS.siren)
    answer = {"account_id": "globex", "key": "k", "siren": STAYS.siren, "says": "yes",
              "lead_id": "4", "text": "{}", "answered_at": DAYS[1], "applied": True}  # fmt: skip
    workspace.label_store.put(pl.DataFrame([answer], schema=LABEL_SCHEMA))
    receipt = carry_out(world.workspace(), "erase", Subject("person", STAYS.siren))
    assert receipt is not None
    done = {one.place: one.rows + one.files for one in receipt.places}
    assert all(done[p] for p in ("signals", "index", "answers", "quarantine", "temporary files"))
    log = world.workspace().log
    assert STAYS.siren not in log.rows()["siren"].to_list()
    assert log.current().filter(signalid=name)["op"].to_list() == ["ERASE"]
    assert not index.exists()
    assert pl.read_parquet(refused)["value"].to_list() == [COMPANY.siren]
    assert world.workspace().label_store.labels().is_empty()
    assert files_with(world.folder, (STAYS.siren, STAYS.siret)) == []


def test_the_receipt_is_signed_and_a_changed_one_is_refused(world: World) -> None:
    workspace = world.workspace()
    carry_out(workspace, "erase", LEAD)
    (path,) = [p for p in receipts(workspace.suppressions)
               if read_receipt(workspace.suppressions, p).subject == "lead"]  # fmt: skip
    content = json.loads(path.read_bytes())
    assert "acme" not in path.read_text()
    content["places"][0]["rows"] += 1
    path.write_text(json.dumps(content))
    with pytest.raises(StateError, match="signature"):
        read_receipt(workspace.suppressions, path)


def test_doing_it_twice_gives_the_same_receipt(world: World) -> None:
    first = carry_out(world.workspace(), "erase", LEAD)
    second = carry_out(world.workspace(), "erase", LEAD)
    assert first == second


POINTS = (
    "ledger:after-append",
    "ledger-head:before-rename",
    "leads:rewrite:before-rename",
    "leads:rewrite:after-rename",
    "feed-scrub:after-rename",
    "feed-manifest:before-rename",
    "privacy-progress:after-rename",
    "receipt:after-rename",
)


@pytest.mark.parametrize("point", POINTS)
def test_an_erasure_killed_anywhere_is_finished_by_the_same_command(
    world: World, point: str
) -> None:
    with killed_reaching(point), pytest.raises(Killed):
        carry_out(world.workspace(), "erase", LEAD)
    # From the first instant nothing new comes in and nothing goes out.
    assert deadlines(world.workspace())
    receipt = carry_out(world.workspace(), "erase", LEAD)
    assert receipt is not None
    assert not deadlines(world.workspace())
    assert sum(place.rows for place in receipt.places if place.place == "leads") == 1
    assert CANARIES[0].encode() not in decrypted(world)
    assert stream(world, "acme").filter(lead_id="2").is_empty()
    print_verified(world.workspace())


# -- objection and restriction ---------------------------------------------------------------


@pytest.mark.parametrize(
    "subject",
    [
        Subject("email", EMAIL.upper()),
        Subject("phone", "+33 6 99 88 77 66"),
        Subject("lead", "acme/2"),
    ],
    ids=["e-mail", "telephone", "lead"],
)
def test_who_objected_is_forgotten_and_survives_no_import(world: World, subject: Subject) -> None:
    carry_out(world.workspace(), "object", subject)
    assert world.workspace().lead_store.leads("acme")["lead_id"].to_list() == ["1"]
    # The same person under another id, in a file of another account.
    with world.leads.open("a", encoding="utf-8") as leads:
        leads.write(f"9,globex,ELSEWHERE,,{NAME},{EMAIL},{PHONE},\n")
    counts = take_in(world.workspace())
    refused = 1 if subject.kind == "lead" else 2
    assert counts["rejected_by_rule"]["suppressed"] == refused
    record = (world.folder / "privacy" / "suppressions.jsonl").read_text()
    assert EMAIL not in record.lower()
    assert PHONE.replace(" ", "") not in record.replace(" ", "")


def test_a_restricted_lead_is_kept_and_neither_matched_nor_exported(world: World) -> None:
    carry_out(world.workspace(), "restrict", LEAD)
    workspace = world.workspace()
    assert "2" in workspace.lead_store.leads("acme")["lead_id"].to_list()
    assert workspace.lead_store.matches("acme").filter(lead_id="2").height == 1
    last = (
        stream(world, "acme").filter(lead_id="2").sort("sequence").unique("signalid", keep="last")
    )
    assert set(last["op"]) == {"RETRACT"}
    assert "2" not in feed.answered(workspace)["lead_id"].to_list()
    with world.leads.open("a", encoding="utf-8") as leads:
        leads.write("5,acme,ANOTHER ONE,,,,,\n")
    take_in(world.workspace())
    assert "2" in world.workspace().lead_store.leads("acme")["lead_id"].to_list()
    assert lift(world.workspace(), LEAD) == 1
    feed.publish(world.workspace())
    again = stream(world, "acme").filter(lead_id="2").sort("sequence")
    assert again["op"].to_list()[-1] == "ASSERT"


# -- access, portability, rectification ------------------------------------------------------


def test_access_gives_every_value_with_its_source(world: World) -> None:
    copy = personal_copies.about_lead(world.workspace(), LEAD)
    assert copy["lead"]["contact_name"] == {
        "value": NAME,
        "class": "contact",
        "source": "list of leads of acme, 2017-02-02",
    }
    assert NOTE in copy["lead"]["extra"]["value"]
    assert copy["match"][0]["verdict"] == "confirmed"
    assert copy["signals"][0]["lead_id"] == "2"
    assert "given by the account acme on 2017-02-02" in copy["source"]
    assert "Insee" in copy["source"]
    carry_out(world.workspace(), "restrict", LEAD)
    copy = personal_copies.about_lead(world.workspace(), LEAD)
    assert [one["action"] for one in copy["restrictions"]] == ["restrict"]
    with pytest.raises(SettingsError, match="no such lead"):
        personal_copies.about_lead(world.workspace(), Subject("lead", "acme/nobody"))


def test_access_of_a_sole_trader_gives_the_rows_of_every_table(world: World) -> None:
    copy = personal_copies.about_person(world.workspace(), Subject("person", STAYS.siren))
    assert {UNITS, SITES} <= set(copy["open_data"])
    assert len(copy["open_data"][UNITS]) == 2
    assert all("Insee" in row["source"] for row in copy["open_data"][UNITS])
    assert [lead["lead_id"] for lead in copy["leads"]] == ["3"]


def test_the_copy_of_an_account_holds_all_and_only_its_own(world: World) -> None:
    copy = personal_copies.of_account(world.workspace(), "globex")
    assert [lead["lead_id"] for lead in copy["leads"]] == ["3", "4"]
    assert {row["account_id"] for row in copy["matches"]} == {"globex"}
    assert {row["account_id"] for row in copy["signals"]} == {"globex"}
    assert "acme" not in json.dumps(copy)
    assert json.loads(json.dumps(copy)) == copy


def test_what_was_put_right_stays_right_when_the_file_comes_again(world: World) -> None:
    print_rectified(world.workspace(), LEAD, ["contact_name=Zuleika V.", "phone="])
    workspace = world.workspace()
    assert workspace.lead_store.matches("acme").filter(lead_id="2").is_empty()
    with world.leads.open("a", encoding="utf-8") as leads:
        leads.write("5,acme,ANOTHER ONE,,,,,\n")
    take_in(world.workspace())
    row = world.workspace().lead_store.leads("acme").filter(lead_id="2").row(0, named=True)
    assert (row["contact_name"], row["phone"]) == ("Zuleika V.", None)
    assert NAME.encode() not in decrypted(world)
    with pytest.raises(SettingsError, match="FIELD=VALUE"):
        print_rectified(world.workspace(), LEAD, ["account_id=globex"])


# -- time ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "state", "well"),
    [
        (date(2017, 2, 1), "WAITING", True),
        (date(2017, 1, 8), "WAITING", True),
        (date(2017, 1, 7), "LATE SOON", True),
        (date(2017, 1, 3), "LATE SOON", True),
        (date(2017, 1, 2), "OVERDUE", False),
    ],
)
def test_a_deletion_warns_after_25_days_and_fails_the_status_after_30(
    world: World, asked: date, state: str, well: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = world.workspace()
    carry_out(workspace, "erase", Subject("account", "acme"), asked_on=asked, defer=True)
    assert workspace.lead_store.leads("acme").height == 2
    from pipelines.status import _print_requests

    assert _print_requests(workspace) is well
    assert state in capsys.readouterr().out
    if not well:
        assert not print_status(workspace)
    carry_out(workspace, "erase", Subject("account", "acme"))
    assert _print_requests(workspace)


def test_prospects_unused_for_three_years_are_counted_then_forgotten(world: World) -> None:
    later = world.workspace(date(2020, 2, 3))
    assert later.clock == Clock.at(date(2020, 2, 3))
    assert lead_retention.unused(world.workspace(date(2020, 2, 2)), 1095).total == 0
    found = lead_retention.unused(later, 1095)
    assert dict(found.by_account.iter_rows()) == {"acme": 2, "globex": 2}
    assert later.lead_store.leads().height == 4
    lead_retention.forget(later, 1095)
    assert world.workspace().lead_store.leads().is_empty()
    assert CANARIES[0].encode() not in decrypted(world)
    # Nobody objected: the same lead sent again is a new one.
    assert not later.suppressions.facts().of_leads


# -- proof ---------------------------------------------------------------------------------


def test_the_records_are_verified_and_a_changed_line_is_found(world: World) -> None:
    carry_out(world.workspace(), "erase", LEAD)
    print_verified(world.workspace())
    log = audit_log(world.workspace())
    assert "erase" in [entry.kind for entry in log.entries()]
    text = log.path.read_text()
    log.path.write_text(text.replace('"erase"', '"fetch"'))
    with pytest.raises(StateError, match="does not follow"):
        print_verified(world.workspace())


def test_each_publication_is_on_record_whoever_made_it_and_once(world: World) -> None:
    workspace = world.workspace()
    assert recorded(workspace)
    assert not recorded(workspace)
    before = [one for one in audit_log(workspace).entries() if one.kind == KIND]
    assert before[-1].facts["streams"] == 3
    assert before[-1].facts["serves"]["sirene"] == workspace.store.current("sirene").id  # type: ignore[union-attr]
    assert "acme" not in str(before)
    carry_out(workspace, "erase", LEAD)
    # As a schedule does, without a command of ours around it.
    result = dg.materialize(
        [feed.out_feed], selection=[feed.out_feed], resources={"workspace": as_resource(workspace)}
    )
    assert result.success
    after = [one for one in audit_log(world.workspace()).entries() if one.kind == KIND]
    assert len(after) == len(before) + 1
    assert after[-1].facts["manifests"] != before[-1].facts["manifests"]


def test_a_restored_lead_is_taken_out_again(world: World, tmp_path: Path) -> None:
    backup = (world.folder / "leads.duckdb").read_bytes()
    carry_out(world.workspace(), "erase", LEAD)
    (world.folder / "leads.duckdb").write_bytes(backup)
    assert CANARIES[0].encode() in decrypted(world)
    privacy.reapply(world.workspace())
    assert CANARIES[0].encode() not in decrypted(world)
