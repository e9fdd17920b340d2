"""The options: where they come from, who wins, and how what is wrong is told."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

import smgwproxy
from smgwproxy.config import OPTIONS, Config, build_parser, load, parse, resolve
from smgwproxy.errors import ConfigError
from smgwproxy.origin import Origin
from smgwproxy.renewal import Renewal


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
    assert load([], {}) == Config(
        target=Origin("10.11.120.2", 443),
        port=8080,
        certdir=Path("./certs"),
        logdir=Path("./logs"),
        logfile="proxy.log",
        listen=None,
        truststore="file:certs",
        renewal=Renewal.ASK,
        max_connections=1,
        queue_timeout=60.0,
        connect_timeout=10.0,
        read_timeout=180.0,
        store_timeout=10.0,
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
        "truststore": "sqlite:/var/lib/pins.db",
        "renewal": "same-key",
        "max-connections": "3",
        "queue-timeout": "7.5",
        "connect-timeout": ".5",
        "read-timeout": "86400",
        "store-timeout": "2",
        "log-level": "DEBUG",
    }
    assert list(words) == [option.name for option in OPTIONS]
    argv = [word for name, value in words.items() for word in f"{dash}{name}{glue}{value}".split(" ")]
    assert load(argv, {}) == Config(
        target=Origin("fe80::1", 8443),
        port=8081,
        certdir=Path("/c"),
        logdir=Path("/l"),
        logfile="smgw.log",
        listen="::1",
        truststore="sqlite:/var/lib/pins.db",
        renewal=Renewal.SAME_KEY,
        max_connections=3,
        queue_timeout=7.5,
        connect_timeout=0.5,
        read_timeout=86400.0,
        store_timeout=2.0,
        log_level="debug",
    )


def test_the_units_of_users_of_the_original_work_word_for_word() -> None:
    line = "-target 192.168.1.200:443 -port 8081 -certdir ./certs -logdir ./logs -logfile proxy.log"
    config = load(line.split(), {})
    assert (config.target, config.port) == (Origin("192.168.1.200"), 8081)


def test_the_last_of_a_repeated_flag_wins_as_in_go() -> None:
    assert load(["-port", "wrong", "--port=1", "-port=2"], {}).port == 2


def test_a_value_may_hold_blanks_dashes_and_equals_signs() -> None:
    assert load(["-logdir=-my logs=", "-certdir", "a = b"], {}).logdir == Path("-my logs=")


@pytest.mark.parametrize("word", ["-h", "--h", "-help", "--help"])
def test_help_shows_each_option_with_its_default_and_variable_and_the_original_ones_first(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        load([word], {})
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    for option in OPTIONS:
        assert f"--{option.name} {option.metavar}" in shown
        assert f"(default: {option.shown or option.default}; {option.variable})" in shown
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
    config = load(["-port", "3", "-config", str(file)], environ)
    assert (config.port, config.read_timeout, config.log_level) == (3, 2.0, "error")
    assert (config.connect_timeout, config.target.host, config.max_connections) == (2.5, "smgw.local", 1)


def test_a_wrong_value_that_is_overruled_does_no_harm() -> None:
    assert load(["-port", "3"], {"SMGWPROXY_PORT": "x"}).port == 3


def test_an_empty_environment_variable_counts_as_not_set() -> None:
    assert load([], {"SMGWPROXY_PORT": "", "SMGWPROXY_CONFIG": ""}).port == 8080


def test_the_environment_may_name_the_file_and_the_flag_overrules_it(tmp_path: Path) -> None:
    one, two = tmp_path / "1.toml", tmp_path / "2.toml"
    one.write_text("port = 1")
    two.write_text("port = 2")
    assert load([], {"SMGWPROXY_CONFIG": str(one)}).port == 1
    assert load(["-config", str(two)], {"SMGWPROXY_CONFIG": str(one)}).port == 2


def test_the_trust_store_lies_in_certdir_unless_told() -> None:
    assert load(["-certdir", "/var/lib/smgw"], {}).truststore == "file:/var/lib/smgw"
    assert load(["-certdir", "/x", "-truststore", "pinned"], {}).truststore == "pinned"


def test_the_config_knows_how_each_option_was_given(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('listen = "localhost"')
    config = load(["-port", "1", "-config", str(file)], {"SMGWPROXY_LOGDIR": "l"})
    assert [config.source(name) for name in ("port", "logdir", "listen", "certdir")] == [
        "--port",
        "SMGWPROXY_LOGDIR",
        f"listen in {file}",
        "--certdir",
    ]


def test_each_option_has_its_attribute_of_config() -> None:
    fields = [field.name for field in dataclasses.fields(Config)]
    assert fields == [*(option.attribute for option in OPTIONS), "given"]


def test_a_parser_with_fewer_options_and_others_of_its_own_gives_a_config() -> None:
    parser = build_parser(
        [option for option in OPTIONS if not option.original], "smgwproxy demo", "A simulated gateway."
    )
    parser.add_argument("--vendor", choices=("theben", "ppc", "emh"))
    namespace = parse(parser, ["-vendor=ppc", "-max-connections", "2"])
    assert namespace.vendor == "ppc"
    assert resolve(namespace, {}).max_connections == 2
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
        ("max-connections", "0", "give a number from 1 to 1000"),
        ("max-connections", "1001", "give a number from 1 to 1000"),
        ("queue-timeout", "0", "give a number of seconds above 0 and up to 86400"),
        ("connect-timeout", "nan", "give a number of seconds above 0 and up to 86400"),
        ("connect-timeout", "inf", "give a number of seconds above 0 and up to 86400"),
        ("read-timeout", "86401", "give a number of seconds above 0 and up to 86400"),
        ("read-timeout", "9" * 5000, "give a number of seconds above 0 and up to 86400"),
        ("read-timeout", "10s", "give a number of seconds above 0 and up to 86400"),
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
    assert load(["-listen", value], {}).listen == listen


def test_port_0_is_any_free_one() -> None:
    assert load(["-port=0"], {}).port == 0
