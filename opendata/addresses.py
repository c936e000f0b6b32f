"""Which addresses may be contacted.

Belongs here: the hosts that are allowed, where they are really served (a mirror, a local
sample) and the networks that are never contacted. Does not belong here: contacting them.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import SplitResult, urljoin, urlsplit

from opendata.errors import AddressError

IP = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], list[str]]

#: Where the portals keep the files that their own addresses redirect to.
STORAGE_HOSTS = frozenset({"static.data.gouv.fr", "object.files.data.gouv.fr"})
#: Cloud metadata services on addresses that count as public (the others are link-local).
METADATA = frozenset({ipaddress.ip_address("168.63.129.16")})
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NEXT_STEP = "check the address with the publisher; allow its host in the settings if it is right"


def printable(url: str) -> str:
    """Return ``url`` without credentials, query and fragment: fit for messages."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "a malformed address"
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
    port = f":{parts.port}" if _port_is_valid(parts) and parts.port else ""
    return f"{parts.scheme}://{host or ''}{port}{parts.path}"


def _port_is_valid(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    default = 443 if parts.scheme == "https" else 80
    return (parts.scheme, (parts.hostname or "").rstrip("."), parts.port or default)


def is_loopback(host: str) -> bool:
    """Tell whether ``host`` is this machine by its very name."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _embedded(address: IP) -> IP:
    """Return the IPv4 address that an IPv6 one stands for, else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.ip_address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def is_public(text: str) -> bool:
    """Tell whether an IP address is on the public internet and not a metadata service."""
    address = _embedded(ipaddress.ip_address(text.partition("%")[0]))
    return address.is_global and not address.is_multicast and address not in METADATA


def resolve(host: str, port: int) -> list[str]:
    """Return the IP addresses of ``host`` by the system's resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return sorted({str(entry[4][0]) for entry in found})


class PortalBases:
    """Where each official host is really served.

    Usage:
        ``PortalBases({"www.data.gouv.fr": "http://127.0.0.1:8765/www.data.gouv.fr"})``.
        A host that is not listed is served at ``https://host``. Code above this class
        only knows official addresses, so it cannot tell a sample from the portal.
    """

    def __init__(self, bases: Mapping[str, str] | None = None) -> None:
        self._bases = {host: url.rstrip("/") for host, url in (bases or {}).items()}
        self.origins = frozenset(_origin(self._checked(url)) for url in self._bases.values())

    @staticmethod
    def _checked(url: str) -> SplitResult:
        parts = urlsplit(url)
        usable = parts.hostname and _port_is_valid(parts) and parts.username is None
        secure = parts.scheme == "https"
        local = parts.scheme == "http" and is_loopback(parts.hostname or "")
        if not usable or not (secure or local):
            raise AddressError(
                f"the base URL {printable(url)} is neither https nor a loopback address",
                next_step="give an https base URL, or http on this machine, in the settings",
            )
        return parts

    def wire(self, url: str) -> str:
        """Return the address to contact for the official address ``url``."""
        parts = urlsplit(url)
        base = self._bases.get(parts.hostname or "")
        official = parts.scheme == "https" and parts.port in (None, 443) and parts.username is None
        if base is None or not official:
            return url
        query = f"?{parts.query}" if parts.query else ""
        return f"{base}{parts.path}{query}"


class Addresses:
    """The gate that every request and every redirect passes.

    Args:
        hosts: official hosts that may be contacted, besides :data:`STORAGE_HOSTS`.
        bases: where the hosts are really served; their origins are allowed too.
        resolver: gives the IP addresses of a host; the system's by default.
    """

    def __init__(
        self,
        hosts: Iterable[str],
        *,
        bases: PortalBases | None = None,
        resolver: Resolve = resolve,
    ) -> None:
        self.hosts = frozenset(hosts) | STORAGE_HOSTS
        self.bases = bases or PortalBases()
        self._resolve = resolver

    def wire(self, url: str, *, seen_from: str | None = None) -> str:
        """Return the checked address to contact for ``url``.

        Args:
            url: an official address, or the ``Location`` of a redirect.
            seen_from: the address that redirected here, to complete a relative one.

        Raises:
            AddressError: the scheme, the host or its network is not allowed.
        """
        try:
            target = self.bases.wire(urljoin(seen_from, url) if seen_from else url)
            parts = urlsplit(target)
        except ValueError as error:
            raise AddressError("an address is malformed", next_step=_NEXT_STEP) from error
        if not parts.hostname or not _port_is_valid(parts) or parts.username is not None:
            raise AddressError(f"{printable(target)} is not a plain address", next_step=_NEXT_STEP)
        scheme, host, port = _origin(parts)
        configured = (scheme, host, port) in self.bases.origins
        if not configured and (scheme != "https" or port != 443):
            raise AddressError(
                f"{printable(target)} is not https on its usual port", next_step=_NEXT_STEP
            )
        if not configured and host not in self.hosts:
            raise AddressError(f"the host {host} is not an allowed one", next_step=_NEXT_STEP)
        self._check_networks(host, port, loopback=configured and is_loopback(host))
        return target

    def _check_networks(self, host: str, port: int, *, loopback: bool) -> None:
        try:
            found = self._resolve(host, port)
        except OSError as error:
            raise AddressError(
                f"the host {host} has no address", next_step="check the network and the host name"
            ) from error
        for address in found:
            self.check_peer(host, address, loopback=loopback)

    def check_peer(self, host: str, address: str, *, loopback: bool | None = None) -> None:
        """Refuse the IP ``address`` of ``host`` unless it is public (or loopback, if configured).

        Called before a request on what the resolver says, and after it on the peer that
        answered, so that a name which changes in between gains nothing.
        """
        if loopback is None:
            loopback = is_loopback(host) and any(
                host == known for _, known, _ in self.bases.origins
            )
        allowed = is_loopback(address) if loopback else is_public(address)
        if not allowed:
            raise AddressError(
                f"the host {host} leads to {address}, an address inside a private network",
                next_step="do not contact it; check the DNS of this machine and the portal",
            )
