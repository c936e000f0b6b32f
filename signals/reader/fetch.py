"""Getting the bytes of a file of the feed.

Belongs here: a folder, HTTPS, an S3-compatible store. A consumer with another place gives a
function of its own: a path relative to the manifest comes in, bytes go out. Does not belong
here: what the bytes mean.
"""

from __future__ import annotations

import http.client
import ipaddress
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, urlsplit

from pyarrow import fs

from signals.reader.errors import FetchError, MissingError, ReaderError

_SECONDS = 60.0


class Fetch(Protocol):
    """Gives the bytes of a file.

    Raises:
        MissingError: there is no such file.
        FetchError: the place does not answer.
    """

    def __call__(self, path: str, /) -> bytes:
        """Return the bytes of ``path``, relative to the manifest."""


def fetcher(base: str | Path, headers: Mapping[str, str] | None = None) -> Fetch:
    """Return how to get files under ``base``.

    Args:
        base: the folder of a stream: a path, ``https://…``, or ``s3://bucket/prefix`` with the
            options of :meth:`pyarrow.fs.FileSystem.from_uri`. Plain ``http://`` only on loopback.
        headers: sent with each request over HTTP, e.g. ``Authorization``.

    Raises:
        ReaderError: ``base`` is of no known kind.
    """
    scheme = urlsplit(base).scheme if isinstance(base, str) else ""
    if isinstance(base, Path) or len(scheme) < 2:
        return _folder(Path(base))
    if scheme == "s3":
        return _store(base)
    if scheme == "https" or (scheme == "http" and _is_loopback(urlsplit(base).hostname or "")):
        return _web(base, dict(headers or {}))
    raise ReaderError(f"{scheme}: is no place of a feed; give a folder, https:// or s3://")


def _folder(folder: Path) -> Fetch:
    def read(path: str, /) -> bytes:
        try:
            return (folder / path).read_bytes()
        except FileNotFoundError as error:
            raise MissingError(f"{path} is not there") from error
        except OSError as error:
            raise FetchError(f"{path} cannot be read: {error.strerror}") from error

    return read


def _web(base: str, headers: Mapping[str, str]) -> Fetch:
    def read(path: str, /) -> bytes:
        address = f"{base.rstrip('/')}/{quote(path)}"
        # The scheme was looked at by fetcher().
        request = urllib.request.Request(address, headers=dict(headers))  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
                body: bytes = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                if error.code in (404, 410):
                    raise MissingError(f"{path} is not there") from error
                raise FetchError(f"{path}: the server answers {error.code}") from error
        except (OSError, http.client.HTTPException) as error:
            raise FetchError(f"{path}: no answer ({type(error).__name__})") from error
        return body

    return read


def _store(base: str) -> Fetch:
    store, prefix = fs.FileSystem.from_uri(base)

    def read(path: str, /) -> bytes:
        try:
            with store.open_input_file(f"{prefix.rstrip('/')}/{path}") as file:
                body: bytes = file.read()
        except FileNotFoundError as error:
            raise MissingError(f"{path} is not there") from error
        except OSError as error:
            raise FetchError(f"{path}: the store does not give it") from error
        return body

    return read


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
