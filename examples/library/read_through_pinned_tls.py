"""Ask the gateway through pinned TLS, without a server, what it answers without a login.

Run it with the gateway's address: ``python read_through_pinned_tls.py 10.11.120.2``. The pin is kept in ./certs.
"""

from __future__ import annotations

import sys

from smgwproxy import Gateway
from smgwproxy.truststores import open_truststore


def main(target: str) -> None:
    """Print the status and the login that the gateway wants."""
    with Gateway(target, open_truststore("file:./certs")) as gateway:
        (pin,) = gateway.ensure_pinned()
        print(f"pinned: SHA-256 {pin.fingerprint}")
        with gateway.send("GET", "/", [("Host", gateway.origin.authority)]) as answer:
            print(answer.head.status, answer.head.reason)
            for name, value in answer.head.lines:
                print(f"{name}: {value}")


if __name__ == "__main__":
    main(sys.argv[1])
