"""``python tests/fuzz``: inputs guided by coverage, for a bounded time; prints how many were tried.

Belongs here: the same targets under atheris, and the table of docs/threat-model.md. Does not
belong here: the tests that run them without it (``test_fuzz_inputs.py``).

Each target is driven in a process of its own, for what kills one ends the others otherwise.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PAGE = ROOT / "docs" / "threat-model.md"
BEGIN, END = "<!-- fuzz: begin -->", "<!-- fuzz: end -->"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="time of each target")
    parser.add_argument("--fixed", type=int, help="so many of the fixed inputs, unguided, instead")
    parser.add_argument("--target", help="one of them alone, in this process")
    parser.add_argument("--write", action="store_true", help="put the table into the threat model")
    asked = parser.parse_args()
    sys.path[:0] = [str(ROOT), str(HERE)]
    if asked.target:
        _drive(asked.target, asked.seconds)
        return 0
    from targets import TARGETS

    rows, failed = [], []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        if asked.fixed:
            found = ((_fixed(one, asked.fixed), "") for one in TARGETS)
        else:
            found = pool.map(lambda one: _in_process(one.name, asked.seconds), TARGETS)  # type: ignore[assignment]
        for target, (tried, words) in zip(TARGETS, found, strict=True):
            rows.append((target.name, tried, len(target.mutants)))
            print(f"{target.name:32} {tried:>10,} inputs{words}", flush=True)  # noqa: T201
            if words:
                failed.append(target.name)
    total = sum(tried for _, tried, _ in rows)
    print(f"{'all':32} {total:>10,} inputs of {len(rows)} parsers")  # noqa: T201
    if asked.write and not failed:
        how = f"`python tests/fuzz --fixed {asked.fixed}`"
        _write(rows, total, how if asked.fixed else f"`make fuzz`, {asked.seconds} s a parser")
    return len(failed)


def _fixed(target: Any, examples: int) -> int:
    """Try the fixed inputs of one target in this process; a fault ends it."""
    from fuzzing import fuzz

    with tempfile.TemporaryDirectory() as work:
        return int(fuzz(target, examples, Path(work)).tried)


def _in_process(name: str, seconds: int) -> tuple[int, str]:
    """Drive one target in a process of its own; return its inputs and what went wrong."""
    command = [sys.executable, str(HERE), "--target", name, "--seconds", str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    told = re.findall(r"^tried (\d+)$", done.stdout, re.MULTILINE)
    tried = int(told[-1]) if told else 0
    if done.returncode == 0 and told:
        return tried, ""
    # What a fault says comes before the end, and the counts and names of modules say nothing.
    said = f"{done.stdout}\n{done.stderr}".splitlines()
    words = [line for line in said if line and not re.match(r"tried \d+$|INFO: ", line)]
    return tried, "\n".join(["  FAILED", *words])[:6000]


def _drive(name: str, seconds: int) -> None:
    import atheris

    with atheris.instrument_imports(
        include=["opendata", "leads", "signals", "sirene", "pipelines"],
        enable_loader_override=False,
    ):
        from targets import TARGETS
    from fuzzing import attempt

    target = next(one for one in TARGETS if one.name == name)
    work = Path(tempfile.mkdtemp(prefix="fuzz-"))
    corpus = work / "corpus"
    corpus.mkdir()
    for number, data in enumerate((*target.seeds, *target.attacks)):
        (corpus / f"{number:04}").write_bytes(data)
    tried = 0
    run = work / "run"
    run.mkdir()

    def one(data: bytes) -> None:
        nonlocal tried
        tried += 1
        attempt(target, data, run)
        # libFuzzer leaves without a word to Python: what was tried is told on the way.
        _tell(tried)

    flags = [
        sys.argv[0], str(corpus), f"-max_total_time={seconds}", "-rss_limit_mb=4000",
        "-timeout=120", f"-seed={len(name)}", "-max_len=65536", "-verbosity=0",
        "-print_final_stats=0", f"-artifact_prefix={work}/",
    ]  # fmt: skip
    atheris.Setup(flags, one)
    atheris.Fuzz()


def _tell(tried: int) -> None:
    os.write(1, f"tried {tried}\n".encode())


def _write(rows: list[tuple[str, int, int]], total: int, how: str) -> None:
    text = PAGE.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    lines = [BEGIN, f"{how}: {total:,} inputs of {len(rows)} parsers.", "",
             "| parser | inputs tried | seeded faults found |", "|---|---:|---:|",
             *(f"| {name} | {tried:,} | {faults} |" for name, tried, faults in rows),
             END]  # fmt: skip
    PAGE.write_text(head + "\n".join(lines) + tail, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
