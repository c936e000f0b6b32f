"""What Dagster shows of a table besides counts: its columns, their origin, a few rows, a chart.

Belongs here: metadata made of descriptions and of columns that say nothing of anybody. Does
not belong here: which asset carries it.

Classes decide what a preview shows: of a dataset in which people may stand, only columns of
class ``none``.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date
from html import escape

import dagster as dg
import polars as pl

from opendata.catalogue import Column, Dataset, Resource
from opendata.state import Version
from opendata.versions import TableStore

#: Rows and columns of a preview.
ROWS, COLUMNS = 5, 8
#: Characters of a value of a preview.
WIDTH = 32
#: Bars of a chart.
BARS = 24
_TYPES = {"code": "text"}
_BAR, _LABEL, _ROOM = 300, 190, 80
_STEP = 22


def schema(columns: Sequence[Column]) -> dg.TableSchema:
    """Return the columns of a table with their types, meaning and data class."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                type=_TYPES.get(column.type, column.type),
                description=f"{column.en} / {column.fr}",
                tags={"personal": column.personal},
            )
            for column in columns
        ]
    )


def raw_schema(dataset: Dataset) -> dg.TableSchema:
    """Return the publisher's columns, under the publisher's headers."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                raw_name(dataset, resource, column),
                type=_TYPES.get(column.type, column.type),
                description=f"{column.en} / {column.fr}",
                tags={"personal": column.personal},
            )
            for resource in dataset.resources
            for column in resource.columns
        ]
    )


def raw_name(dataset: Dataset, resource: Resource, column: Column) -> str:
    """Return what a publisher's column is called; several files may use one header."""
    alone = len(dataset.resources) == 1
    return column.header if alone else f"{resource.name}: {column.header}"


def lineage(dataset: Dataset, table: str, raw: str) -> dg.TableColumnLineage:
    """Return which columns of the publisher those of ``table`` come from, where that is known.

    A column that ``normalise.py`` makes of several is left out rather than guessed.
    """
    origin = dataset.tables[table].inherits
    read = [one for one in dataset.resources if origin in (None, one.name)]
    found: dict[str, list[dg.TableColumnDep]] = {}
    for wanted in dataset.tables[table].columns:
        for resource in read:
            for column in resource.columns:
                if column.name == wanted.name:
                    named = raw_name(dataset, resource, column)
                    dep = dg.TableColumnDep(asset_key=dg.AssetKey(raw), column_name=named)
                    found.setdefault(wanted.name, []).append(dep)
    return dg.TableColumnLineage(deps_by_column=found)


def harmless(dataset: Dataset, table: str) -> list[str]:
    """Return the columns of ``table`` whose values say nothing of anybody."""
    shown = {"none"} if dataset.contains_personal_data else {"none", "company"}
    return [
        column.name
        for column in dataset.described_columns(table)
        if column.personal in shown and column.name != "source_id"
    ]


def preview(store: TableStore, dataset: Dataset, table: str, version: str) -> str:
    """Return the first rows of a version as a Markdown table."""
    names = harmless(dataset, table)[:COLUMNS]
    if not names:
        return "Every column may say something of a person: nothing is shown."
    rows = store.scan_version(table, version).select(names).head(ROWS).collect()
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    lines += [f"| {' | '.join(_cell(value) for value in row)} |" for row in rows.iter_rows()]
    return "\n".join(lines)


def _cell(value: object) -> str:
    text = "" if value is None else " ".join(str(value).split())
    cut = f"{text[: WIDTH - 1]}…" if len(text) > WIDTH else text
    return escape(cut, quote=False).replace("|", "\\|")


def over_time(versions: Sequence[Version], table: str) -> dict[date, int]:
    """Return the rows that the latest versions of a table brought, by the publisher's date."""
    kept = [one for one in versions if one.status == "good" and table in one.tables]
    return {one.publisher_date: one.tables[table].rows for one in kept[-BARS:]}


def chart(title: str, counts: Mapping[str, int]) -> str:
    """Return ``counts`` as bars: a picture in Markdown, with the same numbers as its text.

    The colours stand on a light page as on a dark one.
    """
    shown = list(counts.items())[:BARS]
    if not shown:
        return f"{title}: none."
    largest = max(1, *(count for _, count in shown))
    parts = []
    for place, (label, count) in enumerate(shown):
        top, width = place * _STEP, max(1, round(_BAR * count / largest))
        parts.append(
            f'<text x="{_LABEL - 8}" y="{top + 15}" text-anchor="end">{escape(label)}</text>'
            f'<rect x="{_LABEL}" y="{top + 3}" width="{width}" height="16" rx="2" fill="#4f6bed"/>'
            f'<text x="{_LABEL + width + 6}" y="{top + 15}">{count:,}</text>'
        )
    wide, high = _LABEL + _BAR + _ROOM, len(shown) * _STEP + 2
    drawn = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" '
        f'font-family="sans-serif" font-size="12" fill="#7d8590">{"".join(parts)}</svg>'
    )
    said = ", ".join(f"{label} {count:,}" for label, count in shown)
    data = base64.b64encode(drawn.encode()).decode()
    return f"![{title}: {escape(said)}](data:image/svg+xml;base64,{data})"


def content_version(*said: str | bytes) -> dg.DataVersion:
    """Return the data version of what ``said`` stands for."""
    made = hashlib.sha256()
    for one in said:
        made.update(hashlib.sha256(one.encode() if isinstance(one, str) else one).digest())
    return dg.DataVersion(made.hexdigest()[:16])


def frame_version(rows: pl.DataFrame) -> dg.DataVersion:
    """Return the data version of rows in a settled order."""
    return content_version(json.dumps(rows.columns), rows.hash_rows().to_numpy().tobytes())
