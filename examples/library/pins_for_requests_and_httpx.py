"""Use the pin with requests or httpx, which then speak with the gateway themselves: no other peer gets a byte.

Usage: python pins_for_requests_and_httpx.py ADDRESS
"""

import ssl
import sys

import httpx
import requests
from requests.adapters import HTTPAdapter

from smgwproxy import Gateway, Pin, open_truststore


class PinnedAdapter(HTTPAdapter):
    """Makes requests compare the certificate's SHA-256 fingerprint, and nothing else."""

    def __init__(self, pin: Pin) -> None:
        self._fingerprint = str(pin.fingerprint)
        super().__init__()

    def init_poolmanager(self, *args, **options):  # type: ignore[no-untyped-def]  # as requests calls it
        """Hand the fingerprint to urllib3."""
        super().init_poolmanager(*args, assert_fingerprint=self._fingerprint, **options)

    def send(self, request, **options):  # type: ignore[no-untyped-def, override]  # as requests calls it
        """Ask no authority: none vouches for it, and the fingerprint is compared all the same."""
        return super().send(request, **{**options, "verify": False})


def pinned_context(pin: Pin) -> ssl.SSLContext:
    """Make a context, for httpx and others, that trusts the pinned certificate and no other."""
    if pin.certificate is None:
        raise SystemExit("Only the fingerprint is known: run the proxy once, or: smgwproxy trust scan")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # the certificate itself is compared
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=pin.certificate.der)
    return context


def main(address: str) -> None:
    """Print what the gateway answers to both libraries without a login."""
    with Gateway(address, open_truststore("file:./certs")) as gateway:
        pin, *_ = gateway.ensure_pinned()  # the first time this pins what it sees
    print(f"pinned: SHA-256 {pin.fingerprint}")
    with requests.Session() as session:
        session.mount("https://", PinnedAdapter(pin))
        print("requests:", session.get(f"https://{address}/").status_code)
    with httpx.Client(verify=pinned_context(pin)) as client:
        print("httpx:", client.get(f"https://{address}/").status_code)


if __name__ == "__main__":
    main(sys.argv[1])
