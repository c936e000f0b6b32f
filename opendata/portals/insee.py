"""INSEE, API Sirene 3.11.

Belongs here: readiness, the query of a period and the cursor pages. A resource's id is the
service (``siren``, ``siret``, ``siret/liensSuccession``). Does not belong here: flattening the
records. Source: the OpenAPI 3.11 of the
API and recorded answers (tests/data/recorded/insee).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from opendata.catalogue import Dataset, Resource
from opendata.clock import PARIS
from opendata.errors import PortalError, SettingsError
from opendata.http import Http, MissingError
from opendata.remote import (
    DateWindow,
    Page,
    RemoteFile,
    fold,
    instant,
    published,
    safe_name,
    with_query,
)

Json = dict[str, Any]

KEY_HEADER = "X-INSEE-Api-Key-Integration"
_PAGE = "1000"
#: Service → (collection in ``/informations``, list in an answer).
_SERVICES = {
    "siren": ("unites legales", "unitesLegales"),
    "siret": ("etablissements", "etablissements"),
    "siret/liensSuccession": ("liens de succession", "liensSuccession"),
}
_LATER = "run again later; INSEE updates the API around 07:00"


class Insee:
    """The API; the key is only ever sent in a header to its own host."""

    def __init__(self, http: Http, api_key: str | None) -> None:
        self._http = http
        self._key = api_key

    def describe(
        self, dataset: Dataset, resource: Resource, window: DateWindow | None
    ) -> RemoteFile:
        """See :meth:`opendata.remote.Portal.describe`; only periods can be asked.

        The API declares no licence of its own: that of ``dataset.yml`` stands.
        """
        if resource.id not in _SERVICES or resource.window is None or window is None:
            raise SettingsError(
                f"{resource.id!r} is not a service of the API, or has no window",
                next_step=f"use one of {', '.join(_SERVICES)} with a window in dataset.yml",
            )
        available = self._available(dataset, resource)
        if available.astimezone(PARIS).date() < window.start:
            raise PortalError(
                f"the API has nothing newer than {available:%Y-%m-%d}", next_step=_LATER
            )
        field = resource.window.field
        period = f"{field}:[{window.start}T00:00:00 TO {window.end}T23:59:59]"
        own = resource.query.get("q")
        query = {
            **resource.query,
            "nombre": _PAGE,
            "q": f"({own}) AND {period}" if own else period,
        }
        service = f"{dataset.host}/{resource.id}"
        return RemoteFile(
            portal="insee",
            dataset_id=dataset.dataset_id,
            resource_id=resource.id,
            url=with_query(service, query),
            title=f"API Sirene {resource.id}, {window}",
            licence_id=None,
            format="jsonl",
            file_name=f"{safe_name(resource.name, 'data')}.jsonl",
            publisher_date=published(resource.id, available, window),
            last_modified=available,
            rows_expected=self._count(service, query),
            window=window,
            paged=True,
        )

    def pages(self, dataset: Dataset, resource: Resource, remote: RemoteFile) -> Iterator[Page]:
        """See :meth:`opendata.remote.PagedPortal.pages`.

        The last page is empty and its next cursor is its own.
        """
        if remote.rows_expected == 0:
            return
        wanted = _SERVICES[resource.id][1]
        cursor, seen = "*", {"*"}
        while True:
            answer = self._get(remote.url, {"curseur": cursor})
            header, rows = answer.get("header"), answer.get(wanted)
            if not isinstance(header, dict) or not isinstance(rows, list):
                raise PortalError(f"the answer has no {wanted}", next_step=_LATER)
            if rows:
                yield rows
            following = header.get("curseurSuivant")
            if not following or following == cursor:
                break
            if following in seen:
                raise PortalError("the cursor leads back to an earlier page", next_step=_LATER)
            seen.add(following)
            cursor = following

    def _count(self, service: str, query: dict[str, str]) -> int:
        """Return the number of records that match; the API says 404 for none."""
        try:
            answer = self._get(service, {**query, "nombre": "1"})
        except MissingError:
            return 0
        total = answer.get("header", {}).get("total")
        if not isinstance(total, int):
            raise PortalError("the API does not say how many records match", next_step=_LATER)
        return total

    def _available(self, dataset: Dataset, resource: Resource) -> datetime:
        answer = self._get(f"{dataset.host}/informations", {})
        if answer.get("etatService", "UP") != "UP":
            raise PortalError(f"the API is {answer['etatService']}", next_step=_LATER)
        wanted = _SERVICES[resource.id][0]
        for entry in answer.get("datesDernieresMisesAJourDesDonnees") or []:
            if fold(str(entry.get("collection"))) == wanted:
                date = instant(entry.get("dateDerniereMiseADisposition"), local=PARIS)
                if date is not None:
                    return date
        raise PortalError(f"the API does not say how fresh {resource.id} is", next_step=_LATER)

    def _get(self, url: str, params: dict[str, str]) -> Json:
        if not self._key:
            raise SettingsError(
                "the INSEE API needs a key",
                next_step="make one on portail-api.insee.fr and set SIGNALS_INSEE_API_KEY",
            )
        answer = self._http.get_json(url, params=params, headers={KEY_HEADER: self._key})
        if not isinstance(answer, dict):
            raise PortalError("the answer is not an object", next_step=_LATER)
        return answer
