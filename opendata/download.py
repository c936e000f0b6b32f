"""From a remote file to a raw file with its receipt.

Belongs here: conditional, resumed and verified transfers, and the one place where a raw
file gets its name. Does not belong here: which files to take (:mod:`opendata.fetch`).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opendata import files
from opendata.catalogue import Dataset, Resource
from opendata.clock import Clock
from opendata.content import check_announced, check_content
from opendata.errors import DownloadError, OpenDataError, PortalError, StateError
from opendata.http import TRANSIENT, Answer, CutError, Http
from opendata.pace import Limits
from opendata.partial import Length, Mark, Partial, announced_length
from opendata.receipt import Receipt, newest, raw_folder
from opendata.remote import Page, PagedPortal, Portal, RemoteFile, ResumablePortal

#: Called with the resource, the bytes (or records) received so far and their total if known.
Progress = Callable[[str, int, int | None], None]


class StoppedError(DownloadError):
    """The transfer was stopped because another one of the dataset failed."""


_AGAIN = "run again; the transfer is continued where possible"


@dataclass(frozen=True)
class Outcome:
    """What became of one file: its receipt, and whether it is the previous one."""

    receipt: Receipt
    unchanged: bool


@dataclass(frozen=True)
class Download:
    """One file to take.

    Attributes:
        dataset, resource: whose file it is.
        remote: what the portal says about it.
        data_dir: the data folder.
        clock: clock of the run.
        previous: receipt of the version that serves now.
        progress: told how far it is.
        stop: set from outside to end the transfer, which can be resumed later.
    """

    dataset: Dataset
    resource: Resource
    remote: RemoteFile
    data_dir: Path
    clock: Clock
    previous: Receipt | None = None
    progress: Progress | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def folder(self) -> Path:
        """Return the folder of every raw file of the resource."""
        return raw_folder(self.data_dir, self.dataset.name, self.resource.name)

    @property
    def needed(self) -> bool:
        """Tell whether the file must be asked for, as far as the announced checksum says."""
        return self.previous is None or not self._announced(self.previous)

    def _announced(self, receipt: Receipt) -> bool:
        """Tell whether the portal announces the very file of ``receipt``."""
        announced = self.remote.checksum
        known = (receipt.portal_checksum, f"sha256:{receipt.sha256}")
        return announced is not None and self._same_request(receipt) and str(announced) in known

    def _already_here(self) -> Receipt | None:
        """Return the receipt of a file taken by a run that failed later on."""
        latest = newest(self.data_dir, self.dataset.name, self.resource.name)
        if latest is None or not self._announced(latest):
            return None
        try:
            latest.verify(self.data_dir)
        except StateError:
            return None
        return latest

    def run(self, http: Http, portal: Portal) -> Outcome:
        """Take the file, or find that it has not changed; in that case nothing is written.

        Raises:
            DownloadError: it did not arrive whole, or is not what was announced.
            PortalError: the portal refused.
            StateError: the disk is full.
        """
        try:
            with files.space_told():
                return self._run(http, portal)
        except OpenDataError as error:
            error.located(
                dataset=self.dataset.name, resource=self.resource.name, file=self.remote.file_name
            )
            raise

    def _run(self, http: Http, portal: Portal) -> Outcome:
        if self.remote.paged and isinstance(portal, PagedPortal):
            return self._take_pages(portal, http.limits)
        if not self.needed:
            return self._unchanged()
        if here := self._already_here():
            self._partial().discard()  # a run killed after its receipt left it
            return Outcome(here, unchanged=False)
        return self._take_file(http)

    def _partial(self) -> Partial:
        return Partial(self.folder / ".partial", self.remote.url)

    def _cap(self, limits: Limits) -> int:
        """Return the bytes that are taken of a file whose length nobody announces."""
        return max(limits.unannounced_bytes, 4 * self.previous.bytes if self.previous else 0)

    # -- unchanged ---------------------------------------------------------------------

    def _same_request(self, previous: Receipt) -> bool:
        window = self.remote.window
        asked = (window.start, window.end) if window else (None, None)
        return asked == (previous.window_from, previous.window_to)

    def _unchanged(self) -> Outcome:
        if self.previous is None:
            raise PortalError(
                "the portal answered 'not modified' to an unconditional request",
                next_step="tell the portal",
            )
        return Outcome(self.previous, unchanged=True)

    def _conditions(self) -> dict[str, str]:
        previous = self.previous
        if previous is None or previous.url != self.remote.url or self.remote.window:
            return {}
        if previous.etag:
            return {"If-None-Match": previous.etag}
        return {"If-Modified-Since": previous.last_modified} if previous.last_modified else {}

    # -- one file ----------------------------------------------------------------------

    def _take_file(self, http: Http) -> Outcome:
        partial = self._partial()
        answer: Answer | None = None
        for attempt in http.retrying():
            with attempt:
                answer = self._transfer(http, partial)
        if answer is None or answer.status == 304:
            return self._unchanged()
        return self._keep(partial, answer.url, answer.headers)

    def _transfer(self, http: Http, partial: Partial) -> Answer:
        while (answer := self._ask(http, partial)) is None:
            partial.start_over()
        return answer

    def _ask(self, http: Http, partial: Partial) -> Answer | None:
        """Take what one answer gives; return ``None`` if it does not fit what is there."""
        headers = {"Accept-Encoding": "identity", "Accept": "*/*"}
        offset = partial.offset
        if offset and partial.validator:
            headers |= {"Range": f"bytes={offset}-", "If-Range": partial.validator}
        else:
            headers |= self._conditions()
        files.require_free(self.folder, max(0, (self.remote.size or 0) - offset))
        with http.stream(self.remote.url, headers=headers, accept=(200, 206, 304, 416)) as answer:
            if answer.status == 304:
                return answer
            if answer.status == 200:
                partial.restart(answer.headers)
                total = announced_length(answer.headers)
            elif answer.status == 206:
                total = partial.total_if_continued(answer.headers, self.remote.size)
                if total is None:
                    return None
            else:
                return None
            self._write(answer, partial, total, self._cap(http.limits))
        return answer

    def _write(self, answer: Answer, partial: Partial, total: int | None, cap: int) -> None:
        announced = [size for size in (total, self.remote.size) if size is not None]
        length = Length(min(announced, default=None), cap)
        received = partial.path.stat().st_size
        with partial.growing(length) as append:
            for chunk in answer.chunks():
                received = append(chunk)
                self._tell(received, length.announced)
        if total is not None and received != total:
            raise CutError(f"{received:,} bytes of {total:,} came", next_step=_AGAIN)

    def _tell(self, received: int, total: int | None) -> None:
        if self.stop.is_set():
            raise StoppedError("stopped because another transfer failed", next_step=_AGAIN)
        if self.progress is not None:
            self.progress(self.resource.name, received, total)

    # -- pages -------------------------------------------------------------------------

    def _take_pages(self, portal: PagedPortal, limits: Limits) -> Outcome:
        partial = self._partial()
        files.require_free(self.folder, 0)
        shown = str(self.remote.last_modified)
        mark = partial.marked(shown) if isinstance(portal, ResumablePortal) else None
        if mark is None:
            partial.restart({})
        received, expected = mark.rows if mark else 0, self.remote.rows_expected
        length = Length(None, self._cap(limits) if expected is None else None)
        try:
            with partial.growing(length) as append:
                for page, place in self._pages(portal, mark):
                    received += len(page)
                    if expected is not None and received > expected:
                        raise DownloadError(
                            f"the portal says {expected:,} records, {received:,} came",
                            next_step="run again; if it lasts, tell the portal",
                        )
                    append(b"".join(map(_line, page)))
                    if place is not None:
                        partial.mark(Mark(place, received), shown)
                    self._tell(received, expected)
        except (*TRANSIENT, StoppedError):
            if not isinstance(portal, ResumablePortal):
                partial.discard()
            raise
        except (OpenDataError, OSError):
            partial.discard()
            raise
        return self._keep(partial, self.remote.url, {})

    def _pages(self, portal: PagedPortal, mark: Mark | None) -> Iterator[tuple[Page, str | None]]:
        if isinstance(portal, ResumablePortal):
            place = mark.place if mark else None
            yield from portal.pages_after(self.dataset, self.resource, self.remote, place)
        else:
            for page in portal.pages(self.dataset, self.resource, self.remote):
                yield page, None

    # -- keeping -----------------------------------------------------------------------

    def _keep(self, partial: Partial, final_url: str, headers: Mapping[str, str]) -> Outcome:
        try:
            check_announced(partial.path, self.remote)
            rows = check_content(partial.path, self.resource, self.remote)
        except OpenDataError:
            partial.discard()
            raise
        sha256 = files.digest(partial.path)
        previous = self.previous
        if previous and previous.sha256 == sha256 and self._same_request(previous):
            partial.discard()
            return self._unchanged()
        receipt = self._receipt(sha256, partial.path.stat().st_size, rows, final_url, headers)
        target = receipt.path(self.data_dir)
        target.parent.mkdir(parents=True, exist_ok=True)
        files.replace(partial.path, target, point="raw")
        receipt.save(self.data_dir)
        partial.discard()
        return Outcome(receipt, unchanged=False)

    def _receipt(
        self,
        sha256: str,
        size: int,
        rows: int | None,
        final_url: str,
        headers: Mapping[str, str],
    ) -> Receipt:
        remote, window = self.remote, self.remote.window
        return Receipt(
            dataset=self.dataset.name,
            resource=self.resource.name,
            portal=remote.portal,
            dataset_id=remote.dataset_id,
            resource_id=remote.resource_id,
            title=remote.title,
            publisher=self.dataset.publisher.name,
            licence_id=remote.licence_id or self.dataset.licence.id,
            licence_title=self.dataset.licence.title,
            licence_url=self.dataset.licence.url,
            url=remote.url,
            final_url=final_url,
            publisher_date=remote.publisher_date,
            publisher_modified=remote.last_modified,
            fetched_at=self.clock.now(),
            etag=headers.get("etag"),
            last_modified=headers.get("last-modified"),
            portal_checksum=str(remote.checksum) if remote.checksum else None,
            file=remote.file_name,
            sha256=sha256,
            bytes=size,
            rows=rows,
            window_from=window.start if window else None,
            window_to=window.end if window else None,
        )


def _line(row: dict[str, Any]) -> bytes:
    return f"{json.dumps(row, ensure_ascii=False, separators=(',', ':'))}\n".encode()
