"""The options: where they come from, who wins, and how what is wrong is told."""

from __future__ import annotations

import argparse
import dataclasses
import os
from ipaddress import ip_network
from pathlib import Path

import pytest

import smgwproxy
from smgwproxy.config import OPTIONS, Config, build_parser, load, parse, resolve
from smgwproxy.config.sources import collect
from smgwproxy.errors import ConfigError
from smgwproxy.origin import Origin
from smgwproxy.renewal import Renewal

HOME = tuple(
    ip_network(network)
    for network in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "::1/128",
        "fe80::/10",
        "fc00::/7",
    )
)


def fault(argv: list[str], environ: dict[str, str] | None = None) -> str:
    """Load what is wrong, and return the one line that tells so."""
    with pytest.raises(ConfigError) as caught:
        load(argv, environ or {})
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    return text


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


# --- the original's command line ------------------------------------------------------------------------


def test_the_defaults_are_those_of_the_original_and_of_its_successor() -> None:
    assert load([], {}).only == Config(
        target=Origin("10.11.120.2", 443),
        port=8080,
        certdir=Path("./certs"),
        logdir=Path("./logs"),
        logfile="proxy.log",
        listen=None,
        allow=HOME,
        server_name=(),
        tls_port=None,
        tls_cert=None,
        tls_key=None,
        no_http=False,
        statedir=Path("./state"),
        truststore="file:certs",
        renewal=Renewal.ASK,
        client_cert=None,
        client_key=None,
        client_password_file=None,
        host_header=None,
        max_connections=1,
        queue_timeout=60.0,
        connect_timeout=10.0,
        read_timeout=180.0,
        keepalive=120.0,
        store_timeout=10.0,
        max_clients=200,
        max_clients_per_address=50,
        handshake_timeout=10.0,
        head_timeout=10.0,
        body_timeout=30.0,
        idle_timeout=60.0,
        min_speed=500,
        status_port=None,
        status_listen="localhost",
        log_level="info",
    )


@pytest.mark.parametrize("dash", ["-", "--"])
@pytest.mark.parametrize("glue", [" ", "="])
def test_each_option_works_with_one_dash_or_two_and_with_a_blank_or_an_equals_sign(dash: str, glue: str) -> None:
    words = {
        "target": "[fe80::1]:8443",
        "port": "8081",
        "certdir": "/c",
        "logdir": "/l",
        "logfile": "smgw.log",
        "listen": "::1",
        "allow": "192.168.7.0/24",
        "server-name": "smgw.example.org",
        "tls-port": "8444",
        "tls-cert": "/t/cert.pem",
        "tls-key": "/t/key.pem",
        "no-http": "true",
        "statedir": "/s",
        "truststore": "sqlite:/var/lib/pins.db",
        "renewal": "same-key",
        "client-cert": "/me/cert.pem",
        "client-key": "/me/key.pem",
        "client-password-file": "/me/password",
        "host-header": "SMGW.local:443",
        "max-connections": "3",
        "queue-timeout": "7.5",
        "connect-timeout": ".5",
        "read-timeout": "86400",
        "keepalive": "0.5",
        "store-timeout": "2",
        "max-clients": "10000",
        "max-clients-per-address": "1",
        "handshake-timeout": "3",
        "head-timeout": "4",
        "body-timeout": "5",
        "idle-timeout": "6",
        "min-speed": "1000000000",
        "status-port": "9100",
        "status-listen": "[::1]",
        "log-level": "DEBUG",
    }
    assert list(words) == [option.name for option in OPTIONS]
    argv = [word for name, value in words.items() for word in f"{dash}{name}{glue}{value}".split(" ")]
    assert load(argv, {}).only == Config(
        target=Origin("fe80::1", 8443),
        port=8081,
        certdir=Path("/c"),
        logdir=Path("/l"),
        logfile="smgw.log",
        listen="::1",
        allow=(ip_network("192.168.7.0/24"),),
        server_name=("smgw.example.org",),
        tls_port=8444,
        tls_cert=Path("/t/cert.pem"),
        tls_key=Path("/t/key.pem"),
        no_http=True,
        statedir=Path("/s"),
        truststore="sqlite:/var/lib/pins.db",
        renewal=Renewal.SAME_KEY,
        client_cert=Path("/me/cert.pem"),
        client_key=Path("/me/key.pem"),
        client_password_file=Path("/me/password"),
        host_header="SMGW.local:443",
        max_connections=3,
        queue_timeout=7.5,
        connect_timeout=0.5,
        read_timeout=86400.0,
        keepalive=0.5,
        store_timeout=2.0,
        max_clients=10000,
        max_clients_per_address=1,
        handshake_timeout=3.0,
        head_timeout=4.0,
        body_timeout=5.0,
        idle_timeout=6.0,
        min_speed=1_000_000_000,
        status_port=9100,
        status_listen="::1",
        log_level="debug",
    )


