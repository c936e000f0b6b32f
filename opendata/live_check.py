"""Is what the portals offer today still what ``dataset.yml`` describes?

Belongs here: asking a portal for the description and the beginning of each file of a
dataset, and saying what differs and what to edit. Nothing is downloaded whole but small
workbooks, and nothing is written to the data folder. Does not belong here: taking files
(:mod:`opendata.fetch`), reading beginnings (:mod:`opendata.beginning`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from opendata.beginning import Beginning, headers_of, read_beginning
from opendata.catalogue import OPEN_LICENCES, Dataset, Resource
from opendata.errors import OpenDataError, PortalError
from opendata.http import Http, MissingError
from opendata.magic import Kind
from opendata.readers import wants
from opendata.remote import (
    DateWindow,
    FolderPortal,
    PagedPortal,
    Portal,
    RemoteFile,
    ResourceGoneError,
)

#: Portal → what limits an answer to a few records.
_LIMIT = {"opendatasoft": {"limit": "5"}, "datafair": {"size": "5"}}
#: The portals' words for formats, where they are not ours.
_WORDS = {"gz": "gzip", "ndjson": "jsonl", "xls": "xlsx", "ods": "xlsx", "tgz": "taz"}
_KINDS = {"text": "csv"}
#: What a run takes for each declared packing or format: a table may come in any shape.
_TABLES: frozenset[Kind] = frozenset({"text", "xlsx", "parquet"})
_TAKEN: dict[str, frozenset[Kind]] = {
    **dict.fromkeys(("csv", "xlsx", "parquet"), _TABLES),
    **dict.fromkeys(("json", "jsonl"), frozenset[Kind]({"json"})),
    **dict.fromkeys(("gzip", "taz"), frozenset[Kind]({"gzip"})),
    "zip": frozenset({"zip", "xlsx"}),
    "xml": frozenset({"xml"}),
}
_SHOWN = 12


@dataclass(frozen=True)
class Drift:
    """One difference between a portal and its description.

    Attributes:
        dataset, resource: our names; the resource is empty if all of them are concerned.
        what: ``resource``, ``answer``, ``title``, ``format``, ``columns``, ``licence`` or
            ``date``.
        expected, found: by the description, at the portal.
        edit: what to edit in which file.
        stops: a run would refuse the dataset, or its readers see a gap; otherwise all copes.
    """

    dataset: str
    resource: str
    what: str
    expected: str
    found: str
    edit: str
    stops: bool = True


def check_dataset(
    dataset: Dataset, *, portal: Portal, http: Http, today: date, described_in: str
) -> list[Drift]:
    """Compare a dataset with its portal, resource by resource.

    Args:
        dataset: a dataset that comes from a portal.
        portal: the portal of its kind.
        http: the client the portal speaks through.
        today: legal date, for periods and ages.
        described_in: path of its ``dataset.yml``, as the answer should name it.

    Returns:
        What differs, in the order of the description; nothing if all is as described. A
        portal that cannot be asked is a drift like another.
    """
    check = _Check(dataset, portal, http, today, described_in)
    found: list[Drift] = []
    dates: dict[str, date] = {}
    for resource in dataset.resources:
        remote, drifts = check.description(resource)
        found += drifts
        if remote is not None:
            said = {(one.what, one.found) for one in found if one.what == "licence"}
            facts = check.facts(resource, remote)
            found += [one for one in facts if (one.what, one.found) not in said]
            found += check.content(resource, remote)
            dates[resource.name] = remote.publisher_date
    months = {f"{day:%Y-%m}" for day in dates.values()}
    if dataset.coherent and len(months) > 1:
        shown = ", ".join(f"{name} {day:%Y-%m}" for name, day in dates.items())
        edit = "nothing: run when the publisher has replaced all of its files"
        found.append(Drift(dataset.name, "", "date", "one month for all", shown, edit))
    return found


@dataclass(frozen=True)
class _Check:
    """The comparison of one dataset."""

    dataset: Dataset
    portal: Portal
    http: Http
    today: date
    described_in: str

    def description(self, resource: Resource) -> tuple[RemoteFile | None, list[Drift]]:
        """Return what the portal says of a file, and why it cannot say it if it cannot."""
        try:
            return self._described(resource, self._window(resource)), []
        except (OpenDataError, AttributeError, KeyError, TypeError) as error:
            drift = self._unanswered(resource, error)
        if resource.window is None or drift.what != "answer":
            return None, [drift]
        # A period cannot be asked: what else the portal says is worth knowing.
        declared = resource.window.field
        query = replace(
            drift,
            expected=f"a date field {declared!r} to ask a period by",
            edit=self._place(resource, "`window.field` or `query`"),
        )
        try:
            return self._described(resource.model_copy(update={"window": None}), None), [query]
        except (OpenDataError, AttributeError, KeyError, TypeError):
            return None, [drift]

    def _described(self, resource: Resource, window: DateWindow | None) -> RemoteFile:
        # Some portals refuse another title; here it is compared with all the rest. On
        # DILA's mirror, and where no id is known, the pattern selects the file.
        if self.dataset.portal != "dila" and resource.id:
            resource = resource.model_copy(update={"title_pattern": None})
        if window is not None and isinstance(self.portal, FolderPortal):
            # A folder has several files in a window: the latest tells how they are now.
            listed = self.portal.listing(self.dataset, resource, window)
            return max(listed, key=lambda remote: (remote.publisher_date, remote.title))
        return self.portal.describe(self.dataset, resource, window)

    def _window(self, resource: Resource) -> DateWindow | None:
        if resource.window is None:
            return None
        return DateWindow(self.today - timedelta(days=resource.window.first_days), self.today)

    def _unanswered(self, resource: Resource, error: Exception) -> Drift:
        if isinstance(error, ResourceGoneError):
            edit = self._place(resource, f"`id: {resource.id}`, or `optional: true`")
            stops = not resource.optional
            return self._drift(resource, "resource", resource.id, error.what, edit, stops=stops)
        if isinstance(error, PortalError) and isinstance(error.__cause__, MissingError):
            edit = f"`dataset_id` in {self.described_in}, or the `id` of {resource.name}"
            return self._drift(resource, "resource", self.dataset.dataset_id, error.what, edit)
        if isinstance(error, OpenDataError):
            edit = f"nothing yet: {error.next_step}"
            return self._drift(resource, "answer", "a description", error.what, edit)
        found = "an answer without its documented shape"
        edit = f"opendata/portals/{self.dataset.portal}.py"
        return self._drift(resource, "answer", "a description", found, edit)

    def facts(self, resource: Resource, remote: RemoteFile) -> Iterator[Drift]:
        """Yield what differs in title, licence and date."""
        pattern = resource.title_pattern
        if pattern and not re.fullmatch(pattern, remote.title):
            edit = self._place(resource, "`id` if it is another file, else `title_pattern`")
            yield self._drift(resource, "title", pattern, remote.title, edit)
        agreed = self.dataset.licence.id
        licence = remote.licence_id or agreed
        open_ = licence in OPEN_LICENCES or not self.dataset.licence.republication
        if licence != agreed or not open_:
            edit = f"`licence` in {self.described_in}, only if the new one allows re-publication"
            # It is the licence of the dataset, whichever file it was read with.
            yield Drift(self.dataset.name, "", "licence", agreed, licence, edit)
        cadence = self.dataset.cadence
        age = (self.today - remote.publisher_date).days
        if age > cadence.warn_after_days:
            late = age > cadence.fail_after_days
            limit = cadence.fail_after_days if late else cadence.warn_after_days
            edit = f"`cadence` in {self.described_in}, if the publisher changed its rhythm"
            expected, found = f"at most {limit} days old", f"{remote.publisher_date}, {age} days"
            yield self._drift(resource, "date", expected, found, edit, stops=late)

    def content(self, resource: Resource, remote: RemoteFile) -> Iterator[Drift]:
        """Yield what differs in format and columns, by the first bytes of the file."""
        try:
            beginning = self._beginning(resource, remote)
        except OpenDataError as error:
            edit = f"nothing yet: {error.next_step}"
            yield self._drift(resource, "answer", "the file", error.what, edit)
            return
        readable = beginning.kind in _TAKEN[resource.archive or resource.format]
        yield from self._format(resource, remote, beginning, readable=readable)
        if not readable or resource.format == "xml" or resource.records is not None:
            return
        try:
            headers = headers_of(beginning, resource)
        except OpenDataError as error:
            edit = f"nothing yet: {error.next_step}"
            yield self._drift(resource, "columns", "a header", error.what, edit, stops=False)
            return
        yield from self._columns(resource, headers)

    def _beginning(self, resource: Resource, remote: RemoteFile) -> Beginning:
        """Return the first bytes; of records, a few, with every field there is."""
        limit = _LIMIT.get(remote.portal)
        if limit is not None:
            query = {name: text for name, text in resource.query.items() if name != "select"}
            sampled = resource.model_copy(update={"query": {**query, **limit}, "window": None})
            remote = self._described(sampled, None)
            resource = sampled
        if remote.paged and isinstance(self.portal, PagedPortal):
            page = next(self.portal.pages(self.dataset, resource, remote), [])
            # Some portals leave out fields without a value, so one record may lack some.
            fields = {name: value for record in page for name, value in record.items()}
            return Beginning(json.dumps([fields] if page else []).encode(), True, "json")
        return read_beginning(self.http, remote.url)

    def _format(
        self, resource: Resource, remote: RemoteFile, beginning: Beginning, *, readable: bool
    ) -> Iterator[Drift]:
        outer = resource.archive or resource.format
        announced = remote.format.lower()
        announced = _WORDS.get(announced, announced)
        sent = _KINDS.get(beginning.kind, beginning.kind)
        if sent == "json" and resource.format == "jsonl":
            sent = "jsonl"
        known = announced in ("", outer, resource.format)
        if readable and known and sent in (outer, resource.format, "gzip"):
            return
        found = f"{announced or 'nothing'} announced, {sent} sent"
        edit = self._place(resource, f"`format: {resource.format}`")
        if readable:
            edit += "; a run reads it as it is"
        yield self._drift(resource, "format", outer, found, edit, stops=not readable)

    def _columns(self, resource: Resource, headers: list[str]) -> Iterator[Drift]:
        known = {name.strip().casefold() for col in resource.columns for name in col.headers}
        new = [name for name in headers if name.strip().casefold() not in known]
        for missing in wants(resource, headers):
            column = next(one for one in resource.columns if one.header == missing)
            found = f"not there; unknown here: {', '.join(new[:_SHOWN]) or 'none'}"
            edit = self._place(resource, f"`columns`, {column.name}: the new header to `synonyms`")
            yield self._drift(resource, "columns", missing, found, edit)

    def _place(self, resource: Resource, part: str) -> str:
        return f"{part} of the resource {resource.name} in {self.described_in}"

    def _drift(
        self,
        resource: Resource,
        what: str,
        expected: str,
        found: str,
        edit: str,
        *,
        stops: bool = True,
    ) -> Drift:
        return Drift(self.dataset.name, resource.name, what, expected, found, edit, stops)
