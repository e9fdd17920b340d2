"""The gateway's address: how it is named and dialled, and what comes of a cable that is pulled. In namespaces."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest

from smgwproxy import demo
from smgwproxy.certificate import Fingerprint
from smgwproxy.errors import GatewayUnreachable
from smgwproxy.gateway import Gateway
from smgwproxy.limits import Limits
from smgwproxy.origin import Origin
from smgwproxy.truststores.file import FileTrustStore
from tests.namespaces.han import GATEWAY, GATEWAY_LINK, GATEWAY_V6, MOVED, NOBODY, NOBODY_V6, PORT, Han, Namespace
from tests.support import (
    OK,
    PATIENCE,
    Identity,
    Peer,
    RawGateway,
    Script,
    always,
    connected,
    head_lines,
    raw_exchange,
    receive_until,
    running_proxy,
)
from tests.test_cli import program

NAME = "zaehler.test"
LOGIN = "Authorization: Basic eDp5"
ALL = "0.0.0.0"  # noqa: S104  # of a namespace that nobody else is in
TARGET = ("--port", "0", "--listen", "127.0.0.1", "--target")


pytestmark = [pytest.mark.long, pytest.mark.usefixtures("in_namespaces")]


@contextmanager
def gateway_at(
    machine: Namespace,
    who: Identity | None,
    script: Script | None = None,
    *,
    host: str = ALL,
    port: int = 443,
) -> Iterator[RawGateway]:
    """Run a gateway at ``host`` of ``machine``: one address, or all of IPv4, or (``::``) of IPv6."""
    with machine.entered():
        gateway = RawGateway(who, script or always(OK), port=port, host=host)
    try:
        yield gateway
    finally:
        gateway.stop()


@dataclass(frozen=True)
class Said:
    """The answer that a client got."""

    status: int
    lines: Sequence[bytes]
    body: bytes

    @property
    def refusal(self) -> tuple[int, str]:
        """The status, and the error type of RFC 9209."""
        return self.status, json.loads(self.body)["error"]

    @property
    def advice(self) -> str:
        return str(json.loads(self.body)["advice"])


def ask(port: int, *lines: str, method: str = "GET") -> Said:
    text = "".join(f"{line}\r\n" for line in ("Host: pi:8080", *lines, "Connection: close"))
    said = raw_exchange(port, f"{method} /x HTTP/1.1\r\n{text}\r\n".encode())
    first, *rest = head_lines(said)
    return Said(int(first.split()[1]), rest, said.partition(b"\r\n\r\n")[2])


# --- how the gateway is named ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Naming:
    """``target`` as the user gives it; what the gateway gets as Host and as SNI, and at which of its addresses."""

    target: str
    host: str
    sni: str | None
    at: str
    port: int = 443
    here: bool = False


NAMINGS = [
    Naming(GATEWAY, GATEWAY, None, GATEWAY),
    Naming(f"{GATEWAY}:8443", f"{GATEWAY}:8443", None, GATEWAY, 8443),
    Naming("::1", "[::1]", None, "::1", here=True),
    Naming("[::1]:8443", "[::1]:8443", None, "::1", 8443, here=True),
    Naming("FD00:120:0::2", f"[{GATEWAY_V6}]", None, GATEWAY_V6),
    Naming(f"[{GATEWAY_V6}]:8443", f"[{GATEWAY_V6}]:8443", None, GATEWAY_V6, 8443),
    Naming(f"FE80:0:0::1%{PORT}", f"[{GATEWAY_LINK}]", None, GATEWAY_LINK),
    Naming(f"[{GATEWAY_LINK}%{PORT}]:8443", f"[{GATEWAY_LINK}]:8443", None, GATEWAY_LINK, 8443),
    Naming("Zaehler.Test", NAME, NAME, GATEWAY),
    Naming("ZAEHLER.TEST.:8443", f"{NAME}.:8443", NAME, GATEWAY, 8443),
]


@pytest.mark.parametrize("naming", NAMINGS, ids=[naming.target for naming in NAMINGS])
def test_gateway_is_named_as_by_a_client_that_connects_directly(
    han: Han, store: FileTrustStore, identity: Identity, naming: Naming
) -> None:
    local: list[str] = []

    def script(peer: Peer) -> None:
        local.append(peer.connection.getsockname()[0])
        peer.read_request()
        peer.send(
            f"HTTP/1.1 302 Found\r\nLocation: https://{naming.host}/y?z\r\n"
            f"Content-Location: //{naming.host}/c\r\nContent-Length: 0\r\n\r\n".encode()
        )

    han.names(f"{GATEWAY} {NAME} {NAME}.")
    origin, host = Origin.parse(naming.target), "::" if ":" in naming.at else ALL
    machine = han.here if naming.here else han.gateway
    with (
        gateway_at(machine, identity, script, host=host, port=naming.port) as gateway,
        running_proxy(origin, store) as proxy,
    ):
        said = ask(proxy.port, "Origin: http://pi:8080", "Referer: http://pi:8080/a?b")
    assert gateway.received == seen_as(naming.host)
    assert said.status == 302
    assert {b"Location: http://pi:8080/y?z", b"Content-Location: http://pi:8080/c"} <= set(said.lines)
    assert gateway.names == [naming.sni] * 2  # first use's handshake, and the request's
    assert local == [naming.at]
    assert pinned(store, origin) == [identity.certificate.fingerprint]


def seen_as(host: str) -> bytes:
    """Return what a gateway that is called ``host`` sees of a request with Origin and Referer."""
    lines = ("GET /x HTTP/1.1", f"Host: {host}", f"Origin: https://{host}", f"Referer: https://{host}/a?b")
    return "\r\n".join((*lines, "", "")).encode()


def pinned(store: FileTrustStore, origin: Origin) -> Sequence[Fingerprint]:
    return [pin.fingerprint for pin in store.lookup(origin)]


def test_program_finds_the_pin_of_a_link_local_target_again(
    han: Han, identity: Identity, impostor: Identity, tmp_path: Path
) -> None:
    target = f"[{GATEWAY_LINK}%{PORT}]:8443"
    with program(*TARGET, target, cwd=tmp_path) as proxy, gateway_at(han.gateway, identity, host="::", port=8443):
        assert ask(proxy.port).status == 200
    with (
        program(*TARGET, target, cwd=tmp_path) as proxy,
        gateway_at(han.gateway, impostor, host="::", port=8443) as stranger,
    ):
        assert ask(proxy.port).refusal == (502, "tls_certificate_error")
    assert stranger.connections
    assert stranger.received == b""
    store = FileTrustStore(tmp_path / "certs")
    assert pinned(store, Origin.parse(target)) == [identity.certificate.fingerprint]
    assert not pinned(store, Origin(GATEWAY_LINK, 8443))


def test_zone_tells_two_gateways_with_one_address_apart(
    han: Han, store: FileTrustStore, identity: Identity, impostor: Identity
) -> None:
    first, second = (Origin.parse(f"{GATEWAY_LINK}%{port}") for port in (PORT, "veth1"))
    machine = han.second_gateway("veth1")
    with (
        gateway_at(han.gateway, identity, host="::") as one,
        gateway_at(machine, impostor, host="::") as other,
        running_proxy(first, store) as proxy,
        running_proxy(second, store) as second_proxy,
    ):
        assert [ask(proxy.port).status, ask(second_proxy.port).status] == [200, 200]
    assert one.received == other.received != b""
    assert pinned(store, first) == [identity.certificate.fingerprint]
    assert pinned(store, second) == [impostor.certificate.fingerprint]
    assert not pinned(store, Origin.parse(GATEWAY_LINK))


# --- names ----------------------------------------------------------------------------------------------


def test_name_is_resolved_anew_at_each_connect(han: Han, store: FileTrustStore, identity: Identity) -> None:
    origin = Origin.parse(NAME)
    with running_proxy(origin, store) as proxy:
        han.names(f"{GATEWAY} {NAME}")
        with gateway_at(han.gateway, identity, host=GATEWAY) as gateway:
            assert ask(proxy.port).status == 200
        record = store.record(origin)
        han.names(f"{MOVED} {NAME}")
        with gateway_at(han.gateway, identity, host=MOVED) as moved:
            assert ask(proxy.port).status == 200
    assert moved.received == gateway.received != b""
    assert store.record(origin) == record
    assert pinned(store, origin) == [identity.certificate.fingerprint]


def test_stranger_at_a_names_new_address_gets_no_byte(
    han: Han, store: FileTrustStore, identity: Identity, impostor: Identity
) -> None:
    with (
        running_proxy(Origin.parse(NAME), store) as proxy,
        gateway_at(han.gateway, impostor, host=MOVED) as stranger,
    ):
        han.names(f"{GATEWAY} {NAME}")
        with gateway_at(han.gateway, identity, host=GATEWAY):
            assert ask(proxy.port).status == 200
        han.names(f"{MOVED} {NAME}")
        assert ask(proxy.port, LOGIN).refusal == (502, "tls_certificate_error")
        assert stranger.connections
        assert stranger.received == b""
        han.names(f"{GATEWAY} {NAME}")
        with gateway_at(han.gateway, identity, host=GATEWAY):
            assert ask(proxy.port).status == 200


def refuses(han: Han, address: str) -> str:
    return address


def swallows(han: Han, address: str) -> str:
    han.cable.swallow(address)
    return address


def is_nobodys(han: Han, address: str) -> str:
    han.cable.give_up_soon()
    return NOBODY_V6 if ":" in address else NOBODY


@pytest.mark.parametrize("first", [GATEWAY, GATEWAY_V6])
@pytest.mark.parametrize("silence", [refuses, swallows, is_nobodys])
def test_second_address_of_a_name_is_used_where_the_first_does_not_answer(
    han: Han, store: FileTrustStore, identity: Identity, first: str, silence: Callable[[Han, str], str]
) -> None:
    origin, former = Origin.parse(NAME), silence(han, first)
    han.names(f"{former} {NAME}", f"{MOVED} {NAME}")
    assert addresses(NAME) == [former, MOVED]
    store.pin(origin, identity.certificate)
    with (
        gateway_at(han.gateway, identity, host=MOVED) as gateway,
        running_proxy(origin, store, Limits(connect_timeout=1)) as proxy,
    ):
        assert ask(proxy.port).status == 200
    assert gateway.received != b""


def test_deadline_for_connecting_holds_for_all_addresses_of_a_name_together(
    han: Han, store: FileTrustStore
) -> None:
    over = threading.Event()

    def drip(peer: Peer) -> None:
        """Begin a TLS record, and never come to its end."""
        peer.send(b"\x16\x03\x03\x3f\xff")
        while not over.wait(0.2):
            peer.send(b"\0")

    han.cable.swallow(GATEWAY)
    han.names(f"{GATEWAY} {NAME}", f"{MOVED} {NAME}")
    assert addresses(NAME) == [GATEWAY, MOVED]
    with (
        gateway_at(han.gateway, None, drip, host=MOVED),
        running_proxy(Origin.parse(NAME), store, Limits(connect_timeout=1)) as proxy,
        set_in_the_end(over),
    ):
        assert ask(proxy.port).refusal == (504, "connection_timeout")


def test_second_address_of_a_name_is_used_in_threads_too(
    han: Han, store: FileTrustStore, identity: Identity
) -> None:
    origin = Origin.parse(NAME)
    han.cable.swallow(GATEWAY)
    han.names(f"{GATEWAY} {NAME}", f"{MOVED} {NAME}")
    assert addresses(NAME) == [GATEWAY, MOVED]
    store.pin(origin, identity.certificate)
    with (
        gateway_at(han.gateway, identity, host=MOVED),
        Gateway(origin, store, Limits(connect_timeout=1)) as gateway,
        gateway.send("GET", "/", [("Host", NAME)]) as answer,
    ):
        assert answer.read() == b"ok"


def addresses(name: str) -> list[object]:
    """Return the addresses in the order in which they are dialled."""
    return [address[0] for *_, address in socket.getaddrinfo(name, 443, type=socket.SOCK_STREAM)]


def test_name_that_does_not_resolve_is_told_and_works_as_soon_as_it_does(
    han: Han, store: FileTrustStore, identity: Identity
) -> None:
    with gateway_at(han.gateway, identity), running_proxy(Origin.parse(NAME), store) as proxy:
        said = ask(proxy.port)
        assert said.refusal == (502, "dns_error")
        assert "Check the name" in said.advice
        han.names(f"{GATEWAY} {NAME}")
        assert ask(proxy.port).status == 200
        han.names()
        assert ask(proxy.port).status == 200, "a connection that stands needs no name"


# --- the name that the gateway insists on ---------------------------------------------------------------

INSISTED = "smgw.local"


@pytest.mark.parametrize(
    ("target", "sni"), [(f"{GATEWAY}:8443", None), (f"{NAME}:8443", NAME), (f"[{GATEWAY_LINK}%{PORT}]:8443", None)]
)
def test_gateway_is_called_what_it_insists_on_and_still_dialled_and_pinned_by_its_target(
    han: Han, identity: Identity, tmp_path: Path, target: str, sni: str | None
) -> None:
    origin = Origin.parse(target)

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(
            f"HTTP/1.1 302 Found\r\nLocation: https://{INSISTED}/y?z\r\n"
            f"Content-Location: https://{origin.authority}/c\r\nRefresh: 5; url=//{INSISTED}:8443/r\r\n"
            f"Set-Cookie: a=1; Domain={INSISTED}; Path=/\r\n"
            f"Content-Length: 0\r\n\r\n".encode()
        )

    han.names(f"{GATEWAY} {NAME}")
    with (
        gateway_at(han.gateway, identity, script, host="::" if "[" in target else ALL, port=8443) as gateway,
        program(*TARGET, target, "--host-header", INSISTED, cwd=tmp_path) as proxy,
    ):
        said = ask(proxy.port, "Origin: http://pi:8080", "Referer: http://pi:8080/a?b")
    assert gateway.received == seen_as(INSISTED)
    assert said.lines[:4] == [
        b"Location: http://pi:8080/y?z",
        b"Content-Location: http://pi:8080/c",
        b"Refresh: 5; url=http://pi:8080/r",
        b"Set-Cookie: a=1; Path=/",
    ]
    assert gateway.names == [sni] * 2
    store = FileTrustStore(tmp_path / "certs")
    assert pinned(store, origin) == [identity.certificate.fingerprint]
    assert not pinned(store, Origin(INSISTED, 8443))
    assert not pinned(store, Origin(INSISTED))


def test_gateway_that_takes_its_own_names_only_is_reached_by_another_one(
    han: Han, identity: Identity, tmp_path: Path
) -> None:
    han.names(f"{GATEWAY} {NAME}")
    with emh_at(han.gateway) as emh:
        with program(*TARGET, NAME, cwd=tmp_path) as proxy:
            assert ask(proxy.port).status == 400
        (wanted,) = emh.reading_requests
        with (
            program(*TARGET, NAME, "--host-header", INSISTED, cwd=tmp_path) as proxy,
            httpx.Client(
                auth=httpx.DigestAuth(emh.user, emh.password), trust_env=False, timeout=PATIENCE
            ) as client,
        ):
            read = client.get(f"http://127.0.0.1:{proxy.port}{wanted.path}")
    assert read.status_code == 200
    assert read.json()["values"]
    assert [request.value("Host") for request in emh.received] == [NAME, INSISTED, INSISTED]


@contextmanager
def emh_at(machine: Namespace) -> Iterator[demo.Gateway]:
    """Run a simulated gateway that takes its own names and one connection only; its thread stays there."""
    with ExitStack() as running:
        with machine.entered():
            make = partial(demo.start_gateway, "emh", host=GATEWAY, port=443)
            gateway = running.enter_context(demo.run_in_thread(make))
        yield gateway


# --- the cable ------------------------------------------------------------------------------------------


def pulled(han: Han) -> Callable[[], None]:
    """Pull the cable; return what plugs it in again."""
    han.cable.pull()
    return han.cable.plug


def swallowed(han: Han) -> Callable[[], None]:
    """Let what is between here and the gateway die, as seen from here; return what revives it."""
    han.cable.swallow(GATEWAY)
    return lambda: han.cable.swallow_no_more(GATEWAY)


CUTS = pytest.mark.parametrize("cut", [pulled, swallowed])
Cut = Callable[[Han], Callable[[], None]]


@CUTS
def test_request_on_a_kept_connection_ends_in_time_when_the_gateway_cannot_be_reached(
    han: Han, store: FileTrustStore, identity: Identity, cut: Cut
) -> None:
    limits = Limits(read_timeout=1, probe=60)
    with (
        gateway_at(han.gateway, identity) as gateway,
        running_proxy(Origin.parse(GATEWAY), store, limits) as proxy,
    ):
        assert ask(proxy.port).status == 200
        mend = cut(han)
        said = ask(proxy.port, LOGIN)
        assert said.refusal == (504, "connection_read_timeout")
        assert "--read-timeout" in said.advice
        mend()
        assert ask(proxy.port, LOGIN, method="POST").status == 200
    assert gateway.received.count(b"POST /x ") == 1


def test_new_connection_ends_in_time_when_the_gateway_cannot_be_reached(
    han: Han, store: FileTrustStore, identity: Identity
) -> None:
    with (
        gateway_at(han.gateway, identity),
        running_proxy(Origin.parse(GATEWAY), store, Limits(connect_timeout=1)) as proxy,
    ):
        han.cable.swallow(GATEWAY)
        said = ask(proxy.port)
        assert said.refusal == (504, "connection_timeout")
        assert "cable" in said.advice
        han.cable.swallow_no_more(GATEWAY)
        han.cable.give_up_soon()
        han.cable.pull()
        said = ask(proxy.port)
        # whichever comes first: the kernel gives up after a second, too
        assert said.refusal in {(502, "destination_ip_unroutable"), (504, "connection_timeout")}
        assert "cable" in said.advice
        han.cable.plug()
        assert ask(proxy.port).status == 200


def test_waiting_request_learns_from_probes_that_the_gateway_is_gone(
    han: Han, store: FileTrustStore, identity: Identity
) -> None:
    waiting, over = threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        peer.read_request()
        waiting.set()
        over.wait(PATIENCE)

    with (
        gateway_at(han.gateway, identity, script) as gateway,
        running_proxy(Origin.parse(GATEWAY), store, Limits(read_timeout=PATIENCE * 2, probe=1)) as proxy,
        ThreadPoolExecutor() as pool,
        set_in_the_end(over),
    ):
        asking = pool.submit(ask, proxy.port, LOGIN)
        assert waiting.wait(PATIENCE)
        wait_until(lambda: all(not one.unacknowledged for one in connections_to(GATEWAY)))
        han.cable.pull()
        said = asking.result(PATIENCE)
        assert said.refusal == (502, "destination_ip_unroutable")
        assert "cable" in said.advice
        han.cable.plug()
        gateway.script = always(OK)
        assert ask(proxy.port, LOGIN).status == 200


def test_answer_breaks_off_when_probes_tell_that_the_gateway_is_gone(
    han: Han, store: FileTrustStore, identity: Identity
) -> None:
    over = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        over.wait(PATIENCE)

    with (
        gateway_at(han.gateway, identity, script),
        running_proxy(Origin.parse(GATEWAY), store, Limits(read_timeout=PATIENCE * 2, probe=1)) as proxy,
        connected(proxy.port) as client,
        set_in_the_end(over),
    ):
        client.sendall(b"GET / HTTP/1.1\r\nHost: pi:8080\r\n\r\n")
        receive_until(client, b"half")
        wait_until(lambda: all(not one.unacknowledged for one in connections_to(GATEWAY)))
        han.cable.pull()
        assert client.recv(100) == b""
        assert isinstance(proxy.next_exchange().error, GatewayUnreachable)


def test_gateway_with_one_connection_at_a_time_is_reached_once_the_cable_is_back(
    han: Han, store: FileTrustStore
) -> None:
    limits = Limits(read_timeout=1)
    with emh_at(han.gateway), running_proxy(Origin.parse(GATEWAY), store, limits) as proxy:
        assert ask(proxy.port).status == 401
        han.cable.swallow(GATEWAY)
        assert ask(proxy.port).refusal == (504, "connection_read_timeout")
        han.cable.swallow_no_more(GATEWAY)
        # The gateway has heard nothing of the end, and takes the old connection for the one that it may have.
        assert ask(proxy.port).status == 401


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_gateway_that_rebooted_without_a_farewell_answers_the_next_request(
    han: Han, store: FileTrustStore, identity: Identity, method: str
) -> None:
    with running_proxy(Origin.parse(GATEWAY), store, Limits(probe=1)) as proxy, gateway_at(han.gateway, identity):
        assert ask(proxy.port).status == 200
        han.replace_gateway()
        with gateway_at(han.gateway, identity) as rebooted:
            assert connections_to(GATEWAY), "nothing has told yet that it is dead"
            wait_until(lambda: not connections_to(GATEWAY))
            assert ask(proxy.port, LOGIN, method=method).status == 200
    assert rebooted.received.startswith(f"{method} /x ".encode())


def test_kept_connection_that_probes_found_dead_is_not_used_again(
    han: Han, store: FileTrustStore, identity: Identity
) -> None:
    with running_proxy(Origin.parse(GATEWAY), store, Limits(probe=1)) as proxy, gateway_at(han.gateway, identity):
        assert ask(proxy.port).status == 200
        han.cable.pull()
        wait_until(lambda: not connections_to(GATEWAY))
        han.cable.plug()
        assert ask(proxy.port, LOGIN, method="POST").status == 200


@pytest.mark.parametrize("target", [GATEWAY, GATEWAY_V6, f"{GATEWAY_LINK}%{PORT}"])
@pytest.mark.parametrize("pinned", [False, True], ids=["first-use", "pinned"])
def test_gateway_whose_network_is_not_here_is_unreachable(
    han: Han, store: FileTrustStore, identity: Identity, target: str, pinned: bool
) -> None:
    origin = Origin.parse(target)
    if pinned:
        store.pin(origin, identity.certificate)
    with (
        gateway_at(han.gateway, identity, host="::" if ":" in target else ALL),
        running_proxy(origin, store) as proxy,
    ):
        han.cable.take_down()
        said = ask(proxy.port)
        assert said.refusal == (502, "destination_ip_unroutable")
        assert "cable" in said.advice
        assert "subnet" in said.advice
        han.cable.bring_up()
        assert ask(proxy.port).status == 200


@pytest.mark.parametrize("target", [GATEWAY, GATEWAY_V6, f"{GATEWAY_LINK}%{PORT}"])
def test_gateway_is_unreachable_when_the_interface_is_gone(han: Han, store: FileTrustStore, target: str) -> None:
    with running_proxy(Origin.parse(target), store) as proxy:
        han.cable.remove()
        said = ask(proxy.port)
        assert said.refusal == (502, "destination_ip_unroutable")
        assert "cable" in said.advice


@dataclass(frozen=True)
class Connection:
    """A TCP connection as this machine's kernel has it."""

    state: str
    unacknowledged: int


def connections_to(address: str) -> Sequence[Connection]:
    """Return the connections to ``address`` that have not ended for the kernel of this machine."""
    told = subprocess.run(["ss", "-tnH", "dst", address], capture_output=True, text=True, check=True).stdout
    return [Connection(line.split()[0], int(line.split()[2])) for line in told.splitlines()]


@contextmanager
def set_in_the_end(event: threading.Event) -> Iterator[None]:
    """Let nobody wait for ``event`` any more, whatever becomes of the test."""
    try:
        yield
    finally:
        event.set()


def wait_until(holds: Callable[[], bool]) -> None:
    """Ask again and again: the kernel tells nobody when a connection ends that is not being read from."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
