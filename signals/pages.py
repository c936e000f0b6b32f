"""The documentation page of a signal, made from its detector.

Belongs here: what the page says. Does not belong here: where it is written.
"""

from __future__ import annotations

from collections.abc import Mapping

from opendata.catalogue import Dataset
from signals.registry import Detector

_POLARITY = {
    "opportunity": "opportunity: a reason to get in touch",
    "risk": "risk: a reason to be careful",
    "suppressor": "suppressor: silences the opportunities of the same company",
}
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
