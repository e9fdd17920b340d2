"""What a host is called: names that DNS could have, and the one form of an IPv6 address; pure."""

from __future__ import annotations

import re
from ipaddress import IPv6Address

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")


def is_dns_name(text: str) -> bool:
    """Tell whether ``text``, in lower case and without a last dot, is a name that DNS could have."""
    labels = text.split(".")
    # only an IPv4 address ends in a number (RFC 1123 section 2.1)
    return len(text) <= 253 and not labels[-1].isdigit() and all(_LABEL.fullmatch(label) for label in labels)


def short_form(address: IPv6Address) -> str:
    """Write ``address`` as RFC 5952 has it, mapped IPv4 with dots (its section 5), on every Python alike.

    Before Python 3.13 ``str`` writes mapped IPv4 in hexadecimal, and a pin is found by what is written here.
    """
    return f"::ffff:{address.ipv4_mapped}" if address.ipv4_mapped else address.compressed
