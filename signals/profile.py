"""What an account wants: its ideal customers, its weights, its caps, from one YAML file.

Belongs here: the model of the file, and reading it with errors that name the line. Does not
belong here: which companies fit (:mod:`signals.fit`), what a cap holds back
(:mod:`signals.caps`), weights that hold for everybody (:mod:`signals.weights`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from opendata.errors import SettingsError
from opendata.yaml_text import NOT_YAML, require_bounded
from signals.registry import registry
from sirene import nomenclatures


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _codes_of(table: str, *, sections: bool = False) -> AfterValidator:
    """Return the check that each code is one of ``table`` or the beginning of one."""

    def check(code: str) -> str:
        rows = nomenclatures.table(table)
        known = rows["section"].to_list() if sections else []
        if code and (code in known or rows["code"].str.starts_with(code).any()):
            return code
        raise ValueError(f"{code!r} is no code of {table}, nor the beginning of one")

    return AfterValidator(check)


def _whole_code_of(table: str) -> AfterValidator:
    def check(code: str) -> str:
        if code in nomenclatures.table(table)["code"]:
            return code
        raise ValueError(f"{code!r} is no code of {table}")

    return AfterValidator(check)


def _a_signal(code: str) -> str:
    if code not in registry():
        raise ValueError(f"{code!r} is no signal; `company-signals signals` lists them")
    return code


NafRev2 = Annotated[str, _codes_of(nomenclatures.NAF_REV2, sections=True)]
Naf2025 = Annotated[str, _codes_of(nomenclatures.NAF_2025, sections=True)]
LegalForm = Annotated[str, _codes_of(nomenclatures.CATEGORIES_JURIDIQUES)]
Departement = Annotated[str, _whole_code_of(nomenclatures.DEPARTEMENTS)]
Headcount = Annotated[str, _whole_code_of(nomenclatures.TRANCHES)]


class Criteria(_Model):
    """What is looked at in a company; a list that is empty asks nothing.

    Attributes:
        naf_rev2, naf_2025: activities: a section, or the beginning of a code.
        departements: of the head office.
        tranches_effectifs: INSEE's headcount bands of the company.
        categories_juridiques: legal forms: the beginning of a code.
    """

    naf_rev2: tuple[NafRev2, ...] = ()
    naf_2025: tuple[Naf2025, ...] = ()
    departements: tuple[Departement, ...] = ()
    tranches_effectifs: tuple[Headcount, ...] = ()
    categories_juridiques: tuple[LegalForm, ...] = ()


class SignalPolicy(_Model):
    """How one kind of signal counts for an account.

    Attributes:
        weight: factor of its score.
        per_day: most new ones a day.
        cool_down_days: days after one in which the lead gets no other of the kind.
    """

    weight: float = Field(default=1.0, ge=0, le=5)
    per_day: int | None = Field(default=None, ge=0)
    cool_down_days: int = Field(default=0, ge=0, le=3650)


class DiscoveryPolicy(_Model):
    """Which companies that are no lead are shown.

    Attributes:
        fresh_days: age, in days, up to which an opportunity counts as fresh.
        at_most: most companies shown, the best ones.
        least_score: least score of a company shown.
    """

    fresh_days: int = Field(default=30, ge=1)
    at_most: int = Field(default=1000, ge=0)
    least_score: float = Field(default=0, ge=0, le=100)


class Profile(_Model):
    """What one account wants.

    Attributes:
        include: a company must meet every criterion given.
        exclude: a company must meet none of them.
        outside: factor of the score of companies that do not fit.
        unknown: factor where the register does not tell whether they do.
        signals: signal → how it counts.
        per_day: most new signals a day, all kinds together.
        discovery: companies that are no lead; none are shown without.
    """

    include: Criteria = Criteria()
    exclude: Criteria = Criteria()
    outside: float = Field(default=0.3, ge=0, le=1)
    unknown: float = Field(default=0.7, ge=0, le=1)
    signals: Mapping[Annotated[str, AfterValidator(_a_signal)], SignalPolicy] = Field(
        default_factory=dict
    )
    per_day: int | None = Field(default=None, ge=0)
    discovery: DiscoveryPolicy | None = None

    @cached_property
    def version(self) -> str:
        """Return 12 hex digits that change when anything in the profile does."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]


class Profiles(_Model):
    """The file: account → profile."""

    accounts: Mapping[str, Profile]


def load_profiles(path: Path) -> Mapping[str, Profile]:
    """Read the profiles, account → profile.

    Raises:
        SettingsError: the file cannot be read, is not YAML, or says what no profile can;
            the message gives the line and the key.
    """
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        require_bounded(text)
        twice = _repeated(node)
        if twice is not None:
            raise _refused(path, twice[0], twice[1], "this key stands twice")
        return Profiles.model_validate(yaml.safe_load(text)).accounts
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"the profiles cannot be read ({type(error).__name__})",
            next_step="check SIGNALS_PROFILES and who may read the file",
            file=path.name,
        ) from error
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise _refused(path, _line(node, first["loc"]), first["loc"], _said(first)) from error
    except NOT_YAML as error:
        mark = getattr(error, "problem_mark", None)
        line = 0 if mark is None else mark.line + 1
        raise _refused(path, line, (), "this is not YAML") from error


def _refused(path: Path, line: int, loc: Sequence[int | str], why: str) -> SettingsError:
    key = ".".join(str(part) for part in loc if part != "[key]")
    return SettingsError(
        f"line {line}" + (f", {key}" if key else "") + f": {why}",
        next_step="correct that line; docs/scoring.md says what a profile holds",
        file=path.name,
    )


def _said(error: Any) -> str:
    if error["type"] == "string_type":
        return "a code is text: put it in quotes, for its zeros count"
    if error["type"] == "extra_forbidden":
        return "no such key"
    return str(error["msg"]).removeprefix("Value error, ")


def _line(node: yaml.Node | None, loc: Sequence[int | str]) -> int:
    """Return the line, from 1, of the deepest part of ``loc`` that the file has."""
    line = 1
    for part in loc:
        found = _child(node, part)
        if found is None:
            break
        line, node = found
    return line


def _child(node: yaml.Node | None, part: int | str) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
        value = node.value[part]
        return value.start_mark.line + 1, value
    return None


def _repeated(
    node: yaml.Node | None, loc: tuple[str, ...] = ()
) -> tuple[int, tuple[str, ...]] | None:
    """Return line and place of a key that stands twice, of which YAML would keep the last."""
    if not isinstance(node, yaml.MappingNode):
        return None
    seen: set[str] = set()
    for key, value in node.value:
        place = (*loc, str(key.value))
        if key.value in seen:
            return key.start_mark.line + 1, place
        seen.add(key.value)
        deeper = _repeated(value, place)
        if deeper is not None:
            return deeper
    return None