def test_the_units_of_users_of_the_original_work_word_for_word() -> None:
    line = "-target 192.168.1.200:443 -port 8081 -certdir ./certs -logdir ./logs -logfile proxy.log"
    config = load(line.split(), {}).only
    assert (config.target, config.port) == (Origin("192.168.1.200"), 8081)


def test_the_last_of_a_repeated_flag_wins_as_in_go() -> None:
    assert load(["-port", "wrong", "--port=1", "-port=2"], {}).only.port == 2


def test_a_value_may_hold_blanks_dashes_and_equals_signs() -> None:
    assert load(["-logdir=-my logs=", "-certdir", "a = b"], {}).only.logdir == Path("-my logs=")


@pytest.mark.parametrize("word", ["-h", "--h", "-help", "--help"])
def test_help_shows_each_option_with_its_default_and_variable_and_the_original_ones_first(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        load([word], {})
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    words = " ".join(shown.split())
    for option in OPTIONS:
        value = f"[{option.metavar}]" if option.kind == "switch" else option.metavar
        assert f"--{option.name} {value}" in shown
        assert f"(default: {option.shown or option.default}; {option.variable})" in words
    assert "SMGWPROXY_CONFIG" in shown
    assert shown.index("--logfile") < shown.index("further options") < shown.index("--listen")
    assert shown.index("options of the original") < shown.index("--target")


@pytest.mark.parametrize("word", ["-version", "--version"])
def test_version_is_one_line(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        load([word], {})
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"smgwproxy {smgwproxy.__version__}\n"


# --- precedence -----------------------------------------------------------------------------------------


def test_flag_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    file = tmp_path / "smgwproxy.toml"
    file.write_text('port = 1\nread-timeout = 1\nlog-level = "error"\nconnect-timeout = 2.5\n')
    environ = {
        "SMGWPROXY_PORT": "2",
        "SMGWPROXY_READ_TIMEOUT": "2",
        "PATH": "/bin",
        "SMGWPROXY_TARGET": "smgw.local",
    }
    config = load(["-port", "3", "-config", str(file)], environ).only
    assert (config.port, config.read_timeout, config.log_level) == (3, 2.0, "error")
    assert (config.connect_timeout, config.target.host, config.max_connections) == (2.5, "smgw.local", 1)


def test_a_wrong_value_that_is_overruled_does_no_harm() -> None:
    assert load(["-port", "3"], {"SMGWPROXY_PORT": "x"}).only.port == 3


def test_an_empty_environment_variable_counts_as_not_set() -> None:
    assert load([], {"SMGWPROXY_PORT": "", "SMGWPROXY_CONFIG": ""}).only.port == 8080


def test_the_environment_may_name_the_file_and_the_flag_overrules_it(tmp_path: Path) -> None:
    one, two = tmp_path / "1.toml", tmp_path / "2.toml"
    one.write_text("port = 1")
    two.write_text("port = 2")
    assert load([], {"SMGWPROXY_CONFIG": str(one)}).only.port == 1
    assert load(["-config", str(two)], {"SMGWPROXY_CONFIG": str(one)}).only.port == 2


def test_the_trust_store_lies_in_certdir_unless_told() -> None:
    assert load(["-certdir", "/var/lib/smgw"], {}).only.truststore == "file:/var/lib/smgw"
    assert load(["-certdir", "/x", "-truststore", "pinned"], {}).only.truststore == "pinned"


def test_the_config_knows_how_each_option_was_given(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('listen = "localhost"')
    config = load(["-port", "1", "-config", str(file)], {"SMGWPROXY_LOGDIR": "l"}).only
    assert [config.source(name) for name in ("port", "logdir", "listen", "certdir")] == [
        "--port",
        "SMGWPROXY_LOGDIR",
        f"listen in {file}",
        "--certdir",
    ]


def test_each_option_has_its_attribute_of_config() -> None:
    fields = [field.name for field in dataclasses.fields(Config)]
    assert fields == [*(option.attribute for option in OPTIONS), "client_password", "table", "given"]


def test_a_parser_with_fewer_options_and_others_of_its_own_gives_a_config() -> None:
    parser = build_parser(
        [option for option in OPTIONS if not option.original], "smgwproxy demo", "A simulated gateway."
    )
    parser.add_argument("--vendor", choices=("theben", "ppc", "emh"))
    namespace = parse(parser, ["-vendor=ppc", "-max-connections", "2"])
    assert namespace.vendor == "ppc"
    assert resolve(namespace, {}).only.max_connections == 2
    assert "options of the original" not in parser.format_help()
    with pytest.raises(ConfigError, match=r"^--vendor: invalid choice: 'x'"):
        parse(parser, ["-vendor", "x"])
    with pytest.raises(ConfigError, match=r"^--port: there is no such option"):
        parse(parser, ["-port", "1"])


# --- what is wrong --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flag", "value", "remedy"),
    [
        ("target", "10.11.120.256", "give HOST, HOST:PORT or [IPV6]:PORT, for example 10.11.120.2"),
        ("target", "https://10.11.120.2/", "give HOST, HOST:PORT or [IPV6]:PORT, for example 10.11.120.2"),
        ("target", "a:" + "9" * 5000, "give HOST, HOST:PORT or [IPV6]:PORT, for example 10.11.120.2"),
        ("port", "65536", "give a port from 1 to 65535, or 0 for any free one"),
        ("port", "-1", "give a port from 1 to 65535, or 0 for any free one"),
        ("port", "http", "give a port from 1 to 65535, or 0 for any free one"),
        ("port", "8_0", "give a port from 1 to 65535, or 0 for any free one"),
        ("port", "٨٠", "give a port from 1 to 65535, or 0 for any free one"),
        ("certdir", "", "give the path of one"),
        ("logdir", "a\0b", "give the path of one"),
        ("logfile", "logs/proxy.log", "give a name without /"),
        ("logfile", "..", "give a name without /"),
        ("logfile", "", "give a name without /"),
        ("logfile", "a\nb", "give a name without /"),
        ("logfile", "x" * 201, "give a name without /"),
        ("listen", "192.168.0.11:8080", "give an IP address, localhost or all; --port sets the port"),
        ("listen", "[192.168.0.11]", "give an IP address, localhost or all"),
        ("listen", "pi.local", "give an IP address, localhost or all"),
        ("truststore", ":x", "give NAME:ARGUMENT, for example file:./certs"),
        ("truststore", "", "give NAME:ARGUMENT, for example file:./certs"),
        ("allow", "192.168.0.7/24", "give 192.168.0.0/24 for the network, or 192.168.0.7 for it alone"),
        ("allow", "FD00::7/8", "give fd00::/8 for the network, or FD00::7 for it alone"),
        ("allow", "192.168.0.0/33", "give one such as 192.168.0.0/24, or a single address"),
        ("allow", "192.168.0.0/255.255.255.0", "give one such as 192.168.0.0/24, or a single address"),
        ("allow", "192.168.0", "give one such as 192.168.0.0/24, or a single address"),
        ("allow", "192.168.0.256", "give one such as 192.168.0.0/24, or a single address"),
        ("allow", "fe80::1%eth0", "give one such as 192.168.0.0/24, or a single address"),
        ("allow", "[::1]", "give one such as 192.168.0.0/24, or a single address"),
        ("allow", "all", "give one such as 192.168.0.0/24, or a single address"),
        ("allow", "٨.0.0.0/8", "give one such as 192.168.0.0/24, or a single address"),
        ("allow", "", "give one such as 192.168.0.0/24, or a single address"),
        ("server-name", "smgw.example.org:8080", "give a DNS name such as meter.example.org, without port"),
        ("server-name", "*.example.org", "give a DNS name such as meter.example.org"),
        ("server-name", "https://example.org", "give a DNS name such as meter.example.org"),
        ("server-name", "zähler.example.org", "give a DNS name such as meter.example.org"),
        ("server-name", "-a.example.org", "give a DNS name such as meter.example.org"),
        ("server-name", "a-.example.org", "give a DNS name such as meter.example.org"),
        ("server-name", "x" * 64 + ".org", "give a DNS name such as meter.example.org"),
        ("server-name", "x." * 126 + "ab", "give a DNS name such as meter.example.org"),
        ("server-name", "a..example.org", "give a DNS name such as meter.example.org"),
        ("server-name", ".", "give a DNS name such as meter.example.org"),
        ("server-name", "192.168.0.7", "addresses need none"),
        ("tls-port", "65536", "give a port from 1 to 65535, or 0 for any free one"),
        ("tls-cert", "", "give the path of one"),
        ("tls-key", "a\0b", "give the path of one"),
        ("statedir", "", "give the path of one"),
        ("no-http", "on", "give true or false"),
        ("no-http", "", "give true or false"),
        ("min-speed", "1000000001", "give a number of bytes from 1 to 1000000000, or 0 for no limit"),
        ("min-speed", "0.5", "give a number of bytes from 1 to 1000000000, or 0 for no limit"),
        ("max-clients", "0", "give a number from 1 to 10000"),
        ("max-clients-per-address", "10001", "give a number from 1 to 10000"),
        ("idle-timeout", "0", "give a number of seconds above 0 and up to 86400"),
        ("max-connections", "0", "give a number from 1 to 1000"),
        ("max-connections", "1001", "give a number from 1 to 1000"),
        ("queue-timeout", "0", "give a number of seconds above 0 and up to 86400"),
        ("connect-timeout", "nan", "give a number of seconds above 0 and up to 86400"),
        ("connect-timeout", "inf", "give a number of seconds above 0 and up to 86400"),
        ("read-timeout", "86401", "give a number of seconds above 0 and up to 86400"),
        ("read-timeout", "9" * 5000, "give a number of seconds above 0 and up to 86400"),
        ("read-timeout", "10s", "give a number of seconds above 0 and up to 86400"),
        ("keepalive", "0", "give a number of seconds above 0 and up to 86400"),
        ("client-cert", "", "give the path of one"),
        ("client-key", "a\0b", "give the path of one"),
        ("client-password-file", "", "give the path of one"),
        ("host-header", "", "give HOST, HOST:PORT or [IPV6]:PORT, for example smgw.local"),
        ("host-header", "https://smgw.local", "give HOST, HOST:PORT or [IPV6]:PORT, for example smgw.local"),
        ("host-header", "smgw.local:https", "give HOST, HOST:PORT or [IPV6]:PORT, for example smgw.local"),
        ("host-header", "smgw.local\r\nX: y", "give HOST, HOST:PORT or [IPV6]:PORT, for example smgw.local"),
        ("host-header", "fe80::1", "give HOST, HOST:PORT or [IPV6]:PORT, for example smgw.local"),
        ("host-header", "smgw.local:65536", "give HOST, HOST:PORT or [IPV6]:PORT, for example smgw.local"),
        ("renewal", "never", "give ask or same-key"),
        ("log-level", "verbose", "give debug, info, warning or error"),
    ],
)
def test_a_wrong_value_is_told_with_the_option_the_value_and_the_remedy(
    flag: str, value: str, remedy: str
) -> None:
    text = fault([f"-{flag}={value}"])
    assert text.startswith(f"--{flag}: {value!r} is ")
    assert remedy in text


def test_a_wrong_value_is_told_with_the_name_by_which_it_was_given(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("port = 80800")
    assert fault([], {"SMGWPROXY_PORT": "x"}).startswith("SMGWPROXY_PORT: 'x' is wrong")
    assert fault(["-config", str(file)]).startswith(f"port in {file}: '80800' is wrong")


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["-port"], "--port: a value is missing: give one after it"),
        (["-target", "-port", "1"], "--target: a value is missing: give one after it"),
        (["-targ", "x"], "--targ: there is no such option; did you mean --target?"),
        (["--targ=x"], "--targ: there is no such option; did you mean --target?"),
        (["-p", "8080"], "--p: there is no such option; did you mean --port?"),
        (["-port8080"], "--port8080: there is no such option; did you mean --port?"),
        (["-hx"], "--hx: there is no such option"),
        (["--read_timeout", "1"], "--read_timeout: there is no such option; did you mean --read-timeout?"),
        (["-zzz\nzzz"], r"--zzz\nzzz: there is no such option; --help lists the options"),
        (["run\n"], r"'run\n' is not expected here; options begin with a dash, --help lists them"),
        (["-"], "'-' is not expected here"),
        (["-version=1"], "--version: ignored explicit argument '1'"),
        (["--help=1"], "--help: ignored explicit argument '1'"),
    ],
)
def test_a_wrong_command_line_is_told_in_one_line(argv: list[str], text: str) -> None:
    assert fault(argv).startswith(text)


