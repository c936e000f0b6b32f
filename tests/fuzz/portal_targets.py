"""A hostile portal: what it answers, where it sends us, and which addresses are contacted.

Belongs here: a server that says whatever an input says, and the clients of each kind of portal
before it. Does not belong here: the files that it sends (``file_targets``).
"""

# ruff: noqa: E501 - tables of inputs
from __future__ import annotations

import ipaddress
import json
import re
import socketserver
import threading
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fuzzing import Mutant, Target, contacts, require
from hypothesis import strategies as st

from opendata import addresses, http, pace, portals, remote
from opendata.addresses import Addresses, PortalBases
from opendata.catalogue import Dataset
from opendata.errors import AddressError
from opendata.http import Http, tls_context
from opendata.pace import Gates, Limits, Pace, Retry
from opendata.portals import datafair
from opendata.remote import DateWindow

RECORDED = Path(__file__).parents[1] / "data" / "recorded"
HOST = "portal.example"
_TEXT = {"fr": "texte", "en": "text"}
WINDOW = DateWindow(date(2024, 3, 1), date(2024, 3, 3))


class Portal:
    """A server on this machine that answers every request with the bytes it was given."""

    def __init__(self) -> None:
        portal = self
        self.answer = b""
        self.asked = 0

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while self.rfile.readline().strip():
                    pass
                portal.asked += 1
                self.wfile.write(portal.answer)

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = int(self.server.server_address[1])
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        contacts(self.port)


@cache
def portal() -> Portal:
    return Portal()


@cache
def decoy() -> Portal:
    """Return a server that nobody may contact: its port is not among the known ones."""
    server = Portal()
    server.answer = _reply(b"{}")
    from fuzzing import _WATCH

    _WATCH.ports = _WATCH.ports - {server.port}
    return server


