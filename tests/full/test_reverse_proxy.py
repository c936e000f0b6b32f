"""The proxy of ``deploy/nginx.conf`` in a real nginx: nobody reaches a page without the log-in.

Needs nginx; a machine without it fails here (`make test-full`). Only places are put elsewhere:
the ports become sockets in a folder, so that no port is taken.
"""

from __future__ import annotations

import base64
import http.client
import http.server
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.full
ROOT = Path(__file__).resolve().parents[2]
CERTIFICATE = ROOT / "tests" / "opendata" / "self_signed.pem"
USER, WORD = "operator", "behind the proxy"
#: As `htpasswd -B` writes it, with few rounds.
HASHED = "$2y$04$companysignalsproxyteeOpsl8FRObCRCH8k3aEaSaVZhEcM2nhK"
#: What the file says → what stands there in this test; each must be there.
ELSEWHERE = {
    "listen 80;": "listen unix:{folder}/plain;",
    "listen 443 ssl;": "listen unix:{folder}/tls ssl;",
    "/etc/ssl/signals.pem;": "{certificate};",
    "/etc/ssl/signals.key;": "{certificate};",
    "/etc/nginx/company-signals.htpasswd;": "{folder}/users;",
    "http://127.0.0.1:3000;": "http://127.0.0.1:{port};",
}
AROUND = """
daemon off; master_process off; pid {folder}/pid; error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


class Pages(http.server.BaseHTTPRequestHandler):
    """Stands for Dagster's web interface, and notes who got through to it."""

    protocol_version = "HTTP/1.1"
    reached: list[tuple[str, dict[str, str]]]

    def do_GET(self) -> None:
        self.reached.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
        body = b"runs"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@dataclass(frozen=True)
class Proxy:
    folder: Path
    reached: list[tuple[str, dict[str, str]]]

    def ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, *, tls: bool = True
    ) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("signals.example.org", timeout=60)
        connection.sock = self._socket(tls)
        connection.request(method, path, headers=dict(headers or {}))
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer

    def _socket(self, tls: bool) -> socket.socket:
        plain = socket.socket(socket.AF_UNIX)
        plain.settimeout(60)
        plain.connect(str(self.folder / ("tls" if tls else "plain")))
        if not tls:
            return plain
        context = ssl.create_default_context(cafile=CERTIFICATE)
        return context.wrap_socket(plain, server_hostname="127.0.0.1")


@pytest.fixture(scope="module")
def proxy() -> Iterator[Proxy]:
    # Not below pytest's own folders: the path of a socket has about a hundred characters.
    folder = Path(tempfile.mkdtemp(prefix="proxy-"))
    pages = type("Noting", (Pages,), {"reached": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), pages) as upstream:
        thread = threading.Thread(target=upstream.serve_forever)
        thread.start()
        try:
            process = started(folder, upstream.server_port)
            try:
                yield Proxy(folder, pages.reached)
            finally:
                process.terminate()
                process.communicate()
        finally:
            upstream.shutdown()
            thread.join()
            shutil.rmtree(folder)


def started(folder: Path, port: int) -> subprocess.Popen[bytes]:
    site = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    for said, instead in ELSEWHERE.items():
        assert site.count(said) == 1, said
        site = site.replace(said, instead.format(folder=folder, certificate=CERTIFICATE, port=port))
    (folder / "site.conf").write_text(site, encoding="utf-8")
    (folder / "users").write_text(f"{USER}:{HASHED}\n", encoding="utf-8")
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder), encoding="utf-8")
    words = ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]
    tried = subprocess.run([*words, "-t"], capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stderr
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    end = time.monotonic() + 60
    while not _answers(folder / "tls"):
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            raise AssertionError(process.communicate()[1].decode())
        time.sleep(0.01)
    return process


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def log_in(user: str = USER, word: str = WORD) -> dict[str, str]:
    both = base64.b64encode(f"{user}:{word}".encode()).decode()
    return {"Authorization": f"Basic {both}"}


UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade"}


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/", {}),
        ("GET", "/runs?limit=1", {}),
        ("POST", "/graphql", {"Content-Length": "0"}),
        ("GET", "/graphql", UPGRADE),
        ("GET", "/nothing/../server_info", {}),
        ("GET", "/", log_in(word="another one")),
        ("GET", "/", log_in(user="somebody")),
        ("GET", "/", {"Authorization": "Bearer x"}),
    ],
)
def test_without_the_log_in_no_request_gets_through(
    proxy: Proxy, method: str, path: str, headers: dict[str, str]
) -> None:
    before = len(proxy.reached)
    answer = proxy.ask(method, path, headers)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="company-signals"'
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert len(proxy.reached) == before


def test_with_the_log_in_pages_and_the_socket_of_live_updates_are_reached(proxy: Proxy) -> None:
    answer = proxy.ask("GET", "/runs?limit=1", log_in())
    assert answer.status == 200
    assert answer.headers["X-Frame-Options"] == "DENY"
    path, headers = proxy.reached[-1]
    assert (path, headers["host"]) == ("/runs?limit=1", "signals.example.org")
    assert "authorization" not in headers, "the password is not Dagster's business"
    assert proxy.ask("GET", "/graphql", {**log_in(), **UPGRADE}).status == 200
    assert proxy.reached[-1][1]["upgrade"] == "websocket"


def test_in_the_clear_there_is_nothing_but_the_way_to_tls(proxy: Proxy) -> None:
    before = len(proxy.reached)
    answer = proxy.ask("GET", "/runs?limit=1", log_in(), tls=False)
    assert (answer.status, answer.headers["Location"]) == (
        308,
        "https://signals.example.org/runs?limit=1",
    )
    assert len(proxy.reached) == before
