"""Run every benchmark, each in its own process, and print what it prints.

Belongs here: finding the benchmarks. A benchmark is a module here, or the
``evaluate`` of a folder, with a ``main`` function; what it prints is its own affair.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent


def modules() -> list[str]:
    """Return the names of the benchmarks in alphabetical order."""
    paths = [*HERE.glob("*.py"), *HERE.glob("*/evaluate.py")]
    return sorted(
        ".".join(path.relative_to(HERE).with_suffix("").parts)
        for path in paths
        if not path.stem.startswith("_") and "def main(" in path.read_text(encoding="utf-8")
    )


def chosen_modules(names: list[str]) -> list[str]:
    """Return the benchmarks of those names, all without any; a folder stands for its own."""
    found = modules()
    return [f"{name}.evaluate" if f"{name}.evaluate" in found else name for name in names] or found


def main() -> int:
    """Run the benchmarks named on the command line, or all; options are handed on to each."""
    given = sys.argv[1:]
    first = next((at for at, word in enumerate(given) if word.startswith("-")), len(given))
    chosen, options = chosen_modules(given[:first]), given[first:]
    outcome: list[tuple[str, float, int]] = []
    for name in chosen:
        print(f"\n# {name}\n", flush=True)
        started = time.perf_counter()
        command = [sys.executable, "-m", f"benchmarks.{name}", *options]
        code = subprocess.run(command, check=False).returncode
        outcome.append((name, time.perf_counter() - started, code))
    print(f"\n{'benchmark':<28} {'seconds':>8}  result")
    for name, seconds, code in outcome:
        print(f"{name:<28} {seconds:>8.1f}  {'ok' if code == 0 else f'failed ({code})'}")
    return max((code for *_, code in outcome), default=0)


if __name__ == "__main__":
    sys.exit(main())
