"""What a portal says about a file, in one vocabulary for every kind of portal.

Belongs here: the description of a remote file, the interface of a portal, and how licences
and dates are read whatever the portal. Does not belong here: asking a portal
(:mod:`opendata.portals`), transferring a file (:mod:`opendata.download`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar, runtime_checkable
from urllib.parse import urlencode

from opendata.catalogue import Dataset, Resource
from opendata.clock import PARIS
from opendata.errors import PortalError

Page = list[dict[str, Any]]
Parameters = ParamSpec("Parameters")
Yielded = TypeVar("Yielded")
#: What reading a field raises where an answer is not what its portal documents.
_OTHER_SHAPE = (
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    OverflowError,
    RecursionError,
)

#: Titles under which portals without licence ids name the licences of data.gouv.fr.
LICENCE_IDS: Mapping[str, str] = {
    "licence ouverte v2.0 (etalab)": "lov2",
    "licence ouverte v2.0": "lov2",
    "licence ouverte 2.0": "lov2",
    "licence ouverte / open licence version 2.0": "lov2",
    "licence ouverte / open licence v2.0": "lov2",
    "open licence v2.0": "lov2",
    "etalab-2.0": "lov2",
    "licence ouverte v1.0": "fr-lo",
    "licence ouverte (etalab)": "fr-lo",
    "licence ouverte / open licence": "fr-lo",
}
_MONTHS = (
    "janvier", "fevrier", "mars", "avril", "mai", "juin",
    "juillet", "aout", "septembre", "octobre", "novembre", "decembre",
)  # fmt: skip
_TITLE_DATE = re.compile(rf"\b(\d{{1,2}})(?:er)?\s+({'|'.join(_MONTHS)})\s+(\d{{4}})\b")


class ResourceGoneError(PortalError):
    """The dataset is there and the resource is not; tolerated for optional ones only."""


@dataclass(frozen=True)
class DateWindow:
    """A period that an append-only source is asked for, both days included."""

    start: date
    end: date

    @property
    def days(self) -> int:
        """Return the number of days asked for."""
        return (self.end - self.start).days + 1

    def __str__(self) -> str:
        return f"{self.start} to {self.end}"


@dataclass(frozen=True)
class Checksum:
    """A digest that the portal announces; ``algorithm`` is a name of :mod:`hashlib`."""

    algorithm: str
    value: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.value}"


@dataclass(frozen=True)
class RemoteFile:
    """A file as its portal describes it now.

    Attributes:
        portal: kind of portal.
        dataset_id, resource_id: the portal's ids.
        url: official address, query included.
        title: the portal's title of the file.
        licence_id: id of the licence; ``None`` where the portal has no such field.
        format: the portal's name of the format.
        file_name: name under which the file is kept.
        publisher_date: legal date (Paris) of the publication.
        last_modified: instant of the last change, if given.
        size: bytes, if announced.
        checksum: digest, if announced.
        rows_expected: number of records, if announced.
        window: the period asked for.
        paged: the records come page by page and not as one file.
    """

    portal: str
    dataset_id: str
    resource_id: str
    url: str
    title: str
    licence_id: str | None
    format: str
    file_name: str
    publisher_date: date
    last_modified: datetime | None = None
    size: int | None = None
    checksum: Checksum | None = None
    rows_expected: int | None = None
    window: DateWindow | None = None
    paged: bool = False


class Portal(Protocol):
    """A kind of portal. It is asked, never trusted: what it says is checked by the caller."""

    def describe(
        self, dataset: Dataset, resource: Resource, window: DateWindow | None
    ) -> RemoteFile:
        """Return what the portal says about ``resource`` now.

        Raises:
            ResourceGoneError: the dataset no longer has that resource.
            PortalError: anything else, a vanished dataset included.
        """
        ...


@runtime_checkable
class FolderPortal(Portal, Protocol):
    """A portal whose resources are folders: a window is answered by several files."""

    def listing(
        self, dataset: Dataset, resource: Resource, window: DateWindow | None
    ) -> tuple[RemoteFile, ...]:
        """Return the files of ``resource`` in the window, none of them under the same name.

        Raises:
            ResourceGoneError: there is none.
            PortalError: anything else.
        """
        ...


@runtime_checkable
class PagedPortal(Portal, Protocol):
    """A portal that gives records page by page."""

    def pages(self, dataset: Dataset, resource: Resource, remote: RemoteFile) -> Iterator[Page]:
        """Yield the records of ``remote``; the caller compares their number with the announced."""
        ...


@runtime_checkable
class ResumablePortal(PagedPortal, Protocol):
    """A portal whose pages can be continued where they stopped."""

    def pages_after(
        self, dataset: Dataset, resource: Resource, remote: RemoteFile, mark: str | None
    ) -> Iterator[tuple[Page, str]]:
        """Yield the records after ``mark`` (all of them for ``None``), each page with its mark."""
        ...


def with_query(url: str, params: Mapping[str, str]) -> str:
    """Return ``url`` with ``params`` as its query."""
    return f"{url}?{urlencode(params)}" if params else url


def fold(text: str) -> str:
    """Return ``text`` in lower case, without accents and with single spaces."""
    plain = unicodedata.normalize("NFKD", text)
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).lower().split())


def licence_id(title: str | None) -> str:
    """Return the data.gouv.fr id of a licence known by its title, else the title itself."""
    return LICENCE_IDS.get(fold(title or ""), title or "notspecified")


def instant(text: str | None, *, local: tzinfo = UTC) -> datetime | None:
    """Return an ISO timestamp as UTC; ``local`` is the zone of one that names none."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise PortalError(
            f"the portal dates with {text!r}, which is no timestamp",
            next_step="tell the portal; nothing was changed",
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=local)
    return moment.astimezone(UTC)


