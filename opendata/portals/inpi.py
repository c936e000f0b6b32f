"""INPI, API of the Registre national des entreprises (RNE).

Belongs here: the login of an account, the companies changed in a period, page by page, and which
of their fields are received. Does not belong here: what the fields mean (the dataset).

A record names directors, beneficial owners and their addresses: all of it is dropped as it
arrives, so that no file of ours ever holds it. Sole traders are not received at all.

Source: documentation of the API formalités, ``/api/sso/login`` and ``/api/companies/diff``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opendata.catalogue import Dataset, Resource
from opendata.errors import PortalError, SettingsError
from opendata.http import Http, KeyRefusedError
from opendata.remote import (
    DateWindow,
    Page,
    RemoteFile,
    published,
    safe_name,
    with_query,
)

Json = dict[str, Any]

SERVICE = "companies/diff"
_PAGE = "100"
_LOGIN = "set SIGNALS_INPI_USERNAME and SIGNALS_INPI_PASSWORD to those of an account whose access "
_LATER = "run again later; nothing was changed"
_IDENTITY = ("formality", "content", "personneMorale", "identite")
#: Field received → where it stands in a record.
KEPT: Mapping[str, tuple[str, ...]] = {
    "siren": ("formality", "siren"),
    "updatedAt": ("updatedAt",),
    "diffusionINSEE": ("formality", "diffusionINSEE"),
    "dateCreation": ("formality", "content", "natureCreation", "dateCreation"),
    "denomination": (*_IDENTITY, "entreprise", "denomination"),
    "formeJuridique": (*_IDENTITY, "entreprise", "formeJuridique"),
    "dateImmat": (*_IDENTITY, "entreprise", "dateImmat"),
    "dateDebutActiv": (*_IDENTITY, "entreprise", "dateDebutActiv"),
    "montantCapital": (*_IDENTITY, "description", "montantCapital"),
    "deviseCapital": (*_IDENTITY, "description", "deviseCapital"),
    "capitalVariable": (*_IDENTITY, "description", "capitalVariable"),
    "dateClotureExerciceSocial": (*_IDENTITY, "description", "dateClotureExerciceSocial"),
    "duree": (*_IDENTITY, "description", "duree"),
    "dateFinExistence": (*_IDENTITY, "description", "dateFinExistence"),
    "dateRadiation": (
        "formality", "content", "personneMorale", "detailCessationEntreprise", "dateRadiation",
    ),
}  # fmt: skip


class Inpi:
    """The API; the account is only ever sent to its own host."""

    def __init__(self, http: Http, username: str | None, password: str | None) -> None:
        self._http = http
        self._account = (username, password)
        self._token: str | None = None
        #: Whether the API has taken the token: one that it never took is not asked for again.
        self._taken = False

    def describe(
        self, dataset: Dataset, resource: Resource, window: DateWindow | None
    ) -> RemoteFile:
        """See :meth:`opendata.remote.Portal.describe`; only periods can be asked.

        The API declares no licence and no number of records: the licence of ``dataset.yml``
        stands, and a period ends where a page is empty.
        """
        if resource.id != SERVICE or resource.window is None or window is None:
            raise SettingsError(
                f"{resource.id!r} is not a service of the API, or has no window",
                next_step=f"use {SERVICE} with a window in dataset.yml",
            )
        period = {"from": str(window.start), "to": str(window.end), "pageSize": _PAGE}
        remote = RemoteFile(
            portal="inpi",
            dataset_id=dataset.dataset_id,
            resource_id=resource.id,
            url=with_query(f"{dataset.host}/api/{resource.id}", period),
            title=f"RNE, {window}",
            licence_id=None,
            format="jsonl",
            file_name=f"{safe_name(resource.name, 'data')}.jsonl",
            publisher_date=published(resource.id, None, window),
            window=window,
            paged=True,
        )
        self._page(dataset, remote, None)
        return remote

    def pages(self, dataset: Dataset, resource: Resource, remote: RemoteFile) -> Iterator[Page]:
        """See :meth:`opendata.remote.PagedPortal.pages`; pages go on after the last SIREN."""
        after: str | None = None
        seen: set[str] = set()
        while rows := self._page(dataset, remote, after):
            after = str(rows[-1].get("siren") or _at(rows[-1], KEPT["siren"]) or "")
            if not after or after in seen:
                raise PortalError("the pages lead back to an earlier one", next_step=_LATER)
            seen.add(after)
            if kept := [_trimmed(row) for row in rows if _at(row, _IDENTITY) is not None]:
                yield kept

    def _page(self, dataset: Dataset, remote: RemoteFile, after: str | None) -> list[Json]:
        try:
            answer = self._asked(dataset, remote, after)
        except KeyRefusedError:
            if not self._taken:
                raise
            # Tokens last minutes, fetches of a large period longer: log in once for this page.
            self._token, self._taken = None, False
            answer = self._asked(dataset, remote, after)
        if not isinstance(answer, list) or not all(isinstance(row, dict) for row in answer):
            raise PortalError("the answer is not a list of companies", next_step=_LATER)
        return answer

    def _asked(self, dataset: Dataset, remote: RemoteFile, after: str | None) -> Any:
        answer = self._http.get_json(
            remote.url,
            params={} if after is None else {"searchAfter": after},
            headers={"Authorization": f"Bearer {self._login(dataset)}"},
        )
        self._taken = True
        return answer

    def _login(self, dataset: Dataset) -> str:
        """Return the token in force, asked for when there is none."""
        username, password = self._account
        if not username or not password:
            raise SettingsError(
                "the RNE needs an account of INPI",
                next_step=f"{_LOGIN}to the API of the RNE was granted on data.inpi.fr",
            )
        if self._token is None:
            answer = self._http.post_for_json(
                f"{dataset.host}/api/sso/login", {"username": username, "password": password}
            )
            token = answer.get("token") if isinstance(answer, dict) else None
            if not isinstance(token, str) or not token:
                raise PortalError("the login gave no token", next_step=f"{_LOGIN}is still granted")
            self._token = token
        return self._token


def _at(row: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        row = row.get(name) if isinstance(row, dict) else None
    return row


def _trimmed(row: Json) -> Json:
    """Return the fields that are received, as text; nothing of a person is among them."""
    found = {name: _at(row, path) for name, path in KEPT.items()}
    return {
        name: None if value is None or isinstance(value, dict | list) else _text(name, value)
        for name, value in found.items()
    }


def _text(name: str, value: Any) -> str:
    text = value if isinstance(value, str) else str(value).lower()
    # A day is a day, also where it comes with an hour: 2018-03-23T00:00:00+01:00.
    return text.partition("T")[0] if name.startswith("date") else text
