"""The command against simulated gateways on loopback."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smgwproxy.cli import main
from smgwproxy.demo import Gateway, ppc, self_signed
from smgwproxy.demo import meter as demo_meter
from tests.doctor.support import Doctor
from tests.support import Identity, RawGateway, always

StartSimulated = Callable[..., Gateway]
StartGateway = Callable[..., RawGateway]

FIRST_PATHS = {"theben": "/smgw/m2m", "ppc": "/cgi-bin/hanservice.cgi", "emh": "/json/metering/origin/"}
METERS = {"theben": "1dmo0000000001", "ppc": "1dmo0000000002", "emh": "1emh0000000001"}


def asked(gateway: Gateway) -> list[tuple[str, str]]:
    return [(request.method, request.path) for request in gateway.received]


def logins(gateway: Gateway) -> int:
    return sum(request.value("Authorization") is not None for request in gateway.received)


# --- without a login ------------------------------------------------------------------------------------


@pytest.mark.parametrize("vendor", FIRST_PATHS)
def test_vendor_is_recognised_with_one_request_and_two_connections_one_after_the_other(
    simulated: StartSimulated, doctor: Doctor, free_port: str, vendor: str
) -> None:
    gateway = simulated(vendor)
    found = doctor(doctor.pinned(gateway), "--port", free_port)
    assert found.code == 0
    assert found.document["ok"]
    assert found["vendor"]["vendor"] == vendor
    assert found["vendor"]["identity"] == gateway.vendor.identity
    assert (found["http"]["status"], found["http"]["realm"]) == (401, gateway.vendor.realm)
    assert found["http"]["algorithms"] == list(gateway.vendor.algorithms)
    assert found["tls"]["group"] == {"theben": "secp384r1"}.get(vendor, "secp256r1")
    assert found["certificate"]["pinned"] == [gateway.fingerprint]
    assert abs(found["clock"]["seconds_ahead"]) < 60
    assert asked(gateway) == [("GET", FIRST_PATHS[vendor])]
    assert gateway.wait_closed()
    assert (gateway.counters.handshakes_started, gateway.counters.connections_most) == (2, 1)
    assert gateway.counters.connections_refused == 0
    assert logins(gateway) == 0


def test_gateway_without_its_number_in_the_certificate_is_recognised_by_its_realm(
    simulated: StartSimulated, doctor: Doctor, free_port: str
) -> None:
    gateway = simulated("emh", certificate=self_signed("nameless"))
    found = doctor(gateway.authority, "--port", free_port)
    assert found["vendor"]["vendor"] == "emh"
    assert len(gateway.received) == 1


def test_gateway_without_any_number_is_recognised_by_the_only_path_that_asks_for_a_login(
    raw_gateway: StartGateway, doctor: Doctor, free_port: str
) -> None:
    def script(peer: object) -> None:
        while head := peer.read_head():  # type: ignore[attr-defined]
            asks = head.startswith(b"GET /cgi-bin/hanservice.cgi ")
            line = b'401 No\r\nWWW-Authenticate: Digest realm="x", qop="auth", nonce="n"' if asks else b"404 No"
            peer.send(b"HTTP/1.1 " + line + b"\r\nContent-Length: 0\r\n\r\n")  # type: ignore[attr-defined]

    found = doctor(str(raw_gateway(script).origin), "--port", free_port)
    assert found["vendor"]["vendor"] == "ppc"
    assert found.verdict("clock") == "skipped"


def test_stranger_that_speaks_http_is_told_as_not_recognised(
    raw_gateway: StartGateway, doctor: Doctor, free_port: str
) -> None:
    gateway = raw_gateway(always(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
    found = doctor(str(gateway.origin), "--port", free_port)
    assert found.code == 0
    assert found.verdict("vendor") == "warning"


def test_nothing_is_made_and_nothing_pinned(simulated: StartSimulated, doctor: Doctor, free_port: str) -> None:
    gateway = simulated("ppc")
    found = doctor(gateway.authority, "--port", free_port)
    assert found.code == 0
    assert "not pinned yet" in found["certificate"]["seen"]
    assert gateway.fingerprint in found["certificate"]["seen"]
    assert list(doctor.directory.iterdir()) == []


def test_changed_certificate_gets_no_byte(simulated: StartSimulated, doctor: Doctor, free_port: str) -> None:
    gateway = simulated("emh")
    target = doctor.pinned(gateway)
    before = [file.read_bytes() for file in doctor.certs.iterdir()]
    old = gateway.fingerprint
    gateway.restart(self_signed("EEMH0012345678"))
    found = doctor(target, "--port", free_port, "--user", "demo", "--password-file", doctor.password_file("demo"))
    assert found.code == 1
    assert found.wrong == {"certificate"}
    assert old in found["certificate"]["seen"]
    assert gateway.fingerprint in found["certificate"]["seen"]
    assert f"--target {target} --certdir {doctor.certs} --fingerprint {gateway.fingerprint}" in found.advice(
        "certificate"
    )
    assert {found.verdict(check) for check in ("http", "vendor", "latency", "reading")} == {"skipped"}
    assert gateway.received == []
    assert gateway.malformed == gateway.broken_off == []
    assert gateway.counters.handshakes_started == 1
    assert [file.read_bytes() for file in doctor.certs.iterdir()] == before


@pytest.mark.parametrize(("vendor", "pinned"), [("theben", True), ("ppc", True), ("emh", True), ("theben", False)])
def test_locked_gateway_is_explained(
    simulated: StartSimulated, doctor: Doctor, free_port: str, vendor: str, pinned: bool
) -> None:
    gateway = simulated(vendor)
    gateway.vendor.guard.lock()
    target = doctor.pinned(gateway) if pinned else gateway.authority
    found = doctor(target, "--port", free_port, "--user", "demo", "--password-file", doctor.password_file("demo"))
    assert found.code == 1
    assert found.wrong == {"http"}
    assert found["http"]["locked"]
    assert "wait 10 minutes" in found.advice("http")
    assert found.verdict("reading") == "skipped"
    assert len(gateway.received) == (1 if vendor != "theben" else len(gateway.received))
    assert logins(gateway) == 0


def test_wrong_clock_is_told_either_way(simulated: StartSimulated, doctor: Doctor, free_port: str) -> None:
    apart = timedelta(hours=5)
    gateway = simulated("ppc", clock=lambda: datetime.now(UTC) + apart)
    found = doctor(doctor.pinned(gateway), "--port", free_port)
    assert found.code == 1
    assert found.wrong == {"clock"}
    assert found["clock"]["seen"] in {
        "this machine is 5 hours behind the gateway",
        "this machine is 4 hours behind the gateway",
    }
    assert "timedatectl" in found.advice("clock")
    apart = -apart
    assert "ahead of" in doctor(gateway.authority, "--port", free_port)["clock"]["seen"]


def test_wrong_host_is_told_with_the_option(simulated: StartSimulated, doctor: Doctor, free_port: str) -> None:
    gateway = simulated("emh")
    found = doctor(doctor.pinned(gateway), "--port", free_port, "--host-header", "elsewhere")
    assert found.wrong == {"http"}
    assert "--host-header smgw.local" in found.advice("http")
    assert doctor(gateway.authority, "--port", free_port, "--host-header", "smgw.local").code == 0


def test_nobody_there_is_told_and_the_rest_is_skipped(doctor: Doctor, free_port: str) -> None:
    found = doctor(f"127.0.0.1:{free_port}", "--port", "0")
    assert found.code == 1
    assert found.wrong == {"tcp"}
    assert "refuses the connection" in found["tcp"]["seen"]
    assert found.verdict("tls") == found.verdict("http") == "skipped"


def test_what_speaks_no_tls_is_told(raw_gateway: StartGateway, doctor: Doctor, free_port: str) -> None:
    gateway = raw_gateway(lambda peer: peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"), None)
    found = doctor(str(gateway.origin), "--port", free_port)
    assert found.wrong == {"tls"}
    assert found.verdict("tcp") == "ok"
    assert "does not speak TLS" in found["tls"]["seen"]


def test_gateway_without_a_number_that_gives_no_answer_is_not_called_unknown(
    raw_gateway: StartGateway, doctor: Doctor, free_port: str
) -> None:
    found = doctor(str(raw_gateway(lambda peer: peer.read_head()).origin), "--port", free_port)
    assert found.wrong == {"http"}
    assert found["vendor"]["seen"] == found["latency"]["seen"] == "the gateway gave no answer"


def test_name_that_nobody_knows_is_told(doctor: Doctor, free_port: str) -> None:
    found = doctor("gateway.invalid", "--port", free_port)
    assert found.code == 1
    assert found.wrong == {"address"}
    assert found.verdict("tcp") == "skipped"


# --- with a login ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("vendor", METERS)
def test_reading_of_each_vendor_is_shown_after_one_login(
    simulated: StartSimulated, doctor: Doctor, free_port: str, vendor: str
) -> None:
    gateway = simulated(vendor, user="huber", password='Schlüssel "7"')
    password = doctor.password_file(gateway.password)
    found = doctor(doctor.pinned(gateway), "--port", free_port, "--user", "huber", "--password-file", password)
    assert found.code == 0, found.document
    now = demo_meter.latest(datetime.now(UTC))
    values = {(one.channel.obis, one.kilowatt_hours) for one in now}
    readings = found["reading"]["readings"]
    assert {(one["obis"], one["value"]) for one in readings} == values
    assert {(one["meter"], one["unit"]) for one in readings} == {(METERS[vendor], "kWh")}
    assert f"{now[0].at.astimezone():%Y-%m-%d %H:%M}" in found["reading"]["seen"] or vendor == "ppc"
    assert ("German time" in found["reading"]["seen"]) == (vendor == "ppc")  # whose pages tell no time zone
    assert gateway.wrong_logins == 0
    assert logins(gateway) == (1 if vendor == "ppc" else len(gateway.received) - 1)  # PPC's session needs no more
    assert gateway.wait_closed()
    assert gateway.counters.connections_most == 1
    if vendor == "ppc":
        assert "action=logout" in gateway.received[-1].body.decode()
        assert not gateway.vendor._open_session()  # type: ignore[attr-defined]  # nobody is locked out


@pytest.mark.parametrize("vendor", METERS)
def test_wrong_password_is_explained_and_counts_once(
    simulated: StartSimulated, doctor: Doctor, free_port: str, vendor: str
) -> None:
    gateway = simulated(vendor)
    password = doctor.password_file("wrong")
    found = doctor(doctor.pinned(gateway), "--port", free_port, "--user", "demo", "--password-file", password)
    assert found.code == 1
    assert found.wrong == {"reading"}
    assert "letter by letter" in found.advice("reading")
    assert gateway.wrong_logins == 1
    assert logins(gateway) == 1
    assert len(gateway.received) == 2


def test_session_of_somebody_else_is_explained(simulated: StartSimulated, doctor: Doctor, free_port: str) -> None:
    gateway = simulated("ppc")
    target, password = doctor.pinned(gateway), doctor.password_file("demo")
    gateway.vendor._session = gateway.vendor._open_session() or _session(gateway)  # type: ignore[attr-defined]
    found = doctor(target, "--port", free_port, "--user", "demo", "--password-file", password)
    assert found.wrong == {"reading"}
    assert "log out there" in found.advice("reading")
    assert logins(gateway) == 1


def _session(gateway: Gateway) -> object:
    return ppc._Session("cookie", "token", gateway.vendor.clock())


def test_no_password_goes_out_without_a_pin(simulated: StartSimulated, doctor: Doctor, free_port: str) -> None:
    gateway = simulated("ppc")
    password = doctor.password_file("demo")
    found = doctor(gateway.authority, "--port", free_port, "--user", "demo", "--password-file", password)
    assert found.verdict("reading") == "skipped"
    assert "smgwproxy trust scan" in found.advice("reading")
    assert logins(gateway) == 0


def test_gateway_that_wants_a_client_certificate_is_shown_none_without_a_pin(
    raw_gateway: StartGateway, doctor: Doctor, free_port: str, identity: Identity, impostor: Identity
) -> None:
    gateway = raw_gateway(always(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), clients=impostor)
    found = doctor(str(gateway.origin), "--port", free_port, "--client-cert", str(impostor.pem_file))
    assert found["http"]["status"] == 200
    assert [peer.client_certificate for peer in gateway.peers] == [None, None]


def test_client_certificate_is_shown_once_there_is_a_pin(
    raw_gateway: StartGateway, doctor: Doctor, free_port: str, identity: Identity, impostor: Identity
) -> None:
    gateway = raw_gateway(always(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), clients=impostor)
    doctor.pin(str(gateway.origin), identity.certificate)
    found = doctor(str(gateway.origin), "--port", free_port, "--client-cert", str(impostor.pem_file))
    assert "without a login" in found["http"]["seen"]
    assert [peer.client_certificate for peer in gateway.peers] == [None, impostor.certificate.der]
    assert found["client-certificate"]["fingerprint"] == str(impostor.certificate.fingerprint)
    missing = doctor(str(gateway.origin), "--port", free_port, "--client-cert", "missing.p12")
    assert missing.wrong == {"client-certificate"}


# --- this machine ---------------------------------------------------------------------------------------


def test_port_of_another_program_is_told_with_its_name(simulated: StartSimulated, doctor: Doctor) -> None:
    gateway = simulated("emh")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        found = doctor(doctor.pinned(gateway), "--port", port, "--listen", "127.0.0.1")
        free = doctor(gateway.authority, "--port", port, "--listen", "127.0.0.2")
    assert found.wrong == {"lan-port"}
    assert f"{port} is taken by " in found["lan-port"]["seen"]
    assert found["lan-port"]["pid"] is not None
    assert free.wrong == set()


def test_address_that_is_not_this_machines_is_told(
    simulated: StartSimulated, doctor: Doctor, free_port: str
) -> None:
    gateway = simulated("emh")
    found = doctor(doctor.pinned(gateway), "--port", free_port, "--listen", "192.0.2.77")
    assert found.wrong == {"lan-port"}
    assert "192.0.2.77" in found["lan-port"]["seen"]


def test_damaged_record_is_told_and_nothing_sent(
    simulated: StartSimulated, doctor: Doctor, free_port: str
) -> None:
    gateway = simulated("emh")
    target = doctor.pinned(gateway)
    (doctor.certs / f"{target}.json").write_text("{")
    found = doctor(target, "--port", free_port)
    assert found.code == 1
    assert found.wrong == {"trust-store"}
    assert found.verdict("certificate") == "skipped"
    assert gateway.received == []


@pytest.mark.parametrize("kind", ["sqlite", "pinned"])
def test_other_stores_are_looked_up_and_not_made(
    simulated: StartSimulated, doctor: Doctor, free_port: str, kind: str
) -> None:
    gateway = simulated("emh")
    spec = f"sqlite:{doctor.directory}/trust.db" if kind == "sqlite" else f"pinned:{gateway.fingerprint}"
    found = doctor(gateway.authority, "--port", free_port, "--truststore", spec)
    assert found.code == 0
    assert found["certificate"]["pinned"] == ([] if kind == "sqlite" else [gateway.fingerprint])
    assert list(doctor.directory.iterdir()) == []


def test_file_in_a_directorys_place_is_told(simulated: StartSimulated, doctor: Doctor, free_port: str) -> None:
    gateway = simulated("emh")
    (doctor.directory / "logs").write_text("")
    found = doctor(doctor.pinned(gateway), "--port", free_port)
    assert found.wrong == {"logs"}


def test_both_missing_files_and_options_that_contradict_are_one_line(
    doctor: Doctor, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for words in (
        ["--password-file", "x"],
        ["--user", "x"],
        ["--user", "x", "--password-file", str(tmp_path / "none")],
        ["--bogus"],
        ["--config", str(tmp_path / "none.toml")],
    ):
        assert main(["doctor", *words]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert len(said.err.splitlines()) == 1
        assert "--" in said.err
