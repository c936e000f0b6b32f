"""data.gouv.fr (udata), API 1 and 2.

Belongs here: the dataset and resource objects of udata. Does not belong here: whether
their licence and dates suit us (:mod:`opendata.fetch`). Source: guides.data.gouv.fr and
recorded answers (tests/data/recorded/datagouv).
"""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from opendata.catalogue import Dataset, Resource
from opendata.errors import PortalError
from opendata.http import Http, MissingError
from opendata.remote import (
    Checksum,
    DateWindow,
    RemoteFile,
    ResourceGoneError,
    count,
    instant,
    published,
    safe_name,
    understood,
)

Json = dict[str, Any]

_LOOK = "look at the page of the dataset; what is published here stays as it is"


class DataGouv:
    """The national portal."""

    def __init__(self, http: Http) -> None:
        self._http = http

    @understood()
    def describe(
        self, dataset: Dataset, resource: Resource, window: DateWindow | None
    ) -> RemoteFile:
        """See :meth:`opendata.remote.Portal.describe`; a window means nothing here."""
        whole = self._dataset(dataset)
        found = self._resource(dataset, resource, whole)
        title, url = str(found.get("title") or ""), str(found.get("url") or "")
        if resource.title_pattern and not re.fullmatch(resource.title_pattern, title):
            raise PortalError(
                f"the resource {resource.id} is now titled {title!r}, which is unexpected",
                next_step="check that its id is still the right one in dataset.yml",
            )
        modified = instant(found.get("last_modified") or found.get("created_at"))
        return RemoteFile(
            portal="datagouv",
            dataset_id=str(whole.get("id") or dataset.dataset_id),
            resource_id=resource.id or str(found.get("id") or ""),
            url=url,
            title=title,
            licence_id=str(whole.get("license") or "notspecified"),
            format=str(found.get("format") or ""),
            file_name=safe_name(PurePosixPath(urlsplit(url).path).name, resource.name),
            publisher_date=published(title, modified, window),
            last_modified=modified,
            size=count(found.get("filesize") or None),
            checksum=_checksum(found.get("checksum")),
            window=window,
        )

    def _dataset(self, dataset: Dataset) -> Json:
        try:
            answer = self._http.get_json(f"{dataset.host}/api/1/datasets/{dataset.dataset_id}/")
        except MissingError as error:
            raise PortalError(
                f"the dataset {dataset.dataset_id} no longer exists", next_step=_LOOK
            ) from error
        if not isinstance(answer, dict) or "id" not in answer:
            raise PortalError("the portal's answer is not a dataset", next_step=_LOOK)
        for state in ("deleted", "archived", "private"):
            if answer.get(state):
                raise PortalError(f"the dataset is {state}", next_step=_LOOK)
        return answer

    def _resource(self, dataset: Dataset, resource: Resource, whole: Json) -> Json:
        listed = whole.get("resources")
        if not resource.id:
            return _by_title(listed, resource)
        if isinstance(listed, list):
            for candidate in listed:
                if isinstance(candidate, dict) and candidate.get("id") == resource.id:
                    return candidate
        # Not inline: either API 2 pages the list, or the resource moved, or it is gone.
        url = f"{dataset.host}/api/2/datasets/resources/{resource.id}/"
        try:
            wrapper = self._http.get_json(url)
        except MissingError as error:
            raise ResourceGoneError(
                f"the resource {resource.id} vanished from the dataset", next_step=_LOOK
            ) from error
        owner, found = wrapper.get("dataset_id"), wrapper.get("resource")
        if owner != whole["id"] or not isinstance(found, dict):
            raise ResourceGoneError(
                f"the resource {resource.id} now belongs to the dataset {owner}", next_step=_LOOK
            )
        return found


def _by_title(listed: Any, resource: Resource) -> Json:
    """Return the one resource whose title matches whole; none or several is an error."""
    if not isinstance(listed, list):
        raise PortalError("the portal does not list the resources", next_step=_LOOK)
    pattern = resource.title_pattern or ""
    found: list[Json] = [
        one
        for one in listed
        if isinstance(one, dict) and re.fullmatch(pattern, str(one.get("title") or ""))
    ]
    if not found:
        raise ResourceGoneError(f"no title of a resource matches {resource.name}", next_step=_LOOK)
    if len(found) > 1:
        raise PortalError(
            f"{len(found)} resources have a title that matches {resource.name}",
            next_step="give the id of the right one in dataset.yml",
        )
    return found[0]


def _checksum(announced: Any) -> Checksum | None:
    """Return the announced digest; ``None`` if absent or of a kind that cannot be computed."""
    if not isinstance(announced, dict):
        return None
    algorithm, value = announced.get("type"), announced.get("value")
    if algorithm not in hashlib.algorithms_guaranteed or not value:
        return None
    return Checksum(str(algorithm), str(value).lower())
