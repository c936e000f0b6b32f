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


def main() -> int:
    """Run the benchmarks named on the command line, or all of them."""
    chosen = sys.argv[1:] or modules()
    outcome: list[tuple[str, float, int]] = []
    for name in chosen:
        print(f"\n# {name}\n", flush=True)
        started = time.perf_counter()
        code = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode
        outcome.append((name, time.perf_counter() - started, code))
    print(f"\n{'benchmark':<28} {'seconds':>8}  result")
    for name, seconds, code in outcome:
        print(f"{name:<28} {seconds:>8.1f}  {'ok' if code == 0 else f'failed ({code})'}")
    return max((code for *_, code in outcome), default=0)


if __name__ == "__main__":
    sys.exit(main())
