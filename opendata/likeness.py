"""Descriptions that share columns with another one.

Belongs here: giving an overlay the columns of its snapshot, so that they are written down once
and cannot come apart. Does not belong here: reading descriptions (``catalogue.py``).
"""

from __future__ import annotations

from collections.abc import Mapping

from opendata.catalogue import Dataset, Resource, Table, TableColumn
from opendata.errors import SettingsError


def completed(found: Mapping[str, Dataset]) -> dict[str, Dataset]:
    """Return the descriptions with the columns that they say they share.

    Raises:
        SettingsError: one is like another that is not there.
    """
    return {name: _completed(dataset, found) for name, dataset in found.items()}


def _completed(dataset: Dataset, others: Mapping[str, Dataset]) -> Dataset:
    if dataset.overlays is None:
        return dataset
    try:
        resources = tuple(_like(resource, others) for resource in dataset.resources)
        base = others[dataset.overlays.dataset]
        tables = {
            name: table if table.columns else _over(table, base, name)
            for name, table in dataset.tables.items()
        }
    except KeyError as error:
        raise SettingsError(
            f"it is like {error.args[0]!r}, which is not there",
            next_step="correct `overlays` or `like` in dataset.yml",
            dataset=dataset.name,
        ) from error
    return dataset.model_copy(update={"resources": resources, "tables": tables})


def _like(resource: Resource, others: Mapping[str, Dataset]) -> Resource:
    if resource.like is None:
        return resource
    dataset, _, name = resource.like.partition(".")
    own = {column.name for column in resource.columns}
    shared = (
        column.model_copy(update={"required": column.required and not column.nullable})
        for column in others[dataset].resource(name).columns
        if column.name not in own
    )
    return resource.model_copy(update={"columns": (*shared, *resource.columns)})


def _over(table: Table, base: Dataset, name: str) -> Table:
    fields = set(TableColumn.model_fields)
    columns = base.described_columns(f"{base.name}__{name.partition('__')[2]}")[:-1]
    shared = tuple(TableColumn(**column.model_dump(include=fields)) for column in columns)
    return table.model_copy(update={"columns": shared})
