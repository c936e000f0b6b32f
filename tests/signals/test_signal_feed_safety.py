"""The feed under attack: tenants kept apart, names harmless, processes killed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import fastexcel
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from signal_tables import SALE
from signal_world import (
    BUYER,
    LATER,
    OTHER_SALE,
    SELLER,
    account,
    at,
    check_consistent,
    current,
    killed_at,
    match,
    match_frame,
    points,
    publish,
    sales,
    stream,
    tell,
    tree,
)

from opendata.errors import SettingsError, StateError
from signals import groups
from signals.feed.customers import Customers
from signals.feed.export import account_folder, forget_account
from signals.fit import COMPANY_SCHEMA
from signals.log import SignalLog
from signals.profile import Profile

STRANGE = (
    "../../etc",
    "..",
    ".",
    "/abs",
    "a/b",
    "A",
    "a@example.org",
    "é",
    "h_" + "0" * 32,
    "x" * 64,
)


def test_no_two_accounts_have_one_folder() -> None:
    names = (*STRANGE, "a", "e", "b@example.org", "h-" + "0" * 32, "x" * 63)
    assert len({account_folder(name) for name in names}) == len(names)


@pytest.mark.parametrize("name", STRANGE)
def test_account_ids_never_leave_their_folder(log: SignalLog, out: Path, name: str) -> None:
    folder = account_folder(name)
    assert folder.startswith("h_")
    assert folder != name
    publish(log, out, match("l1", BUYER, name))
    assert [path.name for path in (out / "accounts").iterdir()] == [folder]
    assert sorted(path.name for path in out.iterdir()) == ["accounts", "company"]
    publish(log, out, match("l1", BUYER, name), day=LATER)
    assert stream(account(out, folder)).height == 1


def test_forgotten_account_is_gone_and_no_other(log: SignalLog, out: Path) -> None:
    publish(log, out, match("l1", BUYER), match("l2", BUYER, "beta"))
    kept = tree(account(out, "beta"))
    assert forget_account(out, "acme")
    assert not account(out).exists()
    assert tree(account(out, "beta")) == kept
    assert not forget_account(out, "acme")
    assert not forget_account(out, "..")
    assert (out / "company").exists()


def test_match_without_account_is_refused(log: SignalLog, out: Path) -> None:
    for nameless in (None, ""):
        with pytest.raises(SettingsError, match="has no"):
            publish(log, out, match("l1", BUYER, account_id=nameless))
    with pytest.raises(SettingsError, match="probability"):
        publish(log, out, matches=match_frame(match("l1", BUYER)).drop("probability"))


def test_damaged_manifest_is_an_error_not_a_new_stream(log: SignalLog, out: Path) -> None:
    publish(log, out, match("l1", BUYER))
    (account(out) / "manifest.json").write_text("{")
    with pytest.raises(StateError, match="cannot be read"):
        publish(log, out, match("l1", BUYER))


ACCOUNTS, SIRENS = ("acme", "beta", "jean@example.org"), (BUYER, SELLER, "892552506", "822825618")
LEADS = st.dictionaries(
    st.tuples(st.sampled_from(ACCOUNTS), st.integers(0, 3)),
    st.tuples(st.sampled_from(SIRENS), st.sampled_from(["confirmed", "probable", "ambiguous"])),
    max_size=8,
)


def everybody_linked() -> Customers:
    """Accounts with a profile each, and every company known, each sold or bought by another."""
    companies = pl.LazyFrame(
        [
            {"siren": siren, "company_name": f"SOCIETE {siren}", "active": True,
             "personne_morale": True, "diffusible": True, "departement": "75"}
            for siren in SIRENS
        ],
        schema=COMPANY_SCHEMA,
    )  # fmt: skip
    sold = [{**one, "source_id": "bodacc@v1", "record_key": one["notice_id"]}
            for one in (SALE, OTHER_SALE)]  # fmt: skip
    wish = {"include": {"departements": ["75"]}, "discovery": {"fresh_days": 60}}
    return Customers(
        profiles={name: Profile.model_validate(wish) for name in ACCOUNTS},
        companies=lambda wanted: companies.join(wanted, on="siren", how="semi"),
        links=groups.sales(pl.LazyFrame(sold)),
    )


def rows_of(leads: dict[Any, Any]) -> list[dict[str, Any]]:
    return [
        match(f"{name}-lead-{number}", siren, name, verdict=verdict)
        for (name, number), (siren, verdict) in sorted(leads.items())
    ]


@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    # To shrink a failure takes minutes.
    phases=[Phase.generate],
)
@given(first=LEADS, second=LEADS)
def test_no_account_holds_anything_of_another(
    tmp_path_factory: pytest.TempPathFactory, first: dict[Any, Any], second: dict[Any, Any]
) -> None:
    base = tmp_path_factory.mktemp("world")
    log, out = SignalLog(base / "signals"), base / "exports"
    tell(log, sales(SALE, OTHER_SALE))
    publish(log, out, *rows_of(first), customers=everybody_linked())
    publish(log, out, *rows_of(second), day=LATER, customers=everybody_linked())
    for name in ACCOUNTS:
        folder = account(out, account_folder(name))
        if not folder.exists():
            assert not any(key[0] == name for key in [*first, *second])
            continue
        check_consistent(folder)
        others = [other for other in ACCOUNTS if other != name]
        for path in folder.rglob("*.*"):
            if path.suffix == ".parquet":
                text = str(pl.read_parquet(path, glob=False).to_dicts())
            elif path.suffix == ".xlsx":
                text = str(fastexcel.read_excel(path).load_sheet("signals").to_polars().to_dicts())
            else:
                text = path.read_text()
            assert not any(f"{other}-lead-" in text for other in others), path
        wanted = {
            (f"{key[0]}-lead-{key[1]}", siren)
            for key, (siren, verdict) in second.items()
            if key[0] == name and verdict != "ambiguous"
        }
        assert set(current(folder).select("lead_id", "siren").rows()) == wanted
        relatives = pl.read_parquet(folder / "groups.parquet")
        assert set(relatives.select("lead_id", "siren").rows()) == wanted
        # What somebody else follows is no secret of theirs: it is found as if nobody did.
        found = pl.read_parquet(folder / "discovery.parquet")["siren"].to_list()
        buyers = {BUYER, OTHER_SALE["buyer_siren"]}
        assert set(found) == buyers - {siren for _, siren in wanted}


def test_killed_anywhere_and_run_again_gives_the_same_bytes(
    log: SignalLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    publish(log, first, match("l1", BUYER), match("l2", OTHER_SALE["seller_siren"]))
    tell(log, sales({**SALE, "ville": "Ailleurs"}))
    log.erase([OTHER_SALE["seller_siren"]], reason="opposition", recorded=at(), run_id="run-2")

    def run(folder: Path) -> None:
        publish(log, folder, match("l1", BUYER), match("l3", SELLER), day=LATER)

    shutil.copytree(first, second)
    reached = points(lambda: run(second), monkeypatch)
    assert {"feed-segment:before-write", "feed-manifest:after-rename", "feed-copy:after-rename",
            "feed-scrub:after-rename", "feed-file:after-rename"} <= set(reached)  # fmt: skip
    expected = tree(second)
    kinds = {point: number for number, point in enumerate(reached)}
    for number in sorted({0, *kinds.values()}):
        folder = tmp_path / str(number)
        shutil.copytree(first, folder)
        killed_at(number, lambda at=folder: run(at), monkeypatch)
        for one in ("company", "accounts/acme"):
            check_consistent(folder / one)
        run(folder)
        assert tree(folder) == expected, reached[number]
        shutil.rmtree(folder)