def test_an_unknown_variable_is_an_error_that_suggests_the_nearest() -> None:
    assert fault([], {"SMGWPROXY_TARGE": "x"}) == (
        "SMGWPROXY_TARGE: there is no such environment variable; did you mean SMGWPROXY_TARGET?"
    )


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("prot = 1", "prot in FILE: there is no such option; did you mean port?"),
        ("read_timeout = 1", "read_timeout in FILE: there is no such option; did you mean read-timeout?"),
        ("config = 'x'", "config in FILE: there is no such option; --help lists the options"),
        ('"a\\nb" = 1', "a\\nb in FILE: there is no such option"),
        ("port = true", 'port in FILE: the value is neither text nor number: write port = "..."'),
        ("[target]\nhost = 'a'", "target in FILE: the value is neither text nor number"),
        ("max-connections = 1.5", "max-connections in FILE: '1.5' is wrong"),
        ("read-timeout = inf", "read-timeout in FILE: 'inf' is no time"),
        ("allow = 1", 'allow in FILE: the value is no list of texts: write allow = ["...", "..."]'),
        ("allow = [1]", "allow in FILE: the value is no list of texts"),
        ("allow = ['::/0', '10.0.0.7/8']", "allow in FILE: '10.0.0.7/8' is an address within a network"),
        ("allow = ['']", "allow in FILE: '' is no network"),
        ("allow = []", "allow in FILE: the list is empty, so nobody would be served: give a network, or leave it"),
        ("certdir = ['a']", "certdir in FILE: the value is neither text nor number"),
        ("no-http = 1", "no-http in FILE: the value is neither true nor false: write no-http = true"),
        ("no-http = 'true'", "no-http in FILE: the value is neither true nor false"),
        ("no-http = true", "no-http in FILE: there would be no listener at all: give --tls-port as well"),
        ("port 1", "--config: 'FILE' is no TOML file: Expected '='"),
    ],
)
def test_a_wrong_file_is_told_with_the_key_and_the_path(tmp_path: Path, content: str, text: str) -> None:
    file = tmp_path / "c.toml"
    file.write_text(content)
    assert fault(["-config", str(file)]).startswith(text.replace("FILE", str(file)))


