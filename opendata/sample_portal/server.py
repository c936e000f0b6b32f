"""The loopback server.

Belongs here: the socket, the threads, and which official host answers a path. Does not belong
here: what it answers.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from opendata.errors import SettingsError
from opendata.sample_portal import datagouv, insee, vintages
from opendata.sample_portal.answers import Answer, Question
from opendata.sample_portal.datagouv import DataGouv
from opendata.sample_portal.dido import DidoApi
from opendata.sample_portal.drift import Drifts, Kind
from opendata.sample_portal.opendatasoft import Opendatasoft


class SamplePortal:
    """The portals of a sample, at a date, on a loopback port.

    Usage:
        ``with SamplePortal(folder, as_of=date(2017, 1, 2)) as portal:`` then give
        ``PortalBases(portal.bases())`` to the client, and ``portal.set_date(…)`` to let time
        pass.

    Args:
        folder: holds ``portal.yml`` and the files it names.
        as_of: the portal's date; None shows everything.
        port: 0 takes a free one.

    Raises:
        SettingsError: ``portal.yml`` cannot be read, or the port is taken.
    """

    def __init__(self, folder: Path, *, as_of: date | None = None, port: int = 0) -> None:
        described = vintages.load(folder)
        self._date = as_of
        self._drifts = Drifts()
        files = DataGouv(
            folder, described.datagouv, self._drifts, lambda: self._date, lambda: self.base_url
        )
        self._hosts: dict[str, Callable[[Question], Answer]] = {
            datagouv.API: files.api,
            datagouv.STORAGE: files.storage,
        }
        for host in {dataset.host for dataset in described.opendatasoft}:
            served = tuple(one for one in described.opendatasoft if one.host == host)
            records = Opendatasoft(folder, served, self._drifts, lambda: self._date)
            self._hosts[host] = records.answer
        for host in {dataset.host for dataset in described.dido}:
            tables = tuple(one for one in described.dido if one.host == host)
            self._hosts[host] = DidoApi(folder, tables, lambda: self._date).answer
        if described.insee is not None:
            api = insee.InseeApi(folder, described.insee, lambda: self._date)
            self._hosts[insee.HOST] = api.answer
        try:
            self._server = _Server(("127.0.0.1", port), self.answer)
        except OSError as error:
            raise SettingsError(
                f"the port {port} cannot be used: {error.strerror}",
                next_step="stop what listens there, or choose another port",
            ) from error
        self._thread: threading.Thread | None = None

    @property
    def base_url(self) -> str:
        """Return the address of the server, without a final slash."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def bases(self) -> dict[str, str]:
        """Return official host → base address that serves it here."""
        return {host: f"{self.base_url}/{host}" for host in sorted(self._hosts)}

    def set_date(self, as_of: date | None) -> None:
        """Move the portal to a date; None shows everything."""
        self._date = as_of

    def drift(self, kind: Kind, resource: str) -> None:
        """Let the publisher change something about a resource (or an Opendatasoft dataset)."""
        self._drifts.add(kind, resource)

    def restore(self) -> None:
        """Undo every drift."""
        self._drifts.clear()

    def answer(self, target: str, headers: dict[str, str]) -> Answer:
        """Answer a request target, e.g. ``/www.data.gouv.fr/api/1/datasets/x/?y=z``."""
        parts = urlsplit(target)
        host, _, path = parts.path.removeprefix("/").partition("/")
        reply = self._hosts.get(host)
        if reply is None:
            return Answer(404)
        query = parse_qs(parts.query, keep_blank_values=True)
        return reply(Question(f"/{unquote(path)}", query, headers))

    def serve_forever(self) -> None:
        """Serve in this thread until interrupted or closed."""
        self._server.serve_forever(poll_interval=0.05)

    def close(self) -> None:
        """Stop serving and free the port."""
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._server.server_close()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    """A quiet server: a client that leaves early is no news."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(
        self, address: tuple[str, int], reply: Callable[[str, dict[str, str]], Answer]
    ) -> None:
        self.reply = reply
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Reads a request, writes an :class:`Answer`."""

    protocol_version = "HTTP/1.1"
    timeout = 30
    #: Head and body are two writes: without this each answer would wait 40 ms for the first.
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._reply(body=True)

    def do_HEAD(self) -> None:
        self._reply(body=False)

    def _reply(self, *, body: bool) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.reply(self.path, headers)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 304:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if body and answer.status != 304:
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
