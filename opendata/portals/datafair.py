"""data-fair (ADEME).

Belongs here: dataset metadata and the ``lines`` pages, followed by ``next`` and compared
with ``total``. Does not belong here: writing the lines (:mod:`opendata.download`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from opendata.catalogue import Dataset, Resource
from opendata.errors import DownloadError, PortalError
from opendata.http import Http, MissingError
from opendata.remote import (
    DateWindow,
    Page,
    RemoteFile,
    count,
    instant,
    licence_id,
    published,
    safe_name,
    understood,
    understood_pages,
    with_query,
)

Json = dict[str, Any]

#: What the index answers while it is busy, under various statuses; never an empty result.
_NOT_NOW = ("all shards failed",)
_PAGE = "10000"
_LOOK = "look at the page of the dataset; what is published here stays as it is"


class DataFair:
    """Any portal of this kind; the dataset says which host."""

    def __init__(self, http: Http) -> None:
        self._http = http

    @understood()
    def describe(
        self, dataset: Dataset, resource: Resource, window: DateWindow | None
    ) -> RemoteFile:
        """See :meth:`opendata.remote.Portal.describe`."""
        base = f"{dataset.host}/data-fair/api/v1/datasets/{resource.id}"
        try:
            metadata = self._get(base)
        except MissingError as error:
            raise PortalError(
                f"the dataset {resource.id} no longer exists", next_step=_LOOK
            ) from error
        query = {"size": _PAGE, **resource.query}
        if window is not None and resource.window is not None:
            period = f"{resource.window.field}:[{window.start} TO {window.end}]"
            own = query.get("qs")
            query["qs"] = f"({own}) AND {period}" if own else period
        lines = f"{base}/lines"
        total = _total(self._get(with_query(lines, {**query, "size": "0"})))
        licence = metadata.get("license") or {}
        modified = instant(metadata.get("dataUpdatedAt") or metadata.get("updatedAt"))
        title = str(metadata.get("title") or resource.id)
        return RemoteFile(
            portal="datafair",
            dataset_id=resource.id,
            resource_id=resource.id,
            url=with_query(lines, query),
            title=title,
            licence_id=licence_id(licence.get("title")),
            format="jsonl",
            file_name=f"{safe_name(resource.id, resource.name)}.jsonl",
            publisher_date=published(title, modified, window),
            last_modified=modified,
            rows_expected=total,
            window=window,
            paged=True,
        )

    @understood_pages
    def pages(self, dataset: Dataset, resource: Resource, remote: RemoteFile) -> Iterator[Page]:
        """See :meth:`opendata.remote.PagedPortal.pages`."""
        url: str | None = remote.url
        seen: set[str] = set()
        received, total = 0, remote.rows_expected or 0
        while url and received <= total:
            if url in seen:
                raise PortalError("the pages lead back to an earlier one", next_step=_LOOK)
            seen.add(url)
            answer = self._get(url)
            rows = answer.get("results")
            if not isinstance(rows, list) or _total(answer) != total:
                raise DownloadError(
                    "the data changed while its pages were read", next_step="run again later"
                )
            received += len(rows)
            if rows:
                yield rows
            url = answer.get("next") if rows else None

    def _get(self, url: str) -> Json:
        answer = self._http.get_json(url, transient=_NOT_NOW)
        if not isinstance(answer, dict):
            raise PortalError("the portal's answer is not an object", next_step=_LOOK)
        return answer


def _total(answer: Json) -> int:
    total = count(answer.get("total"))
    if total is None:
        raise PortalError("the portal does not say how many lines there are", next_step=_LOOK)
    return total