def test_a_file_that_cannot_be_read_is_told_with_who_named_it(tmp_path: Path) -> None:
    missing, binary = tmp_path / "no\nne", tmp_path / "binary"
    binary.write_bytes(b"\xff")
    assert fault(["-config", str(missing)]) == (
        f"--config: cannot read {str(missing)!r}: No such file or directory; check the path"
    )
    assert fault([], {"SMGWPROXY_CONFIG": str(tmp_path)}).startswith("SMGWPROXY_CONFIG: cannot read ")
    assert "'utf-8' codec can't decode" in fault(["-config", str(binary)])
    assert "null byte" in fault(["-config", "\0"])


@pytest.mark.parametrize(
    ("value", "listen"),
    [
        ("all", None),
        ("All", None),
        ("LOCALHOST", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "0.0.0.0"),  # noqa: S104 - a value to be read, nothing listens
        ("[::1]", "::1"),
        ("FE80::1%wlan0", "fe80::1%wlan0"),
    ],
)
def test_listen_takes_an_address_localhost_or_all(value: str, listen: str | None) -> None:
    assert load(["-listen", value], {}).only.listen == listen


def test_port_0_is_any_free_one() -> None:
    assert load(["-port=0"], {}).only.port == 0


# --- options that hold several values ---------------------------------------------------------------------


