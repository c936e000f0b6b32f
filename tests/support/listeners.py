"""Servers of the loopback interface that keep what they are sent: a webhook and a mail server.

Belongs here: what the tests of alerts talk to. They speak the real protocols; nothing of the
project is replaced.
"""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import json
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


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
    """A mail server that takes every message (RFC 5321, the commands smtplib sends).

    Args:
        tls: what it encrypts with, after STARTTLS (RFC 3207) or from the first byte.
        at_once: from the first byte.
        account: user and password without which nothing is taken (RFC 4954); they are asked for
            on an encrypted line only.

    With ``asks`` it wants a log-in on any line, which it refuses with ``refuse``, repeating what it
    was sent.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(
        self,
        tls: ssl.SSLContext | None = None,
        *,
        at_once: bool = False,
        account: tuple[str, str] | None = None,
    ) -> None:
        self.messages: list[str] = []
        self.recipients: list[str] = []
        self.refuse = self.asks = False
        self.tls, self.at_once, self.account = tls, at_once, account
        #: Each verb, and whether the line was encrypted when it came.
        self.heard: list[tuple[str, bool]] = []
        super().__init__(("127.0.0.1", 0), _Conversation)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, *_words: object) -> None:
        """A client that hangs up, as one does that does not trust, is no news."""

    @property
    def url(self) -> str:
        """Return its address as the setting takes it."""
        return f"smtp://127.0.0.1:{self.server_address[1]}"


class _Conversation(socketserver.StreamRequestHandler):
    server: MailServer

    def setup(self) -> None:
        self.encrypted, self.known = False, self.server.account is None
        if self.server.at_once:
            assert self.server.tls is not None
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
            self.encrypted = True
        super().setup()

    def handle(self) -> None:
        self._say("220 loopback ready")
        while line := self.rfile.readline().decode().strip():
            verb, _, rest = line.partition(" ")
            self.server.heard.append((verb.upper(), self.encrypted))
            if verb.upper() == "QUIT":
                self._say("221 bye")
                return
            self._answer(verb.upper(), rest)

    def _answer(self, verb: str, rest: str) -> None:
        if verb == "EHLO":
            self._offer()
        elif verb == "STARTTLS":
            self._encrypt()
        elif verb == "AUTH":
            self._log_in(rest)
        elif not self.known and verb in {"MAIL", "RCPT", "DATA"}:
            self._say("530 log in first")
        elif verb == "DATA":
            self._message()
        elif verb == "RCPT" and self.server.refuse:
            self._say("550 nobody here")
        else:
            if verb == "RCPT":
                self.server.recipients.append(rest.partition(":")[2].strip("<>"))
            self._say("250 ok")

    def _offer(self) -> None:
        offers = ["loopback"]
        if self.server.tls is not None and not self.encrypted:
            offers.append("STARTTLS")
        if self.server.asks or (self.server.account is not None and self.encrypted):
            offers.append("AUTH PLAIN")
        for offer in offers[:-1]:
            self._say(f"250-{offer}")
        self._say(f"250 {offers[-1]}")

    def finish(self) -> None:
        with suppress(OSError, ValueError):
            super().finish()
        # The server closes the socket it accepted, which TLS has taken apart.
        self.request.close()

    def _encrypt(self) -> None:
        assert self.server.tls is not None
        self._say("220 go ahead")
        self.rfile.close()
        self.wfile.close()
        self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        self.rfile = self.request.makefile("rb")
        self.wfile = self.request.makefile("wb", buffering=0)
        self.encrypted = True

    def _log_in(self, rest: str) -> None:
        said = base64.b64decode(rest.removeprefix("PLAIN ")).decode().split("\0")[1:]
        if self.server.asks:
            refused = f"535 refused: {' '.join(said)}"
            self._say(refused if self.server.refuse else "235 known")
            return
        self.known = tuple(said) == self.server.account
        self._say("235 welcome" if self.known else "535 no such account")

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
def mail_server(
    tls: ssl.SSLContext | None = None,
    *,
    at_once: bool = False,
    account: tuple[str, str] | None = None,
) -> Iterator[MailServer]:
    """Serve a mail server."""
    server = MailServer(tls, at_once=at_once, account=account)
    with _serving(server):
        yield server


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, Path]:
    """Make a certificate for ``name``; return what a server needs of it and the file to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    try:
        shown: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        shown = x509.DNSName(name)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2120, 1, 1, tzinfo=dt.UTC))
        .add_extension(x509.SubjectAlternativeName([shown]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    trusted, secret = folder / "trusted.pem", folder / "key.pem"
    trusted.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, secret)
    return context, trusted
