"""Faults that people have, put into a sound household one by one: the doctor finds each, and its advice helps."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest

from smgwproxy.demo import self_signed
from tests.household import service
from tests.household.home import Home
from tests.household.machines import HAN_LEG
from tests.household.steps import DOCTOR, UNIT, change_profile, give_address, install
from tests.namespaces.han import GATEWAY

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("in_namespaces")]


@dataclass(frozen=True)
class Fault:
    """One fault: the check that finds it, and some of what a person reads of it.

    It is there for as long as the context of ``put`` lasts, unless the commands that the doctor prints mend it.
    """

    check: str
    told: str
    put: Callable[[Home], AbstractContextManager[object]]


@contextmanager
def wrong_subnet(home: Home) -> Iterator[None]:
    change_profile(home, "ipv4.addresses 10.11.121.1/24")
    yield


@contextmanager
def cable_out(home: Home) -> Iterator[None]:
    home.machines.han.pull()
    yield
    home.machines.han.plug()


@contextmanager
def default_route_over_han(home: Home) -> Iterator[None]:
    change_profile(home, f"ipv4.gateway {GATEWAY} ipv4.never-default no")
    yield


@contextmanager
def forwarding_on(home: Home) -> Iterator[None]:
    home.box.type("echo 1 | sudo tee /proc/sys/net/ipv4/ip_forward")
    yield


@contextmanager
def changed_certificate(home: Home) -> Iterator[None]:
    with service.running(home.box, UNIT) as running:
        running.program.wait_for("is pinned")
    with other_certificate(home):
        yield


@contextmanager
def changed_certificate_while_the_proxy_runs(home: Home) -> Iterator[None]:
    with service.running(home.box, UNIT) as running:
        running.program.wait_for("is pinned")
        with other_certificate(home):
            yield


@contextmanager
def other_certificate(home: Home) -> Iterator[None]:
    """Let the gateway have another certificate, and get no byte of HTTP for as long as the context lasts."""
    home.gateway.restart(self_signed("another"))
    home.gateway.received.clear()
    yield
    assert [*home.gateway.received, *home.gateway.malformed, *home.gateway.broken_off] == []


@contextmanager
def wrong_clock(home: Home) -> Iterator[None]:
    """Put it into the gateway's clock: the box's is this machine's, and so nobody can mend it there."""
    home.clock.go_wrong(timedelta(hours=-1))
    yield
    home.clock.go_wrong(timedelta(hours=1))


@contextmanager
def gateway_locked(home: Home) -> Iterator[None]:
    home.gateway.vendor.guard.lock()
    yield
    home.gateway.vendor.guard.lock(timedelta())


@contextmanager
def port_taken(home: Home) -> Iterator[None]:
    with home.box.started(sys.executable, "-u", "-m", "http.server", "8080", environ={}) as other:
        other.wait_for("Serving HTTP")
        yield


FAULTS = {
    "wrong subnet": Fault("address", f"Give {HAN_LEG} an address there", wrong_subnet),
    "cable out": Fault("cable", f"Plug the cable into {HAN_LEG}", cable_out),
    "default route over HAN": Fault("default-route", f"one leads over {HAN_LEG}", default_route_over_han),
    "forwarding on": Fault("forwarding", f"on for {HAN_LEG} (IPv4)", forwarding_on),
    "changed certificate": Fault("certificate", "it has changed", changed_certificate),
    "changed certificate while the proxy runs": Fault(
        "certificate", "it has changed", changed_certificate_while_the_proxy_runs
    ),
    "wrong clock": Fault("clock", "minutes ahead of the gateway", wrong_clock),
    "gateway locked": Fault("http", "locked", gateway_locked),
    "port taken": Fault("lan-port", "8080 is taken by python", port_taken),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_doctor_names_the_one_fault_and_what_it_says_mends_it(home: Home, fault: Fault) -> None:
    give_address(home)
    install(home)
    with fault.put(home):
        found = home.box.smgwproxy(*DOCTOR, "--json")
        assert found.returncode == 1, found.stderr
        (wrong,) = [check for check in json.loads(found.stdout)["checks"] if check["verdict"] == "wrong"]
        assert wrong["name"] == fault.check
        read = home.box.smgwproxy(*DOCTOR)
        assert read.returncode == 1, read.stderr
        assert read.stdout.count("\u2717") == 1
        assert fault.told in " ".join(read.stdout.split())
        for command in wrong["commands"]:
            assert f"   {command}\n" in read.stdout
            home.box.type(command)
    mended = home.box.smgwproxy(*DOCTOR)
    assert mended.returncode == 0, mended.stdout
    assert "\u2717" not in mended.stdout
