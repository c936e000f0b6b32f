"""The catalogue of signals, a backtest and the profiles, on one screen each.

Belongs here: what `signals`, `backtest` and `profiles` show. Does not belong here: the
counting (:mod:`signals.backtest`), the reading of profiles (:mod:`signals.profile`).
"""

from __future__ import annotations

import polars as pl
from rich.text import Text

from assets import discovery
from assets.frames import StoreFrames
from assets.workspace import Workspace
from opendata.errors import SettingsError, StateError
from pipelines.console import console
from pipelines.maintenance import shown_table
from signals.backtest import Backtest, backtest
from signals.profile import Criteria, Profile, load_profiles
from signals.registry import Detector, registry


def print_catalogue(family: str | None) -> None:
    """Print every kind of signal, of one family if it is given.

    Raises:
        SettingsError: no signal is of that family.
    """
    found = [one.signal for one in _family(family)]
    table = shown_table(
        "Signals", "code", "title and inputs", "polarity", "window", "golden",
        right=("window",),
    )  # fmt: skip
    for column in table.columns:
        column.no_wrap = column.header != "title and inputs"
    for signal in found:
        table.add_row(
            Text(signal.code),
            Text.assemble(signal.title_en, "\n", (", ".join(signal.inputs), "dim")),
            signal.polarity,
            f"{signal.window_days} d",
            "synthetic" if signal.real_example is None else "real",
        )
    console.print(table)
    real = sum(signal.real_example is not None for signal in found)
    console.print(
        f"{len(found)} signals: {real} seen on real records, {len(found) - real} on fixtures "
        "made from the publishers' specifications (synthetic)."
    )


def _family(family: str | None) -> list[Detector]:
    found = [one for one in registry().values() if family in (None, one.signal.family)]
    if not found:
        families = sorted({one.signal.family for one in registry().values()})
        raise SettingsError(
            f"no signal is of the family {family!r}",
            next_step=f"use one of {', '.join(families)}",
        )
    return found


def print_backtest(workspace: Workspace, rule: str, months: int) -> None:
    """Print how many signals a day ``rule`` would have made.

    Raises:
        SettingsError: there is no such rule.
        StateError: nothing that is loaded can be replayed for it.
    """
    detector = registry().get(rule)
    if detector is None:
        raise SettingsError(
            f"there is no signal {rule!r}", next_step="`company-signals signals` lists them"
        )
    _print(rule, _counted(workspace, detector, months))


def print_backtests(workspace: Workspace, family: str | None, months: int) -> None:
    """Print how many signals each rule would have made, and of which nothing can be replayed.

    Raises:
        SettingsError: no signal is of that family.
    """
    table = shown_table(
        "Backtest", "code", "loaded history", "publications", "signals", "a day", "not loaded",
        right=("publications", "signals", "a day"),
    )  # fmt: skip
    without = []
    frames = StoreFrames(workspace.store, discovery.owners(), workspace.clock.today())
    for detector in _family(family):
        code = detector.signal.code
        absent = [one for one in detector.signal.inputs if not frames.has(one)]
        try:
            found = _counted(workspace, detector, months)
        except StateError:
            without.append(code)
            continue
        table.add_row(
            Text(code), f"{found.first} to {found.last}", f"{found.looks:,}", f"{found.total:,}",
            f"{found.total / found.days:.2f}", ", ".join(absent),
        )  # fmt: skip
    if table.row_count:
        console.print(table)
    if without:
        console.print(f"Without dated history to be replayed on: {', '.join(without)}.")
    console.print("Nothing was emitted.")


def _counted(workspace: Workspace, detector: Detector, months: int) -> Backtest:
    today = workspace.clock.today()
    year, month = divmod(today.year * 12 + today.month - 1 - months, 12)
    first = today.replace(year=year, month=month + 1, day=min(today.day, 28))
    frames = StoreFrames(workspace.store, discovery.owners(), today)
    return backtest(detector, frames, first, today)


def _print(rule: str, found: Backtest) -> None:
    table = shown_table(
        f"Backtest of {rule}", "month", "days with signals", "signals", "most in a day",
        right=("days with signals", "signals", "most in a day"),
    )  # fmt: skip
    counts = pl.col("signals")
    monthly = found.rows.group_by(month=pl.col("day").dt.strftime("%Y-%m")).agg(
        days=pl.len(), all=counts.sum(), most=counts.max()
    )
    for month, days, total, most in monthly.sort("month").iter_rows():
        table.add_row(month, str(days), f"{total:,}", f"{most:,}")
    if table.row_count:
        console.print(table)
    console.print(
        f"{found.total:,} signals in {found.days:,} days of loaded history "
        f"({found.first} to {found.last}, {found.looks} publications): "
        f"{found.total / found.days:.2f} a day."
    )
    if found.lists:
        console.print(f"Shown as they stand today, published whole: {', '.join(found.lists)}.")
    console.print("Nothing was emitted.")


def print_profiles(workspace: Workspace) -> None:
    """Print what each account of the file of profiles wants.

    Raises:
        SettingsError: no file is set, or it cannot be used.
    """
    if workspace.profiles is None:
        raise SettingsError(
            "no file of profiles is set",
            next_step="set SIGNALS_PROFILES, or give --profiles; data/sample/profiles.yml is one",
        )
    table = shown_table("Profiles", "account", "version", "include", "exclude", "caps", "discovery")
    for account, profile in sorted(load_profiles(workspace.profiles).items()):
        found = profile.discovery
        shown = "no" if found is None else f"{found.at_most}, {found.fresh_days} d"
        table.add_row(
            Text(account),
            profile.version,
            _criteria(profile.include),
            _criteria(profile.exclude),
            _caps(profile),
            shown,
        )
    console.print(table)


def _criteria(criteria: Criteria) -> str:
    said = [f"{name} {' '.join(codes)}" for name, codes in criteria.model_dump().items() if codes]
    return "; ".join(said) or "-"


def _caps(profile: Profile) -> str:
    said = [] if profile.per_day is None else [f"{profile.per_day} a day"]
    for code, policy in profile.signals.items():
        if policy.per_day is not None:
            said.append(f"{code} {policy.per_day} a day")
        if policy.cool_down_days:
            said.append(f"{code} every {policy.cool_down_days} d")
    return "; ".join(said) or "-"
