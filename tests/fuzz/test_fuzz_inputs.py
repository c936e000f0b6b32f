"""Hostile inputs to every parser; the faults put in on purpose that they must find.

Attacks and seeds are the same in every run; what hypothesis draws beside them follows the modules
that are loaded. ``make fuzz`` tries others, guided by coverage.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzzing import BrokenError, Mutant, Target, fuzz, seeded
from targets import TARGETS

FEW, MANY = 20, 150
#: A fault ends its test as soon as it is found.
FOR_A_FAULT = 400
MUTANTS = [(target, mutant) for target in TARGETS for mutant in target.mutants]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_hostile_inputs_are_read_or_refused(target: Target, tmp_path: Path) -> None:
    tally = fuzz(target, FEW, tmp_path)
    print(f"{target.name}: {tally.tried:,} inputs, {tally.refused:,} refused")  # noqa: T201
    assert tally.tried >= 5 + len(target.seeds) + len(target.attacks)


def test_every_parser_has_a_fault_that_its_inputs_must_find() -> None:
    assert [target.name for target in TARGETS if not target.mutants] == []
    names = [target.name for target in TARGETS]
    assert len(set(names)) == len(names)


@pytest.mark.full
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_many_hostile_inputs_are_read_or_refused(target: Target, tmp_path: Path) -> None:
    tally = fuzz(target, MANY, tmp_path)
    print(f"{target.name}: {tally.tried:,} inputs, {tally.refused:,} refused")  # noqa: T201


@pytest.mark.full
@pytest.mark.parametrize(
    ("target", "mutant"), MUTANTS, ids=[f"{target.name}: {one.why}" for target, one in MUTANTS]
)
def test_a_fault_put_in_on_purpose_is_found(target: Target, mutant: Mutant, tmp_path: Path) -> None:
    with seeded(mutant), pytest.raises(BrokenError):
        fuzz(target, FOR_A_FAULT, tmp_path, shrink=False)
