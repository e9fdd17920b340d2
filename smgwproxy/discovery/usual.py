"""The addresses that operators are known to give to gateways."""

from __future__ import annotations

from ipaddress import IPv4Address

# From manuals and operators' letters, and from what users of the gateways' clients report. An operator may choose
# any other address; these are no more than worth a question each.
USUAL_ADDRESSES: tuple[IPv4Address, ...] = tuple(
    map(
        IPv4Address,
        (
            "10.11.120.2",
            "192.168.1.200",
            "192.168.100.100",
            "192.168.168.168",
            "192.168.178.200",
            "192.168.33.2",
            "172.20.0.1",
        ),
    )
)
