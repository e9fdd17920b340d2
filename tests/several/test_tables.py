"""What the tables of the configuration file say, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from smgwproxy.config import OPTIONS, load
from smgwproxy.errors import ConfigError

TWO = """
[[gateway]]
name = "strom"
target = "10.0.0.1"
port = 8081
[[gateway]]
name = "gas"
target = "10.0.0.2"
port = 8082
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "smgwproxy.toml"


def refusal(file: Path, text: str, *words: str) -> str:
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(["--config", str(file), *words], {})
    told = str(caught.value)
    assert "\n" not in told
    return told.replace(str(file), "FILE")


def test_each_table_is_a_gateway_with_a_name_and_options_of_its_own(file: Path) -> None:
    file.write_text(TWO)
    strom, gas = load(["--config", str(file)], {}).gateways
    assert [(one.name, str(one.target), one.port) for one in (strom, gas)] == [
        ("strom", "10.0.0.1", 8081),
        ("gas", "10.0.0.2", 8082),
    ]


def test_without_tables_there_is_one_gateway_with_the_name_of_its_target() -> None:
    told = load(["--target", "10.0.0.9:444"], {})
    assert [one.name for one in told.gateways] == ["10.0.0.9:444"]
    assert not told.named


def test_what_stands_before_the_tables_is_their_default(file: Path) -> None:
    file.write_text(f"keepalive = 7\nread-timeout = 8\n{TWO}read-timeout = 9\n")
    told = load(["--config", str(file)], {}).gateways
    assert [(one.keepalive, one.read_timeout) for one in told] == [(7.0, 8.0), (7.0, 9.0)]


def test_flag_wins_over_environment_and_that_over_table_and_that_over_what_stands_before(file: Path) -> None:
    file.write_text(f"keepalive = 1\nstore-timeout = 1\nqueue-timeout = 1\n{TWO}queue-timeout = 2\n")
    environ = {"SMGWPROXY_KEEPALIVE": "3", "SMGWPROXY_QUEUE_TIMEOUT": "3"}
    strom, gas = load(["--config", str(file), "--queue-timeout", "4"], environ).gateways
    assert (strom.keepalive, strom.store_timeout, strom.queue_timeout) == (3, 1, 4)
    assert (gas.keepalive, gas.store_timeout, gas.queue_timeout) == (3, 1, 4)
    strom, gas = load(["--config", str(file)], {}).gateways
    assert (strom.queue_timeout, gas.queue_timeout) == (1, 2)


def test_empty_text_of_a_table_leaves_what_stands_before(file: Path) -> None:
    file.write_text(f'host-header = "smgw.local"\n{TWO}host-header = ""\n')
    assert [one.host_header for one in load(["--config", str(file)], {}).gateways] == ["smgw.local"] * 2


def test_options_of_the_process_are_those_of_the_log(file: Path) -> None:
    assert {option.name for option in OPTIONS if option.whose == "process"} >= {"log-level", "logdir", "logfile"}
    file.write_text(f'log-level = "debug"\n{TWO}')
    assert load(["--config", str(file)], {}).process.log_level == "debug"


def test_error_names_the_option_its_table_and_the_file(file: Path) -> None:
    assert refusal(file, f'{TWO}read-timeout = "soon"\n').startswith(
        """read-timeout in [[gateway]] "gas" in FILE: 'soon' is no time: """
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "[gateway]\nname = 'x'\n",
            "gateway in FILE: it is no list of tables: write [[gateway]] in a line of its own",
        ),
        ("gateway = []\n", "gateway in FILE: it is no list of tables"),
        ("gateway = 'strom'\n", "gateway in FILE: it is no list of tables"),
        ("[[gatewya]]\nname = 'x'\n", "gatewya in FILE: there is no such option; did you mean gateway?"),
        (f"{TWO}[[gateway]]\nport = 1\n", "[[gateway]] number 3 in FILE: it has no name: write name = "),
        (f"{TWO}[[gateway]]\nname = 'gas'\n", 'name in [[gateway]] "gas" in FILE: another table has this name'),
        ("[[gateway]]\nname = ''\n", "name in [[gateway]] number 1 in FILE: '' is no name: give 1 to 32 letters"),
        ("[[gateway]]\nname = 'Straße'\n", "name in [[gateway]] number 1 in FILE: 'Straße' is no name"),
        ("[[gateway]]\nname = 'a b'\n", "name in [[gateway]] number 1 in FILE: 'a b' is no name"),
        ("[[gateway]]\nname = 1\n", "name in [[gateway]] number 1 in FILE: 1 is no name"),
        (f"[[gateway]]\nname = '{'x' * 33}'\n", "name in [[gateway]] number 1 in FILE: 'xxxxx"),
        (f"{TWO}prot = 1\n", 'prot in [[gateway]] "gas" in FILE: there is no such option; did you mean port?'),
        (f"{TWO}nmae = 'x'\n", 'nmae in [[gateway]] "gas" in FILE: there is no such option; did you mean name?'),
        (f"name = 'strom'\n{TWO}", "name in FILE: there is no such option; "),
        (
            f"{TWO}log-level = 'debug'\n",
            'log-level in [[gateway]] "gas" in FILE: it holds for the whole program: write it above the first [[',
        ),
        (f"{TWO}logdir = 'x'\n", 'logdir in [[gateway]] "gas" in FILE: it holds for the whole program'),
        (f"{TWO}logfile = 'x'\n", 'logfile in [[gateway]] "gas" in FILE: it holds for the whole program'),
        (
            TWO.replace("10.0.0.2", "10.0.0.1:443"),
            'target in [[gateway]] "gas" in FILE: gas cannot have 10.0.0.1, which is the gateway of strom (',
        ),
    ],
)
def test_table_that_is_wrong_is_told_with_the_remedy(file: Path, text: str, told: str) -> None:
    assert refusal(file, text).startswith(told)


