"""Streams of accounts encrypted under a key of their own."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import duckdb
import polars as pl
import pytest
from object_store import object_server
from signal_tables import SALE
from signal_world import BUYER, LATER, account, match, publish, sales, stream, tell, tree
from typer.testing import CliRunner

from assets import feed
from leads import keys
from opendata.errors import SettingsError, StateError
from opendata.warehouse import load_encryption
from pipelines.cli import app
from pipelines.settings import load_settings
from pipelines.workspace import open_workspace
from signals.feed.export import forget_account
from signals.feed.manifest_model import Manifest
from signals.feed.remote import mirror
from signals.feed.sealing import seal, unseal
from signals.log import SignalLog
from signals.reader import Feed, StopError
from signals.segments import file_hash

KEY = "5e" * 32


@pytest.fixture
def plain(log: SignalLog, out: Path) -> Path:
    tell(log, sales(SALE))
    publish(log, out, match("L-canary-77", BUYER))
    return account(out)


def sealed(plain: Path, tmp_path: Path, key: str = KEY) -> bool:
    return seal(plain, tmp_path / "twin", key, temporary=tmp_path / "tmp")


def test_nothing_of_the_stream_can_be_read_without_the_key(plain: Path, tmp_path: Path):
    told = b"L-canary-77"
    assert any(told in path.read_bytes() for path in plain.rglob("*.jsonl"))
    assert sealed(plain, tmp_path)
    twin = tmp_path / "twin"
    for path in (one for one in twin.rglob("*") if one.is_file()):
        assert told not in path.read_bytes(), path.name
        assert BUYER.encode() not in path.read_bytes(), path.name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not [path for path in twin.rglob("*") if path.suffix in (".csv", ".xlsx", ".jsonl")]
    with pytest.raises(duckdb.Error), duckdb.connect() as database:
        database.execute(f"FROM '{next(twin.rglob('signals_current.parquet'))}'")
    with pytest.raises(StopError, match="unseal"):
        Feed.at(twin).manifest()
    Manifest.model_validate_json((twin / "manifest.json").read_bytes())


def test_the_manifest_describes_the_encrypted_bytes(plain: Path, tmp_path: Path):
    sealed(plain, tmp_path)
    twin = tmp_path / "twin"
    said = json.loads((twin / "manifest.json").read_bytes())
    assert said["encryption"]["key_fingerprint"] == keys.fingerprint(KEY)
    assert KEY not in (twin / "manifest.json").read_text()
    parts = [*said["segments"], *said["resources"], said["snapshot"]]
    assert {part["path"].rpartition(".")[2] for part in parts} == {"parquet", "md", "json", "yaml"}
    for part in parts:
        assert file_hash(twin / part["path"]) == part["hash"]
        assert (twin / part["path"]).stat().st_size == part["bytes"]


def test_sql_opens_it_and_the_attribution_is_in_the_file(plain: Path, tmp_path: Path):
    sealed(plain, tmp_path)
    path = next((tmp_path / "twin").rglob("signals_current.parquet"))
    with duckdb.connect() as database:
        load_encryption(database)
        database.execute(f"PRAGMA add_parquet_key('k', '{base64.b64encode(b'^' * 32).decode()}')")
        reading = f"'{path}', encryption_config = {{footer_key: 'k'}}"
        rows = database.execute(f"SELECT lead_id FROM read_parquet({reading})").fetchall()
    assert rows == [("L-canary-77",)]


def test_the_same_publication_is_not_encrypted_again(
    plain: Path, log: SignalLog, out: Path, tmp_path: Path
):
    assert sealed(plain, tmp_path)
    before = tree(tmp_path / "twin")
    assert not sealed(plain, tmp_path)
    assert tree(tmp_path / "twin") == before
    publish(log, out, match("L-canary-77", BUYER), match("L-2", BUYER), day=LATER)
    assert sealed(plain, tmp_path)
    after = tree(tmp_path / "twin")
    first = next(name for name in before if name.endswith("-00000000000000000001.parquet"))
    assert after[first] == before[first]
    named = json.loads((tmp_path / "twin" / "manifest.json").read_bytes())
    kept = {part["path"] for part in [*named["segments"], *named["resources"]]}
    assert set(after) == kept | {"manifest.json", "sealed.json"}


def test_a_new_key_gives_new_files_and_the_old_one_opens_nothing(plain: Path, tmp_path: Path):
    sealed(plain, tmp_path)
    before = tree(tmp_path / "twin")
    assert sealed(plain, tmp_path, "a1" * 32)
    again = [name for name in tree(tmp_path / "twin") if name in before]
    assert [name for name in again if name.endswith(".parquet")] == []
    with pytest.raises(SettingsError, match="another key"):
        unseal(tmp_path / "twin", tmp_path / "open", KEY, temporary=tmp_path / "tmp")


def test_opened_again_a_reader_reads_the_same(plain: Path, tmp_path: Path):
    sealed(plain, tmp_path)
    opened = tmp_path / "open"
    assert unseal(tmp_path / "twin", opened, KEY, temporary=tmp_path / "tmp") > 3
    assert stream(opened).equals(stream(plain))
    theirs = [row for batch in Feed.at(opened).read() for row in batch.rows]
    ours = [row for batch in Feed.at(plain).read() for row in batch.rows]
    assert theirs == ours
    snapshot = next(opened.rglob("signals_current.parquet"))
    assert pl.read_parquet(snapshot).equals(pl.read_parquet(plain / "signals_current.parquet"))


def test_a_file_that_was_changed_is_refused(plain: Path, tmp_path: Path):
    sealed(plain, tmp_path)
    path = next((tmp_path / "twin").rglob("signals_current.parquet"))
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(StateError, match="not the one described"):
        unseal(tmp_path / "twin", tmp_path / "open", KEY, temporary=tmp_path / "tmp")


def test_keys_of_exports(tmp_path: Path):
    folder = tmp_path / "keys"
    made = keys.export_key(folder, "acme", "acme", {})
    assert keys.export_key(folder, "acme", "acme", {}) == made
    assert stat.S_IMODE((folder / "acme.key").stat().st_mode) == 0o600
    assert keys.export_key(folder, "b", "b", {keys.EXPORT_KEYS: json.dumps({"b": KEY})}) == KEY
    command = {keys.EXPORT_COMMAND: f"printf {KEY}%.0s"}
    assert keys.export_key(folder, "b", "b", command) == KEY
    with pytest.raises(SettingsError, match="wants a key"):
        keys.export_key(folder, "c", "c", {keys.REQUIRED: "1"})
    with pytest.raises(SettingsError) as refused:
        keys.export_key(folder, "c", "c", {keys.EXPORT_KEYS: f"[{KEY}"})
    assert KEY not in str(refused.value)
    assert not (folder / "c.key").exists()
    assert keys.sealed_accounts({keys.SEALED: " a, b,,a"}) == ("a", "b")


def test_a_store_gets_the_encrypted_twin_in_the_place_of_the_stream(
    plain: Path, out: Path, tmp_path: Path
):
    sealed(plain, tmp_path)
    with object_server() as server:
        store = server.store("sealed")
        instead = {"accounts/acme": tmp_path / "twin"}
        mirror(out, store, tmp_path / "mirror", instead)
        names = store.names("accounts/acme")
        bodies = [held.body for name in names if (held := store.get(name)) is not None]
        assert len(bodies) > 5
        assert not any(b"L-canary-77" in body for body in bodies)
        assert not any(name.endswith("sealed.json") for name in names)
        assert mirror(out, store, tmp_path / "mirror", instead).objects == 0
        # Decided otherwise later: the plain stream takes its place, whole.
        mirror(out, store, tmp_path / "mirror")
        assert not any("/files/" in name for name in store.names("accounts/acme"))


def test_a_run_encrypts_the_accounts_that_asked_and_forgets_the_others(
    plain: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    workspace = open_workspace(load_settings(data_dir=tmp_path))
    assert workspace.exports == out
    assert feed.sealed(workspace) == {}
    assert not (tmp_path / "sealed").exists()
    monkeypatch.setenv(keys.SEALED, "acme, nobody-yet")
    monkeypatch.setenv(keys.REQUIRED, "1")
    with pytest.raises(SettingsError, match="wants a key"):
        feed.sealed(workspace)
    monkeypatch.setenv(keys.EXPORT_KEYS, json.dumps({"acme": KEY}))
    twin = tmp_path / "sealed" / "accounts" / "acme"
    assert feed.sealed(workspace) == {"accounts/acme": twin}
    key_file = tmp_path / "acme.key"
    key_file.touch(mode=0o600)
    key_file.write_text(KEY)
    words = ["unseal", str(twin), "--to", str(tmp_path / "open"), "--key-file", str(key_file)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert stream(tmp_path / "open").equals(stream(plain))
    assert not (tmp_path / "keys").exists()
    monkeypatch.setenv(keys.SEALED, "acne")
    with pytest.raises(SettingsError, match="was encrypted until now") as refused:
        feed.sealed(workspace)
    assert "sealed/accounts/acme" in str(refused.value)
    assert twin.exists()
    forget_account(out, "acme")
    assert feed.sealed(workspace) == {}
    assert not twin.exists()