def networks(*texts: str) -> tuple[object, ...]:
    return tuple(ip_network(text) for text in texts)


def test_a_flag_for_several_values_may_be_repeated_and_hold_several_itself() -> None:
    argv = ["-allow", "10.0.0.0/8", "--allow=::1 , 192.168.0.0/24", "-server-name", "a.de,b.de"]
    config = load(argv, {}).only
    assert config.allow == networks("10.0.0.0/8", "::1", "192.168.0.0/24")
    assert config.server_name == ("a.de", "b.de")


def test_several_values_come_from_the_environment_with_commas() -> None:
    environ = {"SMGWPROXY_ALLOW": "10.0.0.0/8,::1", "SMGWPROXY_SERVER_NAME": " a.de , b.de "}
    config = load([], environ).only
    assert (config.allow, config.server_name) == (networks("10.0.0.0/8", "::1"), ("a.de", "b.de"))


@pytest.mark.parametrize("value", ["'10.0.0.0/8, ::1'", "['10.0.0.0/8', '::1']", "['10.0.0.0/8,::1']"])
def test_several_values_come_from_the_file_as_an_array_or_as_one_text(tmp_path: Path, value: str) -> None:
    file = tmp_path / "c.toml"
    file.write_text(f"allow = {value}")
    assert load(["-config", str(file)], {}).only.allow == networks("10.0.0.0/8", "::1")