@pytest.mark.parametrize(
    ("one", "other"),
    [("smgw.local", "SMGW.local."), ("10.0.0.1", "[::ffff:10.0.0.1]"), ("[fd00::1]", "[fd00:0::0:1]:443")],
)
def test_target_that_is_spelled_in_another_way_is_the_same_gateway(file: Path, one: str, other: str) -> None:
    told = refusal(file, TWO.replace("10.0.0.1", one).replace('"10.0.0.2"', f'"{other}"'))
    assert "which is the gateway of strom (" in told


# --- ports ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strom", "gas"),
    [
        ("port = 8081", "port = 8081"),
        ("port = 8081", "port = 8081\nlisten = '127.0.0.1'"),
        ("port = 8081\nlisten = '::1'", "port = 8081"),
        ("port = 8081\nlisten = 'localhost'", "port = 8081\nlisten = '127.0.0.1'"),
        ("port = 8081\nlisten = '0.0.0.0'", "port = 8081\nlisten = '10.0.0.5'"),
        ("port = 8081\nlisten = '::'", "port = 8081\nlisten = 'fd00::1'"),
        ("port = 8081", "port = 8082\ntls-port = 8081"),
        ("tls-port = 8081\nport = 1", "tls-port = 8081\nport = 2"),
        ("tls-port = 8081\nno-http = true", "port = 8081"),
    ],
)
def test_port_that_two_gateways_want_is_refused_with_both_names(file: Path, strom: str, gas: str) -> None:
    text = TWO.replace("port = 8081", strom).replace("port = 8082", gas)
    told = refusal(file, text)
    assert "gas cannot have port 8081, which is that of strom (" in told
    assert told.startswith(("port in [[gateway]]", "tls-port in [[gateway]]"))
    assert told.endswith("port of its own")


@pytest.mark.parametrize(
    ("strom", "gas"),
    [
        ("port = 0", "port = 0"),
        ("port = 8081\nlisten = '127.0.0.1'", "port = 8081\nlisten = '127.0.0.2'"),
        ("port = 8081\nlisten = '0.0.0.0'", "port = 8081\nlisten = '::1'"),
        ("port = 8081\ntls-port = 8443", "port = 8081\nno-http = true\ntls-port = 8444"),
        ("port = 8081\nno-http = true\ntls-port = 8443", "port = 8081"),
    ],
)
def test_ports_that_do_not_meet_are_taken(file: Path, strom: str, gas: str) -> None:
    file.write_text(TWO.replace("port = 8081", strom).replace("port = 8082", gas))
    assert len(load(["--config", str(file)], {}).gateways) == 2


def test_flag_that_gives_all_gateways_the_same_port_is_told(file: Path) -> None:
    assert refusal(file, TWO, "--port", "9000") == (
        "--port: gas cannot have port 9000, which is that of strom (--port): give each gateway a port of its own"
    )


# --- the password of the environment ---------------------------------------------------------------------


def test_password_of_the_environment_is_for_the_gateway_with_the_certificate(file: Path) -> None:
    file.write_text(f"{TWO}client-cert = 'me.p12'\n")
    strom, gas = load(["--config", str(file)], {"SMGWPROXY_CLIENT_PASSWORD": "x"}).gateways
    assert (strom.client_password, gas.client_password is None) == (None, False)


def test_password_of_the_environment_that_no_gateway_needs_is_refused(file: Path) -> None:
    file.write_text(TWO)
    with pytest.raises(ConfigError, match="a password is of no use without a certificate"):
        load(["--config", str(file)], {"SMGWPROXY_CLIENT_PASSWORD": "x"})
