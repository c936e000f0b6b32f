"""What each column of the register says when it differs: ``column_policy.yml`` as a model.

Belongs here: reading the policy, the windows and the thresholds. Does not belong here:
applying them.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field

from opendata.catalogue import Model

FILE = Path(__file__).parent / "column_policy.yml"


class ColumnPolicy(Model):
    """The meaning of a difference in one column.

    Attributes:
        policy: see the head of ``column_policy.yml``.
        change: name of the change that a difference makes, if it makes one by itself.
        same: column that must be equal on both sides, else the values do not compare.
        unknown: codes that mean "not known".
        year: column with the year that a refreshed value is of.
        kind: ``name`` compares names by their key, ``code`` the values as they are.
        why: reason, where the policy alone does not give it.
    """

    policy: Literal["historised", "corrected", "refreshed", "ignored"]
    change: str | None = None
    same: str | None = Field(default=None, alias="with")
    unknown: tuple[str, ...] = ()
    year: str | None = None
    kind: Literal["code", "name"] = Field(default="code", alias="as")
    why: str | None = None


class Limits(Model):
    """Windows in days; see ``column_policy.yml``."""

    unit_created_days: int
    site_opened_days: int
    future_days: int
    link_days: int
    taken_over_days: int


class MassOperation(Model):
    """When a day is a mass operation; see ``column_policy.yml``."""

    floor: int
    factor: int
    peak_days: tuple[str, ...]
    peak_factor: int
    peak_changes: tuple[str, ...]
    yearly_changes: tuple[str, ...] = ()


class Policy(Model):
    """The whole policy."""

    legal_units: dict[str, ColumnPolicy]
    establishments: dict[str, ColumnPolicy]
    limits: Limits
    mass_operation: MassOperation

    @property
    def unit_events(self) -> dict[str, ColumnPolicy]:
        """Return the columns of a unit whose difference is an event by itself."""
        return {name: rule for name, rule in self.legal_units.items() if rule.change}


@cache
def policy() -> Policy:
    """Return the policy that this release applies."""
    return Policy.model_validate(yaml.safe_load(FILE.read_text(encoding="utf-8")))
