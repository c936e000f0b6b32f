"""Every place that holds personal data, and what each must be able to do.

Belongs here: the protocol and finding the places. Each module of this folder offers
``places(workspace)``; a new store (an object store, backups) is a new file, and every
erasure, objection and rollback reaches it. Does not belong here: who is concerned.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol

from assets.workspace import Workspace
from leads.privacy.facts import Facts
from leads.privacy.receipts import PlaceReport


class Place(Protocol):
    """A place that holds personal data.

    Attributes:
        name: what a receipt calls it.
        order: places are cleared from the first to the last; what is made of others follows.
        follows: it is made anew by every run from the places before it.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - see above

    @property
    def order(self) -> int: ...  # noqa: D102

    @property
    def follows(self) -> bool: ...  # noqa: D102

    def find(self, facts: Facts) -> PlaceReport:
        """Return how much it holds about those in ``facts``; nothing is changed."""
        ...

    def erase(self, facts: Facts) -> PlaceReport:
        """Take it out, bytes included; doing it again does nothing."""
        ...


def all_places(workspace: Workspace) -> Sequence[Place]:
    """Return every place of a data folder, in the order in which they are cleared."""
    found: list[Place] = []
    for module in sorted(iter_modules(__path__), key=lambda one: one.name):
        found += import_module(f"{__name__}.{module.name}").places(workspace)
    return sorted(found, key=lambda place: (place.order, place.name))
