"""Whose address counts: never what a client could have written."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from chat.addresses import client_address, customer, within


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),  # not of a proxy: not believed
        ("127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.7", "203.0.113.7"),  # the left one may be anybody's
        ("127.0.0.1", "198.51.100.1, 203.0.113.7, 10.1.2.3", "203.0.113.7"),
        ("127.0.0.1", "10.1.2.3", "10.1.2.3"),  # nobody further
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1, nonsense", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1, ", "127.0.0.1"),
        ("::1", "2001:db8::7", "2001:db8::7"),
        ("::ffff:127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "[2001:db8::7]", "2001:db8::7"),
        ("", "203.0.113.7", "203.0.113.7"),  # through a unix socket
        ("", "", ""),
    ],
)
def test_the_nearest_address_that_is_no_proxy_of_ours(
    settings: Settings, peer: str, forwarded: str, address: str
) -> None:
    settings.CHAT_TRUSTED_PROXIES = ["127.0.0.1", "::1", "10.0.0.0/8"]
    assert client_address(peer, forwarded) == address


@pytest.mark.parametrize("peer", ["127.0.0.1", "203.0.113.7", ""])
def test_without_proxies_nothing_is_believed(settings: Settings, peer: str) -> None:
    settings.CHAT_TRUSTED_PROXIES = []
    assert client_address(peer, "198.51.100.1") == peer


def test_a_customer_of_ipv6_is_a_network() -> None:
    assert customer("2001:db8:1:2:3:4:5:6") == customer("2001:db8:1:2::1") != customer("2001:db8:1:3::1")
    assert customer("203.0.113.7") != customer("203.0.113.8")
    assert customer("") == ""


def test_networks() -> None:
    assert within("203.0.113.7", "203.0.113.0/24") and within("203.0.113.7", "203.0.113.7")
    assert not within("203.0.114.7", "203.0.113.0/24") and not within("2001:db8::1", "203.0.113.0/24")
    assert not within("", "0.0.0.0/0")
