"""The weights, read from ``weights.yml``.

Belongs here: their model and the reading of the file. Does not belong here: any number,
any formula (:mod:`signals.scoring`, :mod:`signals.lead_scores`).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from opendata.errors import SettingsError

PATH = Path(__file__).with_name("weights.yml")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Condition(_Model):
    """A signal, with values that must stand in its ``after``."""

    signal: str
    when: dict[str, str] = Field(default_factory=dict)


class Suppressor(Condition):
    """A signal that silences opportunities, and the later ones that lift it."""

    lifted_by: tuple[Condition, ...] = ()


class LeadWeights(_Model):
    """How the signals of a lead add up."""

    diminishing: float = Field(gt=0, lt=1)
    risk_weight: float = Field(ge=0, le=1)
    maximum: float = Field(gt=0)


class Weights(_Model):
    """All weights."""

    base_score: dict[str, int]
    source_precedence: tuple[str, ...]
    lead: LeadWeights
    suppressors: tuple[Suppressor, ...]


def load_weights(path: Path = PATH) -> Weights:
    """Read the weights.

    Raises:
        SettingsError: not YAML, or a weight is missing, unknown or out of range.
    """
    try:
        return Weights.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError) as error:
        raise SettingsError(
            f"the weights cannot be used: {error}", next_step="correct them", file=path.name
        ) from error


@cache
def weights() -> Weights:
    """Return the weights of the project."""
    return load_weights()
