"""An S3-compatible server on loopback that can be told to fail.

Belongs here: moto's S3 behind a socket, its faults, what it was asked. Does not belong
here: what must hold.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import WSGIRequestHandler, make_server

from opendata.stores import Store, StoreAddress

KEYS = {"AWS_ACCESS_KEY_ID": "publisher", "AWS_SECRET_ACCESS_KEY": "not a secret"}
BUCKET = "feed"
#: method, path → what goes wrong: ``500``, ``403``, ``reset`` (before), ``lost`` (unanswered).
Fault = Callable[[str, str], str | None]


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_: Any, **__: Any) -> None:
        pass

    def log_error(self, *_: Any, **__: Any) -> None:
        pass


@dataclass
class ObjectServer:
    """The server, what it was asked, and what it does wrong."""

    url: str = ""
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    fault: Fault | None = None
    _app: Any = None

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        said = {name: value for name, value in environ.items() if name.startswith("HTTP_")}
        self.asked.append((method, path, said))
        wrong = self.fault(method, path) if self.fault else None
        if wrong == "500":
            start("500 Internal Server Error", [("Content-Length", "0")])
            return [b""]
        if wrong == "403":
            # As S3 refuses: with the id of the key in its words.
            key = environ.get("HTTP_AUTHORIZATION", "")
            body = f"<Error><Code>AccessDenied</Code><Message>{key}</Message></Error>".encode()
            start("403 Forbidden", [("Content-Length", str(len(body)))])
            return [body]
        if wrong == "reset":
            return self._cut(environ)
        answer = list(self._app(environ, (lambda *_: None) if wrong == "lost" else start))
        return self._cut(environ) if wrong == "lost" else answer

    @staticmethod
    def _cut(environ: dict[str, Any]) -> Iterable[bytes]:
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        raise ConnectionResetError

    def store(self, prefix: str = "prod", **values: Any) -> Store:
        usual = {"endpoint": self.url, "attempts": 1, "seconds": 60}
        return Store.open(StoreAddress(f"s3://{BUCKET}/{prefix}", **{**usual, **values}), KEYS)

    def puts(self) -> list[str]:
        return [path for method, path, _ in self.asked if method == "PUT"]


@contextmanager
def object_server() -> Iterator[ObjectServer]:
    """Run a server with one empty bucket."""
    backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    backend.reset()
    backend.create_bucket(BUCKET, "us-east-1")
    served = ObjectServer(_app=DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, served, threaded=True, request_handler=_Quiet)
    served.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        backend.reset()
