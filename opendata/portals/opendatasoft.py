"""Opendatasoft (Huwise), Explore API 2.1.

Belongs here: dataset metadata, counts and export addresses. Does not belong here: what a
plausible count is (:mod:`opendata.fetch`). An export has no cap as long
as no offset is given; ``records`` stops at 10 000, so it is used to count only.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from opendata.catalogue import Dataset, Resource, Window
from opendata.errors import PortalError, SettingsError
from opendata.http import Http, MissingError
from opendata.remote import (
    DateWindow,
    RemoteFile,
    instant,
    licence_id,
    published,
    safe_name,
    understood,
    with_query,
)

Json = dict[str, Any]

_FORMATS = frozenset({"csv", "json", "jsonl", "parquet"})
_FILTERS = ("where", "refine", "exclude", "timezone")
_CHECK = "compare the query in dataset.yml with the fields and values shown on the portal"


class Opendatasoft:
    """Any portal of this kind; the dataset says which host."""

    def __init__(self, http: Http) -> None:
        self._http = http

    @understood()
    def describe(
        self, dataset: Dataset, resource: Resource, window: DateWindow | None
    ) -> RemoteFile:
        """See :meth:`opendata.remote.Portal.describe`.

        The number of records is asked before the export, because a wrong value of a filter
        gives no records and no error.
        """
        if resource.format not in _FORMATS or resource.archive or "offset" in resource.query:
            raise SettingsError(
                f"an export is one of {', '.join(sorted(_FORMATS))}, unpacked and without offset",
                next_step="correct the resource in dataset.yml",
            )
        base = f"{dataset.host}/api/explore/v2.1/catalog/datasets/{resource.id}"
        metadata = self._metadata(base, resource)
        default = metadata.get("metas", {}).get("default", {})
        if window is not None and resource.window is not None:
            _check_field(metadata, resource.window.field)
        query = _query(resource, window)
        rows = self._count(base, query)
        if rows == 0 and window is not None:
            self._check_filters(base, resource)
        modified = instant(default.get("data_processed") or default.get("modified"))
        title = str(default.get("title") or resource.id)
        return RemoteFile(
            portal="opendatasoft",
            dataset_id=resource.id,
            resource_id=resource.id,
            url=with_query(f"{base}/exports/{resource.format}", {**query, **_dialect(resource)}),
            title=title,
            licence_id=licence_id(default.get("license")),
            format=resource.format,
            file_name=f"{safe_name(resource.id, resource.name)}.{resource.format}",
            publisher_date=published(title, modified, window),
            last_modified=modified,
            rows_expected=rows,
            window=window,
        )

    def _metadata(self, base: str, resource: Resource) -> Json:
        try:
            answer = self._http.get_json(base)
        except MissingError as error:
            raise PortalError(
                f"the dataset {resource.id} no longer exists",
                next_step="look at the page of the dataset; what is published here stays",
            ) from error
        if not isinstance(answer, dict) or answer.get("has_records") is False:
            raise PortalError(f"the dataset {resource.id} has no records", next_step=_CHECK)
        return answer

    def _count(self, base: str, query: dict[str, str]) -> int:
        filters = {name: query[name] for name in _FILTERS if name in query}
        answer = self._http.get_json(f"{base}/records", params={**filters, "limit": "0"})
        total = answer.get("total_count") if isinstance(answer, dict) else None
        if isinstance(total, bool) or not isinstance(total, int) or total < 0:
            raise PortalError("the portal does not say how many records match", next_step=_CHECK)
        return total

    def _check_filters(self, base: str, resource: Resource) -> None:
        """Tell an empty period from a filter that never matches."""
        if self._count(base, _query(resource, None)) == 0:
            raise PortalError("the filters match no record of any period", next_step=_CHECK)


def _check_field(metadata: Json, name: str) -> None:
    types = {field.get("name"): field.get("type") for field in metadata.get("fields", [])}
    if types.get(name) not in ("date", "datetime"):
        raise PortalError(f"the portal has no date field {name!r}", next_step=_CHECK)


def _query(resource: Resource, window: DateWindow | None) -> dict[str, str]:
    query = {"timezone": "Europe/Paris", **resource.query}
    if window is None or resource.window is None:
        return query
    period = _period(resource.window, window)
    own = query.get("where")
    return {**query, "where": f"({own}) AND {period}" if own else period}


def _period(declared: Window, window: DateWindow) -> str:
    """Return the ODSQL condition; half-open, so that it holds for dates and timestamps."""
    after = window.end + timedelta(days=1)
    field = declared.field
    return f"{field} >= date'{window.start}' AND {field} < date'{after}'"


def _dialect(resource: Resource) -> dict[str, str]:
    if resource.format != "csv":
        return {}
    return {"delimiter": resource.csv.delimiter, "use_labels": "false", "with_bom": "false"}
