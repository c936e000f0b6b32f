"""The ways an alert takes: the log always, a webhook and e-mail where they are set.

Belongs here: addresses, credentials and sending. Does not belong here: what is worth an
alert (:mod:`pipelines.alerts`).

An address of a webhook is a secret, whoever has it can write there: it comes from the
environment, and no message of ours shows more of it than its host.
"""

from __future__ import annotations

import smtplib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import localtime, make_msgid
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

import structlog

from opendata.addresses import Addresses, PortalBases, is_loopback
from opendata.errors import OpenDataError, SettingsError
from opendata.http import Http, tls_context
from opendata.pace import Limits, Retry
from pipelines.settings import Settings

LOG = structlog.get_logger()
WEBHOOK = "SIGNALS_ALERT_WEBHOOK"
SMTP_USER, SMTP_PASSWORD = "SIGNALS_ALERT_SMTP_USER", "SIGNALS_ALERT_SMTP_PASSWORD"
#: Seconds after which a server that says nothing is given up.
PATIENCE = 30.0
_PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True)
class Alert:
    """Something a person should know now; it names datasets and requests, never anybody.

    Attributes:
        key: what it is about: told once while it stands.
        title: one line.
        text: what happened and what to do.
    """

    key: str
    title: str
    text: str


class AlertError(OpenDataError):
    """An alert that did not arrive."""


class Channel(Protocol):
    """One way to a person."""

    @property
    def name(self) -> str:
        """Return ``log``, ``webhook`` or ``mail``."""
        ...

    def send(self, alert: Alert) -> None:
        """Send an alert.

        Raises:
            AlertError: it did not arrive.
        """
        ...


@dataclass(frozen=True)
class LogLine:
    """The log of the process."""

    name: str = "log"

    def send(self, alert: Alert) -> None:
        """Write one line."""
        LOG.error("alert", title=alert.title, text=alert.text)


@dataclass(frozen=True)
class Webhook:
    """A POST of JSON whose ``text`` chat services show as it is."""

    url: str = field(repr=False)
    name: str = "webhook"

    @property
    def host(self) -> str:
        """Return what may be shown of the address."""
        return urlsplit(self.url).hostname or ""

    def send(self, alert: Alert) -> None:
        """Post the alert; a redirect is refused, since the address is the credential."""
        parts = urlsplit(self.url)
        bases = PortalBases({self.host: f"{parts.scheme}://{parts.netloc}"})
        gate = Addresses({self.host}, bases=bases)
        limits = Limits(connect=PATIENCE, read=PATIENCE)
        content = {
            "text": f"{alert.title}\n{alert.text}",
            "title": alert.title,
            "kind": alert.key.partition(":")[0],
        }
        try:
            with Http(gate, retry=Retry(attempts=1), limits=limits) as http:
                http.post_json(self.url, content)
        except OpenDataError as error:
            # Its words name the whole address.
            raise AlertError(
                f"the webhook at {self.host} did not take it ({type(error).__name__})",
                next_step=f"check {WEBHOOK}",
            ) from None


@dataclass(frozen=True)
class Mail:
    """A mail server, spoken to with TLS unless it is on this machine."""

    host: str
    port: int
    sender: str
    to: tuple[str, ...]
    encrypted: bool = False
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    name: str = "mail"

    def send(self, alert: Alert) -> None:
        """Hand the message to the server."""
        message = EmailMessage()
        message["Subject"] = f"[company-signals] {alert.title}"
        message["From"], message["To"] = self.sender, ", ".join(self.to)
        message["Date"] = localtime()
        message["Message-ID"] = make_msgid(domain=self.sender.rpartition("@")[2])
        message.set_content(f"{alert.text}\n")
        try:
            with self._connected() as server:
                if self.user:
                    server.login(self.user, self.password)
                server.send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            raise AlertError(
                f"the mail server {self.host} did not take it ({type(error).__name__})",
                next_step="check SIGNALS_ALERT_SMTP and its credentials",
            ) from None

    def _connected(self) -> smtplib.SMTP:
        if self.encrypted:
            return smtplib.SMTP_SSL(self.host, self.port, timeout=PATIENCE, context=tls_context())
        server = smtplib.SMTP(self.host, self.port, timeout=PATIENCE)
        if not is_loopback(self.host):
            try:
                server.starttls(context=tls_context())
            except BaseException:
                server.close()
                raise
        return server


def channels(settings: Settings, environment: Mapping[str, str]) -> list[Channel]:
    """Return the ways that are set, the log first.

    Raises:
        SettingsError: one of them cannot be used; nothing secret is in the message.
    """
    found: list[Channel] = [LogLine()]
    if url := environment.get(WEBHOOK):
        found.append(_webhook(url))
    if settings.alert_smtp:
        found.append(_mail(settings, environment))
    return found


def _split(url: str) -> SplitResult:
    """Return the parts of an address; none of them where it is malformed, its port included."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return urlsplit("")
    return parts


def _webhook(url: str) -> Webhook:
    parts = _split(url)
    local = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if not parts.hostname or parts.username is not None or not (parts.scheme == "https" or local):
        raise SettingsError(
            f"{WEBHOOK} is not an https address (http only on this machine)",
            next_step=f"correct {WEBHOOK} in the environment of the process",
        )
    return Webhook(url)


def _mail(settings: Settings, environment: Mapping[str, str]) -> Mail:
    parts = _split(settings.alert_smtp)
    to = tuple(one.strip() for one in settings.alert_to.split(",") if one.strip())
    if parts.scheme not in _PORTS or not parts.hostname or parts.username is not None:
        raise SettingsError(
            "SIGNALS_ALERT_SMTP is not smtp://host:port or smtps://host:port",
            next_step=f"correct it; user and password go into {SMTP_USER} and {SMTP_PASSWORD}",
        )
    if not to or "@" not in settings.alert_from:
        raise SettingsError(
            "alerts by e-mail need a sender and at least one recipient",
            next_step="set SIGNALS_ALERT_FROM and SIGNALS_ALERT_TO",
        )
    return Mail(
        host=parts.hostname,
        port=parts.port or _PORTS[parts.scheme],
        sender=settings.alert_from,
        to=to,
        encrypted=parts.scheme == "smtps",
        user=environment.get(SMTP_USER, ""),
        password=environment.get(SMTP_PASSWORD, ""),
    )


def send(alert: Alert, ways: Sequence[Channel]) -> set[str]:
    """Send an alert by every way; return the names of those by which it arrived.

    A way that fails does not keep the others from being tried, and is told in the log.
    """
    arrived = set()
    for way in ways:
        try:
            way.send(alert)
        except AlertError as error:
            LOG.error("alert not delivered", way=way.name, why=error.what, todo=error.next_step)
        else:
            arrived.add(way.name)
    return arrived
