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
#: Measure → its column in the table, and whether it is drawn as time or as memory.
SHOWN = {
    "load_s": ("load, s", "time"),
    "load_second_s": ("load of the next month, s", "time"),
    "changes_s": ("change log, s", "time"),
    "rows_s": ("every value compared, s", "time"),
    "load_peak_mb": ("load, MB", "memory"),
    "load_second_peak_mb": ("load of the next month, MB", "memory"),
    "changes_peak_mb": ("change log, MB", "memory"),
    "rows_peak_mb": ("every value compared, MB", "memory"),
}


def results() -> dict[Fraction, dict[str, Any]]:
    """Return the kept results of Parquet files by scale, the smallest first."""
    kept = json.loads(RESULTS.read_text(encoding="utf-8"))
    return {Fraction(name): kept[name] for name in sorted(
        (name for name in kept if " " not in name), key=Fraction)}  # fmt: skip


def table(found: dict[Fraction, dict[str, Any]]) -> str:
    """Return the table in Markdown: a line a measure, a column a scale."""
    lines = [
        "| | " + " | ".join(str(scale) for scale in found) + " |",
        "|---|" + "---:|" * len(found),
        "| units | "
        + " | ".join(f"{one['facts']['made']['units']:,}" for one in found.values())
        + " |",
    ]
    for name, (label, _) in SHOWN.items():
        values = " | ".join(f"{one['ratios'][name]:,.0f}" for one in found.values())
        lines.append(f"| {label} | {values} |")
    return "\n".join(lines)


def plot(found: dict[Fraction, dict[str, Any]]) -> None:
    """Draw time and memory against the number of units, both logarithmic."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    units = [one["facts"]["made"]["units"] for one in found.values()]
    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4), dpi=110)
    for axis, kind, label in zip(axes, ("time", "memory"), ("seconds", "MB at peak"), strict=True):
        for name, (what, of) in SHOWN.items():
            if of == kind:
                values = [one["ratios"][name] for one in found.values()]
                axis.plot(units, values, marker="o", label=what.split(",")[0])
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
