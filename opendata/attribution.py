"""The texts that the licences ask for, made from the catalogue.

Belongs here: ``ATTRIBUTION.md`` and the page of each dataset. Licence Ouverte 2.0 asks
to name the publisher and the date of the last update, and not to suggest that the
publisher endorses the reuse.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from opendata.catalogue import Assertions, Column, Dataset, Resource

#: What the page of a dataset says that was only read in the shape its publisher describes.
UNSEEN = (
    "**Not yet seen on real data**: read so far in the shape its publisher describes, from a "
    "synthetic fixture. `company-signals doctor --live` compares it with the portal."
)
OFF = (
    "**Off by default**: asked only when it is named, on the command line or in `SIGNALS_DATASETS`."
)
KEPT_HERE = (
    "**Not exported**: its licence does not allow it; no signal reads it, no export may cite it."
)
NOT_OFFICIAL = (
    "Reuse is ours alone: no publisher named here endorses it. "
    "Aucun des producteurs cités n'approuve ni ne parraine cette réutilisation."
)


def _cell(text: object) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")


def markdown_table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> list[str]:
    """Return a Markdown table, line by line."""
    names = list(header)
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    lines += [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows]
    return lines


def sentence(dataset: Dataset, published: date | None) -> str:
    """Return the attribution sentence with the date of the last update, French style."""
    return dataset.attribution.format(date=f"{published:%d/%m/%Y}" if published else "inconnue")


def attribution_page(
    catalogue: Mapping[str, Dataset], dates: Mapping[str, date] | None = None
) -> str:
    """Return ``ATTRIBUTION.md``; with ``dates``, the one of an export, dates filled in."""
    lines = ["# Attribution", "", NOT_OFFICIAL, ""]
    for dataset in catalogue.values():
        if dates is not None and dataset.name not in dates:
            continue
        lines += [f"## {dataset.title}", ""]
        if dates is not None:
            lines += [sentence(dataset, dates[dataset.name]), ""]
        else:
            lines += [dataset.attribution.replace("{date}", "(date de dernière mise à jour)"), ""]
        lines += [
            f"- Publisher: [{dataset.publisher.long_name}]({dataset.publisher.url})",
            f"- Dataset: <{dataset.landing_page}>",
            f"- Licence: [{dataset.licence.title}]({dataset.licence.url})",
            "",
        ]
    return "\n".join(lines).rstrip() + "\n"


def dataset_page(dataset: Dataset) -> str:
    """Return the documentation page of a dataset."""
    lines = [
        f"# {dataset.title}",
        "",
        f"*{dataset.title_en}*",
        "",
        *(() if dataset.seen_on_real_data else (UNSEEN, "")),
        *(() if dataset.enabled else (OFF, "")),
        *(() if dataset.licence.republication else (KEPT_HERE, "")),
        dataset.description.strip(),
        "",
        dataset.description_en.strip(),
        "",
        *markdown_table(
            ["", ""],
            [
                ["name", f"`{dataset.name}`"],
                ["publisher", f"[{dataset.publisher.long_name}]({dataset.publisher.url})"],
                ["landing page", f"<{dataset.landing_page}>"],
                ["licence", f"[{dataset.licence.title}]({dataset.licence.url})"],
                ["attribution", dataset.attribution],
                ["cadence", f"{dataset.cadence.frequency}, asked `{dataset.cadence.cron}`"],
                ["kind", dataset.kind],
                ["personal data", dataset.personal_data_note],
            ],
        ),
        "",
    ]
    if dataset.known_traps:
        lines += ["## Known traps", "", *(f"- {trap}" for trap in dataset.known_traps), ""]
    for resource in dataset.resources:
        lines += _resource_section(resource)
    for name in dataset.tables:
        lines += _table_section(dataset, name)
    return "\n".join(lines).rstrip() + "\n"


def _resource_section(resource: Resource) -> list[str]:
    rows = [
        [f"`{column.header}`", f"`{column.name}`", column.type, column.fr, column.en]
        for column in resource.columns
    ]
    packed = f" in {resource.archive}" if resource.archive else ""
    found = f"`{resource.id}`" if resource.id else "Found by its title"
    others = "".join(
        f" Also offered as {form.format}: {f'`{form.id}`' if form.id else 'found by its title'}."
        for form in resource.forms.values()
    )
    return [
        f"## Source file: {resource.name}",
        "",
        f"{found}, {resource.format}{packed}.{others}",
        "",
        *markdown_table(["header", "our name", "type", "français", "English"], rows),
        "",
    ]


def _table_section(dataset: Dataset, name: str) -> list[str]:
    table = dataset.tables[name]
    columns: tuple[Column, ...] = dataset.described_columns(name)
    rows = [[f"`{c.name}`", c.type, c.personal, c.fr, c.en] for c in columns]
    return [
        f"## Table `{name}`",
        "",
        f"{table.title_fr} / {table.title_en}. Key: {', '.join(f'`{k}`' for k in table.key)}.",
        "",
        *markdown_table(["column", "type", "class", "français", "English"], rows),
        "",
        "Gates: " + _gates(table.assertions) + ".",
        "",
    ]


def _gates(gates: Assertions) -> str:
    parts = [
        f"at least {gates.rows_floor:,} rows",
        f"at least {gates.rows_vs_previous:.0%} of the previous version's rows",
        f"at most {gates.rejected_ceiling:.1%} of rows rejected",
        f"held when more than {gates.changed_ceiling:.0%} of keys change",
    ]
    parts += [f"`{column}` filled in {share:.0%}" for column, share in gates.fill_floor.items()]
    parts += [
        f"`{column}` found in `{target}` for {share:.0%}"
        for column, (target, share) in gates.references.items()
    ]
    return "; ".join(parts)
