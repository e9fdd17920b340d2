"""A gateway's mDNS responder, made with zeroconf: a web service, whose host has addresses, at one interface."""

from __future__ import annotations

import socket
import sys

from zeroconf import ServiceInfo, Zeroconf


def main(interface: str, host: str, port: str, *addresses: str) -> None:
    """Answer until the end of stdin; says ``ready`` once it does."""
    with Zeroconf(interfaces=[socket.if_nametoindex(interface)]) as answering:
        service = "_http._tcp.local."
        info = ServiceInfo(
            service, f"Gateway.{service}", port=int(port), server=f"{host}.", parsed_addresses=list(addresses)
        )
        answering.register_service(info, cooperating_responders=True)
        print("ready", flush=True)  # noqa: T201  # for the test
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
