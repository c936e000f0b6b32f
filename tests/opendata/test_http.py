from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import Loopback, Reply, as_json, fast_http, loopback, redirect

from opendata.addresses import Addresses, PortalBases
from opendata.errors import AddressError, PortalError
from opendata.http import (
    CutError,
    Http,
    KeyRefusedError,
    MissingError,
    UnavailableError,
    tls_context,
)
from opendata.pace import Gates, Limits, Pace, Retry, Timer, retry_after

HOST = "www.data.gouv.fr"
URL = f"https://{HOST}/api"
PATH = f"/{HOST}/api"


@pytest.fixture
def http(server: Loopback) -> Iterator[Http]:
    with fast_http(server, HOST) as client:
        yield client


class Sleeps:
    """A clock that only moves when somebody sleeps, and remembers how long."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def timer(self) -> Timer:
        return Timer(monotonic=lambda: sum(self.slept), sleep=self.slept.append)


def test_json_comes_with_our_name_and_the_parameters(server: Loopback, http: Http):
    server.script(PATH, as_json({"a": 1}))
    assert http.get_json(URL, params={"q": "é&=1"}, headers={"X-Key": "k"}) == {"a": 1}
    [request] = server.asked(PATH)
    assert request.query == {"q": "é&=1"}
    assert request.headers["user-agent"].startswith("company-signals/")
    assert request.headers["x-key"] == "k"


def test_503_twice_then_fine(server: Loopback, http: Http):
    server.script(PATH, Reply(503), Reply(503), as_json([1]))
    assert http.get_json(URL) == [1]
    assert len(server.asked(PATH)) == 3


@pytest.mark.parametrize("status", [429, 500, 502, 504, 520])
def test_what_may_pass_is_tried_again(server: Loopback, http: Http, status: int):
    server.script(PATH, Reply(status), as_json([1]))
    assert http.get_json(URL) == [1]


def test_a_portal_that_stays_down_is_an_error_after_the_last_attempt(server: Loopback):
    server.script(PATH, Reply(502))
    retry = Retry(attempts=3, wait_initial=0.001, wait_jitter=0.0)
    with fast_http(server, HOST, retry=retry) as http, pytest.raises(UnavailableError, match="502"):
        http.get_json(URL)
    assert len(server.asked(PATH)) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 414, 418])
def test_an_error_of_ours_is_not_tried_again(server: Loopback, http: Http, status: int):
    server.script(PATH, Reply(status))
    expected = {401: KeyRefusedError, 404: MissingError, 410: MissingError}.get(status, PortalError)
    with pytest.raises(expected) as caught:
        http.get_json(URL)
    assert type(caught.value) is expected
    assert len(server.asked(PATH)) == 1


@pytest.mark.parametrize(("asked", "waited"), [("7", 7.0), ("86400", 30.0)])
def test_retry_after_is_honoured_up_to_the_cap(server: Loopback, asked: str, waited: float):
    server.script(PATH, Reply(429, headers={"Retry-After": asked}), as_json({}))
    sleeps = Sleeps()
    retry = Retry(wait_initial=0.001, wait_jitter=0.0, retry_after_cap=30.0)
    with fast_http(server, HOST, timer=sleeps.timer(), retry=retry) as http:
        assert http.get_json(URL) == {}
    assert sleeps.slept == [waited]


def test_retry_after_as_a_date_is_counted_from_the_answers_own_date():
    date = "Mon, 23 Nov 2026 10:00:00 GMT"
    later = "Mon, 23 Nov 2026 10:00:42 GMT"
    assert retry_after({"retry-after": later, "date": date}) == 42.0
    assert retry_after({"retry-after": later}) == 0.0
    assert retry_after({"retry-after": "soon", "date": date}) == 0.0
    assert retry_after({}) == 0.0


def test_the_interval_of_a_host_separates_its_requests(server: Loopback):
    server.script(PATH, as_json({}))
    sleeps = Sleeps()
    client = fast_http(server, HOST)
    client.gates = Gates(paces={"127.0.0.1": Pace(interval=2.0)}, timer=sleeps.timer())
    with client as http:
        for _ in range(3):
            http.get_json(URL)
    assert sleeps.slept == [2.0, 2.0]


def test_the_concurrency_of_a_host_is_bounded():
    gates = Gates(paces={"h": Pace(concurrency=2, interval=0.0)})
    inside = threading.Semaphore(0)
    leave = threading.Event()

    def work() -> None:
        with gates.turn("h"):
            inside.release()
            leave.wait()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert inside.acquire(timeout=60)
    assert inside.acquire(timeout=60)
    assert not inside.acquire(timeout=0.1)
    leave.set()
    for thread in threads:
        thread.join()
    assert inside.acquire(timeout=60)


def test_a_connection_reset_is_tried_again(server: Loopback, http: Http):
    good = as_json({"rows": list(range(1000))})
    server.script(PATH, Reply(200, good.body, good.headers, reset_after=100), good)
    assert len(http.get_json(URL)["rows"]) == 1000
    assert len(server.asked(PATH)) == 2


def test_nobody_listening_is_unavailable():
    # Bound, so that nobody else gets the port, and deaf.
    with socket.socket() as deaf, loopback() as server:
        deaf.bind(("127.0.0.1", 0))
        port = deaf.getsockname()[1]
        client = fast_http(server, HOST, retry=Retry(attempts=2, wait_initial=0.001, wait_jitter=0))
        bases = PortalBases({HOST: f"http://127.0.0.1:{port}"})
        client.addresses = Addresses({HOST}, bases=bases)
        with client as http, pytest.raises(UnavailableError, match="gave no answer"):
            http.get_json(URL)


def test_a_slow_drip_is_cut(server: Loopback):
    server.script(PATH, Reply(200, b"[" + b"1," * 5000, drip=0.005))
    limits = Limits(connect=60, read=60, window=0.1, min_rate=10_000)
    retry = Retry(attempts=1)
    with (
        fast_http(server, HOST, limits=limits, retry=retry) as http,
        pytest.raises(CutError, match="too slowly"),
    ):
        http.get_json(URL)


def test_a_redirect_is_followed_and_completed(server: Loopback, http: Http):
    server.script(PATH, redirect(f"/{HOST}/b"))
    server.script(f"/{HOST}/b", redirect(f"https://{HOST}/c", 308))
    server.script(f"/{HOST}/c", as_json("end"))
    assert http.get_json(URL) == "end"


def test_a_redirect_loop_is_detected(server: Loopback, http: Http):
    server.script(PATH, redirect(f"/{HOST}/b"))
    server.script(f"/{HOST}/b", redirect(PATH))
    with pytest.raises(PortalError, match="loop"):
        http.get_json(URL)
    assert len(server.seen) == 2


def test_too_many_redirects_are_refused(server: Loopback, http: Http):
    server.script(PATH, redirect(f"/{HOST}/0"))
    for number in range(10):
        server.script(f"/{HOST}/{number}", redirect(f"/{HOST}/{number + 1}"))
    with pytest.raises(PortalError, match="more than 5 times"):
        http.get_json(URL)
    assert len(server.seen) == 6


def test_a_redirect_to_a_forbidden_address_is_never_contacted(server: Loopback, http: Http):
    with socket.create_server(("127.0.0.2", 0)) as forbidden:
        forbidden.settimeout(0.2)
        port = forbidden.getsockname()[1]
        server.script(PATH, redirect(f"http://127.0.0.2:{port}/latest/meta-data"))
        with pytest.raises(AddressError):
            http.get_json(URL)
        with pytest.raises(TimeoutError):
            forbidden.accept()


def test_a_key_does_not_follow_a_redirect_to_another_host(server: Loopback):
    with loopback() as other:
        client = fast_http(server, HOST)
        bases = PortalBases({**server.bases(HOST), **other.bases("static.data.gouv.fr")})
        client.addresses = Addresses({HOST}, bases=bases)
        server.script(PATH, redirect("https://static.data.gouv.fr/f"))
        other.script("/static.data.gouv.fr/f", as_json({}))
        with client as http:
            http.get_json(URL, headers={"X-Key": "topsecret"})
        assert server.seen[0].headers["x-key"] == "topsecret"
        assert "x-key" not in other.seen[0].headers
        assert other.seen[0].headers["accept"] == "application/json"


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(200, b"<!DOCTYPE html><html>maintenance</html>"), "an HTML page"),
        (Reply(200, b""), "nothing"),
        (Reply(200, b"{broken"), "not JSON"),
        (as_json({"error_code": "X", "message": "Field not found"}), "Field not found"),
        (as_json({"message": "Dataset is archived"}), "Dataset is archived"),
        (as_json({"header": {"statut": 500, "message": "Erreur interne"}}), "Erreur interne"),
        (as_json({"fault": {"code": 900804, "description": "quota"}}), "quota"),
    ],
)
def test_an_answer_with_200_that_is_no_answer(
    server: Loopback, http: Http, reply: Reply, message: str
):
    server.script(PATH, reply)
    with pytest.raises(PortalError, match=message):
        http.get_json(URL)


def test_the_reason_of_a_refused_query_is_shown(server: Loopback, http: Http):
    server.script(PATH, as_json({"error_code": "ODSQLError", "message": "no field x"}, 400))
    with pytest.raises(PortalError, match="400: no field x"):
        http.get_json(URL)


def test_a_document_that_is_too_large_is_refused(server: Loopback):
    server.script(PATH, as_json("x" * 5000))
    with (
        fast_http(server, HOST, limits=Limits(document_bytes=1000)) as http,
        pytest.raises(PortalError, match="more than a document"),
    ):
        http.get_json(URL)


@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_text_that_means_not_now_is_tried_again(server: Loopback, http: Http, status: int):
    server.script(PATH, Reply(status, b"all shards failed"), as_json({"total": 3}))
    assert http.get_json(URL, transient=("all shards failed",)) == {"total": 3}


def test_no_key_in_errors_or_logs(
    server: Loopback,
    http: Http,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
):
    caplog.set_level(logging.DEBUG)
    server.script(PATH, Reply(503), Reply(403, b'{"message": "bad key"}'))
    with pytest.raises(PortalError) as caught:
        http.get_json(URL, params={"token": "s3cr3t"}, headers={"X-Key": "topsecret"})
    assert len(server.seen) == 2
    shown = f"{caught.value!r} {caught.value} {caught.value.__cause__!r}" + "".join(
        capfd.readouterr()
    )
    assert "s3cr3t" not in shown
    assert "topsecret" not in shown + caplog.text


@pytest.mark.parametrize("status", [200, 400])
def test_a_key_that_the_portal_repeats_is_masked_and_the_rest_is_shown(
    server: Loopback, http: Http, status: int
):
    said = {"error_code": "Denied", "message": "no field x for topsecret, Bearer s3cr3t-token"}
    server.script(PATH, as_json(said, status))
    sent = {"X-Key": "topsecret", "Authorization": "Bearer s3cr3t-token"}
    with pytest.raises(PortalError, match=r"no field x for \*\*\*, \*\*\*"):
        http.get_json(URL, headers=sent)


def test_a_password_that_the_portal_repeats_is_masked(server: Loopback, http: Http):
    server.script(PATH, as_json({"error_code": "Denied", "message": "unknown: me, p4ss word"}, 400))
    with pytest.raises(PortalError, match=r"unknown: me, \*\*\*"):
        http.post_json(URL, {"username": "me", "password": "p4ss word"})


def test_certificates_are_verified():
    with loopback(tls=True) as server:
        server.script(PATH, as_json({}))
        with fast_http(server, HOST) as http:
            with pytest.raises(PortalError, match="certificate") as caught:
                http.get_json(URL)
            assert not isinstance(caught.value, UnavailableError)
        assert tls_context().minimum_version >= ssl.TLSVersion.TLSv1_2
        assert server.seen == []


def test_a_name_that_leads_inside_after_it_was_checked_is_refused():
    """The resolver says a public address, the system connects to this machine: DNS rebinding."""
    with loopback(tls=True) as server:
        server.script("/api", as_json("inside"))
        trusting = tls_context()
        trusting.load_verify_locations(Path(__file__).with_name("self_signed.pem"))
        trusting.check_hostname = False
        client = fast_http(server, tls=trusting)
        # "127.1" is no literal of a loopback address, and the system resolves it to one.
        bases = PortalBases({HOST: f"https://127.1:{server.port}"})
        client.addresses = Addresses({HOST}, bases=bases, resolver=lambda _h, _p: ["5.196.10.20"])
        with client as http, pytest.raises(AddressError, match="private network"):
            http.get_json(URL)
        assert len(server.seen) == 1


@pytest.mark.parametrize(
    "location", ["http://[bad", "https://www.data.gouv.fr:x/", "https://u@www.data.gouv.fr/"]
)
def test_a_malformed_redirect_is_refused(server: Loopback, http: Http, location: str):
    server.script(PATH, redirect(location))
    with pytest.raises(AddressError):
        http.get_json(URL)
