"""DILA's mirror (echanges.dila.gouv.fr): folders of ``.taz`` files.

Belongs here: reading a folder's listing. Does not belong here: opening the files
(:mod:`opendata.archive`); a ``.taz`` is a tar compressed by gzip. A resource's id is the
path of the folder, in which ``{year}`` stands for each year of the window; its
``title_pattern`` selects the files.
"""

from __future__ import annotations

import html
import re
from datetime import datetime
from urllib.parse import unquote, urljoin

from opendata.catalogue import Dataset, Resource
from opendata.clock import PARIS
from opendata.errors import PortalError, SettingsError
from opendata.http import Http, MissingError
from opendata.remote import (
    DateWindow,
    RemoteFile,
    ResourceGoneError,
    published,
    safe_name,
    understood,
)

#: A line of the listing: the name of a file, its day and time in Paris.
_ENTRY = re.compile(
    # Bounded, so that a page of half entries does not take time by its square.
    r'href="(?P<href>[^"/?#\n]{1,255})"[^\n]{0,500}?(?P<when>\d{4}-\d{2}-\d{2} \d{2}:\d{2})',
    re.IGNORECASE,
)
_LOOK = "look at the folder with a browser; what is published here stays as it is"


class Dila:
    """The mirror. It publishes no metadata: the licence of ``dataset.yml`` stands."""

    def __init__(self, http: Http) -> None:
        self._http = http

    @understood()
    def listing(
        self, dataset: Dataset, resource: Resource, window: DateWindow | None
    ) -> tuple[RemoteFile, ...]:
        """See :meth:`opendata.remote.FolderPortal.listing`; the day is the one of the listing."""
        pattern = resource.title_pattern or r".*\.taz"
        found = []
        for path in _folders(resource, window):
            for name, when in self._entries(dataset, path):
                moment = datetime.strptime(when, "%Y-%m-%d %H:%M").replace(tzinfo=PARIS)
                if not re.fullmatch(pattern, name):
                    continue
                if window is None or window.start <= moment.date() <= window.end:
                    found.append(self._remote(dataset, resource, path, name, moment, window))
        if not found:
            raise ResourceGoneError("no file of the folder matches", next_step=_LOOK)
        return tuple(found)

    def _entries(self, dataset: Dataset, path: str) -> list[tuple[str, str]]:
        """Return name and instant of each file of the folder at ``path``, by name."""
        try:
            page = self._http.get_text(f"{dataset.host}/{path}/")
        except MissingError as error:
            raise PortalError(f"the folder {path} is gone", next_step=_LOOK) from error
        entries = [(_name(found["href"]), found["when"]) for found in _ENTRY.finditer(page)]
        if not entries:
            raise PortalError(f"the folder {path} lists no file", next_step=_LOOK)
        return sorted(entries)

    def describe(
        self, dataset: Dataset, resource: Resource, window: DateWindow | None
    ) -> RemoteFile:
        """See :meth:`opendata.remote.Portal.describe`: exactly one file must match."""
        found = self.listing(dataset, resource, window)
        if len(found) > 1:
            raise PortalError(
                f"{len(found)} files match, from {found[0].title} to {found[-1].title}",
                next_step="narrow title_pattern in dataset.yml, or ask a shorter window",
            )
        return found[0]

    @staticmethod
    def _remote(
        dataset: Dataset,
        resource: Resource,
        path: str,
        name: str,
        moment: datetime,
        window: DateWindow | None,
    ) -> RemoteFile:
        return RemoteFile(
            portal="dila",
            dataset_id=dataset.dataset_id,
            resource_id=f"{path}/{name}",
            url=urljoin(f"{dataset.host}/{path}/", name),
            title=name,
            licence_id=None,
            format="taz",
            file_name=safe_name(name, resource.name),
            publisher_date=published(name, moment, window),
            last_modified=moment,
            window=window,
        )


def _folders(resource: Resource, window: DateWindow | None) -> list[str]:
    """Return the paths of the folders of a resource: one a year where its id says so."""
    path = resource.id.strip("/")
    if "{year}" not in path:
        return [path]
    if window is None:
        raise SettingsError(
            f"the resource {resource.name} has a folder a year and no window",
            next_step="give it a `window` in dataset.yml",
        )
    years = range(window.start.year, window.end.year + 1)
    return [path.replace("{year}", str(year)) for year in years]


def _name(href: str) -> str:
    return unquote(html.unescape(href))
