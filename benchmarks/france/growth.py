"""How time and memory grow with the register: a table and a plot of the kept results.

Belongs here: drawing ``results.json``. Does not belong here: measuring (``evaluate.py``).

Usage: ``python -m benchmarks.france.growth``: prints the table that ``docs/benchmarks.md``
shows and writes ``docs/images/growth.png``.
"""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

from benchmarks.france.evaluate import RESULTS, ROOT

PLOT = ROOT / "docs" / "images" / "growth.png"
#: Step → its name in the table and the plot. Times are those of the processor, all threads
#: together: the elapsed ones say as much about what else the machine was doing.
SHOWN = {
    "load_first": "load",
    "load_second": "load of the next month",
    "diff_changes": "change log",
    "diff_rows": "rows that differ, by hashes",
    "diff_values": "every value compared",
    "diff_flux": "a day of the flux",
}
KINDS = {"cpu_seconds": "processor seconds", "peak_mb": "MB at peak"}


def results() -> dict[Fraction, dict[str, Any]]:
    """Return the kept results of Parquet files by scale, the smallest first."""
    kept = json.loads(RESULTS.read_text(encoding="utf-8"))
    return {Fraction(name): kept[name] for name in sorted(
        (name for name in kept if " " not in name), key=Fraction)}  # fmt: skip


def table(found: dict[Fraction, dict[str, Any]]) -> str:
    """Return the table in Markdown: a line a measure, a column a scale."""
    facts = [one["facts"] for one in found.values()]
    lines = [
        "| | " + " | ".join(str(scale) for scale in found) + " |",
        "|---|" + "---:|" * len(found),
        "| units | " + " | ".join(f"{one['made']['units']:,}" for one in facts) + " |",
    ]
    for kind, unit in KINDS.items():
        for step, name in SHOWN.items():
            values = " | ".join(_shown(one, step, kind) for one in facts)
            lines.append(f"| {name}, {unit} | {values} |")
    return "\n".join(lines)


def _shown(facts: dict[str, Any], step: str, kind: str) -> str:
    """Return one value in words; a step that was not run at a scale says so."""
    return f"{facts[step][kind]:,.1f}".removesuffix(".0") if step in facts else "not run"


def plot(found: dict[Fraction, dict[str, Any]]) -> None:
    """Draw time and memory against the number of units, both logarithmic."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    facts = [one["facts"] for one in found.values()]
    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4), dpi=110)
    for axis, (kind, label) in zip(axes, KINDS.items(), strict=True):
        for step, name in SHOWN.items():
            run = [one for one in facts if step in one]
            units = [one["made"]["units"] for one in run]
            axis.plot(units, [one[step][kind] for one in run], marker="o", label=name)
        axis.set(xscale="log", yscale="log", xlabel="legal units", ylabel=label)
        axis.grid(visible=True, which="both", alpha=0.25)
        axis.legend(fontsize=8)
    figure.tight_layout()
    PLOT.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PLOT, metadata={"Software": None})


def main() -> None:
    """Print the table and write the plot."""
    found = results()
    print(table(found))
    plot(found)


if __name__ == "__main__":
    main()
