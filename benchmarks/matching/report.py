"""The table and the figure of the report.

Belongs here: what is printed and drawn of ``results.json``. Does not belong here: measuring.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

FIGURE = Path(__file__).parents[2] / "docs" / "images" / "matching-reliability.svg"
_SIZE, _EDGE = 320, 40


def table(results: dict[str, Any]) -> str:
    """Return the comparison as a table of text."""
    t1, speed = results["t1"], results["speed"]
    # As the peers have theirs, ours are thresholds of leads that all have a unit.
    recalls = t1["recall_at_precision_if_present"]
    mine = {"top_1": t1["top_1"], "recall_at_precision": recalls} | speed
    lines = [f"{'':40}{'top-1':>8}{'R@.95':>8}{'(P)':>7}{'R@.98':>8}{'(P)':>7}{'leads/s':>10}"]
    for name, row in {"company-signals": mine, **results["peers"]}.items():
        cells = [f"{name:40}", f"{row['top_1']:8.3f}"]
        for target in ("0.95", "0.98"):
            at = (row.get("recall_at_precision") or {}).get(target)
            cells.append(
                f"{at['recall']:8.3f}{at['precision']:7.3f}" if at else f"{'-':>8}{'-':>7}"
            )
        cells.append(f"{row['leads_per_second']:10,}")
        lines.append("".join(cells))
    lines.append(
        f"ECE {t1['calibration_error']}, candidate recall {t1['candidate_recall']}, "
        f"false accepts {results['t3']['removed']['false_accepts']} (units removed), "
        f"{results['t3']['foreign']['false_accepts']} (foreign)"
    )
    return "\n".join(lines)


def draw(bins: list[dict[str, float]]) -> None:
    """Draw what was said against what was right, a circle for each bin, its area the answers."""
    most = max(row["answers"] for row in bins)

    def x(share: float) -> float:
        return round(_EDGE + share * _SIZE, 1)

    def y(share: float) -> float:
        return round(_EDGE + (1 - share) * _SIZE, 1)

    circles = "".join(
        f'<circle cx="{x(row["said"])}" cy="{y(row["right"])}" '
        f'r="{round(3 + 11 * (row["answers"] / most) ** 0.5, 1)}" fill="#2b6cb0" '
        f'fill-opacity="0.75"><title>{row["answers"]} answers</title></circle>'
        for row in bins
    )
    ticks = "".join(
        f'<text x="{x(share)}" y="{_SIZE + _EDGE + 16}" text-anchor="middle">{share}</text>'
        f'<text x="{_EDGE - 6}" y="{y(share) + 4}" text-anchor="end">{share}</text>'
        for share in (0, 0.25, 0.5, 0.75, 1)
    )
    whole = _SIZE + 2 * _EDGE
    FIGURE.parent.mkdir(parents=True, exist_ok=True)
    FIGURE.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole} {whole}" width="{whole}" '
        'font-family="sans-serif" font-size="11" role="img" '
        'aria-label="Share of answers right against the probability said, test split">'
        f'<rect width="{whole}" height="{whole}" fill="#fff"/>'
        f'<rect x="{_EDGE}" y="{_EDGE}" width="{_SIZE}" height="{_SIZE}" fill="none" '
        'stroke="#999"/>'
        f'<line x1="{x(0)}" y1="{y(0)}" x2="{x(1)}" y2="{y(1)}" stroke="#999" '
        f'stroke-dasharray="4"/>{ticks}{circles}'
        f'<text x="{x(0.5)}" y="{whole - 6}" text-anchor="middle">probability said</text>'
        f'<text x="{_EDGE}" y="{_EDGE - 10}">share right</text></svg>\n',
        encoding="utf-8",
    )
