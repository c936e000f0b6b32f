"""INSEE, API Sirene 3.11.

Belongs here: readiness, the query of a day and the cursor pages, which can be continued. A
resource's id is the service (``siren``, ``siret``, ``siret/liensSuccession``). Does not belong
here: flattening the records. Source: the OpenAPI 3.11 of the
API and recorded answers (tests/data/recorded/insee).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from opendata.catalogue import Dataset, Resource
from opendata.clock import PARIS
from opendata.errors import PortalError, SettingsError
from opendata.http import Http, MissingError
from opendata.remote import (
    DateWindow,
    Page,
    RemoteFile,
    count,
    fold,
    instant,
    published,
    safe_name,
    understood,
    understood_pages,
    with_query,
)

Json = dict[str, Any]

KEY_HEADER = "X-INSEE-Api-Key-Integration"
_PAGE = "1000"
#: The first cursor of any query.
_START = "*"
#: Service → (collection in ``/informations``, list in an answer).
_SERVICES = {
    "siren": ("unites legales", "unitesLegales"),
    "siret": ("etablissements", "etablissements"),
    "siret/liensSuccession": ("liens de succession", "liensSuccession"),
}
_LATER = "run again later; INSEE updates the API around 07:00"


@dataclass(frozen=True)
class Place:
    """How far the pages were read: a day, the cursor of its next page, and its records so far."""

    day: date
    cursor: str = _START
    rows: int = 0

    @classmethod
    def read(cls, mark: str) -> Place:
        """Return the place that :meth:`written` wrote down."""
        found = json.loads(mark)
        return cls(date.fromisoformat(found["day"]), found["cursor"], found["rows"])

    def written(self) -> str:
        """Return the place as text."""
        return json.dumps({"day": str(self.day), "cursor": self.cursor, "rows": self.rows})


class Insee:
    """The API; the key is only ever sent in a header to its own host."""

    def __init__(self, http: Http, api_key: str | None) -> None:
        self._http = http
        self._key = api_key

    @understood()
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
        service = f"{dataset.host}/{resource.id}"
        query = {**resource.query, "nombre": _PAGE}
        period = f"{resource.window.field}:[{window.start} TO {window.end}]"
        remote = RemoteFile(
            portal="insee",
            dataset_id=dataset.dataset_id,
            resource_id=resource.id,
            url=with_query(service, {**query, "q": _and(resource, period)}),
            title=f"API Sirene {resource.id}, {window}",
            licence_id=None,
            format="jsonl",
            file_name=f"{safe_name(resource.name, 'data')}.jsonl",
            publisher_date=published(resource.id, available, window),
            last_modified=available,
            window=window,
            paged=True,
        )
        return remote if self._any(resource, remote) else replace(remote, rows_expected=0)

    @understood_pages
    def pages(self, dataset: Dataset, resource: Resource, remote: RemoteFile) -> Iterator[Page]:
        """See :meth:`opendata.remote.PagedPortal.pages`."""
        for page, _mark in self.pages_after(dataset, resource, remote, None):
            yield page

    @understood_pages
    def pages_after(
        self, dataset: Dataset, resource: Resource, remote: RemoteFile, mark: str | None
    ) -> Iterator[tuple[Page, str]]:
        """See :meth:`opendata.remote.ResumablePortal.pages_after`; a mark is a day and a cursor.

        Days are asked one by one and in order. A record has one date of treatment and it
        only moves forward: what INSEE treats again meanwhile shows again in a later day.
        """
        if remote.rows_expected == 0:
            return
        first = Place.read(mark) if mark else None
        for day in _days(remote):
            if first is None or day > first.day:
                yield from self._day(resource, remote, Place(day))
            elif day == first.day:
                yield from self._day(resource, remote, first)

    def _day(
        self, resource: Resource, remote: RemoteFile, place: Place
    ) -> Iterator[tuple[Page, str]]:
        """Follow the cursor of one day; the last page is empty and its next cursor its own.

        Raises:
            PortalError: the day has not as many records as the API says.
        """
        wanted, seen = _SERVICES[resource.id][1], {place.cursor}
        while True:
            asked = {"q": _of_day(resource, place.day), "curseur": place.cursor}
            try:
                answer = self._get(remote.url, asked)
            except MissingError:
                if place.cursor != _START:
                    raise
                return  # the API says 404 for a day without records
            header, rows = answer.get("header"), answer.get(wanted)
            if not isinstance(header, dict) or not isinstance(rows, list):
                raise PortalError(f"the answer has no {wanted}", next_step=_LATER)
            following = str(header.get("curseurSuivant") or place.cursor)
            now = Place(place.day, following, place.rows + len(rows))
            if rows:
                yield rows, now.written()
            if following == place.cursor:
                _check_total(header, now)
                return
            if following in seen:
                raise PortalError("the cursor leads back to an earlier page", next_step=_LATER)
            seen.add(following)
            place = now

    def _any(self, resource: Resource, remote: RemoteFile) -> bool:
        """Tell whether a day has a record, the latest first; the API says 404 for none."""
        return any(self._total(resource, remote, day) for day in reversed([*_days(remote)]))

    def _total(self, resource: Resource, remote: RemoteFile, day: date) -> int:
        try:
            answer = self._get(remote.url, {"q": _of_day(resource, day), "nombre": "1"})
        except MissingError:
            return 0
        return _announced(answer.get("header"))

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


def _and(resource: Resource, period: str) -> str:
    own = resource.query.get("q")
    return f"({own}) AND {period}" if own else period


def _of_day(resource: Resource, day: date) -> str:
    """Return the query of one day, in the form INSEE's own users rely on: ``field:AAAA-MM-JJ``."""
    if resource.window is None:
        raise SettingsError(
            f"{resource.id!r} has no window", next_step="give it a window in dataset.yml"
        )
    return _and(resource, f"{resource.window.field}:{day}")


def _days(remote: RemoteFile) -> Iterator[date]:
    """Yield the days of the window up to the one on which the API was last brought up to date."""
    if remote.window is not None:
        for offset in range((remote.publisher_date - remote.window.start).days + 1):
            yield remote.window.start + timedelta(days=offset)


def _announced(header: Any) -> int:
    total = count(header.get("total")) if isinstance(header, dict) else None
    if total is None:
        raise PortalError("the API does not say how many records match", next_step=_LATER)
    return total


def _check_total(header: Json, place: Place) -> None:
    total = _announced(header)
    if total != place.rows:
        raise PortalError(
            f"the API says {total:,} records of {place.day}, {place.rows:,} came",
            next_step="run again; if it lasts, tell INSEE",
        )