def _reply(body: bytes, head: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return head + b"\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body


@cache
def client() -> Http:
    return Http(
        Addresses([HOST], bases=PortalBases({HOST: f"http://127.0.0.1:{portal().port}/p"})),
        gates=Gates(paces={}, default=Pace(interval=0.0)),
        retry=Retry(attempts=1, wait_initial=0.0, wait_jitter=0.0, retry_after_cap=0.0),
        limits=Limits(connect=60, read=60, document_bytes=4 << 20),
        tls=tls_context(),
    )


def described(kind: str, **changes: Any) -> Dataset:
    """Return a dataset of one resource, as a portal of this kind is asked for it."""
    window = {"field": "jour", "overlap_days": 1, "first_days": 9, "empty_ok_days": 9}
    resource = {"name": "stock", "id": "abc", "format": "jsonl", "window": window,
                "columns": [{"name": "siren", **_TEXT}], **changes}  # fmt: skip
    return Dataset.model_validate(
        {
            "name": "essai", "title": "Essai", "title_en": "Test", "description": "d",
            "description_en": "d", "portal": kind, "host": f"https://{HOST}", "dataset_id": "d1",
            "publisher": {"name": "I", "long_name": "I", "url": "https://x.example"},
            "landing_page": "https://x.example", "attribution": "I, {date}",
            "licence": {"id": "lov2", "title": "L", "url": "https://x.example"},
            "cadence": {"frequency": "daily", "cron": "0 8 1 * *", "warn_after_days": 3,
                        "fail_after_days": 7},
            "kind": "events", "contains_personal_data": False, "personal_data_note": "none",
            "resources": [resource], "tables": {},
        }
    )  # fmt: skip


def _asks(kind: str, **changes: Any) -> Callable[[bytes, Path], None]:
    dataset = described(kind, **changes)

    def run(data: bytes, _box: Path) -> None:
        portal().answer = _reply(data)
        asked = portals.portals(client(), insee_api_key="0" * 36)[kind]
        found = asked.describe(dataset, dataset.resources[0], WINDOW)
        require(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", found.file_name), "a path")
        require(isinstance(found.publisher_date, date), "no date")
        require(found.size is None or isinstance(found.size, int), "a size that is no number")
        told = found.rows_expected
        require(told is None or isinstance(told, int), "a count that is no number")
        require(isinstance(found.url, str) and len(found.title) < 1 << 20, "no address")
        if isinstance(asked, remote.PagedPortal):
            for number, _page in enumerate(asked.pages(dataset, dataset.resources[0], found)):
                require(number < 50, "pages without end")

    return run


def _json(name: str) -> bytes:
    return (RECORDED / name).read_bytes()


def _dumped(value: object) -> bytes:
    return json.dumps(value).encode()


_leaf = st.sampled_from([None, True, 0, -1, 10**30, "", "abc", "d1", "2024-03-02T10:00:00Z", "x" * 300,
                         "../../x", "2024-02-30", "24:00", [], {}, [[]], [None], 1.5, "²",
                         "1er mars 2024", "0001-01-01T00:00:00+23:59",
                         "9999-12-31T23:59:59-23:59"])  # fmt: skip


def _any_of(*names: str) -> st.SearchStrategy[bytes]:
    """Return objects with the keys that a portal uses, and values of every kind."""
    keys = st.sampled_from(names)
    value = st.recursive(
        _leaf,
        lambda inner: st.dictionaries(keys, inner, max_size=6) | st.lists(inner, max_size=2),
        max_leaves=14,
    )
    return st.dictionaries(keys, value, max_size=10).map(_dumped) | value.map(_dumped)


_ODD = [b"", b"[]", b"1", b"null", b'"x"', b"<html>", b"[" * 100_000, b'{"a":' * 100_000, b"\xff",
        b'{"message": "no"}', b'{"error": {"message": {}}}', b'{"status": 418, "message": []}',
        b"\xef\xbb\xbf{}", b"9" * 5000, b'{"header": {"statut": 500}}']  # fmt: skip
_GOUV = {"id": "d1", "license": "lov2", "resources": [
    {"id": "abc", "title": "Stock du 2 mars 2024", "url": "https://static.data.gouv.fr/a.csv",
     "last_modified": "2024-03-02T10:00:00Z", "filesize": 12, "format": "csv",
     "checksum": {"type": "sha1", "value": "aa"}}]}  # fmt: skip
_gouv = _any_of("id", "resources", "title", "url", "last_modified", "filesize", "checksum", "type",
                "value", "license", "deleted", "resource", "dataset_id", "created_at",
                "format")  # fmt: skip

datagouv_ = Target(
    "portal data.gouv.fr",
    _asks("datagouv", format="csv"),
    seeds=[_dumped(_GOUV), _json("datagouv/dataset_fr_lo.json"), _json("datagouv/resource_api2.json")],
    attacks=[*_ODD, _dumped({"id": "d1", "resources": [1, None, "abc", {"id": "abc", "title": 5,
                             "filesize": "12", "checksum": {"type": ["sha1"], "value": 1}}]}),
             _dumped({"id": "d1"}), _dumped(["d1"]), _dumped({"id": "d1", "resource": []}),
             _dumped({**_GOUV, "resources": [{**_GOUV["resources"][0], "url": "https://[x"}]}),  # type: ignore[dict-item,index]
             _dumped({**_GOUV, "resources": [{**_GOUV["resources"][0], "filesize": "12"}]}),  # type: ignore[dict-item,index]
             _dumped({"id": {}, "resources": [{"id": "abc", "last_modified": 5}]})],
    shapes=_gouv,
    mutants=[
        Mutant(remote, "    except _OTHER_SHAPE as error:", "    except ZeroDivisionError as error:",
               "answers of another shape"),
        Mutant(remote, "    if isinstance(value, bool) or not isinstance(value, int) or value < 0:",
               "    if False:", "sizes that are no numbers"),
    ],
)  # fmt: skip
_ODS = {"has_records": True, "total_count": 0, "fields": [{"name": "jour", "type": "date"}],
        "metas": {"default": {"title": "T", "license": "Licence Ouverte v2.0 (Etalab)",
                              "modified": "2024-03-02T10:00:00+00:00"}}}  # fmt: skip
opendatasoft_ = Target(
    "portal Opendatasoft",
    _asks("opendatasoft"),
    seeds=[_dumped({**_ODS, "total_count": 3}), _json("sample_portal/opendatasoft_records.json")],
    attacks=[*_ODD, _dumped(_ODS), _dumped({**_ODS, "metas": []}), _dumped({**_ODS, "fields": [1]}),
             _dumped({**_ODS, "metas": {"default": None}}), _dumped({**_ODS, "fields": None}),
             _dumped({**_ODS, "total_count": True}), _dumped({**_ODS, "total_count": -1})],
    shapes=_any_of("has_records", "total_count", "fields", "metas", "default", "name", "type",
                   "license", "title", "modified", "data_processed"),
    mutants=[
        Mutant(remote, "    except _OTHER_SHAPE as error:", "    except ZeroDivisionError as error:",
               "answers of another shape"),
    ],
)  # fmt: skip
_FAIR = {"title": "T", "license": {"title": "Licence Ouverte"}, "total": 1, "results": [{"a": 1}],
         "dataUpdatedAt": "2024-03-02T10:00:00Z", "next": None}  # fmt: skip
datafair_ = Target(
    "portal data-fair",
    _asks("datafair"),
    seeds=[_dumped(_FAIR)],
    attacks=[*_ODD, _dumped({**_FAIR, "license": "x"}), _dumped({**_FAIR, "results": [1]}),
             _dumped({**_FAIR, "next": 5}), _dumped({**_FAIR, "total": 10**9}),
             _dumped({**_FAIR, "next": f"https://{HOST}/again", "total": 10**9}),
             _dumped({**_FAIR, "next": "https://elsewhere.example/", "total": 9}),
             _dumped({**_FAIR, "next": ["x"], "total": 9})],
    tokens=[b'"next": "file:///etc/passwd"'],
    shapes=_any_of("title", "license", "total", "results", "next", "dataUpdatedAt", "updatedAt"),
    mutants=[
        Mutant(datafair, "            if url in seen:", "            if False:", "pages in a circle"),
    ],
)  # fmt: skip
_DIDO = {"license": "lov2", "last_update": "2024-03-02T10:00:00Z", "datafiles": [
    {"rid": "abc", "title": "T", "millesimes": [{"millesime": "2024-03", "rows": 3}]}]}  # fmt: skip
dido_ = Target(
    "portal DiDo",
    _asks("dido", format="csv"),
    seeds=[_dumped(_DIDO)],
    attacks=[*_ODD, _dumped({**_DIDO, "datafiles": [1, None]}),
             _dumped({**_DIDO, "datafiles": [{"rid": "abc", "millesimes": [1]}]}),
             _dumped({**_DIDO, "datafiles": [{"rid": "abc", "millesimes": 5}]}),
             _dumped({**_DIDO, "datafiles": [{"rid": "abc", "millesimes": [
                 {"millesime": "../../x", "rows": "3"}]}]})],
    shapes=_any_of("license", "last_update", "datafiles", "rid", "title", "millesimes", "millesime",
                   "rows", "last_modified"),
    mutants=[
        Mutant(remote, "    except _OTHER_SHAPE as error:", "    except ZeroDivisionError as error:",
               "answers of another shape"),
    ],
)  # fmt: skip
_DAY = {"collection": "Unités légales", "dateDerniereMiseADisposition": "2024-03-03T07:00:00"}
_INSEE = {"etatService": "UP", "datesDernieresMisesAJourDesDonnees": [_DAY],
          "header": {"total": 0, "statut": 200, "curseur": "*", "curseurSuivant": "*"},
          "unitesLegales": []}  # fmt: skip
insee_ = Target(
    "portal INSEE",
    _asks("insee", id="siren"),
    seeds=[_dumped(_INSEE), _json("insee/siren_page_1.json")],
    attacks=[*_ODD, _dumped({**_INSEE, "datesDernieresMisesAJourDesDonnees": [1]}),
             _dumped({**_INSEE, "datesDernieresMisesAJourDesDonnees": 5}),
             _dumped({**_INSEE, "header": []}), _dumped({**_INSEE, "unitesLegales": [1]}),
             _dumped({**_INSEE, "etatService": {}}),
             _dumped({**_INSEE, "header": {"total": 3, "curseurSuivant": ["a"]},
                      "unitesLegales": [1]})],
    shapes=_any_of("etatService", "datesDernieresMisesAJourDesDonnees", "collection", "header",
                   "dateDerniereMiseADisposition", "total", "curseur", "curseurSuivant",
                   "unitesLegales"),
    mutants=[
        Mutant(remote, "    except _OTHER_SHAPE as error:", "    except ZeroDivisionError as error:",
               "answers of another shape"),
    ],
)  # fmt: skip
_LISTING = (b'<a href="A_BXA20240001.taz">A</a>  2024-03-02 06:10  1.2M\n'
            b'<a href="B.txt">B</a>  2024-03-02 06:10  1\n')  # fmt: skip
dila_ = Target(
    "portal DILA",
    _asks("dila", id="OPENDATA/BODACC/{year}", format="xml", archive="taz", records="a/b"),
    seeds=[_LISTING],
    attacks=[b"", _LISTING.replace(b"03-02", b"13-45"), _LISTING.replace(b"06:10", b"99:99"),
             _LISTING.replace(b"A_BXA2024", b"..%2F..%2F"), b"href=" * 50_000,
             _LISTING.replace(b"A_BXA20240001.taz", b"%00&#0;.taz"), b'href="' * 30_000,
             _LISTING.replace(b"A_BXA20240001.taz", b"https:%2f%2fevil.example%2fa.taz"),
             _LISTING.replace(b"A_BXA20240001.taz", b"http:evil.taz"), _LISTING * 2000],
    tokens=[b'href="', b"2024-03-02 06:10", b".taz", b"&amp;", b"%2e%2e", b"%"],
    mutants=[
        Mutant(remote, "    except _OTHER_SHAPE as error:", "    except ZeroDivisionError as error:",
               "answers of another shape"),
    ],
)  # fmt: skip


# ------------------------------------------------------------------ heads of answers


def _heads(data: bytes, _box: Path) -> None:
    portal().answer = data
    with client().stream(f"https://{HOST}/f", accept=(200, 206, 304)) as answer:
        for _ in answer.chunks():
            pass
        from opendata.partial import announced_length

        announced_length(answer.headers)


_HEAD = b"HTTP/1.1 503 Slow\r\nRetry-After: 3\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
heads = Target(
    "heads of answers",
    _heads,
    seeds=[_HEAD, _reply(b"ok"), _HEAD.replace(b"503 Slow", b"429 No"),
           b"HTTP/1.1 404 Gone\r\nConnection: close\r\n\r\n" + b'{"message": "x"}'],
    attacks=[b"", b"HTTP/1.1 200", b"HTTP/9.9 999 x\r\n\r\n", _HEAD.replace(b": 3", b": \xb2"),
             _HEAD.replace(b": 3", b": Mon, 99 Foo 9999 99:99:99 +9999"),
             _HEAD.replace(b": 3", b": " + b"9" * 400), _HEAD.replace(b": 3", b": -5"),
             _HEAD.replace(b": 3", b": Mon, 01 Jan 0001 00:00:00 +2359\r\nDate: Fri, 31 Dec 9999 "
                                   b"23:59:59 -2359"),
             _reply(b"ok").replace(b"Length: 2", b"Length: \xb2"), b"HTTP/1.1 200 OK\r\n" * 3,
             b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
             b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\nnot gzip",
             b"HTTP/1.1 500 E\r\n" + b"a: b\r\n" * 20_000 + b"\r\n", b"\x16\x03\x01",
             b"HTTP/1.1 400 Bad\r\nConnection: close\r\n\r\n" + b"[" * 50_000,
             b"HTTP/1.1 101 Switch\r\n\r\n"],
    tokens=[b"\r\n", b"Retry-After: ", b"Content-Range: bytes 1-2/3", b"Location: ", b"\xb2", b": "],
    mutants=[
        Mutant(pace, "if value.isascii() and value.isdigit():", "if value.isdigit():",
               "digits that are no numbers"),
        Mutant(http, "except (httpx.InvalidURL, httpx.HTTPError, UnicodeError) as error:",
               "except httpx.InvalidURL as error:", "a broken answer is not expected"),
        Mutant(http, "    except (ValueError, RecursionError):\n        return \"\"",
               "    except ValueError:\n        return \"\"", "JSON without end"),
    ],
)  # fmt: skip


# ------------------------------------------------------------------ where we are sent

_INSIDE = ("10.0.0.1", "127.0.0.1", "169.254.169.254", "::1", "fd00::1", "::ffff:10.0.0.1",
           "64:ff9b::a00:1", "2002:a00:1::", "0.0.0.0", "168.63.129.16", "100.64.0.1",  # noqa: S104
           "224.0.0.1", "fe80::1%eth0", "192.168.1.1")  # fmt: skip


def _redirected(data: bytes, _box: Path) -> None:
    """Follow a redirect to whatever the input says; every name leads back to this machine."""
    where = data.replace(b"\r", b"").replace(b"\n", b"").replace(b"DECOY", b"%d" % decoy().port)
    portal().answer = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + where + b"\r\n\r\n"
    seen = decoy().asked
    try:
        client().get_text(f"https://{HOST}/f")
    finally:
        require(decoy().asked == seen, "a server was asked that nobody named")


_PLACES = (
    b"http://127.0.0.1:DECOY/", b"//127.0.0.1:DECOY/", b"http://localhost:DECOY/",
    b"http://[::ffff:127.0.0.1]:DECOY/", b"http://127.1:DECOY/", b"http://0x7f000001:DECOY/",
    b"http://2130706433:DECOY/", b"file:///etc/passwd", b"ftp://127.0.0.1:DECOY/", b"gopher://x/",
    b"http://169.254.169.254/latest/meta-data/", b"https://elsewhere.example/", b"/\\127.0.0.1:DECOY",
    b"http://static.data.gouv.fr/", b"https://static.data.gouv.fr:8443/", b"https://u:p@portal.example/",
    b"http://portal.example@127.0.0.1:DECOY/", b"http://127.0.0.1:DECOY#@portal.example/",
    b"http://127.0.0.1:DECOY\\@portal.example/", b"data:text/plain,x", b"javascript:1", b"", b"?", b"#",
    b"https://", b"https://[", b"https://[::1]/", b"http://127.0.0.1:99999/", b"https://portal.example.evil.example/",
    b"\x00", b"https://\xff/", b"//", b"///", b"..", b"https://portal.example%2f@evil.example/",
    b"https://static.data.gouv.fr./", b"https://STATIC.DATA.GOUV.FR/", b"https://xn--a/", b" ",
)  # fmt: skip
_pieces = st.lists(
    st.sampled_from(["http:", "https:", "file:", "//", "/", "\\", "@", "127.0.0.1", ":DECOY", "[::1]",
                     "static.data.gouv.fr", "portal.example", "#", "?", "..", "%2f", ":", "evil.example",
                     "0x7f.1", "\t", " ", "é", "u:p"]),
    max_size=7,
).map(lambda parts: "".join(parts).encode())  # fmt: skip
redirects = Target(
    "redirects",
    _redirected,
    seeds=[b"/p/other", *_PLACES[:4]],
    attacks=_PLACES,
    tokens=[b"127.0.0.1:DECOY", b"@", b"//", b"\\", b"#", b"static.data.gouv.fr", b"file:"],
    shapes=_pieces,
    mutants=[
        Mutant(addresses, "        configured = (scheme, host, port) in self.bases.origins\n",
                    "        configured = True\n", "every place counts as configured"),
    ],
)  # fmt: skip


def _addressed(data: bytes, _box: Path) -> None:
    """Ask the gate alone, where every name is on the internet: names and schemes must do."""
    bases = PortalBases({HOST: "http://127.0.0.1:8765/p"})
    outside = Addresses([HOST], bases=bases, resolver=lambda _host, _port: ["93.184.216.34"])
    text = data.decode("utf-8", errors="replace")
    for seen_from in (None, "http://127.0.0.1:8765/p/f"):
        try:
            target = outside.wire(text, seen_from=seen_from)
        except AddressError as error:
            require(error.next_step, "no next step")
            continue
        parts = urlsplit(target)
        local = (parts.scheme, parts.hostname, parts.port) == ("http", "127.0.0.1", 8765)
        name = (parts.hostname or "").rstrip(".")
        usual = parts.scheme == "https" and parts.port in (None, 443)
        require(local or (usual and name in outside.hosts), f"{target} passes the gate")
        require(parts.username is None, "credentials pass the gate")
    for inside in _INSIDE:
        hidden = Addresses([HOST], resolver=lambda _host, _port, inside=inside: [inside])  # type: ignore[misc]
        try:
            hidden.wire(f"https://{HOST}/")
        except AddressError:
            continue
        require(False, f"{ipaddress.ip_address(inside.partition('%')[0])} passes the gate")


gate = Target(
    "addresses",
    _addressed,
    seeds=[f"https://{HOST}/a?b#c".encode(), b"http://127.0.0.1:8765/p/x", *_PLACES[:6]],
    attacks=_PLACES,
    tokens=[b"static.data.gouv.fr", b"@", b"//", b"\\", b":443", b":80"],
    shapes=_pieces,
    mutants=[
        Mutant(addresses, "if not configured and host not in self.hosts:", "if False:", "any host"),
        Mutant(addresses, "if not configured and (scheme != \"https\" or port != 443):", "if False:",
               "any scheme and port"),
        Mutant(addresses, "        if not allowed:", "        if False:", "any network"),
        Mutant(addresses, " and address not in METADATA", "", "metadata services"),
    ],
)  # fmt: skip

TARGETS = (datagouv_, opendatasoft_, datafair_, dido_, insee_, dila_, heads, redirects, gate)