def test_several_values_replace_those_of_a_weaker_source_and_the_default(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("allow = ['10.0.0.0/8']\nserver-name = ['a.de']")
    environ = {"SMGWPROXY_CONFIG": str(file), "SMGWPROXY_ALLOW": "::/0"}
    config = load(["-allow", "10.1.0.0/16", "-allow", "10.2.0.0/16"], environ).only
    assert (config.allow, config.source("allow")) == (networks("10.1.0.0/16", "10.2.0.0/16"), "--allow")
    config = load([], environ).only
    assert (config.allow, config.source("allow")) == (networks("::/0"), "SMGWPROXY_ALLOW")
    assert (config.server_name, config.source("server-name")) == (("a.de",), f"server-name in {file}")


@pytest.mark.parametrize("text", ["10.0.0.0/8,", ",10.0.0.0/8", "10.0.0.0/8,,::1", "10.0.0.0/8 ::1"])
def test_a_comma_too_many_or_too_few_is_told(text: str) -> None:
    assert fault([], {"SMGWPROXY_ALLOW": text}).startswith("SMGWPROXY_ALLOW: '")


def test_an_empty_list_of_names_is_none(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("server-name = []")
    assert load(["-config", str(file)], {}).only.server_name == ()


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("192.168.0.7", "192.168.0.7/32"),
        ("2001:DB8::7", "2001:db8::7/128"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:db8:0:1::/64", "2001:db8:0:1::/64"),
        ("::ffff:192.168.0.0/120", "192.168.0.0/24"),
        ("::ffff:192.168.0.7", "192.168.0.7/32"),
        ("::/0", "::/0"),
    ],
)
def test_a_network_is_cidr_and_an_address_a_network_of_one(text: str, network: str) -> None:
    assert load(["-allow", text], {}).only.allow == (ip_network(network),)


@pytest.mark.parametrize("text", ["SMGW.Example.ORG", "smgw.example.org.", "smgw.example.org"])
def test_a_server_name_is_kept_in_lower_case_without_its_last_dot(text: str) -> None:
    assert load(["-server-name", text], {}).only.server_name == ("smgw.example.org",)


# --- the HTTPS listener -----------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["-no-http"], ["--no-http"], ["--no-http=true"], ["-no-http", "YES"]])
def test_a_switch_needs_no_value(words: list[str]) -> None:
    assert load([*words, "-tls-port", "8443"], {}).only.no_http is True
    assert load(["-tls-port", "8443", *words], {}).only.no_http is True


@pytest.mark.parametrize(
    ("text", "on"), [("true", True), ("1", True), ("Yes", True), ("false", False), ("0", False), ("no", False)]
)
def test_a_switch_in_the_environment_says_yes_or_no(text: str, on: bool) -> None:
    assert load(["-tls-port", "0"], {"SMGWPROXY_NO_HTTP": text}).only.no_http is on


def test_a_switch_in_the_file_is_a_boolean_and_a_flag_turns_it_off_again(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("no-http = true\ntls-port = 8443")
    assert load(["-config", str(file)], {}).only.no_http is True
    assert load(["-config", str(file), "-no-http=false"], {}).only.no_http is False


def test_an_empty_text_in_the_file_counts_as_not_set(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("tls-port = ''\ntls-cert = ''\nport = ''\nallow = ''")
    config = load(["-config", str(file)], {}).only
    assert config == load([], {}).only
    assert config.given == {}


def test_a_certificate_of_ones_own_may_hold_its_key() -> None:
    config = load(["-tls-port", "0", "-tls-cert", "c.pem"], {}).only
    assert (config.tls_port, config.tls_cert, config.tls_key) == (0, Path("c.pem"), None)


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["-tls-port=0", "-tls-key=k"], "--tls-key: a key is of no use without its certificate: give --tls-cert"),
        (["-tls-cert=c"], "--tls-cert: no HTTPS listener would use the certificate: give --tls-port as well"),
        (["-no-http"], "--no-http: there would be no listener at all: give --tls-port as well"),
        (["-tls-port=8080"], "--tls-port: 8080 is the port for HTTP: give another one, or --no-http as well"),
        (["-tls-port=1", "-port=1"], "--tls-port: 1 is the port for HTTP: give another one"),
    ],
)
def test_options_that_are_wrong_together_are_told(argv: list[str], text: str) -> None:
    assert fault(argv).startswith(text)