def date_in_title(title: str) -> date | None:
    """Return the French date in a title ("… du 01 Août 2026"), if there is one."""
    found = _TITLE_DATE.search(fold(title))
    if found is None:
        return None
    day, month, year = found.groups()
    try:
        return date(int(year), _MONTHS.index(month) + 1, int(day))
    except ValueError:
        return None


def published(title: str, last_modified: datetime | None, window: DateWindow | None) -> date:
    """Return the legal date of a publication.

    The title's date names the vintage and wins over the day of the upload. A window cannot
    be fresher than the last change of its source.
    """
    changed = last_modified.astimezone(PARIS).date() if last_modified else None
    if window is not None:
        return min(window.end, changed) if changed else window.end
    dated = date_in_title(title) or changed
    if dated is None:
        raise PortalError(
            f"the portal gives no date for {title!r}",
            next_step="look at the page of the dataset; nothing was changed",
        )
    return dated


def safe_name(text: str, fallback: str) -> str:
    """Return a file name made of harmless characters only; it begins with a letter or digit."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip(".-")
    return name[-120:].lstrip("._-") or fallback


def count(value: Any) -> int | None:
    """Return a number that a portal announces; ``None`` where it announces none.

    Raises:
        PortalError: it is no whole number, or a negative one.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise PortalError(
            f"the portal announces {str(value)[:40]!r} where a number belongs",
            next_step="tell the portal; nothing was changed",
        )
    return value


@contextmanager
def understood() -> Iterator[None]:
    """Turn whatever an answer of another shape than the documented one breaks into one error.

    Raises:
        PortalError: the answer has another shape.
    """
    try:
        yield
    except _OTHER_SHAPE as error:
        raise PortalError(
            f"the portal's answer has not the documented shape ({type(error).__name__})",
            next_step="look at the page of the dataset; what is published here stays as it is",
        ) from error


def understood_pages(
    method: Callable[Parameters, Iterator[Yielded]],
) -> Callable[Parameters, Iterator[Yielded]]:
    """Return a method that yields, under the rules of :func:`understood`."""

    @wraps(method)
    def read(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Iterator[Yielded]:
        with understood():
            yield from method(*args, **kwargs)

    return read
