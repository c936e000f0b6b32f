"""Object stores: where files go that others fetch over the network.

Belongs here: opening an S3-compatible store by its address, and the few operations that a
publication needs, each with a condition where two writers could meet. Does not belong
here: what is published, and in which order.

Credentials come from the environment alone, never from a setting that Dagster would show.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import obstore
from obstore import exceptions
from obstore.store import S3Store

from opendata import files
from opendata.errors import OpenDataError, SettingsError

if TYPE_CHECKING:
    from obstore import PutMode

KEY_ID, SECRET, TOKEN = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"
#: How the store encrypts what it keeps; ``aws:kms`` may be followed by ``:`` and the key's id.
ENCRYPTIONS = ("AES256", "aws:kms")


class StoreError(OpenDataError):
    """The store did not take or give what was asked, or could not be reached."""


class ConflictError(StoreError):
    """Somebody else wrote there since we looked."""


@dataclass(frozen=True)
class Held:
    """An object that was read: its bytes, and the mark to name this state of it by."""

    body: bytes
    tag: str


@dataclass(frozen=True)
class StoreAddress:
    """Where a store is and how it is spoken to; holds no secret.

    Attributes:
        url: ``s3://bucket/prefix``.
        endpoint: base URL of the service; empty for AWS. Cloudflare R2 in the EU:
            ``https://<account>.eu.r2.cloudflarestorage.com``.
        region: region that requests are signed for; R2 wants ``auto``.
        encryption: what the store is asked to encrypt with; empty leaves it to the bucket.
        attempts: how often a request is tried in all.
        seconds: time that one request may take.
    """

    url: str
    endpoint: str = ""
    region: str = "us-east-1"
    encryption: str = ""
    attempts: int = 6
    seconds: int = 60


@dataclass(frozen=True)
class Store:
    """Objects under one prefix of a bucket.

    Usage:
        ``Store.open(StoreAddress("s3://feed/prod"), os.environ).create("a/b.parquet", body)``
    """

    address: StoreAddress
    _client: S3Store = field(repr=False)

    @classmethod
    def open(cls, address: StoreAddress, environment: Mapping[str, str] = os.environ) -> Store:
        """Open the store; nothing is asked of it yet.

        Raises:
            SettingsError: the address cannot be used, is not encrypted in transit, or the
                environment has no credentials.
        """
        bucket, prefix = _bucket(address.url)
        plain = plain_allowed(address.endpoint)
        lacking = [name for name in (KEY_ID, SECRET) if not environment.get(name)]
        if lacking:
            raise SettingsError(
                f"the environment has no {' and no '.join(lacking)}",
                next_step="give the publisher's own key of this bucket in the environment",
            )
        config: dict[str, Any] = {
            "access_key_id": environment[KEY_ID],
            "secret_access_key": environment[SECRET],
            "region": address.region,
            "conditional_put": "etag",
            **_encryption(address.encryption),
        }
        if environment.get(TOKEN):
            config["session_token"] = environment[TOKEN]
        if address.endpoint:
            config["endpoint"] = address.endpoint.rstrip("/")
        client = S3Store(
            bucket,
            prefix=prefix or None,
            config=cast(Any, config),
            client_options={"allow_http": plain, "timeout": timedelta(seconds=address.seconds)},
            retry_config={
                "max_retries": address.attempts - 1,
                "retry_timeout": timedelta(seconds=address.seconds * address.attempts),
            },
        )
        return cls(address, client)

    def get(self, name: str) -> Held | None:
        """Return an object; ``None`` if there is none of that name."""
        with _told(name):
            try:
                found = obstore.get(self._client, name)
                return Held(bytes(found.bytes()), str(found.meta["e_tag"]))
            except (FileNotFoundError, exceptions.NotFoundError):
                return None

    def create(self, name: str, body: bytes, *, point: str) -> None:
        """Store an object that must not be there yet; the same bytes again are no change.

        Raises:
            ConflictError: the name is taken by other bytes.
        """
        self._put(name, body, "create", point)

    def replace(self, name: str, body: bytes, former: Held | None, *, point: str) -> None:
        """Store ``body`` in the place of ``former`` (``None``: of nothing), or not at all.

        Raises:
            ConflictError: it is ``former`` no more.
        """
        self._put(name, body, "create" if former is None else {"e_tag": former.tag}, point)

    def _put(self, name: str, body: bytes, mode: PutMode, point: str) -> None:
        files.reached(f"{point}:before-put")
        with _told(name):
            try:
                obstore.put(self._client, name, body, mode=mode, use_multipart=False)
            except (
                exceptions.AlreadyExistsError,
                exceptions.PreconditionError,
                exceptions.NotFoundError,
                FileNotFoundError,
            ):
                # A put whose answer was lost is tried again and then finds itself.
                held = self.get(name)
                if held is None or held.body != body:
                    raise ConflictError(
                        "other bytes came to stand there under this name",
                        next_step="let one installation alone publish to this address; if a "
                        "stream was begun anew here, remove it from the store first",
                        file=name,
                    ) from None
        files.reached(f"{point}:after-put")

    def names(self, prefix: str) -> list[str]:
        """Return the names of all objects under ``prefix``, a folder, in order."""
        with _told(prefix):
            parts = obstore.list(self._client, prefix.rstrip("/") or None)
            return sorted(entry["path"] for part in parts for entry in part)

    def delete(self, names: Sequence[str], *, point: str) -> None:
        """Remove objects; those that are gone already are no error."""
        for name in names:
            files.reached(f"{point}:before-delete")
            with _told(name):
                try:
                    obstore.delete(self._client, name)
                except (FileNotFoundError, exceptions.NotFoundError):
                    continue
            files.reached(f"{point}:after-delete")


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Turn what the client raises into an error that says what to do.

    The cause is not chained: it quotes the answer, in which a store repeats the key's id and what
    was signed.
    """
    try:
        yield
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError):
        raise StoreError(
            "the store refuses the key",
            next_step=f"check {KEY_ID} and what its policy allows on this bucket",
            file=name,
        ) from None
    except exceptions.BaseError:
        raise StoreError(
            "the store failed or could not be reached",
            next_step="run again when it answers; what was published there is unchanged",
            file=name,
        ) from None


def _bucket(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.hostname or parts.username or parts.query or parts.port:
        raise SettingsError(
            "the address of the exports is not s3://bucket/prefix",
            next_step="correct SIGNALS_EXPORT_URL; keys belong into the environment",
        )
    return parts.netloc, parts.path.strip("/")


def plain_allowed(endpoint: str) -> bool:
    """Return whether requests may go unencrypted: to this machine only."""
    parts = urlsplit(endpoint)
    if not endpoint or (parts.scheme == "https" and parts.hostname and not parts.username):
        return False
    if parts.scheme == "http" and _loopback(parts.hostname or "") and not parts.username:
        return True
    raise SettingsError(
        "the endpoint of the exports is not an https address",
        next_step="correct SIGNALS_EXPORT_ENDPOINT; only this machine may be spoken to in clear",
    )


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _encryption(chosen: str) -> dict[str, str]:
    if not chosen:
        return {}
    kind = next((one for one in ENCRYPTIONS if chosen == one or chosen.startswith(f"{one}:")), None)
    key = chosen[len(kind) + 1 :] if kind else ""
    if kind is None or (key and kind == "AES256"):
        raise SettingsError(
            "the encryption of the exports is none that is known",
            next_step="set SIGNALS_EXPORT_ENCRYPTION to AES256, aws:kms or aws:kms:<key id>",
        )
    return {"server_side_encryption": kind, **({"sse_kms_key_id": key} if key else {})}
