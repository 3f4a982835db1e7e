"""Hosts on which a bench is served."""

from __future__ import annotations

import ipaddress
import socket

from labneuro.errors import InputError

LOOPBACK = "127.0.0.1"


def resolve(host: str) -> str:
    """Return a host's IPv4 address: VISA resource names hold no other.

    Raises
    ------
    InputError
        If it has none.

    Examples
    --------
    >>> resolve("127.0.0.1")
    '127.0.0.1'
    """
    try:
        found = socket.getaddrinfo(host, None, family=socket.AF_INET)
    except OSError as error:
        raise InputError(f"--host {host}: {error.strerror or error}") from error
    return str(found[0][4][0])


def is_loopback(host: str) -> bool:
    """Whether only this computer reaches a host.

    Raises
    ------
    InputError
        If the host has no address.

    Examples
    --------
    >>> is_loopback("127.0.0.1"), is_loopback("0.0.0.0")
    (True, False)
    """
    return ipaddress.ip_address(resolve(host)).is_loopback


def reachable(host: str) -> str:
    """Return a name by which others reach what listens on an address.

    Examples
    --------
    >>> reachable("127.0.0.1")
    '127.0.0.1'
    """
    return socket.gethostname() if ipaddress.ip_address(host).is_unspecified else host
