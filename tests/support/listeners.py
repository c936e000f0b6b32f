"""Servers of the loopback interface that keep what they are sent: a webhook and a mail server.

Belongs here: what the tests of alerts talk to. They speak the real protocols; nothing of the
project is replaced.
"""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Hook(ThreadingHTTPServer):
    """A webhook; ``status`` is what it answers."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.status = 200
        super().__init__(("127.0.0.1", 0), _Posted)

    @property
    def url(self) -> str:
        """Return its address, with a token in it as chat services have one."""
        return f"http://127.0.0.1:{self.server_address[1]}/services/s3cr3t-token"


class _Posted(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.status == 200:
            self.server.received.append(json.loads(body))
        self.send_response(self.server.status)
        if self.server.status == 302:
            self.send_header("Location", "http://127.0.0.1:9/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_words: object) -> None:
        return


class MailServer(socketserver.ThreadingTCPServer):
    """A mail server that takes every message (RFC 5321, the commands smtplib sends)."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.recipients: list[str] = []
        self.refuse = False
        super().__init__(("127.0.0.1", 0), _Conversation)

    @property
    def url(self) -> str:
        """Return its address as the setting takes it."""
        return f"smtp://127.0.0.1:{self.server_address[1]}"


class _Conversation(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self._say("220 loopback ready")
        while line := self.rfile.readline().decode().strip():
            verb = line.partition(" ")[0].upper()
            if verb == "DATA":
                self._message()
            elif verb == "QUIT":
                self._say("221 bye")
                return
            elif verb == "RCPT" and self.server.refuse:
                self._say("550 nobody here")
            else:
                if verb == "RCPT":
                    self.server.recipients.append(line.partition(":")[2].strip("<>"))
                self._say("250 ok")

    def _message(self) -> None:
        self._say("354 go on")
        lines = []
        while (line := self.rfile.readline().decode()).rstrip("\r\n") != ".":
            lines.append(line.removeprefix("."))
        self.server.messages.append("".join(lines))
        self._say("250 taken")

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())


@contextmanager
def _serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def hook() -> Iterator[Hook]:
    """Serve a webhook."""
    server = Hook()
    with _serving(server):
        yield server


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """Serve a mail server."""
    server = MailServer()
    with _serving(server):
        yield server