def test_options_that_are_wrong_together_are_told_with_the_way_they_were_given() -> None:
    assert fault([], {"SMGWPROXY_NO_HTTP": "yes"}).startswith("SMGWPROXY_NO_HTTP: there would be")
    assert fault(["-port=2"], {"SMGWPROXY_TLS_PORT": "2"}).startswith("SMGWPROXY_TLS_PORT: 2 is the port")


@pytest.mark.parametrize(
    "argv", [["-tls-port=0", "-port=0"], ["-tls-port=8080", "-no-http"], ["-tls-port=8443", "-no-http=false"]]
)
def test_ports_that_do_not_meet_are_taken(argv: list[str]) -> None:
    assert load(argv, {}).only.tls_port is not None


# --- towards the gateway ----------------------------------------------------------------------------------

PASSWORD = {"SMGWPROXY_CLIENT_PASSWORD": "gEheim"}


def test_the_password_of_the_client_certificate_comes_from_the_environment() -> None:
    config = load(["-client-cert", "me.p12"], PASSWORD).only
    assert config.client_password is not None
    assert config.client_password.octets == b"gEheim"
    assert config.source("client-password") == "SMGWPROXY_CLIENT_PASSWORD"
    assert load(["-client-cert", "me.p12"], {"SMGWPROXY_CLIENT_PASSWORD": ""}).only.client_password is None


