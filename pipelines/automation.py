"""When Dagster makes an asset by itself, and when it calls one stale.

Belongs here: the condition that follows new data, the freshness of each asset from the
cadence of its dataset, and the one sensor that evaluates both. Does not belong here: asking
the portals (:mod:`pipelines.change_sensors`), what assets do.

Not ``AutomationCondition.eager()``: it follows every update, also one that brought nothing,
and waits for datasets that an operator never asked for (docs/adr/0014).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import dagster as dg

from assets import discovery
from assets.dataset_assets import core_key, raw_key
from opendata.catalogue import Cadence
from pipelines.jobs import DOWNSTREAM, PARIS

#: What time alone brings (renewals, late accounts, a source that grows old) is looked at then.
DAILY = "30 10 * * *"
DATED = frozenset({"signals", "out_feed"})


#: Of assets, as Dagster says it of assets and checks alike.
Condition = dg.AutomationCondition[Any]


def on_new_data(*, daily: bool = False, code: bool = False) -> Condition:
    """Return the condition: something this is made of has another content than before.

    An update that brought the same data version is no news, nor is one that came before this
    asset was last made, by whatever run. What was never loaded holds up nothing.

    Args:
        daily: a new day is news too.
        code: so is new code.
    """
    condition = dg.AutomationCondition
    # Bare, since only then Dagster compares the instants: both may fall between two looks.
    later: Condition = condition.any_deps_match(condition.newly_updated()).since(
        condition.newly_updated()
    )
    changed: Condition = condition.any_deps_match(condition.data_version_changed()).since(
        condition.newly_requested() | condition.initial_evaluation() | ~later
    )
    news: Condition = later & changed
    if daily:
        tick: Condition = condition.cron_tick_passed(DAILY, PARIS)
        new_day: Condition = tick.since_last_handled()
        news |= new_day
    if code:
        changed_code: Condition = condition.code_version_changed()
        new_code: Condition = changed_code.since_last_handled()
        news |= new_code
    free: Condition = ~condition.any_deps_in_progress() & ~condition.in_progress()
    return (news & free).with_label("on_new_data")


def freshness(cadence: Cadence) -> dg.FreshnessPolicy:
    """Return the policy: the days after which silence is a warning, and a failure."""
    return dg.FreshnessPolicy.time_window(
        fail_window=timedelta(days=cadence.fail_after_days),
        warn_window=timedelta(days=cadence.warn_after_days),
    )


def automated(assets: Iterable[dg.AssetsDefinition]) -> list[dg.AssetsDefinition]:
    """Return the assets with their condition and their freshness."""
    cadences = {}
    for name, source in discovery.sources().items():
        cadences[raw_key(name)] = source.dataset.cadence
        cadences |= {core_key(table): source.dataset.cadence for table in source.dataset.tables}
    # What follows from all of them is as fresh as the freshest source lets it be.
    tightest = min(cadences.values(), key=lambda one: (one.fail_after_days, one.warn_after_days))

    def with_rules(spec: dg.AssetSpec) -> dg.AssetSpec:
        key = spec.key.to_user_string()
        if key == "leads":
            # They come when the customer sends them.
            return spec
        fresh = spec.replace_attributes(freshness_policy=freshness(cadences.get(key, tightest)))
        if not spec.deps:
            return fresh
        rule = on_new_data(daily=key in DATED, code=key not in DOWNSTREAM)
        return fresh.replace_attributes(automation_condition=rule)

    return [asset.map_asset_specs(with_rules) for asset in assets]


def automation_sensor() -> dg.AutomationConditionSensorDefinition:
    """Return the one sensor that evaluates every condition; an operator switches it on."""
    return dg.AutomationConditionSensorDefinition(
        "automation",
        target=dg.AssetSelection.all(),
        description="Makes what follows from new data: tables, matches, signals, warehouse, feed.",
    )
