"""What the texts of the options mean.

Each function turns one text into its value, or raises `ValueError` with one line that quotes the text and tells
the remedy; who knows how the text was given puts that before it.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from smgwproxy.authority import Authority
from smgwproxy.host import is_dns_name
from smgwproxy.http1 import MessageError
from smgwproxy.phrases import phrase
from smgwproxy.renewal import Renewal

LOG_LEVELS = ("debug", "info", "warning", "error")

_NETWORK = re.compile(r"[0-9A-Fa-f:.]+(?:/[0-9]{1,3})?")
_SWITCH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


# --- numbers --------------------------------------------------------------------------------------------


def whole(low: int, high: int, remedy: str) -> Callable[[str], int]:
    """Make the reader of a whole number from ``low`` to ``high``."""

    def read(text: str) -> int:
        # not int() alone: it takes 1_0, signs, blanks and the digits of every script
        if not (re.fullmatch(r"[0-9]{1,10}", text) and low <= int(text) <= high):
            raise ValueError(phrase("{text!r} is wrong: {remedy}", text=text, remedy=remedy))
        return int(text)

    return read


def seconds(text: str) -> float:
    """Read a time."""
    # a day at most: the system's own calls overflow at some 24 days of milliseconds
    wrong = ValueError(phrase("{text!r} is no time: give a number of seconds above 0 and up to 86400", text=text))
    if not re.fullmatch(r"[0-9]+(\.[0-9]*)?|\.[0-9]+", text):
        raise wrong
    number = float(text)
    if not 0 < number <= 86400:
        raise wrong
    return number


def switch(text: str) -> bool:
    """Read yes or no."""
    try:
        return _SWITCH[text.lower()]
    except KeyError as error:
        raise ValueError(phrase("{text!r} is neither yes nor no: give true or false", text=text)) from error


# --- files ----------------------------------------------------------------------------------------------


def directory(text: str) -> Path:
    """Read the path of a directory."""
    if not text or "\0" in text:
        raise ValueError(phrase("{text!r} is no directory: give the path of one", text=text))
    return Path(text)


def file(text: str) -> Path:
    """Read the path of a file."""
    if not text or "\0" in text:
        raise ValueError(phrase("{text!r} is no file: give the path of one", text=text))
    return Path(text)


def file_name(text: str) -> str:
    """Read a file's name without a directory."""
    # 255 bytes is what file systems take; the date, the time and a temporary suffix come on top
    if text in {"", ".", ".."} or "/" in text or not text.isprintable() or len(text.encode()) > 200:
        raise ValueError(
            phrase("{text!r} is no bare file name: give a name without /; --logdir sets the directory", text=text)
        )
    return text


# --- addresses and names --------------------------------------------------------------------------------


def listen(text: str, port: str = "port") -> str | None:
    """Read what to listen at: an IP address without brackets, ``localhost``, or None for all of them.

    ``port`` is the option of the port, of which somebody may have thought.
    """
    name = text.lower()
    if name == "all":
        return None
    if name == "localhost":
        return name
    bracketed = text.startswith("[") and text.endswith("]")
    try:
        address = ipaddress.ip_address(text[1:-1] if bracketed else text)
    except ValueError:
        address = None
    if address is None or (bracketed and address.version == 4):
        raise ValueError(
            phrase(
                "{text!r} is no address to listen at: give an IP address, localhost or all; "
                "--{port} sets the port",
                text=text,
                port=port,
            )
        )
    return str(address)


def network(text: str) -> IPv4Network | IPv6Network:
    """Read a network as CIDR has it; an address is a network of one, and mapped IPv4 is IPv4."""
    wrong = ValueError(
        phrase("{text!r} is no network: give one such as 192.168.0.0/24, or a single address", text=text)
    )
    if not _NETWORK.fullmatch(text):  # ipaddress takes netmasks, and zones, which no network has
        raise wrong
    try:
        found = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise wrong from error
    address, _, length = text.partition("/")
    if length and ipaddress.ip_address(address) != found.network_address:
        raise ValueError(
            phrase(
                "{text!r} is an address within a network: give {found} for the network, or {address} for it alone",
                text=text,
                found=found,
                address=address,
            )
        )
    if found.version == 6 and found.network_address.ipv4_mapped:
        return IPv4Network((found.network_address.ipv4_mapped, found.prefixlen - 96))
    return found


def server_name(text: str) -> str:
    """Read a DNS name, and return it in lower case and without its last dot."""
    name = text.lower().removesuffix(".")
    if not is_dns_name(name):
        raise ValueError(
            phrase(
                "{text!r} is no name of a server: give a DNS name such as meter.example.org, without "
                "port; addresses need none",
                text=text,
            )
        )
    return name


def host_header(text: str) -> str:
    """Read what a Host line names: a name or an address, with a port or without; kept as it is written."""
    try:
        Authority.parse(text)
    except MessageError as error:
        raise ValueError(
            phrase("{text!r} is no Host: give HOST, HOST:PORT or [IPV6]:PORT, for example smgw.local", text=text)
        ) from error
    return text


# --- secrets --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Secret:
    """What no repr shows, and so no log and no error."""

    octets: bytes = field(repr=False)


def secret(text: str) -> Secret:
    """Read a password, byte for byte as it stands in the environment."""
    return Secret(os.fsencode(text))


# --- choices --------------------------------------------------------------------------------------------


def truststore(text: str) -> str:
    """Read which trust store is to be opened; whether there is one of that name shows later."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]+(:[^\0]*)?", text):
        raise ValueError(
            phrase("{text!r} is no trust store: give NAME:ARGUMENT, for example file:./certs", text=text)
        )
    return text


def renewal(text: str) -> Renewal:
    """Read when a new certificate is accepted by itself."""
    try:
        return Renewal(text.lower())
    except ValueError as error:
        raise ValueError(
            phrase(
                "{text!r} is no way to renew: give {one} or {other}",
                text=text,
                one=Renewal.ASK,
                other=Renewal.SAME_KEY,
            )
        ) from error


def log_level(text: str) -> str:
    """Read one of `LOG_LEVELS`."""
    level = text.lower()
    if level not in LOG_LEVELS:
        raise ValueError(
            phrase(
                "{text!r} is no log level: give {levels} or {last}",
                text=text,
                levels=", ".join(LOG_LEVELS[:-1]),
                last=LOG_LEVELS[-1],
            )
        )
    return level
