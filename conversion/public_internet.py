"""Connections that can only lead to the public internet.

What a name resolves to may change from one look to the next, and may be what only we can reach: our
own metadata, a service in the VPC. Every address must therefore be a public one, and the connection
goes to the very address that was looked at, by number.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence

CONNECT_SECONDS = 5.0
# Of a name with many addresses, the first few: each may cost all of these seconds.
_MOST_ADDRESSES = 3

Resolve = Callable[[str, int], Sequence[str]]


class NotPublic(Exception):
    """A name resolves to what is not on the public internet."""


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, as the system's resolver has them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet's, and of nothing else.

    `is_global` alone takes multicast, the relays of 6to4 and whatever carries an IPv4 address
    inside (mapped, compatible, NAT64: RFC 6052), and each Python has another state of the IANA
    registries. So of IPv6 only global unicast counts (2000::/3, RFC 4291 §2.4), and of that
    nothing for special purposes (RFC 6890).
    """
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address) and parsed not in _GLOBAL_UNICAST:
        return False
    special = any(parsed in each for each in _SPECIAL if each.version == parsed.version)
    return parsed.is_global and not parsed.is_multicast and not special


_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_SPECIAL = (
    ipaddress.IPv4Network("192.0.0.0/24"),  # IETF protocol assignments
    ipaddress.IPv4Network("192.88.99.0/24"),  # 6to4 relays (RFC 7526)
    ipaddress.IPv6Network("2001::/23"),  # IETF protocol assignments: Teredo, ORCHID …
    ipaddress.IPv6Network("2002::/16"),  # 6to4: an IPv4 address inside
    ipaddress.IPv6Network("3fff::/20"),  # documentation (RFC 9637)
)


def dial(
    host: str, port: int, resolve: Resolve, is_allowed: Callable[[str], bool]
) -> socket.socket:
    """A connection to the first address that answers. Raises NotPublic, or OSError.

    All are looked at: one that is not public among others is a trap or a mistake.
    """
    addresses = resolve(host, port)
    if not addresses or not all(map(is_allowed, addresses)):
        raise NotPublic("The name resolves to what is not on the public internet.")
    last = OSError("no address")
    for address in addresses[:_MOST_ADDRESSES]:
        try:
            return socket.create_connection((address, port), CONNECT_SECONDS)
        except OSError as error:
            last = error
    raise last
