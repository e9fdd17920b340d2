"""The eight faults of a household, each put in on purpose, with the gateway at port 443. In namespaces."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smgwproxy import demo
from smgwproxy.demo import Gateway, run_in_thread, self_signed
from tests.doctor.support import Doctor, Found
from tests.namespaces.han import GATEWAY, GATEWAY_LINK, GATEWAY_V6, NOBODY, PORT, Han, ip

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("in_namespaces")]

EVERYWHERE = "0.0.0.0"  # noqa: S104  # of a namespace that nobody else is in
DOOR = "8080"
NAME = "zaehler.test"


@contextmanager
def gateway_of(
    han: Han, vendor: str = "theben", host: str = EVERYWHERE, slow: timedelta = timedelta(0)
) -> Iterator[Gateway]:
    """Run a simulated gateway on the gateway's machine, its clock ``slow``."""

    def start() -> Gateway:
        return demo.start_gateway(vendor, host=host, port=443, clock=lambda: datetime.now(UTC) - slow)

    with han.gateway.entered():
        running = run_in_thread(start)
        gateway = running.__enter__()
    try:
        yield gateway
    finally:
        running.__exit__(None, None, None)


def examined(doctor: Doctor, gateway: Gateway, *more: str) -> Found:
    doctor.pin(GATEWAY, gateway.certificate)
    found = doctor(GATEWAY, "--port", DOOR, *more)
    assert found.code == (1 if found.wrong else 0)
    return found


def untouched(gateway: Gateway) -> bool:
    """Tell whether nobody came to the gateway."""
    return gateway.counters.handshakes_started == 0


def test_without_a_fault_nothing_is_wrong(han: Han, doctor: Doctor) -> None:
    with gateway_of(han) as gateway:
        found = examined(doctor, gateway)
        assert found.wrong == set()
        assert {found.verdict(check) for check in ("cable", "address", "default-route", "forwarding")} == {"ok"}
        assert found["address"]["seen"] == f"10.11.120.1/24 on {PORT}, in the gateway's subnet"
        assert gateway.counters.connections_most == 1


@pytest.mark.parametrize("target", [GATEWAY_V6, f"{GATEWAY_LINK}%{PORT}", NAME])
def test_gateway_by_ipv6_or_by_name_is_found(han: Han, doctor: Doctor, target: str) -> None:
    han.names(f"{GATEWAY} {NAME}")
    with gateway_of(han, "ppc", "::" if ":" in target else EVERYWHERE):
        found = doctor(f"[{target}]" if ":" in target else target, "--port", DOOR)
        assert found.wrong == set()
        assert found["address"]["interface"] == PORT


def test_wrong_subnet_is_found(han: Han, doctor: Doctor) -> None:
    with gateway_of(han) as gateway:
        ip(f"addr del 10.11.120.1/24 dev {PORT}", f"addr add 10.11.121.1/24 dev {PORT}")
        found = examined(doctor, gateway)
        assert found.wrong == {"address"}
        assert f"Give {PORT} an address" in found.advice("address")
        assert "10.11.120.1/24" in found.advice("address")
        assert untouched(gateway)


def test_cable_out_is_found(han: Han, doctor: Doctor) -> None:
    with gateway_of(han) as gateway:
        han.cable.pull()
        found = examined(doctor, gateway)
        assert found.wrong == {"cable"}
        assert f"Plug the cable into {PORT}" in found.advice("cable")
        assert found.verdict("tcp") == "skipped"
        han.cable.plug()
        han.cable.take_down()
        assert doctor(GATEWAY, "--port", DOOR)["cable"]["seen"] == f"{PORT} is switched off"


@pytest.mark.parametrize("route", [f"route add default via {NOBODY}", f"route add ::/0 via {GATEWAY_LINK}"])
def test_default_route_over_the_han_is_found(han: Han, doctor: Doctor, route: str) -> None:
    with gateway_of(han) as gateway:
        ip(f"{route} dev {PORT}")
        found = examined(doctor, gateway)
        assert found.wrong == {"default-route"}
        assert f"device reapply {PORT}" in found.advice("default-route")


@pytest.mark.parametrize("version", [4, 6])
def test_forwarding_is_found(han: Han, doctor: Doctor, version: int) -> None:
    setting = Path(f"/proc/sys/net/ipv{version}/conf/{PORT}/forwarding")
    if not setting.exists():
        pytest.skip("/proc/sys/net is not there")
    with gateway_of(han) as gateway:
        setting.write_text("1")
        found = examined(doctor, gateway)
        assert found.wrong == {"forwarding"}
        assert "/etc/sysctl.d/" in found.advice("forwarding")
        assert f"{PORT} (IPv{version})" in found["forwarding"]["seen"]


def test_changed_certificate_is_found_and_gets_no_byte(han: Han, doctor: Doctor) -> None:
    with gateway_of(han) as gateway:
        doctor.pin(GATEWAY, self_signed("before"))
        found = examined(doctor, gateway)
        assert found.wrong == {"certificate"}
        assert gateway.fingerprint in found.advice("certificate")
        assert gateway.received == []
        assert gateway.malformed == gateway.broken_off == []


def test_wrong_clock_is_found(han: Han, doctor: Doctor) -> None:
    with gateway_of(han, slow=timedelta(minutes=20)) as gateway:
        found = examined(doctor, gateway)
        assert found.wrong == {"clock"}
        assert "timedatectl" in found.advice("clock")


def test_locked_gateway_is_found(han: Han, doctor: Doctor) -> None:
    with gateway_of(han) as gateway:
        gateway.vendor.guard.lock()
        found = examined(doctor, gateway)
        assert found.wrong == {"http"}
        assert "wait 10 minutes" in found.advice("http")


def test_taken_port_is_found(han: Han, doctor: Doctor) -> None:
    with gateway_of(han) as gateway, socket.create_server((EVERYWHERE, int(DOOR))):
        found = examined(doctor, gateway)
        assert found.wrong == {"lan-port"}
        assert f"{DOOR} is taken by " in found["lan-port"]["seen"]


def test_nobody_at_the_address_is_told_apart_from_nobody_at_the_port(han: Han, doctor: Doctor) -> None:
    han.cable.give_up_soon()
    nobody = doctor(NOBODY, "--port", DOOR)
    assert nobody.wrong == {"tcp"}
    assert "is unreachable" in nobody["tcp"]["seen"]
    refused = doctor(GATEWAY, "--port", DOOR)
    assert "refuses the connection" in refused["tcp"]["seen"]
    han.cable.swallow(GATEWAY)
    silent = doctor(GATEWAY, "--port", DOOR, "--connect-timeout", "0.3")
    assert "did not take the connection within" in silent["tcp"]["seen"]
