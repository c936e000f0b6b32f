"""The documentation page of a signal, made from its detector.

Belongs here: what the page says, and the list of all of them. Does not belong here: where
they are written.
"""

from __future__ import annotations

from collections.abc import Mapping

from opendata.catalogue import Dataset
from signals.base import Signal
from signals.registry import Detector

_POLARITY = {
    "opportunity": "opportunity: a reason to get in touch",
    "risk": "risk: a reason to be careful",
    "suppressor": "suppressor: silences the opportunities of the same company",
}
UNSEEN = "Not yet seen on real data: its tests read a fixture made from the specification."
_NATURE = {"fact": "fact: a register says so", "inference": "inference: our rule says so"}


def signal_page(detector: Detector, owners: Mapping[str, Dataset]) -> str:
    """Return the page of a kind of signal.

    Args:
        detector: the kind.
        owners: table → description of its dataset.
    """
    signal = detector.signal
    rule = (detector.detect.__doc__ or "").strip().splitlines()
    sources = {owners[table].name: owners[table] for table in signal.inputs}
    lines = [
        f"# {signal.title_en}",
        "",
        f"*{signal.title_fr}*",
        "",
        signal.explanation_en,
        "",
        signal.explanation_fr,
        "",
        "| | |",
        "|---|---|",
        f"| code | `{signal.code}` |",
        f"| type | `{signal.type}` |",
        f"| polarity | {_POLARITY[signal.polarity]} |",
        f"| nature | {_NATURE[signal.nature]} |",
        f"| subject | {signal.subject} |",
        f"| base score | {signal.base_score} of 100, halves in {signal.half_life_days} days |",
        f"| window | {signal.window_days} days from the event |",
        f"| rule version | {signal.rule_version} |",
        "",
        "## Rule",
        "",
        *(line.strip() for line in rule),
        "",
        "## Guards",
        "",
        *(f"- {guard}" for guard in signal.guards),
        "",
        "## Example",
        "",
        signal.real_example or UNSEEN,
        "",
        "## Backtest",
        "",
        _replayed(signal, sources),
        "",
        "## Sources",
        "",
    ]
    for name, dataset in sorted(sources.items()):
        tables = ", ".join(f"`{table}`" for table in signal.inputs if owners[table] is dataset)
        lines.append(
            f"- [{dataset.title}](../datasets/{name}.md), {dataset.publisher.name}, "
            f"{dataset.licence.title}: {tables}"
        )
    return "\n".join(lines).rstrip() + "\n"


def _replayed(signal: Signal, sources: Mapping[str, Dataset]) -> str:
    """Return on what `backtest` counts a kind of signal."""
    told = (
        f"`company-signals backtest {signal.code}` counts it on the loaded records, day by day as "
        "they were published"
    )
    kept = [dataset.keep for dataset in sources.values() if dataset.kind == "snapshot"]
    if not kept:
        return f"{told}."
    return (
        f"{told}. A list that is published whole counts from the day it was taken, as far back as "
        f"lists are kept (the last {min(kept)}): two tell what came, three what went."
    )


def signals_index(found: Mapping[str, Detector]) -> str:
    """Return the list of the kinds of signals, with how many were seen on real records."""
    real = [code for code, one in found.items() if one.signal.real_example is not None]
    lines = [
        "# Signals",
        "",
        f"{len(found)} kinds: {len(real)} seen on real records, with an example on their page; "
        f"{len(found) - len(real)} only on fixtures made from the publishers' specifications "
        "(marked *synthetic*).",
        "",
    ]
    for code, one in found.items():
        mark = "" if code in real else " *(synthetic)*"
        lines.append(f"- [{code}]({code}.md): {one.signal.title_en}{mark}")
    return "\n".join(lines) + "\n"
