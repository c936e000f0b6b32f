"""Agence Bio, API of the operators of organic farming.

Belongs here: the number of operators and the pages, each of them cut down to the columns that are
described. Does not belong here: what a certificate means (the dataset).

A record names a manager, telephones and addresses: what is not described is dropped as it arrives.
The API dates nothing: a list is of the day it was asked.

Source: answers of ``/api/gouv/operateurs`` (``nb``, ``debut``; ``nbTotal`` is a string).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from opendata.catalogue import Dataset, Resource
from opendata.errors import DownloadError, PortalError, SettingsError
from opendata.http import Http
from opendata.remote import DateWindow, Page, RemoteFile, safe_name, with_query

Json = dict[str, Any]

_PAGE = "1000"
_LATER = "run again later; nothing was changed"


class AgenceBio:
    """The API; it needs no key."""

    def __init__(self, http: Http, today: date | None) -> None:
        self._http = http
        self._today = today

    def describe(
        self, dataset: Dataset, resource: Resource, window: DateWindow | None
    ) -> RemoteFile:
        """See :meth:`opendata.remote.Portal.describe`; the licence is that of ``dataset.yml``."""
        if window is not None or self._today is None:
            raise SettingsError(
                "the list of operators is asked whole, on a day that is known",
                next_step="leave the window out of dataset.yml, and give the portals the day",
            )
        base = f"{dataset.host}/{resource.id}"
        return RemoteFile(
            portal="agencebio",
            dataset_id=dataset.dataset_id,
            resource_id=resource.id,
            url=with_query(base, {"nb": _PAGE, **resource.query}),
            title=f"Agence Bio, {resource.name}",
            licence_id=None,
            format="jsonl",
            file_name=f"{safe_name(resource.name, 'data')}.jsonl",
            publisher_date=self._today,
            rows_expected=_total(self._get(with_query(base, {"nb": "1", **resource.query}), 0)),
            paged=True,
        )

    def pages(self, dataset: Dataset, resource: Resource, remote: RemoteFile) -> Iterator[Page]:
        """See :meth:`opendata.remote.PagedPortal.pages`; a page may be shorter than asked."""
        wanted = [header for column in resource.columns for header in column.headers]
        received, total = 0, remote.rows_expected or 0
        while received < total:
            answer = self._get(remote.url, received)
            rows = answer.get("items")
            if not isinstance(rows, list) or _total(answer) != total:
                raise DownloadError(
                    "the list changed while its pages were read", next_step="run again later"
                )
            if not rows:
                return
            received += len(rows)
            yield [{name: row[name] for name in wanted if name in row} for row in rows]

    def _get(self, url: str, start: int) -> Json:
        answer = self._http.get_json(url, params={"debut": str(start)})
        if not isinstance(answer, dict):
            raise PortalError("the answer is not an object", next_step=_LATER)
        return answer


def _total(answer: Json) -> int:
    total = str(answer.get("nbTotal"))
    if not total.isdecimal():
        raise PortalError("the API does not say how many operators there are", next_step=_LATER)
    return int(total)
