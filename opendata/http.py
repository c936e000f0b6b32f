"""The one way to the network.

Belongs here: requests, redirects, retries, politeness, limits; no other module imports
httpx. Does not belong here: what portals answer, and files.

Every hop passes :class:`opendata.addresses.Addresses`. Messages name an address without
its query, and never a header: keys travel in headers.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
import stamina

from opendata.addresses import Addresses, is_loopback, printable
from opendata.errors import AddressError, DownloadError, PortalError
from opendata.magic import complaint, sniff
from opendata.pace import Gates, Limits, Retry, retry_after

USER_AGENT = "company-signals/0.1 (pipeline of French open data; httpx)"
_LATER = "run again later; if it lasts, look at the status page of the portal"
#: Headers that may follow a redirect to another host; keys may not.
_PORTABLE = frozenset({"accept", "accept-encoding", "range", "if-range"})
#: Headers that say nothing in confidence; any other may hold a key.
_PUBLIC = _PORTABLE | {"host", "connection", "user-agent", "content-type", "content-length"}
#: Characters up to which a value is a word as any, not a secret.
_SHORT = 3


class MissingError(PortalError):
    """The address does not exist, or no longer: 404 or 410."""


class KeyRefusedError(PortalError):
    """The key that was sent is not accepted, or no longer: 401."""


class UnavailableError(PortalError):
    """The portal cannot answer now; asking again may help."""


class CutError(DownloadError):
    """An answer stopped before its end, or came too slowly; asking again may help."""


#: What is worth another attempt.
TRANSIENT = (UnavailableError, CutError)


class Answer:
    """A response whose head is there and whose body is still to be read."""

    def __init__(self, http: Http, response: httpx.Response) -> None:
        self._http = http
        self._response = response
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.url = str(response.url)

    def chunks(self, *, decoded: bool = False) -> Iterator[bytes]:
        """Yield the body as it arrives, by default exactly the bytes that were sent.

        Raises:
            CutError: the body ended early, or came below the minimal rate.
        """
        body = self._response.iter_bytes() if decoded else self._response.iter_raw()
        timer, limits = self._http.gates.timer, self._http.limits
        started = since = timer.monotonic()
        received = 0
        with _translated(self.url, body=True):
            for chunk in body:
                received += len(chunk)
                now = timer.monotonic()
                slow = now - since >= limits.window and received < limits.min_rate * (now - since)
                if slow or now - started > limits.deadline:
                    raise CutError(
                        f"{printable(self.url)} sends its data too slowly", next_step=_LATER
                    )
                if now - since >= limits.window:
                    since, received = now, 0
                yield chunk

    def read(self) -> bytes:
        """Return the whole decoded body; refuse one that is too large for a document."""
        parts: list[bytes] = []
        size = 0
        for chunk in self.chunks(decoded=True):
            size += len(chunk)
            if size > self._http.limits.document_bytes:
                raise PortalError(
                    f"{printable(self.url)} answered more than a document may hold",
                    next_step="check the address in dataset.yml; data files are streamed",
                )
            parts.append(chunk)
        return b"".join(parts)


def tls_context() -> ssl.SSLContext:
    """Return the rules of every connection: TLS 1.2 at least, certificates and names verified."""
    context = httpx.create_ssl_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class Http:
    """A polite, patient and suspicious HTTP client, shared by the threads of a run.

    Usage:
        ``with Http(Addresses({"www.data.gouv.fr"})) as http: http.get_json(url)``
    """

    def __init__(
        self,
        addresses: Addresses,
        *,
        gates: Gates | None = None,
        retry: Retry | None = None,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.addresses = addresses
        self.gates = gates or Gates()
        self.retry = retry or Retry()
        self.limits = limits or Limits()
        self.tls = tls or tls_context()
        # No proxy and no .netrc from the environment: both would pass the address checks by.
        self._client = httpx.Client(
            verify=self.tls,
            trust_env=False,
            follow_redirects=False,
            headers={"User-Agent": USER_AGENT},
            timeout=httpx.Timeout(self.limits.read, connect=self.limits.connect, pool=None),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._client.close()

    def retrying(self) -> Iterator[stamina.Attempt]:
        """Yield attempts: ``for attempt in http.retrying(): with attempt: …``.

        Only :data:`TRANSIENT` failures are tried again, with back-off and jitter.
        """
        return iter(
            stamina.retry_context(
                on=TRANSIENT,
                attempts=self.retry.attempts,
                timeout=None,
                wait_initial=self.retry.wait_initial,
                wait_max=self.retry.wait_max,
                wait_jitter=self.retry.wait_jitter,
            )
        )

    def get_json(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        transient: Collection[str] = (),
    ) -> Any:
        """Return the JSON at ``url``, trying again while the portal is unavailable.

        Args:
            url: official address.
            params: query parameters, added to those of ``url``.
            headers: further headers; a key stays on the host it is meant for.
            transient: texts that, in an answer of any status, mean "not now".

        Raises:
            MissingError: 404 or 410.
            PortalError: another status, something else than JSON, or an error object.
        """
        wanted = {"Accept": "application/json", **(headers or {})}
        body = self._get(url, params, wanted, transient)
        if sniff(body) in {"html", "empty"}:
            shown = "an HTML page" if body else "nothing"
            raise PortalError(
                f"{printable(url)} answered {shown} instead of JSON", next_step=_LATER
            )
        try:
            content = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise PortalError(
                f"{printable(url)} answered something that is not JSON", next_step=_LATER
            ) from error
        if (reason := complaint(content)) is not None:
            reason = _without_secrets(reason, wanted)
            raise PortalError(f"{printable(url)} answered an error: {reason}", next_step=_LATER)
        return content

    def get_text(self, url: str) -> str:
        """Return the text at ``url`` (UTF-8), under the rules of :meth:`get_json`."""
        return self._get(url, None, None, ()).decode("utf-8", errors="replace")

    def post_json(self, url: str, content: Any) -> None:
        """Send ``content`` to ``url`` once; it is not tried again, since it may have arrived.

        Raises:
            AddressError: the address may not be contacted.
            PortalError: any answer but 2xx, a redirect included.
        """
        with ExitStack() as stack:
            self._post(url, content, stack)

    def post_for_json(self, url: str, content: Any) -> Any:
        """Send ``content`` to ``url`` once, as :meth:`post_json`, and return its JSON answer."""
        with ExitStack() as stack:
            response = self._post(url, content, stack)
            try:
                return json.loads(Answer(self, response).read())
            except (ValueError, RecursionError) as error:
                raise PortalError(
                    f"{printable(url)} answered something that is not JSON", next_step=_LATER
                ) from error

    def _post(self, url: str, content: Any, stack: ExitStack) -> httpx.Response:
        headers = {"Content-Type": "application/json; charset=utf-8", "Accept": "application/json"}
        body = json.dumps(content, ensure_ascii=False).encode()
        response = self._send(self.addresses.wire(url), headers, stack, body)
        if response.has_redirect_location or not response.is_success:
            self._refuse(response, ())
        return response

    def _get(
        self,
        url: str,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        transient: Collection[str],
    ) -> bytes:
        for attempt in self.retrying():
            with (
                attempt,
                self.stream(url, params=params, headers=headers, transient=transient) as answer,
            ):
                body = answer.read()
                if any(mark.encode() in body[:4096] for mark in transient):
                    raise UnavailableError(f"{printable(url)} is not ready", next_step=_LATER)
        return body

    @contextmanager
    def stream(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        accept: Collection[int] = (200,),
        transient: Collection[str] = (),
    ) -> Iterator[Answer]:
        """Yield the answer of one attempt, redirects followed, its body not yet read.

        Args:
            url: official address.
            params: query parameters, added to those of ``url``.
            headers: further headers.
            accept: statuses that the caller handles; others raise.
            transient: texts that, in an error's body, mean "not now".

        Raises:
            AddressError: a hop leads where nothing may be asked.
            UnavailableError: 429, 5xx, no answer in time, connection lost.
            MissingError, KeyRefusedError, PortalError: another status that is not accepted.
        """
        start = str(httpx.URL(url).copy_merge_params(dict(params))) if params else url
        with ExitStack() as stack:
            response = self._follow(start, dict(headers or {}), stack)
            if response.status_code not in accept:
                self._refuse(response, transient)
            yield Answer(self, response)

    def _follow(self, url: str, headers: dict[str, str], stack: ExitStack) -> httpx.Response:
        target = self.addresses.wire(url)
        seen = {target}
        for _hop in range(self.limits.redirects + 1):
            hop = stack.enter_context(ExitStack())
            response = self._send(target, headers, hop)
            if not response.has_redirect_location:
                return response
            location = response.headers["location"]
            hop.close()
            previous, target = target, self.addresses.wire(location, seen_from=target)
            if target in seen:
                raise PortalError(
                    f"{printable(url)} redirects in a loop", next_step="tell the portal"
                )
            seen.add(target)
            if urlsplit(previous).netloc != urlsplit(target).netloc:
                headers = {k: v for k, v in headers.items() if k.lower() in _PORTABLE}
        raise PortalError(
            f"{printable(url)} redirects more than {self.limits.redirects} times",
            next_step="tell the portal",
        )

    def _send(
        self, target: str, headers: Mapping[str, str], stack: ExitStack, body: bytes | None = None
    ) -> httpx.Response:
        parts = urlsplit(target)
        stack.enter_context(self.gates.turn(parts.hostname or ""))
        with _translated(target, body=False):
            method = "GET" if body is None else "POST"
            request = self._client.build_request(
                method, target, headers=dict(headers), content=body
            )
            response = self._client.send(request, stream=True)
        stack.callback(response.close)
        self._check_peer(target, response)
        return response

    def _check_peer(self, target: str, response: httpx.Response) -> None:
        """Refuse an answer from another machine than the one that was resolved and checked."""
        parts = urlsplit(target)
        host = parts.hostname or ""
        try:
            peer = response.extensions["network_stream"].get_extra_info("server_addr")
        except OSError as error:
            raise UnavailableError(
                f"{printable(target)} closed the connection", next_step=_LATER
            ) from error
        origins = self.addresses.bases.origins
        configured = any(parts.netloc == f"{name}:{port}" for _, name, port in origins)
        self.addresses.check_peer(host, peer[0], loopback=configured and is_loopback(host))

    def _refuse(self, response: httpx.Response, transient: Collection[str]) -> None:
        status, shown = response.status_code, printable(str(response.url))
        if status == 429 or status >= 500:
            delay = min(retry_after(response.headers), self.retry.retry_after_cap)
            self.gates.pause(response.url.host, delay)
            raise UnavailableError(f"{shown} answered {status}", next_step=_LATER)
        body = Answer(self, response).read()[:4096]
        if any(mark.encode() in body for mark in transient):
            raise UnavailableError(f"{shown} answered {status}: not ready", next_step=_LATER)
        if status in (404, 410):
            raise MissingError(
                f"{shown} does not exist ({status})",
                next_step="look whether the publisher moved or withdrew it",
            )
        if status in (401, 403):
            refusal = KeyRefusedError if status == 401 else PortalError
            raise refusal(
                f"{shown} refuses access ({status})",
                next_step="check the key of this portal in the settings, if it needs one",
            )
        raise PortalError(
            f"{shown} answered {status}{_reason(body, response.request)}",
            next_step="check the query in dataset.yml, or tell the portal",
        )


def _reason(body: bytes, asked: httpx.Request) -> str:
    try:
        reason = complaint(json.loads(body))
    except (ValueError, RecursionError):
        return ""
    return f": {_without_secrets(reason, asked.headers, asked.content)}" if reason else ""


def _without_secrets(words: str, headers: Mapping[str, str], body: bytes = b"") -> str:
    """Return what a portal said without what it was sent in confidence and may repeat."""
    sent = [value for name, value in headers.items() if name.lower() not in _PUBLIC]
    content = json.loads(body) if body else {}
    sent += map(str, content.values()) if isinstance(content, dict) else ()
    # A token comes behind the word that says what it is.
    parts = {part for value in sent for part in (value, value.rpartition(" ")[2])}
    for part in sorted((one for one in parts if len(one) > _SHORT), key=len, reverse=True):
        words = words.replace(part, "***")
    return words


@contextmanager
def _translated(url: str, *, body: bool) -> Iterator[None]:
    """Turn the failures of httpx into ours; certificates are not worth another attempt."""
    try:
        yield
    except (httpx.InvalidURL, httpx.HTTPError, UnicodeError) as error:
        # httpx reads the Location even when it does not follow it.
        if isinstance(error, httpx.InvalidURL | UnicodeError) or "location header" in str(error):
            raise AddressError(
                f"{printable(url)} is malformed, or redirects to a malformed address",
                next_step="tell the portal that gave it",
            ) from error
        if _is_certificate(error):
            raise PortalError(
                f"the certificate of {printable(url)} cannot be trusted",
                next_step="check the clock and the certificate store of this machine",
            ) from None
        if body:
            raise CutError(f"{printable(url)} stopped before the end", next_step=_LATER) from error
        raise UnavailableError(f"{printable(url)} gave no answer", next_step=_LATER) from error


def _is_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
