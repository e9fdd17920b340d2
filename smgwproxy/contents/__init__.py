"""What stands in a certificate: read here where it is ordinary, by `cryptography` where it is not.

`cryptography` would take a quarter of the memory of an idle proxy, and most proxies only ever see the certificate
of one gateway. So what gateways have is read without it, and to the letter as it would read it: `ordinary`, with
`names`, `extensions`, `public_key` and `curves`, refuses whatever it is not sure of. That is left to `library`,
which alone knows `cryptography` and is imported only then.
"""

from __future__ import annotations

from smgwproxy.contents import ordinary, public_key
from smgwproxy.contents.description import Description

__all__ = ["Description", "describe", "in_one_form"]


def describe(der: bytes) -> Description:
    """Tell what a person wants to know of a certificate in DER; empty where it cannot be read."""
    try:
        return ordinary.describe(der)
    except ValueError:
        from smgwproxy.contents import library  # noqa: PLC0415  # slow to import, and large

        return library.describe(der)


def in_one_form(key: bytes) -> bytes:
    """Return a SubjectPublicKeyInfo (RFC 5280 section 4.1) in the one form that all of the same key share.

    A point, say, may be written in several. What cannot be read is returned as it stands.
    """
    try:
        public_key.kind(key)
    except ValueError:
        from smgwproxy.contents import library  # noqa: PLC0415  # as above

        return library.in_one_form(key)
    return key  # an ordinary key is in that form already
