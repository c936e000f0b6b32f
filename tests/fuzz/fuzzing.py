"""Hostile inputs for the parsers: what a target is, how inputs are made, what must hold.

Belongs here: the property that every parser keeps, and making bytes that try to break it. Does
not belong here: any parser (``*_targets.py``), running them (``test_*``, ``__main__``).

The property: a parser returns, or raises an error of ours that says what, where and what to do
next; whatever the bytes. It writes nowhere but in its own folder, shows nothing of a file beside
it, contacts nobody it was not told to, and neither its output nor its time runs away.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import resource
import shutil
import signal
import sys
import time
import types
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from opendata.errors import OpenDataError

#: Stands in a file beside the folder of a run; nothing may ever show it.
CANARY = "canary-9d1c7e-beside"
#: Seconds of CPU of one input, and bytes of memory that it may add.
SECONDS, MEMORY = 10.0, 1 << 30
#: Bytes written for one read, beyond an allowance for what is empty.
GROWTH, ALLOWANCE = 400, 4 << 20


class BrokenError(AssertionError):
    """A parser did not keep the property."""


class _TooSlow(BaseException):
    """Ends a parser whose time is up: no parser expects it."""


@dataclass(frozen=True)
class Mutant:
    """A fault put into the code on purpose, which the inputs must find.

    Attributes:
        module: where.
        old, new: the text that is replaced; it stands there exactly once.
        why: what is off.
    """

    module: types.ModuleType
    old: str
    new: str
    why: str

    @property
    def name(self) -> str:
        return f"{self.module.__name__}: {self.why}"


@dataclass(frozen=True)
class Target:
    """A parser under test.

    Attributes:
        name: what is read.
        run: reads the bytes given, in the folder given; ``BrokenError`` for what only it can see.
        seeds: real or plausible inputs, to be damaged.
        attacks: inputs made by hand; each is always tried.
        tokens: pieces put into damaged inputs.
        shapes: well-formed hostile inputs.
        errors: what it may raise.
        mutants: faults that these inputs must find.
        pace: share of the usual number of inputs, for what is slow.
    """

    name: str
    run: Callable[[bytes, Path], None]
    seeds: Sequence[bytes]
    attacks: Sequence[bytes] = ()
    tokens: Sequence[bytes] = ()
    shapes: st.SearchStrategy[bytes] | None = None
    errors: tuple[type[Exception], ...] = (OpenDataError,)
    mutants: Sequence[Mutant] = ()
    pace: float = 1.0


@dataclass
class Tally:
    """Inputs tried of one target, and how many were refused with an error of ours."""

    tried: int = 0
    refused: int = 0


def require(holds: object, why: str) -> None:
    """Fail an input for a reason that only its target can see."""
    if not holds:
        raise BrokenError(why)


# ------------------------------------------------------------------ the property


@dataclass
class _Watch:
    """What Python code opens and contacts while an input is read."""

    box: str = ""
    around: str = ""
    faults: list[str] = field(default_factory=list)
    ports: frozenset[int] = frozenset()


_WATCH = _Watch()
_CHANGES = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.symlink", "os.link")


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    watch = _WATCH
    if not watch.box:
        return
    if event == "open":
        path, _, flags = arguments
        if isinstance(path, str | bytes):
            _judge_open(watch, _absolute(path), int(str(flags or 0)))
    elif event in _CHANGES and isinstance(arguments[0], str | os.PathLike):
        path = _absolute(arguments[0])
        if not _inside(path, watch.box) and "__pycache__" not in path:
            watch.faults.append(f"{event} of {path}")
    elif event == "socket.connect":
        address = arguments[1]
        known = isinstance(address, tuple) and address[1] in watch.ports
        if not (known and str(address[0]) in ("127.0.0.1", "::1")):
            watch.faults.append(f"contacted {address}")
    elif event == "subprocess.Popen":
        watch.faults.append("started a program")


def _judge_open(watch: _Watch, path: str, flags: int) -> None:
    writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    harmless = path.startswith("/dev/") or "__pycache__" in path
    if writes and not harmless and not _inside(path, watch.box):
        watch.faults.append(f"wrote {path}")
    if not writes and _inside(path, watch.around) and not _inside(path, watch.box):
        watch.faults.append(f"read {path}")
    if path in ("/etc/passwd", "/etc/hostname"):
        watch.faults.append(f"read {path}")


def _absolute(path: str | bytes | os.PathLike[str]) -> str:
    return os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - links stay links


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + os.sep)


sys.addaudithook(_audit)


def contacts(*ports: int) -> None:
    """Say which ports of this machine an input may lead to."""
    _WATCH.ports = _WATCH.ports | set(ports)


@contextlib.contextmanager
def _watched(box: Path) -> Iterator[list[str]]:
    _WATCH.around, _WATCH.faults = str(box.parent), []
    _WATCH.box = str(box)
    try:
        yield _WATCH.faults
    finally:
        _WATCH.box = ""


def attempt(target: Target, data: bytes, work: Path) -> bool:
    """Read one input; return whether it was refused.

    Raises:
        BrokenError: the property does not hold.
    """
    box = work / "box"
    shutil.rmtree(box, ignore_errors=True)
    box.mkdir(parents=True)
    beside = work / "beside.txt"
    if not beside.exists():
        beside.write_text(CANARY, encoding="ascii")
    before = {path.name for path in work.iterdir()}
    started, memory = time.process_time(), _memory()
    with _watched(box) as faults:
        refused = _read(target, data, box)
    shown = f"{target.name} on {data[:300]!r}"
    require(not faults, f"{shown}: {faults[:3]}")
    require(time.process_time() - started < SECONDS, f"{shown}: too slow")
    require(_memory() - memory < MEMORY, f"{shown}: too much memory")
    now = {path.name for path in work.iterdir()}
    require(now == before, f"{shown}: it made {sorted(now - before)} beside its folder")
    written = [path for path in box.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in written)
    require(size < ALLOWANCE + GROWTH * len(data), f"{shown}: {size:,} bytes were written")
    for path in written:
        require(CANARY.encode() not in path.read_bytes(), f"{shown}: it shows a file beside it")
    return refused


@contextlib.contextmanager
def _stopped_in_time() -> Iterator[None]:
    """End the block once it has had its share of CPU, so that what runs away is found too."""

    def stop(_number: int, _frame: object) -> None:
        raise _TooSlow("its time is up")

    former = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, former)


def _read(target: Target, data: bytes, box: Path) -> bool:
    try:
        with _stopped_in_time():
            target.run(data, box)
    except BrokenError:
        raise
    except target.errors as error:
        _judge_error(target, error)
        return True
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a panic of a Rust library is no Exception
        kind = type(error).__name__
        raise BrokenError(f"{target.name}: {kind}: {str(error)[:200]} on {data[:300]!r}") from error
    return False


def _judge_error(target: Target, error: Exception) -> None:
    text = str(error)
    require(text, f"{target.name}: an error without a word")
    require(CANARY not in text, f"{target.name}: an error that shows a file beside")
    require(len(text) < 20_000, f"{target.name}: an error of {len(text):,} characters")
    if isinstance(error, OpenDataError):
        require(error.what and error.next_step, f"{target.name}: it does not say what to do")


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


# ------------------------------------------------------------------ making inputs

#: What breaks parsers of any kind.
_PIECES = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\n", b"\xc3", b"\xed\xa0\x80", b"%00", b"../",
    b"..\\", b"/etc/passwd", b"'", b'"', b"`", b"';DROP TABLE canary;--", b"=1+1", b"@", b"&",
    b"9" * 400, b"-1", b"1e999", b"NaN", b"null", b"true", b"{}", b"[]", b"[[[[", b"\xc2\xb2",
    b"0000-00-00", b"9999-12-31", b"99999999999999999999", b"\xe2\x80\xae", b"A" * 5000,
)  # fmt: skip


def damaged(rng: random.Random, seeds: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    """Return one of ``seeds`` after a few changes: cut, flipped, doubled, spliced."""
    data = bytearray(rng.choice(seeds))
    pieces = (*tokens, *tokens, *_PIECES)
    for _ in range(rng.choice((1, 1, 2, 3, 6, 12))):
        at = rng.randrange(len(data) + 1)
        until = min(len(data), at + rng.choice((1, 1, 2, 4, 16, 64, 256)))
        kind = rng.randrange(7)
        if kind == 0:
            data[at:until] = b""
        elif kind == 1 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            data[at:at] = rng.choice(pieces)
        elif kind == 3:
            data[at:until] = rng.choice(pieces)
        elif kind == 4:
            data[at:at] = data[at:until] * rng.choice((1, 2, 20))
        elif kind == 5:
            data[at:until] = rng.randbytes(until - at)
        else:
            other = rng.choice(seeds)
            start = rng.randrange(len(other) + 1)
            data[at:until] = other[start : start + rng.choice((8, 64, 512))]
        if rng.random() < 0.03:
            del data[at:]
    return bytes(data)


def inputs(target: Target) -> st.SearchStrategy[bytes]:
    """Return damaged seeds and, where there are some, well-formed hostile ones."""
    seeds = [*target.seeds, *target.attacks]
    small = [one for one in seeds if len(one) < 1 << 16] or [b""]

    def damage(number: int) -> bytes:
        return damaged(random.Random(number), small, target.tokens)  # noqa: S311 - no secret

    damages = st.integers(0, 2**48).map(damage)
    return damages if target.shapes is None else st.one_of(damages, target.shapes)


def fuzz(target: Target, examples: int, work: Path, *, shrink: bool = True) -> Tally:
    """Try every seed and attack, then ``examples`` inputs made from them; the same every time.

    Raises:
        BrokenError: an input that breaks the property.
    """
    tally = Tally()

    def one(data: bytes) -> None:
        tally.tried += 1
        tally.refused += attempt(target, data, work)

    for data in (*target.seeds, *target.attacks):
        one(data)
    phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)

    @seed(zlib.crc32(target.name.encode()))
    @settings(
        max_examples=max(5, int(examples * target.pace)),
        deadline=None,
        database=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(inputs(target))
    def every(data: bytes) -> None:
        one(data)

    every()
    return tally


# ------------------------------------------------------------------ faults put in on purpose


@contextlib.contextmanager
def seeded(mutant: Mutant) -> Iterator[None]:
    """Put a fault into a module while the block runs.

    The changed source is compiled beside; functions take over its code in place, so that whoever
    imported them runs it, and constants that differ are replaced in the module.
    """
    module = mutant.module
    path = Path(str(module.__file__))
    source = path.read_text(encoding="utf-8")
    require(source.count(mutant.old) == 1, f"{mutant.name}: the text to change is not there once")
    fresh = types.ModuleType(module.__name__)
    fresh.__dict__.update({"__file__": str(path), "__package__": module.__package__})
    sys.modules[module.__name__], kept = fresh, module
    try:
        exec(compile(source.replace(mutant.old, mutant.new), str(path), "exec"), fresh.__dict__)  # noqa: S102
    finally:
        sys.modules[module.__name__] = kept
    undo: list[Callable[[], None]] = []
    for name, value in list(vars(fresh).items()):
        _take_over(module, vars(module).get(name), name, value, undo)
    require(undo, f"{mutant.name}: the change changes no code")
    try:
        yield
    finally:
        for back in reversed(undo):
            back()


_CONSTANTS = (str, int, float, tuple, bytes, frozenset, re.Pattern)


def _take_over(
    owner: object, old: object, name: str, new: object, undo: list[Callable[[], None]]
) -> None:
    before, after = _function(old), _function(new)
    if before is not None and after is not None:
        code = before.__code__
        if code.co_freevars == after.__code__.co_freevars and code != after.__code__:
            before.__code__ = after.__code__
            undo.append(lambda: setattr(before, "__code__", code))
    elif isinstance(old, type) and isinstance(new, type) and old.__module__ == new.__module__:
        if isinstance(owner, types.ModuleType) and old.__module__ == owner.__name__:
            for part, value in list(vars(new).items()):
                _take_over(old, vars(old).get(part), part, value, undo)
    elif (
        isinstance(owner, types.ModuleType)
        and isinstance(new, _CONSTANTS)
        and new != old
        and not name.startswith("__")
    ):
        setattr(owner, name, new)
        undo.append(lambda: setattr(owner, name, old))


def _function(value: object) -> types.FunctionType | None:
    value = value.fget if isinstance(value, property) else value
    value = value.__func__ if isinstance(value, staticmethod | classmethod) else value
    value = getattr(value, "__wrapped__", value)
    return value if isinstance(value, types.FunctionType) else None
