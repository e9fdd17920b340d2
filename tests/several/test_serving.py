"""Several gateways in one program: each has its clients, its lines in the log, and what a supervisor is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from tests.several.conftest import Serving
from tests.support import OK, RawGateway, raw_exchange
from tests.test_cli import GET, log_text, program, run
from tests.test_supervision import Systemd

StartGateway = Callable[..., RawGateway]


def test_each_gateway_is_behind_its_own_port_with_its_own_pin(
    raw_gateway: StartGateway, serving: Serving, tmp_path: Path
) -> None:
    strom, gas = raw_gateway(OK), raw_gateway(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ngas")
    tables = {
        "strom": {"target": strom.origin, "port": 0},
        "gas": {"target": gas.origin, "port": 0, "certdir": "others", "host_header": "gas.local"},
    }
    with serving(tables) as proxy:
        assert raw_exchange(proxy.port("strom"), GET).endswith(b"ok")
        assert raw_exchange(proxy.port("gas"), GET).endswith(b"gas")
        assert proxy.program.end() == 0
    assert b"Host: gas.local\r\n" in gas.received
    assert b"Host: gas.local\r\n" not in strom.received
    assert (tmp_path / "certs" / f"{strom.origin}.json").is_file()
    assert (tmp_path / "others" / f"{gas.origin}.json").is_file()


def test_line_that_concerns_a_gateway_carries_its_name_behind_the_level(
    raw_gateway: StartGateway, serving: Serving, tmp_path: Path
) -> None:
    gateways = {name: raw_gateway(OK) for name in ("strom", "gas_2")}
    tables = {name: {"target": one.origin, "port": 0} for name, one in gateways.items()}
    with serving(tables) as proxy:
        for name, one in gateways.items():
            proxy.program.wait_for(rf"INFO \[{name}\] the gateway {one.origin} is pinned")
            raw_exchange(proxy.port(name), GET.replace(b"/x", b"/%b" % name.encode()))
        assert proxy.program.end() == 0
    lines = [line.partition(" ")[2] for line in log_text(tmp_path).splitlines()]
    for name in gateways:
        assert any(re.match(rf'INFO \[{name}\] 127\.0\.0\.1 "GET /{name} HTTP/1\.1" 200', line) for line in lines)
    named = [line for line in lines if re.match(r"[A-Z]+ \[(strom|gas_2)\] ", line)]
    assert [line for line in lines if line not in named] == [
        "INFO SIGTERM: no new connections, running requests have 30 s to finish",
        "INFO stopped",
    ]


def test_stored_certificate_is_told_by_its_own_gateway_only(
    raw_gateway: StartGateway, serving: Serving, tmp_path: Path
) -> None:
    gateways = {name: raw_gateway(OK) for name in ("strom", "gas")}
    tables = {name: {"target": one.origin, "port": 0} for name, one in gateways.items()}
    for _ in range(2):
        with serving(tables) as proxy:
            for name, one in gateways.items():
                proxy.program.wait_for(rf"INFO \[{name}\] the gateway {one.origin} is pinned")
            assert proxy.program.end() == 0
    stored = [line for line in log_text(tmp_path).splitlines() if "stored certificate of" in line]
    assert {re.sub(r".*INFO (\S+ stored certificate of \S+): .*", r"\1", line) for line in stored} == {
        f"[{name}] stored certificate of {one.origin}" for name, one in gateways.items()
    }


def test_program_without_tables_names_nobody_in_its_log(raw_gateway: StartGateway, tmp_path: Path) -> None:
    gateway = raw_gateway(OK)
    with program("--target", str(gateway.origin), "--port", "0", cwd=tmp_path) as proxy:
        raw_exchange(proxy.port, GET)
        assert proxy.end() == 0
    assert "[" not in log_text(tmp_path)


def test_supervisor_is_told_of_all_gateways(raw_gateway: StartGateway, serving: Serving, tmp_path: Path) -> None:
    notify = Systemd(str(tmp_path / "notify"))
    tables = {name: {"target": raw_gateway(OK).origin, "port": 0} for name in ("strom", "gas")}
    with serving(tables, environ=notify.environ) as proxy:
        told = notify.wait_for("STATUS")
        for name, options in tables.items():
            assert f"{name}: forwards to https://{options['target']}/; 0 requests answered" in told
        proxy.refuses({**tables, "gas": {**tables["gas"], "port": "x"}})
        assert "the configuration is not taken over: port in " in notify.wait_for("STATUS", "not taken over")
        assert proxy.program.end() == 0
    notify.socket.close()


def test_program_does_not_start_with_a_table_that_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text('[[gateway]]\nname = "strom"\nlog-level = "debug"\n')
    told = run("--config", "x.toml", cwd=tmp_path)
    assert told.returncode == 2
    assert told.stderr.startswith(
        'smgwproxy: error: log-level in [[gateway]] "strom" in x.toml: it holds for the '
    )
    assert not (tmp_path / "logs").exists()
