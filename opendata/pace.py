"""How fast, how often and how long a host may be asked.

Belongs here: concurrency, intervals, pauses, retries and limits, as data, and the queue in
front of each host. Does not belong here: requests.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime


@dataclass(frozen=True)
class Pace:
    """Politeness towards one host.

    Attributes:
        concurrency: requests under way at the same time.
        interval: seconds between the starts of two requests.
    """

    concurrency: int = 4
    interval: float = 0.1


#: Limits that the publishers state: INSEE 30 requests a minute, ADEME 10 a second an address.
PACES: Mapping[str, Pace] = {
    "api.insee.fr": Pace(concurrency=1, interval=2.0),
    "data.ademe.fr": Pace(concurrency=2, interval=0.1),
    # A mirror on this machine is nobody else's.
    "127.0.0.1": Pace(interval=0.0),
    "localhost": Pace(interval=0.0),
}


@dataclass(frozen=True)
class Retry:
    """How often and after how long to try again (seconds)."""

    attempts: int = 6
    wait_initial: float = 1.0
    wait_max: float = 60.0
    wait_jitter: float = 1.0
    retry_after_cap: float = 120.0


@dataclass(frozen=True)
class Limits:
    """What an answer may take.

    Attributes:
        connect, read: seconds to connect, and between two arrivals of bytes.
        window: seconds over which the rate is measured.
        min_rate: bytes a second below which a transfer is given up.
        deadline: seconds that one answer may last in all.
        document_bytes: size of an answer that is read into memory.
        unannounced_bytes: size of a file whose length nobody announced, unless the version
            before it was so large that four times its size is more.
        redirects: hops followed.
    """

    connect: float = 15.0
    read: float = 60.0
    window: float = 60.0
    min_rate: float = 1000.0
    deadline: float = 6 * 3600.0
    document_bytes: int = 128 << 20
    unannounced_bytes: int = 2 << 30
    redirects: int = 5


def retry_after(headers: Mapping[str, str]) -> float:
    """Return the seconds that ``Retry-After`` asks for, 0 if it says nothing usable.

    A date is counted from the answer's own ``Date``, so clocks that differ do no harm.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        until = parsedate_to_datetime(value)
        asked = parsedate_to_datetime(headers.get("date", ""))
        return max(0.0, (until - asked).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return 0.0


@dataclass(frozen=True)
class Timer:
    """The steady clock of durations and the way to wait; tests replace both."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class _Gate:
    """The queue in front of one host."""

    def __init__(self, pace: Pace, timer: Timer) -> None:
        self._places = threading.BoundedSemaphore(pace.concurrency)
        self._interval = pace.interval
        self._timer = timer
        self._lock = threading.Lock()
        self._next = 0.0

    @contextmanager
    def turn(self) -> Iterator[None]:
        with self._places:
            with self._lock:
                now = self._timer.monotonic()
                start = max(now, self._next)
                self._next = start + self._interval
            if start > now:
                self._timer.sleep(start - now)
            yield

    def pause(self, seconds: float) -> None:
        with self._lock:
            self._next = max(self._next, self._timer.monotonic() + seconds)


@dataclass
class Gates:
    """One gate per host, made on first use; safe between threads.

    Attributes:
        paces: host name → its pace.
        default: pace of the other hosts.
        timer: the clock and the sleep that the gates use.
    """

    paces: Mapping[str, Pace] = field(default_factory=lambda: PACES)
    default: Pace = Pace()
    timer: Timer = Timer()
    _gates: dict[str, _Gate] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def _gate(self, host: str) -> _Gate:
        with self._lock:
            if host not in self._gates:
                self._gates[host] = _Gate(self.paces.get(host, self.default), self.timer)
            return self._gates[host]

    @contextmanager
    def turn(self, host: str) -> Iterator[None]:
        """Wait for a place and the interval, and hold the place while the block runs."""
        with self._gate(host).turn():
            yield

    def pause(self, host: str, seconds: float) -> None:
        """Let no request to ``host`` start for ``seconds``: it asked for it."""
        self._gate(host).pause(seconds)
