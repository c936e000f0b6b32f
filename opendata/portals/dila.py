"""DILA's mirror (echanges.dila.gouv.fr): folders of ``.taz`` files.

Belongs here: reading a folder's listing. Does not belong here: opening the files
(:mod:`opendata.archive`); a ``.taz`` is a tar compressed by gzip. A resource's id is the
path of the folder; its ``title_pattern`` selects the files.
"""

from __future__ import annotations

import html
import re
from datetime import datetime
from urllib.parse import unquote, urljoin

from opendata.catalogue import Dataset, Resource
from opendata.clock import PARIS
from opendata.errors import PortalError
from opendata.http import Http, MissingError
from opendata.remote import DateWindow, RemoteFile, ResourceGoneError, published, safe_name

#: A line of the listing: the name of a file, its day and time in Paris.
_ENTRY = re.compile(
    r'href="(?P<href>[^"/?#]+)"[^\n]*?(?P<when>\d{4}-\d{2}-\d{2} \d{2}:\d{2})', re.IGNORECASE
)
_LOOK = "look at the folder with a browser; what is published here stays as it is"


class Dila:
    """The mirror. It publishes no metadata: the licence of ``dataset.yml`` stands."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def listing(
        self, dataset: Dataset, resource: Resource, window: DateWindow | None
    ) -> tuple[RemoteFile, ...]:
        """Return the files of the folder that match and were put there in the window."""
        folder = f"{dataset.host}/{resource.id.strip('/')}/"
        try:
            page = self._http.get_text(folder)
        except MissingError as error:
            raise PortalError(f"the folder {resource.id} is gone", next_step=_LOOK) from error
        entries = [(_name(found["href"]), found["when"]) for found in _ENTRY.finditer(page)]
        if not entries:
            raise PortalError(f"the folder {resource.id} lists no file", next_step=_LOOK)
        pattern = resource.title_pattern or r".*\.taz"
        found = []
        for name, when in sorted(entries):
            moment = datetime.strptime(when, "%Y-%m-%d %H:%M").replace(tzinfo=PARIS)
            if not re.fullmatch(pattern, name):
                continue
            if window is None or window.start <= moment.date() <= window.end:
                found.append(self._remote(dataset, resource, folder, name, moment, window))
        return tuple(found)

    def describe(
        self, dataset: Dataset, resource: Resource, window: DateWindow | None
    ) -> RemoteFile:
        """See :meth:`opendata.remote.Portal.describe`: exactly one file must match."""
        found = self.listing(dataset, resource, window)
        if not found:
            raise ResourceGoneError("no file of the folder matches", next_step=_LOOK)
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
        folder: str,
        name: str,
        moment: datetime,
        window: DateWindow | None,
    ) -> RemoteFile:
        return RemoteFile(
            portal="dila",
            dataset_id=dataset.dataset_id,
            resource_id=f"{resource.id.strip('/')}/{name}",
            url=urljoin(folder, name),
            title=name,
            licence_id=None,
            format="taz",
            file_name=safe_name(name, resource.name),
            publisher_date=published(name, moment, window),
            last_modified=moment,
            window=window,
        )


def _name(href: str) -> str:
    return unquote(html.unescape(href))
