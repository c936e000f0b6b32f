"""A real HTTP server on the loopback interface that misbehaves on demand.

Belongs here: the server that the transport tests talk to. Nothing of the project is
replaced by it: it stands for the portals.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from opendata.addresses import Addresses, PortalBases
from opendata.http import Http, tls_context
from opendata.pace import Gates, Limits, Pace, Retry, Timer

#: Made once: loading the certificates takes longer than most tests.
TLS = tls_context()


@dataclass(frozen=True)
class Reply:
    """One scripted answer.

    Attributes:
        status, headers, body: what is sent.
        reset_after: bytes of the body after which the connection is reset.
        drip: seconds between single bytes of the body.
        ranges: honour ``Range`` and ``If-Range`` (on ``ETag``), as a static server does.
        length: announce ``Content-Length``.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    reset_after: int | None = None
    drip: float | None = None
    ranges: bool = False
    length: bool = True


def as_json(content: Any, status: int = 200, **headers: str) -> Reply:
    """Return a JSON answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(
        status, json.dumps(content).encode(), {"Content-Type": "application/json", **named}
    )


def redirect(location: str, status: int = 302) -> Reply:
    """Return a redirect."""
    return Reply(status, b"", {"Location": location})


@dataclass(frozen=True)
class Seen:
    """One request that the server received."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


class _Server(ThreadingHTTPServer):
    """A quiet server: it may be on a full disk, where even a word about it cannot be kept."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Loopback:
    """The server; ``script`` the answers of a path, read what was asked in ``seen``."""

    def __init__(self, *, tls: bool = False) -> None:
        self.seen: list[Seen] = []
        self._scripts: dict[str, list[Reply]] = {}
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(Path(__file__).with_name("self_signed.pem"))
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._scheme = "https" if tls else "http"

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}"

    def bases(self, *hosts: str) -> dict[str, str]:
        """Return the base URL of each official host on this server."""
        return {host: f"{self.url}/{host}" for host in hosts}

    def script(self, path: str, *replies: Reply) -> None:
        """Answer ``path`` with each reply in turn; the last one is repeated."""
        with self._lock:
            self._scripts[path] = list(replies)

    def asked(self, path: str) -> list[Seen]:
        """Return the requests for ``path``."""
        with self._lock:
            return [request for request in self.seen if request.path == path]

    def _next(self, request: Seen) -> Reply:
        with self._lock:
            self.seen.append(request)
            replies = self._scripts.get(request.path)
            if not replies:
                return Reply(404, b'{"message": "not found"}')
            return replies.pop(0) if len(replies) > 1 else replies[0]

    def __enter__(self) -> Self:
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(owner) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_args: object) -> None:
                """Keep the test output clean."""

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.do_GET()

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                headers = {name.lower(): value for name, value in self.headers.items()}
                reply = owner._next(Seen(parts.path, query, headers))
                try:
                    _send(self, reply, headers)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

        return Handler


def _send(handler: BaseHTTPRequestHandler, reply: Reply, asked: dict[str, str]) -> None:
    status, body, headers = reply.status, reply.body, dict(reply.headers)
    etag = headers.get("ETag")
    if reply.ranges and etag and asked.get("if-none-match") == etag:
        status, body = 304, b""
    elif reply.ranges and "range" in asked and asked.get("if-range", etag) == etag:
        start = int(asked["range"].removeprefix("bytes=").rstrip("-"))
        headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        status, body = 206, body[start:]
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    if reply.length:
        handler.send_header("Content-Length", str(len(body)))
    else:
        handler.send_header("Connection", "close")
        handler.close_connection = True
    handler.end_headers()
    if reply.drip is not None:
        for byte in body:
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()
            time.sleep(reply.drip)
        return
    if reply.reset_after is None:
        handler.wfile.write(body)
        return
    handler.wfile.write(body[: reply.reset_after])
    handler.wfile.flush()
    while _lies_unread(
        handler.server.server_address[1], handler.client_address[1]
    ):  # a reset would discard it
        time.sleep(0.001)
    linger = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.close_connection = True
    handler.connection.close()


def _lies_unread(ours: int, theirs: int) -> bool:
    """Tell whether bytes are on their way between two ports, or wait there for the program."""
    for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]:
        _, local, remote, _, queues, *_ = line.split()
        ends = int(local.rpartition(":")[2], 16), int(remote.rpartition(":")[2], 16)
        sent, received = (int(queue, 16) for queue in queues.split(":"))
        if (ends == (ours, theirs) and sent) or (ends == (theirs, ours) and received):
            return True
    return False


@contextmanager
def loopback(*, tls: bool = False) -> Iterator[Loopback]:
    """Yield a running server on a free port."""
    with Loopback(tls=tls) as server:
        yield server


def fast_http(
    server: Loopback,
    *hosts: str,
    timer: Timer | None = None,
    retry: Retry | None = None,
    limits: Limits | None = None,
    tls: ssl.SSLContext | None = None,
) -> Http:
    """Return our client, pointed at ``server`` for ``hosts``, that wastes no time waiting."""
    return Http(
        Addresses(hosts, bases=PortalBases(server.bases(*hosts))),
        gates=Gates(paces={}, default=Pace(interval=0.0), timer=timer or Timer()),
        retry=retry or Retry(wait_initial=0.001, wait_jitter=0.001, retry_after_cap=0.01),
        limits=limits or Limits(connect=60, read=60),
        tls=tls or TLS,
    )
