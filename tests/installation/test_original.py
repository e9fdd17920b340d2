"""What is read from units that run the original."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smgwproxy.installation.original import Original, is_candidate, read
from smgwproxy.installation.unitfile import NotUnderstood, quoted, read_service, split
from tests.installation.conftest import UNIT_OF_FIRST_DESCRIPTION, UNIT_OF_SECOND_DESCRIPTION

HOMES = {"pi": "/home/pi", "root": "/root"}


def original(text: str, *drop_ins: str) -> Original:
    service = read_service([text, *drop_ins])
    assert is_candidate(service)
    return read("reverse_proxy.service", service, HOMES)


def started_by(line: str, directory: str = "/home/pi/smgw-proxy") -> Original:
    return original(f"[Service]\nUser=pi\nWorkingDirectory={directory}\nExecStart={line}\n")


def test_unit_of_the_first_description() -> None:
    assert original(UNIT_OF_FIRST_DESCRIPTION) == Original(
        "reverse_proxy.service", {}, "/home/pi/smgw-proxy/certs", "/var/log/smgw-proxy"
    )


def test_unit_of_the_second_description() -> None:
    assert original(UNIT_OF_SECOND_DESCRIPTION) == Original(
        "reverse_proxy.service", {}, "/home/pi/smgw-proxy/certs", "/home/pi/smgw-proxy/logs"
    )


@pytest.mark.parametrize(
    "flags",
    [
        "-target 10.0.0.9:8443 -port 81",
        "--target 10.0.0.9:8443 --port 81",
        "-target=10.0.0.9:8443 -port=81",
        "--target=10.0.0.9:8443 -port 81",
        "-port 80 -target 1.2.3.4 -port 81 -target 10.0.0.9:8443",  # the last one counts
        '"-target" \'10.0.0.9:8443\' "-port=81"',
        "-target 10.0.0.9:8443 \\\n  # a comment between\n  -port 81",
        "-target 10.0.0.9\\x3a8443 -port 81",
        "-target 10.0.0.9:8443 -port 81 rest -nothing",  # a word without dash ends the flags
        "-target 10.0.0.9:8443 -port 81 -- -nothing",
    ],
)
def test_flags_are_read_as_go_reads_them(flags: str) -> None:
    found = started_by(f"/home/pi/smgw-proxy/reverse_proxy {flags}")
    assert found.options == {"target": ("10.0.0.9:8443",), "port": ("81",)}


@pytest.mark.parametrize(
    ("flags", "directory", "certdir"),
    [
        ("-certdir ./zertifikate", "/home/pi/smgw-proxy", "/home/pi/smgw-proxy/zertifikate"),
        ("-certdir /srv/c", "/home/pi", "/srv/c"),
        ('-certdir "my certs"', "/home/pi", "/home/pi/my certs"),
        ("-certdir ../c", "-/home/pi/x", "/home/pi/c"),
        ("", "~", "/home/pi/certs"),
        ("-certdir 100%%", "/srv/%p", "/srv/reverse_proxy/100%"),
    ],
)
def test_directory_of_pins_is_relative_to_the_working_directory(flags: str, directory: str, certdir: str) -> None:
    assert started_by(f"/x/reverse_proxy {flags}", directory).certdir == certdir


@pytest.mark.parametrize("prefix", ["-", "+", "!!", ":", "@"])
def test_prefixes_of_the_program_are_passed_over(prefix: str) -> None:
    name = "reverse_proxy " if prefix == "@" else ""
    assert started_by(f"{prefix}/x/reverse_proxy {name}-port 81").options == {"port": ("81",)}


def test_drop_in_replaces_the_command() -> None:
    drop_in = "[Service]\nExecStart=\nExecStart=/x/reverse_proxy -port 82\n"
    assert original(UNIT_OF_FIRST_DESCRIPTION, drop_in).options == {"port": ("82",)}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("/usr/bin/go run reverse_proxy.go -port 81", "does not run reverse_proxy itself"),
        ("/bin/sh -c 'cd /home/pi && ./reverse_proxy -port 81'", "does not run reverse_proxy itself"),
        ("/x/reverse_proxy -port $PORT", "variable"),
        ("/x/reverse_proxy -port %i", "%i"),
        ("/x/reverse_proxy -prot 81", "no flag of the original"),
        ("/x/reverse_proxy -port", "no value"),
        ("/x/reverse_proxy -port many", "many"),
        ("/x/reverse_proxy '-port 81", "quote"),
        ("/x/smgwproxy --config /etc/x.toml", "configuration file"),
        ("/x/smgwproxy --truststore sqlite:x", "--truststore"),
        ("/x/smgwproxy --nonsense", "no such option"),
    ],
)
def test_what_is_not_understood_is_told_and_not_guessed(line: str, told: str) -> None:
    with pytest.raises(NotUnderstood, match=f"^reverse_proxy.service: .*{told}"):
        started_by(line)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("EnvironmentFile=/etc/default/smgwproxy", "EnvironmentFile"),
        ("PassEnvironment=SMGWPROXY_CERTDIR", "PassEnvironment"),
        ("RootDirectory=/srv", "RootDirectory"),
        ("BindPaths=/srv/certs:/home/pi/smgw-proxy/certs", "BindPaths"),
        ("Environment=SMGWPROXY_CLIENT_PASSWORD=x", "password"),
    ],
)
def test_setting_that_changes_what_this_program_sees_is_not_understood(line: str, told: str) -> None:
    with pytest.raises(NotUnderstood, match=told):
        original(f"[Service]\n{line}\nExecStart=/x/smgwproxy\n")


def test_variables_are_nothing_to_the_original() -> None:
    unit = "[Service]\nEnvironmentFile=/etc/default/x\nExecStart=/x/reverse_proxy -port 81\n"
    assert original(unit).options == {"port": ("81",)}


def test_last_user_counts() -> None:
    unit = "[Service]\nUser=root\nWorkingDirectory=~\nExecStart=/x/reverse_proxy\n"
    assert original(unit, "[Service]\nUser=pi\n").certdir == "/home/pi/certs"
    assert original(unit, "[Service]\nUser=pi\n", "[Service]\nUser=\n").certdir == f"{HOMES['root']}/certs"


@pytest.mark.parametrize("character", ["\x0b", "\x0c", "\x1c", "\u2028"])
def test_line_ends_where_it_does_for_systemd(character: str) -> None:
    unit = f"[Service]\nDescription=a{character}ExecStart=/x/other\nExecStart=/x/reverse_proxy -port 81\r\n"
    assert original(unit).options == {"port": ("81",)}


def test_two_commands_are_not_understood() -> None:
    with pytest.raises(NotUnderstood, match="not one ExecStart"):
        original("[Service]\nExecStart=/x/reverse_proxy\nExecStart=/x/reverse_proxy -port 81\n")


def test_this_program_in_the_originals_place_is_read_with_its_own_options() -> None:
    found = started_by(
        "/home/pi/.venv/bin/smgwproxy -logdir l --tls-port 443 --allow 10.0.0.0/8 --allow=::1 --tls-cert x.pem"
    )
    assert found.options == {
        "tls-port": ("443",),
        "allow": ("10.0.0.0/8", "::1"),
        "tls-cert": ("/home/pi/smgw-proxy/x.pem",),
    }
    assert found.logdir == "/home/pi/smgw-proxy/l"


def test_variables_of_the_unit_count_for_this_program() -> None:
    unit = "[Service]\nEnvironment=A=1 SMGWPROXY_PORT=81 'SMGWPROXY_TARGET=10.0.0.9'\nExecStart=/x/smgwproxy\n"
    assert original(unit).options == {"port": ("81",), "target": ("10.0.0.9",)}


@pytest.mark.parametrize("line", ["/usr/sbin/nginx -c /etc/reverse_proxy.conf", "/x/my_reverse_proxy", "/x/caddy"])
def test_other_services_are_none_of_ours(line: str) -> None:
    assert not is_candidate(read_service([f"[Service]\nExecStart={line}\n"]))


@given(st.lists(st.text(st.characters(codec="ascii", exclude_characters="\0")), max_size=4))
def test_words_are_read_as_they_were_written(words: list[str]) -> None:
    written = quoted(words)
    assert "\n" not in written
    assert [word.replace("%%", "%").replace("$$", "$") for word in split(written)] == words
