"""Where somebody connects from, as far as it can be believed.

``X-Forwarded-For`` is a list to which each proxy adds whom it heard from, at its right end; what stands further left
may have been written by the client. So it is read from the right, and only as far as those who wrote it are proxies
that the operator names in ``CHAT_TRUSTED_PROXIES``. Without that setting the peer of the connection is the client.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from django.http import HttpRequest

    from switchboard import Message

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: Bits of an IPv6 address that name a customer; the rest is theirs to change at will.
IPV6_CUSTOMER_BITS = 64


def of_handshake(message: Message) -> str:
    """The address of the client of a ``websocket.connect``; "" if nobody knows."""
    headers: Iterable[Sequence[bytes]] = message.content.get("headers") or ()
    forwarded = b",".join(value for name, value in headers if name == b"x-forwarded-for")
    peer = message.content.get("client")
    return client_address(peer[0] if peer else "", forwarded.decode("latin-1"))


def of_request(request: HttpRequest) -> str:
    """The address of the client of an HTTP request; "" if nobody knows."""
    return client_address(request.META.get("REMOTE_ADDR", ""), request.META.get("HTTP_X_FORWARDED_FOR", ""))


def client_address(peer: str, forwarded: str) -> str:
    """The nearest address that is not one of a trusted proxy.

    A connection without a peer comes through a unix socket, whose other end can only be a proxy of ours.
    """
    trusted = _networks(tuple(getattr(settings, "CHAT_TRUSTED_PROXIES", ())))
    nearest = _read(peer)
    if not trusted:
        return str(nearest or "")
    for hop in reversed(forwarded.split(",")):
        if nearest is not None and not any(nearest in network for network in trusted):
            break
        before = _read(hop)
        if before is None:
            break
        nearest = before
    return str(nearest or "")


@lru_cache(10_000)
def customer(address: str) -> str:
    """What stands for everybody at ``address``: itself, and of IPv6 the part that an access provider gives out."""
    read = _read(address)
    if isinstance(read, IPv6Address):
        return str(ip_network((read, IPV6_CUSTOMER_BITS), strict=False))
    return str(read or "")


def within(address: str, network: str) -> bool:
    """Whether ``address`` is in ``network``, an address or a network as ``10.0.0.0/8``."""
    read = _read(address)
    return read is not None and read in _networks((network,))[0]


def _read(text: str) -> Address | None:
    try:
        # Some proxies write brackets; a zone is of no use elsewhere.
        address = ip_address(text.strip().strip("[]").partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@cache
def _networks(texts: tuple[str, ...]) -> list[Network]:
    return [ip_network(text, strict=False) for text in texts]
