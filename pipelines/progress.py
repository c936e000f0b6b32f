"""What a person sees while a command works.

Belongs here: one line that says what goes on, on a terminal only. Does not belong here:
what is printed at the end (:mod:`pipelines.summary`), warnings (:mod:`pipelines.logs`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from assets.workspace import told
from pipelines.console import console


@contextmanager
def shown(what: str = "Working") -> Iterator[None]:
    """Show ``what`` and the step or download under way, until the block ends."""
    with console.status(what) as status, told(lambda step: status.update(f"{what}: {step}")):
        yield
