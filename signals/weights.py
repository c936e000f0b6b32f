"""The weights, read from ``weights.yml``.

Belongs here: their model and the reading of the file. Does not belong here: any number,
any formula (:mod:`signals.scoring`, :mod:`signals.lead_scores`).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from opendata.errors import SettingsError
from opendata.yaml_text import NOT_YAML, load_plain

PATH = Path(__file__).with_name("weights.yml")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Condition(_Model):
    """A signal, with values that must stand in its ``after``."""

    signal: str
    when: dict[str, str] = Field(default_factory=dict)


class Suppressor(Condition):
    """A signal that silences opportunities, and the later ones that lift it.

    Where ``state`` is known of the company, the state on the day of the score decides instead.
    """

    state: Literal["insolvency"] | None = None
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
        return Weights.model_validate(load_plain(path.read_bytes()))
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        said = f"{where}: {first['msg']}"
        raise _unusable(said, path) from error
    except NOT_YAML as error:
        raise _unusable(str(error), path) from error


def _unusable(why: str, path: Path) -> SettingsError:
    return SettingsError(
        f"the weights cannot be used: {why}", next_step="correct them", file=path.name
    )


@cache
def weights() -> Weights:
    """Return the weights of the project."""
    return load_weights()
