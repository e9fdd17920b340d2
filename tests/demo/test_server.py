"""The simulated gateway on the network: records, counters, restarts, threads."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import gevent
import gevent.socket
import gevent.ssl
import httpx
import pytest

from smgwproxy.demo import VENDORS, Gateway, HubThread, run_in_thread, self_signed, start_gateway
from tests.demo.conftest import StartGateway, client_context, exchange, logged_in, tls_connection


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_curl_line_reads_the_meter(gateway_of: StartGateway, vendor: str) -> None:
    gateway = gateway_of(vendor, user="kündin 1", password='it\'s "secret"')

    done = subprocess.run(gateway.curl(), shell=True, capture_output=True, text=True, check=True)  # noqa: S602

    assert "1.8.0" in done.stdout or "0100010800ff" in done.stdout
    assert gateway.wrong_logins == 0


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_page_for_people_is_html_in_german_with_the_reading(gateway_of: StartGateway, vendor: str) -> None:
    gateway = gateway_of(vendor)
    with logged_in(gateway) as client:
        answer = client.get(gateway.page)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert '<html lang="de">' in answer.text
    assert "://" not in answer.text  # nothing is loaded from elsewhere


def test_a_request_is_recorded_as_it_was_sent(gateway_of: StartGateway) -> None:
    gateway = gateway_of("theben")
    head = (
        b"POST /a/../b%2f?q HTTP/1.1\r\nhost: whatever\r\nX-B: 2\r\nx-b: 1\r\n"
        b"CONTENT-LENGTH: 4\r\nConnection: close\r\n\r\n"
    )
    with tls_connection(gateway) as connection:
        answer = exchange(connection, head + b"\x00\xff\r\n")

    (request,) = gateway.received
    assert answer.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
    assert request.head == head
    assert request.target == "/a/../b%2f?q"
    assert request.body == b"\x00\xff\r\n"
    assert request.headers[:3] == [("host", "whatever"), ("X-B", "2"), ("x-b", "1")]
    assert request.connection == 1
    assert request.local == gateway.address


def test_a_chunked_request_is_recorded_and_refused(gateway_of: StartGateway) -> None:
    gateway = gateway_of("theben")
    with tls_connection(gateway) as connection:
        answer = exchange(
            connection, b"POST /smgw/m2m HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        )

    assert answer.startswith(b"HTTP/1.1 411 ")
    assert [request.target for request in gateway.received] == ["/smgw/m2m"]


def test_nonsense_is_recorded_and_refused(gateway_of: StartGateway) -> None:
    gateway = gateway_of("ppc")
    with tls_connection(gateway) as connection:
        answer = exchange(connection, b"HELO\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert gateway.malformed == [b"HELO\r\n\r\n"]


def test_a_connection_is_kept_for_the_next_request(gateway_of: StartGateway) -> None:
    gateway = gateway_of("emh")
    with logged_in(gateway) as client:
        client.get("/")
        client.get("/json/metering/derived")

    assert gateway.wait_closed()
    assert len(gateway.received) == 3
    assert gateway.counters.handshakes_finished == 1
    assert gateway.counters.connections_most == 1
    assert gateway.counters.connections_open == 0


def test_the_answer_to_head_has_no_body(gateway_of: StartGateway) -> None:
    gateway = gateway_of("emh")
    with logged_in(gateway) as client:
        head, got = client.head("/"), client.get("/")

    assert head.headers["Content-Length"] == got.headers["Content-Length"]
    assert head.content == b""


def test_connections_open_at_once_are_counted(gateway_of: StartGateway) -> None:
    gateway = gateway_of("theben")
    context = client_context()
    with tls_connection(gateway, context), tls_connection(gateway, context), tls_connection(gateway, context):
        pass

    assert gateway.wait_closed()
    assert gateway.counters.connections_most == 3


def test_a_resumed_tls_session_is_counted(gateway_of: StartGateway) -> None:
    gateway = gateway_of("theben")
    context = client_context()
    with tls_connection(gateway, context) as connection:
        session = connection.session
    with tls_connection(gateway, context, session) as connection:
        assert connection.session_reused

    assert gateway.wait_closed()
    assert gateway.counters.handshakes_finished == 2
    assert gateway.counters.handshakes_resumed == 1


@pytest.mark.parametrize("vendor", VENDORS)
def test_tls_1_1_is_refused(gateway_of: StartGateway, vendor: str) -> None:
    gateway = gateway_of(vendor)
    done = subprocess.run(
        ["openssl", "s_client", "-connect", gateway.authority, "-tls1_1", "-cipher", "ALL@SECLEVEL=0"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert gateway.wait_closed()
    assert gateway.counters.handshakes_finished == 0


def test_the_gateway_is_back_on_its_port_with_its_certificate(gateway_of: StartGateway) -> None:
    gateway = gateway_of("theben")
    address, fingerprint = gateway.address, gateway.fingerprint
    gateway.stop()

    with pytest.raises(ConnectionRefusedError), tls_connection(gateway):
        pass
    gateway.start()
    with tls_connection(gateway) as connection:
        assert connection.getpeercert(binary_form=True) == gateway.certificate_der
    assert (gateway.address, gateway.fingerprint) == (address, fingerprint)


def test_the_gateway_is_back_with_another_certificate(gateway_of: StartGateway) -> None:
    gateway = gateway_of("emh")
    address, before = gateway.address, gateway.fingerprint
    gateway.restart(self_signed("another"))

    with tls_connection(gateway) as connection:
        assert connection.getpeercert(binary_form=True) == gateway.certificate_der
    assert gateway.address == address
    assert gateway.fingerprint != before


def test_stopping_closes_connections_and_is_harmless_twice(gateway_of: StartGateway) -> None:
    gateway = gateway_of("theben")
    with tls_connection(gateway) as connection:
        gateway.stop()
        gateway.stop()

        assert connection.recv(1) == b""
    assert gateway.counters.connections_open == 0


def test_idle_connections_can_be_closed_while_it_goes_on(gateway_of: StartGateway) -> None:
    gateway = gateway_of("emh")
    with logged_in(gateway) as client:
        assert client.get("/").status_code == 200
        gateway.close_connections()
        assert client.get("/").status_code == 200

    assert gateway.counters.handshakes_finished == 2


def test_a_client_that_hangs_up_in_a_request_is_recorded(gateway_of: StartGateway) -> None:
    gateway = gateway_of("ppc")
    with tls_connection(gateway) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHo")
        connection.shutdown(socket.SHUT_WR)
        # To close with TLS 1.3's tickets unread would be a reset, which discards what was not read there yet.
        assert gateway.wait_closed()

    assert gateway.broken_off == [b"GET / HTTP/1.1\r\nHo"]


def test_a_failed_handshake_is_told(gateway_of: StartGateway) -> None:
    gateway = gateway_of("ppc")
    with socket.create_connection(gateway.address) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: g\r\n\r\n")
        with suppress(ConnectionResetError):
            while connection.recv(65536):
                pass

    assert gateway.wait_closed()
    assert gateway.counters.handshakes_started == 1
    assert gateway.counters.handshakes_finished == 0
    assert len(gateway.failed_handshakes) == 1


@pytest.mark.parametrize("end", [Gateway.stop, Gateway.close_connections])
def test_a_connection_within_its_handshake_is_closed(
    gateway_of: StartGateway, end: Callable[[Gateway], None]
) -> None:
    gateway = gateway_of("ppc")
    with socket.create_connection(gateway.address, timeout=10) as connection:
        while not gateway.counters.handshakes_started:
            gateway.in_hub(gevent.sleep)
        end(gateway)  # what is left to the garbage collector is a warning, and that an error

        assert connection.recv(1) == b""
    assert gateway.counters.connections_open == 0


def test_a_connection_that_has_only_just_come_is_closed(gateway_of: StartGateway) -> None:
    gateway = gateway_of("ppc")
    for _ in range(20):  # whether it has been taken already when it is closed is a matter of luck
        with socket.create_connection(gateway.address, timeout=10):
            gateway.close_connections()
    assert gateway.wait_closed()


def test_it_runs_in_the_gevent_hub_of_the_same_thread() -> None:
    with start_gateway("theben") as gateway:
        with gevent.socket.create_connection(gateway.address) as raw:
            context = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            with context.wrap_socket(raw) as secure:
                secure.sendall(b"GET / HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n")
                assert secure.recv(65536).startswith(b"HTTP/1.1 401 ")
        assert gateway.wait_closed()
        assert len(gateway.received) == 1


def test_several_gateways_share_one_thread() -> None:
    with HubThread() as hub:
        gateways = [hub.call(partial(start_gateway, vendor)) for vendor in VENDORS]
        for gateway in gateways:
            with tls_connection(gateway) as connection:
                assert connection.getpeercert(binary_form=True) == gateway.certificate_der
            hub.call(gateway.stop)


def test_a_fault_in_the_thread_is_raised_in_the_caller() -> None:
    with HubThread() as hub, pytest.raises(ValueError, match="unknown vendor 'acme': known are theben, ppc, emh"):
        hub.call(lambda: start_gateway("acme"))


def test_a_fault_of_the_simulator_is_raised_at_the_end(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(self: object, request: object) -> None:
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr(VENDORS["ppc"], "answer", broken)

    def use() -> None:
        with run_in_thread(lambda: start_gateway("ppc")) as gateway, logged_in(gateway) as client:
            with pytest.raises(httpx.TransportError):
                client.get("/")
            assert gateway.wait_closed()

    with pytest.raises(ExceptionGroup) as error:
        use()
    assert isinstance(error.value.exceptions[0], ZeroDivisionError)
    assert "a fault" in capfd.readouterr().err


def test_importing_it_patches_nothing() -> None:
    program = (
        "import socket, smgwproxy.demo, sys\n"
        "assert socket.socket.__module__ == 'socket'\n"
        "ours = {name for name in sys.modules if name.startswith('smgwproxy.')}\n"
        "assert all(name.startswith('smgwproxy.demo') for name in ours), ours\n"
    )

    subprocess.run([sys.executable, "-c", program], check=True)