def test_a_password_is_taken_byte_for_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMGWPROXY_CLIENT_PASSWORD", os.fsdecode(b" ge\xe4, #heim "))
    config = load(["-client-cert", "me.p12"], dict(os.environ)).only
    assert config.client_password is not None
    assert config.client_password.octets == b" ge\xe4, #heim "


def test_no_repr_shows_a_password() -> None:
    given = collect(argparse.Namespace(), PASSWORD)
    config = load(["-client-cert", "me.p12"], PASSWORD).only
    for shown in (repr(given), repr(config), f"{config.client_password}", repr(config.given)):
        assert "client" in shown.lower() or "Secret" in shown
        assert "gEheim" not in shown


@pytest.mark.parametrize(
    ("words", "file", "text"),
    [
        (
            ["--client-password", "gEheim"],
            "",
            "--client-password: there is no such option; did you mean --client-password-file?",
        ),
        (
            ["-client-password=gEheim"],
            "",
            "--client-password: there is no such option; did you mean --client-password-file?",
        ),
        (
            [],
            "client-password = 'gEheim'",
            "client-password in FILE: there is no such option; did you mean client-password-file?",
        ),
    ],
)
def test_a_password_is_taken_from_no_flag_and_no_configuration_file(
    tmp_path: Path, words: list[str], file: str, text: str
) -> None:
    config = tmp_path / "c.toml"
    config.write_text(file)
    told = fault(["-config", str(config), *words])
    assert told == text.replace("FILE", str(config))


def test_help_tells_the_variable_of_the_password(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        load(["--help"], {})
    words = " ".join(capsys.readouterr().out.split())
    assert "SMGWPROXY_CLIENT_PASSWORD is the password itself" in words
    assert "--client-password " not in words


@pytest.mark.parametrize(
    ("argv", "environ", "text"),
    [
        (["-client-key=k"], {}, "--client-key: a key is of no use without its certificate: give --client-cert"),
        (
            ["-client-password-file=p"],
            {},
            "--client-password-file: a password is of no use without a certificate: give --client-cert",
        ),
        ([], PASSWORD, "SMGWPROXY_CLIENT_PASSWORD: a password is of no use without a certificate"),
        (
            ["-client-cert=c", "-client-password-file=p"],
            PASSWORD,
            "SMGWPROXY_CLIENT_PASSWORD: --client-password-file gives a password, too: leave one of them out",
        ),
        (
            ["-client-cert=c"],
            PASSWORD | {"SMGWPROXY_CLIENT_PASSWORD_FILE": "p"},
            "SMGWPROXY_CLIENT_PASSWORD: SMGWPROXY_CLIENT_PASSWORD_FILE gives a password, too",
        ),
    ],
)
def test_options_of_the_client_certificate_that_are_wrong_together_are_told(
    argv: list[str], environ: dict[str, str], text: str
) -> None:
    told = fault(argv, environ)
    assert told.startswith(text)
    assert "gEheim" not in told


@pytest.mark.parametrize(
    "text", ["smgw.local", "SMGW.local:443", "10.11.120.2", "[fe80::1]", "[FE80:0::1]:8443", "smgw.local:"]
)
def test_a_host_header_is_kept_as_it_is_written(text: str) -> None:
    assert load(["-host-header", text], {}).only.host_header == text
