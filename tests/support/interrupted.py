"""A process that ends in the middle of its writes, acted in this one.

Belongs here: ending at a named point, or at the point of a number, of all that pass
:data:`opendata.files.on_point`. Does not belong here: processes that are really killed
(``tests/ingest``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from opendata import files


class Killed(BaseException):
    """Stands for the end of the process: nothing but ``finally`` sees it."""


@contextmanager
def at_each_point(do: Callable[[str], None]) -> Iterator[None]:
    """Have ``do`` called with the name of each point that is passed."""
    before, files.on_point = files.on_point, do
    try:
        yield
    finally:
        files.on_point = before


@contextmanager
def killed_at(number: int, *, among: tuple[str, ...] = ("",)) -> Iterator[list[str]]:
    """End at the point of that number (from 0), or never where there are fewer.

    Yields:
        The points passed, which grow: those alone whose name begins with one of ``among``.
    """
    passed: list[str] = []

    def stop(point: str) -> None:
        if point.startswith(among):
            passed.append(point)
            if len(passed) - 1 == number:
                raise Killed

    with at_each_point(stop):
        yield passed


@contextmanager
def killed_reaching(point: str, times: int = 1) -> Iterator[None]:
    """End when ``point`` is reached for that time."""
    left = times

    def stop(reached: str) -> None:
        nonlocal left
        left -= reached == point
        if left == 0:
            raise Killed

    with at_each_point(stop):
        yield
