"""What we connect to on somebody's word: the public internet, by an address we have looked at."""

from __future__ import annotations

import socket

import pytest

from conversion.public_internet import NotPublic, dial, is_public, resolve

PUBLIC = ["93.184.215.14", "8.8.8.8", "1.1.1.1", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]
REFUSED = {
    "unspecified": "0.0.0.0",
    "this network": "0.1.2.3",
    "loopback": "127.0.0.1",
    "another loopback": "127.8.9.10",
    "private 10": "10.0.0.1",
    "private 172": "172.31.255.254",
    "private 192": "192.168.1.1",
    "carrier-grade NAT": "100.64.0.1",
    "link-local": "169.254.1.1",
    "the metadata of an instance": "169.254.169.254",
    "the metadata of a task": "169.254.170.2",
    "IETF protocol assignments": "192.0.0.1",
    "the anycast of PCP": "192.0.0.9",
    "documentation": "192.0.2.1",
    "6to4 relays": "192.88.99.1",
    "benchmarking": "198.18.0.1",
    "multicast": "224.0.0.1",
    "multicast with a global scope": "232.1.2.3",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "IPv6 unspecified": "::",
    "IPv6 loopback": "::1",
    "IPv4-mapped private": "::ffff:10.0.0.1",
    "IPv4-mapped public": "::ffff:8.8.8.8",
    "IPv4-compatible": "::10.0.0.1",
    "NAT64": "64:ff9b::a00:1",
    "NAT64 of our own": "64:ff9b:1::a00:1",
    "discard-only": "100::1",
    "Teredo": "2001::1",
    "IETF anycast": "2001:1::1",
    "ORCHID": "2001:20::1",
    "IPv6 documentation": "2001:db8::1",
    "newer IPv6 documentation": "3fff::1",
    "6to4": "2002:a00:1::1",
    "segment routing": "5f00::1",
    "unique local": "fd00:ec2::254",
    "IPv6 link-local": "fe80::1",
    "link-local with its zone": "fe80::1%eth0",
    "site-local": "fec0::1",
    "IPv6 multicast": "ff02::1",
    "IPv6 multicast with a global scope": "ff0e::1",
}


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", REFUSED.values(), ids=REFUSED.keys())
def test_no_other_is(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", REFUSED.values(), ids=REFUSED.keys())
def test_one_that_is_not_public_refuses_the_name(address: str) -> None:
    for addresses in ([address], [*PUBLIC, address], [address, *PUBLIC]):
        with pytest.raises(NotPublic):
            dial("hooks.example", 443, lambda *_: addresses, is_public)  # noqa: B023


def test_a_name_without_an_address_is_refused() -> None:
    with pytest.raises(NotPublic):
        dial("hooks.example", 443, lambda *_: [], is_public)


@pytest.mark.parametrize(
    "name", ["localhost", "127.0.0.1", "127.1", "0x7f000001", "2130706433", "::1", "0"]
)
def test_the_systems_resolver_is_believed_and_its_answer_looked_at(name: str) -> None:
    """However loopback is written, what it resolves to is what counts."""
    with pytest.raises((NotPublic, OSError)) as refused:
        dial(name, 443, resolve, is_public)
    assert not isinstance(refused.value, ConnectionError), "nothing was connected to"


def test_the_connection_goes_to_the_address_that_was_looked_at() -> None:
    """A name that resolves to something else the next time is not asked a next time."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with dial(
            "hooks.example", port, lambda *_: next(answers), lambda each: each == "127.0.0.1"
        ) as connected:
            assert connected.getpeername() == ("127.0.0.1", port)
    assert next(answers) == ["10.0.0.1"], "the second answer was never asked for"


def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        addresses = ["127.0.0.2", "127.0.0.1"]  # nobody listens at the first
        with dial("hooks.example", port, lambda *_: addresses, lambda _: True) as connected:
            assert connected.getpeername()[0] == "127.0.0.1"


def test_when_none_answers_the_last_ones_error_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        dial("hooks.example", port, lambda *_: ["127.0.0.1"] * 2, lambda _: True)
