"""``smgwproxy install`` below a root directory: what is written, kept, taken over and told."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from smgwproxy.cli import main
from smgwproxy.config import load
from smgwproxy.installation.unit import Unit
from tests.installation.conftest import (
    NOBODY_READS,
    PROGRAM,
    RECORD,
    UNIT_OF_FIRST_DESCRIPTION,
    UNIT_OF_SECOND_DESCRIPTION,
    Card,
    as_root,
    new_card,
)
from tests.support import OK, Identity, RawGateway, raw_exchange
from tests.test_cli import GET, program, run

StartGateway = Callable[..., RawGateway]
UNIT = "/etc/systemd/system/smgwproxy.service"
CONFIGURATION = "/etc/smgwproxy/smgwproxy.toml"
PINS = "/var/lib/smgwproxy/certs"


def configured(card: Card) -> dict[str, object]:
    """Return the options that the written configuration sets, as the proxy reads them."""
    config = load(["--config", str(card.path(CONFIGURATION))], {}).only
    return {name: getattr(config, name.replace("-", "_")) for name in config.given}


# --- what is written ------------------------------------------------------------------------------------


def test_whole_tree_of_a_first_installation(card: Card) -> None:
    before = card.snapshot()
    ended = card.install()
    assert (ended.code, ended.err) == (0, "")
    after = card.snapshot()
    assert {name: what for name, what in after.items() if name in before} == before
    written = {name: mode for name, (mode, _) in after.items() if name not in before}
    assert written == {
        "etc/smgwproxy": "drwxr-xr-x",
        "etc/smgwproxy/smgwproxy.toml": "-rw-r--r--",
        "etc/systemd/system/smgwproxy.service": "-rw-r--r--",
        "etc/sysusers.d/smgwproxy.conf": "-rw-r--r--",
        "var/lib/smgwproxy": "drwx------",
        "var/lib/smgwproxy/certs": "drwx------",
        "var/lib/smgwproxy/state": "drwx------",
        "var/log/smgwproxy": "drwx------",
    }
    assert card.read(UNIT) == Unit().text


def test_modes_do_not_depend_on_the_umask(card: Card) -> None:
    before = os.umask(0o077)
    try:
        card.install()
    finally:
        os.umask(before)
    assert card.path(CONFIGURATION).stat().st_mode & 0o777 == 0o644
    assert card.path(UNIT).stat().st_mode & 0o777 == 0o644


@as_root
def test_user_is_made_and_has_the_directories(card: Card) -> None:
    card.install()
    (line,) = [line for line in card.read("/etc/passwd").splitlines() if line.startswith("smgwproxy:")]
    user, group = map(int, line.split(":")[2:4])
    for path in ("/var/lib/smgwproxy", PINS, "/var/lib/smgwproxy/state", "/var/log/smgwproxy"):
        assert (card.path(path).stat().st_uid, card.path(path).stat().st_gid) == (user, group)
    for path in ("/etc/smgwproxy", CONFIGURATION, UNIT):
        assert card.path(path).stat().st_uid == 0


def test_configuration_has_the_options_that_were_given_and_the_places(card: Card) -> None:
    ended = card.install(
        "-target",
        "10.0.0.9:8443",
        "--tls-port=8443",
        "--allow=10.0.0.0/8",
        "--allow",
        "::1, fe80::/10",
        "--no-http",
    )
    assert ended.code == 0
    written = configured(card)
    assert {name: str(value) for name, value in written.items() if name != "allow"} == {
        "target": "10.0.0.9:8443",
        "port": "8080",
        "tls-port": "8443",
        "no-http": "True",
        "certdir": "/var/lib/smgwproxy/certs",
        "statedir": "/var/lib/smgwproxy/state",
        "logdir": "/var/log/smgwproxy",
    }
    assert [str(one) for one in load(["--config", str(card.path(CONFIGURATION))], {}).only.allow] == [
        "10.0.0.0/8",
        "::1/128",
        "fe80::/10",
    ]


def test_every_text_comes_back_from_the_configuration(card: Card) -> None:
    name = 'a "quoted" \\ ü % name.log'
    store = f"vault:{name}\x7f\t"
    words = ["--logfile", name, "--truststore", store, "--server-name", "meter.example.org"]
    assert card.install(*words).code == 0
    assert configured(card)["logfile"] == name
    assert configured(card)["truststore"] == store
    assert configured(card)["server-name"] == ("meter.example.org",)


def test_wrong_option_is_refused_before_anything_is_written(card: Card) -> None:
    before = card.snapshot()
    assert card.install("--port", "70000").err.startswith("smgwproxy: error: --port: '70000'")
    assert card.install("--tls-key", "x").code == 2
    assert card.snapshot() == before


@pytest.mark.parametrize("words", [["--port", "80"], ["--tls-port", "443"]])
def test_port_under_1024_gives_the_capability(card: Card, words: list[str]) -> None:
    card.install(*words)
    assert card.read(UNIT) == Unit(low_port=True).text


def test_port_that_is_not_listened_at_gives_none(card: Card) -> None:
    card.install("--port", "80", "--no-http", "--tls-port", "8443")
    assert card.read(UNIT) == Unit().text


def test_client_certificate_is_copied_for_root_alone_and_handed_over(card: Card, tmp_path: Path) -> None:
    (tmp_path / "me.p12").write_bytes(b"certificate")
    (tmp_path / "password").write_bytes(b"secret")
    words = ["--client-cert", str(tmp_path / "me.p12"), "--client-password-file", str(tmp_path / "password")]
    ended = card.install(*words)
    assert ended.code == 0
    assert "secret" not in ended.out
    directory = "/etc/smgwproxy/credentials"
    assert card.path(directory).stat().st_mode & 0o777 == 0o700
    assert card.path(f"{directory}/client-cert").read_bytes() == b"certificate"
    assert card.path(f"{directory}/client-password-file").stat().st_mode & 0o777 == 0o600
    names = ("client-cert", "client-password-file")
    assert card.read(UNIT) == Unit(secrets=tuple((name, f"{directory}/{name}") for name in names)).text
    assert configured(card)["client-cert"] == Path(f"{directory}/client-cert")
    before = card.snapshot()
    card.install()  # without saying it again
    assert card.snapshot() == before
    (tmp_path / "me.p12").write_bytes(b"a new one")
    card.install(*words)
    assert card.path(f"{directory}/client-cert").read_bytes() == b"a new one"


def test_certificate_of_https_is_handed_over_from_where_it_is(card: Card) -> None:
    card.install("--tls-port", "8443", "--tls-cert", "/etc/letsencrypt/live/x/fullchain.pem")
    assert "LoadCredential=tls-cert:/etc/letsencrypt/live/x/fullchain.pem\n" in card.read(UNIT)


@pytest.mark.parametrize("name", ["ends\\", "ends ", "two\nlines"])
def test_name_that_cannot_stand_in_the_unit_is_refused(card: Card, name: str) -> None:
    before = card.snapshot()
    ended = card.install("--tls-port", "8443", "--tls-cert", f"/x/{name}")
    assert ended.code == 2
    assert "--tls-cert: " in ended.err
    assert card.snapshot() == before


def test_secret_that_is_not_there_is_told(card: Card, tmp_path: Path) -> None:
    ended = card.install("--client-cert", str(tmp_path / "nothing"))
    assert ended.code == 2
    assert "--client-cert" in ended.err
    assert "check the path" in ended.err


# --- again ----------------------------------------------------------------------------------------------


def test_second_run_changes_nothing_and_says_so(card: Card) -> None:
    card.put_original()
    card.install("--port", "81")
    before = card.snapshot()
    ended = card.install()
    assert ended.code == 0
    assert card.snapshot() == before
    assert ended.lines("write") == ended.lines("make") == []
    assert f"{CONFIGURATION}: it is there, and what is there is never changed" in ended.lines("keep")


def test_configuration_that_is_there_stays_and_decides_about_the_unit(card: Card) -> None:
    card.install()
    edited = card.read(CONFIGURATION).replace("port = 8080", "port = 80  # mine")
    card.put(CONFIGURATION, edited)
    ended = card.install("--port", "8081", "--log-level", "info")
    assert card.read(CONFIGURATION) == edited
    assert card.read(UNIT) == Unit(low_port=True).text
    (told,) = ended.lines("note")
    assert told.endswith("write this line there and install again: port = 8081")


def test_configuration_that_is_wrong_is_told_and_nothing_changes(card: Card) -> None:
    card.put(CONFIGURATION, "prot = 80\n")
    before = card.snapshot()
    ended = card.install()
    assert ended.code == 2
    assert "did you mean port?" in ended.err
    assert card.snapshot() == before


@pytest.mark.parametrize("place", [CONFIGURATION, "/etc/smgwproxy"])
def test_configuration_is_not_read_through_a_link(card: Card, tmp_path: Path, place: str) -> None:
    (tmp_path / "smgwproxy.toml").write_text("nonsense = [")  # which would be complained of
    card.put(str(tmp_path / "smgwproxy.toml"), "port = 81\n")  # what the system itself would find there
    card.link(place, str(tmp_path / "smgwproxy.toml" if place == CONFIGURATION else tmp_path))
    before = card.snapshot()
    ended = card.install()
    assert ended.code == 1
    assert place in ended.err
    assert card.snapshot() == before


def test_configuration_that_is_a_pipe_is_refused_and_not_waited_for(card: Card) -> None:
    card.path("/etc/smgwproxy").mkdir()
    os.mkfifo(card.path(CONFIGURATION))
    ended = card.install()
    assert ended.code == 1
    assert f"{CONFIGURATION}: it is not a regular file" in ended.err


@as_root
def test_state_of_another_user_is_left_to_systemd_which_gives_all_of_it_away(card: Card) -> None:
    card.install()
    for path in ("/var/lib/smgwproxy", "/var/log/smgwproxy"):
        os.chown(card.path(path), 1000, 1000)
    ended = card.install()
    assert ended.code == 0
    assert card.path("/var/lib/smgwproxy").stat().st_uid == card.path("/var/log/smgwproxy").stat().st_uid == 1000
    assert f"{PINS}/: it is there" in ended.lines("keep")


def test_edited_unit_is_written_anew_and_drop_ins_stay(card: Card) -> None:
    card.install()
    card.put(UNIT, card.read(UNIT).replace("WatchdogSec=60", "WatchdogSec=5"))
    drop_in = card.put(f"{UNIT}.d/override.conf", "[Service]\nWatchdogSec=99\n")
    ended = card.install()
    assert card.read(UNIT) == Unit().text
    assert drop_in.read_text() == "[Service]\nWatchdogSec=99\n"
    assert any("drop-in" in line for line in ended.lines("write"))
    assert f"{UNIT}.d/: your own changes of the unit" in ended.lines("keep")


def test_wrong_mode_of_a_directory_is_mended(card: Card) -> None:
    card.install()
    card.path(PINS).chmod(0o777)
    assert card.install().lines("make") == [f"{PINS}/ for the user smgwproxy"]
    assert card.path(PINS).stat().st_mode & 0o777 == 0o700


def test_places_where_the_unit_lets_nothing_be_written_are_told(card: Card) -> None:
    card.install()
    card.put(CONFIGURATION, 'certdir = "/srv/pins"\n')
    (note,) = card.install().lines("note")
    assert "ReadWritePaths=/srv/pins" in note


# --- --dry-run ------------------------------------------------------------------------------------------


def test_dry_run_tells_the_same_steps_and_changes_nothing(card: Card) -> None:
    card.put_original()
    before, times = card.snapshot(), card.times()
    told = card.install("--dry-run")
    assert (card.snapshot(), card.times()) == (before, times)
    assert told.out.endswith("\nNothing was changed: this was --dry-run.\n")
    done = card.install()
    assert told.out.removesuffix("\nNothing was changed: this was --dry-run.\n") == done.out
    before, times = card.snapshot(), card.times()
    assert card.run("uninstall", "--purge", "--dry-run").lines("remove") != []
    assert (card.snapshot(), card.times()) == (before, times)


# --- the original ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", [UNIT_OF_FIRST_DESCRIPTION, UNIT_OF_SECOND_DESCRIPTION])
def test_original_is_taken_over(card: Card, unit: str) -> None:
    card.put_original(unit.replace("/reverse_proxy", "/reverse_proxy -target=10.0.0.9 --port 81", 1))
    before = card.snapshot()
    ended = card.install()
    assert ended.code == 0
    assert (str(configured(card)["target"]), configured(card)["port"]) == ("10.0.0.9", 81)
    assert card.read(f"{PINS}/10.11.120.2.json") == RECORD
    assert card.path(f"{PINS}/10.11.120.2.json").stat().st_mode & 0o777 == 0o600
    assert "systemctl disable --now reverse_proxy.service" in "".join(ended.lines("left"))
    assert any(line.startswith("the logs of reverse_proxy.service stay in ") for line in ended.lines("note"))
    after = card.snapshot()
    assert {name: after[name] for name in before} == before


def test_options_that_are_given_win_over_the_originals(card: Card) -> None:
    card.put_original(UNIT_OF_FIRST_DESCRIPTION.replace("-logdir", "-port 81 -target 10.0.0.9 -logdir"))
    card.install("--port", "82")
    assert (str(configured(card)["target"]), configured(card)["port"]) == ("10.0.0.9", 82)


def test_drop_in_of_the_originals_unit_counts(card: Card) -> None:
    card.put_original()
    card.put(
        "/etc/systemd/system/reverse_proxy.service.d/port.conf",
        "[Service]\nExecStart=\nExecStart=/home/pi/smgw-proxy/reverse_proxy -port 83\n",
    )
    card.install()
    assert configured(card)["port"] == 83


def test_pin_that_is_there_is_never_overwritten(card: Card) -> None:
    card.put_original()
    card.put(f"{PINS}/10.11.120.2.json", "mine\n")
    card.put("/home/pi/smgw-proxy/certs/10.11.120.2:443.json", RECORD)  # the same gateway in other words
    card.put("/home/pi/smgw-proxy/certs/10.0.0.9.json", RECORD)
    card.put("/home/pi/smgw-proxy/certs/my notes.json", "{}")
    ended = card.install()
    assert sorted(path.name for path in card.path(PINS).iterdir()) == ["10.0.0.9.json", "10.11.120.2.json"]
    assert card.read(f"{PINS}/10.11.120.2.json") == "mine\n"
    assert [line for line in ended.lines("keep") if "the old one is not taken over" in line] != []
    assert [line for line in ended.lines("note") if line.startswith("my notes.json")] != []


def test_damaged_record_is_taken_over_as_it_is_for_no_first_use_may_come_of_it(card: Card) -> None:
    card.put_original()
    card.put("/home/pi/smgw-proxy/certs/10.11.120.2.json", '{"fingerp')
    card.install()
    assert card.read(f"{PINS}/10.11.120.2.json") == '{"fingerp'


def test_pin_that_was_removed_later_does_not_come_back(card: Card) -> None:
    card.put_original()
    card.install()
    card.path(f"{PINS}/10.11.120.2.json").unlink()
    assert card.install().lines("write") == []
    assert card.install("--from", "reverse_proxy").lines("write") != []


def test_this_program_in_the_originals_unit_is_taken_over(card: Card) -> None:
    example = Path(__file__).parents[2] / "examples/raspberry-pi/reverse_proxy.service"
    card.put_original(example.read_text())
    ended = card.install()
    assert ended.code == 0
    assert card.read(f"{PINS}/10.11.120.2.json") == RECORD


def test_unit_of_our_name_that_somebody_else_wrote_is_taken_over_and_kept(card: Card) -> None:
    theirs = UNIT_OF_FIRST_DESCRIPTION.replace("reverse_proxy -logdir", "smgwproxy -port 8084 -logdir")
    card.put_original(theirs, "smgwproxy.service")
    ended = card.install()
    assert configured(card)["port"] == 8084
    assert card.read(f"{UNIT}.old") == theirs
    assert card.read(UNIT) == Unit().text
    assert "disable" not in "".join(ended.lines("left"))


def test_several_units_are_told_and_one_is_chosen(card: Card) -> None:
    card.put_original()
    card.put_original(UNIT_OF_FIRST_DESCRIPTION.replace("-logdir", "-port 85 -logdir"), "second.service")
    before = card.snapshot()
    ended = card.install()
    assert ended.code == 1
    assert "reverse_proxy.service, second.service: choose one with --from UNIT" in ended.err
    assert card.snapshot() == before
    assert card.install("--from", "second").code == 0
    assert configured(card)["port"] == 85


def test_nothing_is_taken_over_when_told_so(card: Card) -> None:
    card.put_original(UNIT_OF_FIRST_DESCRIPTION.replace("-logdir", "-port 85 -logdir"))
    ended = card.install("--from", "none", "--certdir", str(card.path("/home/pi/smgw-proxy/certs")))
    assert configured(card)["port"] == 8080
    assert "reverse_proxy" not in "".join(ended.lines("left"))
    assert card.read(f"{PINS}/10.11.120.2.json") == RECORD


def test_unit_that_is_not_there_is_told(card: Card) -> None:
    assert "--from: 'x' is no unit" in card.install("--from", "x").err


def test_wrapper_is_told_and_nothing_is_guessed(card: Card) -> None:
    card.put_original(
        UNIT_OF_FIRST_DESCRIPTION.replace("/home/pi/smgw-proxy/reverse_proxy", "/usr/bin/go run reverse_proxy.go")
    )
    before = card.snapshot()
    ended = card.install()
    assert ended.code == 1
    assert "--from none --target HOST" in ended.err
    assert card.snapshot() == before


def test_masked_unit_is_passed_over(card: Card) -> None:
    card.put("/lib/systemd/system/reverse_proxy.service", UNIT_OF_FIRST_DESCRIPTION)
    card.link("/etc/systemd/system/reverse_proxy.service", "/dev/null")
    ended = card.install()
    assert ended.code == 0
    assert "reverse_proxy" not in ended.out


def test_alias_of_the_original_is_the_same_unit(card: Card) -> None:
    card.put_original()
    card.link("/etc/systemd/system/smgw.service", "/etc/systemd/system/reverse_proxy.service")
    assert card.install().code == 0
    assert card.read(f"{PINS}/10.11.120.2.json") == RECORD


@pytest.mark.parametrize("target", ["/home/pi/smgw-proxy", "../../../home/pi/smgw-proxy"])
def test_linked_unit_is_taken_over(card: Card, target: str) -> None:
    card.put_original()
    card.path("/etc/systemd/system/reverse_proxy.service").unlink()
    card.put("/home/pi/smgw-proxy/reverse_proxy.service", UNIT_OF_FIRST_DESCRIPTION)
    card.link("/etc/systemd/system/reverse_proxy.service", f"{target}/reverse_proxy.service")
    ended = card.install()
    assert "sudo systemctl disable --now reverse_proxy.service" in ended.lines("left")
    assert card.read(f"{PINS}/10.11.120.2.json") == RECORD


def test_masked_drop_in_is_no_obstacle(card: Card) -> None:
    card.put_original()
    drop_in = "/etc/systemd/system/reverse_proxy.service.d/port.conf"
    card.put(f"/lib{drop_in.removeprefix('/etc')}", "[Service]\nExecStart=\nExecStart=/usr/bin/other\n")
    card.link(drop_in, "/dev/null")
    card.link("/etc/systemd/system/circle.service", "circle.service")
    assert card.install().code == 0
    assert card.read(f"{PINS}/10.11.120.2.json") == RECORD
    assert card.run("uninstall").code == 0


def test_original_that_still_starts_with_the_machine_is_told(card: Card) -> None:
    card.put_original()
    told = "reverse_proxy.service starts with the machine, too: if it is not to, sudo systemctl disable --now "
    wanted = "/etc/systemd/system/multi-user.target.wants/reverse_proxy.service"
    card.link(wanted, "/etc/systemd/system/reverse_proxy.service")
    assert told not in card.install().out
    assert f"{told}reverse_proxy.service" in card.install().lines("note")
    card.path(wanted).unlink()
    assert told not in card.install().out


# --- no silent first use --------------------------------------------------------------------------------


@pytest.mark.parametrize("store", ["sqlite:/var/lib/smgwproxy/pins.db", "file:/var/lib/smgwproxy/mine", "vault:x"])
def test_trust_store_that_would_not_have_the_pins_is_refused(card: Card, store: str) -> None:
    card.put_original()
    before = card.snapshot()
    ended = card.install("--truststore", store)
    assert ended.code == 2
    assert ended.err.startswith("smgwproxy: error: --truststore: pins are taken over into ")
    assert card.snapshot() == before
    assert card.install("--truststore", store, "--from", "none").code == 0


def test_configuration_with_another_trust_store_gets_no_pins(card: Card) -> None:
    card.put_original()
    card.put(CONFIGURATION, 'certdir = "/srv/pins"\n')
    before = card.snapshot()
    assert card.install().code == 2
    assert card.install("--from", "none", "--certdir", str(card.path("/home/pi/smgw-proxy/certs"))).code == 2
    assert card.snapshot() == before


def test_configuration_that_was_written_beforehand_does_not_hide_the_original(card: Card) -> None:
    card.put_original()
    card.put(CONFIGURATION, f'certdir = "{PINS}"\n')
    ended = card.install()
    assert "sudo systemctl disable --now reverse_proxy.service" in ended.lines("left")
    assert card.read(f"{PINS}/10.11.120.2.json") == RECORD


@pytest.mark.parametrize("directory", ["cert-typo", "reverse_proxy", "."])
def test_directory_without_pins_is_refused(card: Card, directory: str) -> None:
    card.put_original()
    before = card.snapshot()
    ended = card.install("--certdir", str(card.path(f"/home/pi/smgw-proxy/{directory}")))
    assert ended.code == 2
    assert "--certdir: " in ended.err
    assert "check the path" in ended.err
    assert card.snapshot() == before


def test_original_whose_directory_of_pins_is_missing_is_refused_with_the_ways_out(
    card: Card, tmp_path: Path
) -> None:
    card.put_original()
    certs = card.path("/home/pi/smgw-proxy/certs")
    certs.rename(tmp_path / "certs")
    before = card.snapshot()
    ended = card.install()
    assert ended.code == 1
    assert "reverse_proxy.service: /home/pi/smgw-proxy/certs, the directory of its pins, is not there" in ended.err
    assert card.snapshot() == before
    assert card.install("--certdir", str(tmp_path / "certs")).code == 0
    assert card.read(f"{PINS}/10.11.120.2.json") == RECORD


def test_original_that_never_reached_a_gateway_is_taken_over_and_first_use_told(card: Card) -> None:
    card.put_original()
    card.path("/home/pi/smgw-proxy/certs/10.11.120.2.json").unlink()
    ended = card.install()
    assert ended.code == 0
    assert any(line.endswith("first certificate will be trusted") for line in ended.lines("note"))


@as_root
@pytest.mark.parametrize("name", ["config.json", "notes"])
def test_pins_are_not_looked_for_through_another_users_link(card: Card, name: str) -> None:
    card.put_original()
    certs = card.path("/home/pi/smgw-proxy/certs")
    certs.rename(card.path("/home/pi/smgw-proxy/old"))
    card.put(f"/srv/roots/{name}", "secret")
    certs.symlink_to("/srv/roots")
    os.chown(certs.parent, 1000, 1000)
    ended = card.install()
    assert ended.code == 1
    assert "the link certs on the way was made by another user" in ended.err
    assert not card.path(PINS).exists()


@as_root
def test_secret_of_the_original_is_not_read_through_another_users_link(card: Card) -> None:
    unit = UNIT_OF_FIRST_DESCRIPTION.replace("reverse_proxy -logdir", "smgwproxy --client-cert mine/key -logdir")
    card.put_original(unit)
    card.put("/srv/roots/key", "secret")
    card.link("/home/pi/smgw-proxy/mine", "/srv/roots")
    os.chown(card.path("/home/pi/smgw-proxy"), 1000, 1000)
    ended = card.install()
    assert ended.code == 2
    assert "the link mine on the way was made by another user" in ended.err


def test_more_records_than_there_are_gateways_are_refused(card: Card) -> None:
    card.put_original()
    for number in range(100):
        card.put(f"/home/pi/smgw-proxy/certs/10.0.0.{number}.json", RECORD)
    ended = card.install()
    assert ended.code == 1
    assert "more than 100 records" in ended.err


def test_record_of_the_canonical_name_wins(card: Card) -> None:
    card.put_original()
    card.put("/home/pi/smgw-proxy/certs/smgw.example.json", "canonical")
    for other in ("SMGW.example", "smgw.example:443"):
        card.put(f"/home/pi/smgw-proxy/certs/{other}.json", "other")
    card.install()
    assert sorted(path.name for path in card.path(PINS).iterdir()) == ["10.11.120.2.json", "smgw.example.json"]
    assert card.read(f"{PINS}/smgw.example.json") == "canonical"


# --- broken off -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("beforehand", [False, True])
def test_installation_that_was_broken_off_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, beforehand: bool
) -> None:
    (tmp_path / "me.p12").write_bytes(b"certificate")
    seen: list[tuple[int, dict[str, tuple[str, str]], dict[str, int], set[str]]] = []
    steps = 0
    while not seen or seen[-1][0] != 0:
        card = new_card(tmp_path / f"{steps}", capsys)
        card.put_original()
        if beforehand:
            card.put(CONFIGURATION, f'certdir = "{PINS}"\n')
        words = ("--program", PROGRAM, "--client-cert", str(tmp_path / "me.p12"))
        broken = card.broken_off(steps, "install", *words)
        again = card.run("install", *words)
        assert again.code == 0
        seen.append((broken.code, card.snapshot(), card.owners(), {*broken.lines("left"), *again.lines("left")}))
        steps += 1
    assert [code for code, *_ in seen[:-1]] == [NOBODY_READS] * (steps - 1)
    assert steps > 15
    assert "var/lib/smgwproxy/certs/10.11.120.2.json" in seen[0][1]
    assert "sudo systemctl disable --now reverse_proxy.service" in seen[0][3]
    for _, *found in seen:
        assert found == list(seen[-1][1:])


def test_link_among_the_old_pins_is_not_followed(card: Card) -> None:
    card.put_original()
    card.put("/etc/secret", "secret")
    card.path("/home/pi/smgw-proxy/certs/10.0.0.8.json").symlink_to("../../../../etc/secret")
    ended = card.install()
    assert ended.code == 1
    assert "10.0.0.8.json" in ended.err
    assert not card.path(PINS).exists()


# --- who and where --------------------------------------------------------------------------------------


def test_nothing_outside_the_root_is_touched_through_links(card: Card, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    card.path("/var/log").rmdir()
    card.path("/var/log").symlink_to(outside)
    assert card.install().code == 0
    assert list(outside.iterdir()) == []
    assert card.path(str(outside)).joinpath("smgwproxy").is_dir()  # as the system itself will see it


def test_program_in_a_directory_closed_to_others_is_refused_with_the_remedy(card: Card) -> None:
    card.put("/home/pi/venv/bin/smgwproxy", "#!/bin/sh\n")
    card.path("/home/pi").chmod(0o700)
    before = card.snapshot()
    ended = card.run("install", "--program", "/home/pi/venv/bin/smgwproxy")
    assert ended.code == 1
    assert "/home/pi is closed to it" in ended.err
    assert (
        "directory of its source: python3 -m venv /opt/smgwproxy && /opt/smgwproxy/bin/pip install . &&"
        in ended.err
    )
    assert card.snapshot() == before
    card.path("/home/pi").chmod(0o755)
    assert card.run("install", "--program", "/home/pi/venv/bin/smgwproxy").code == 0
    assert "ProtectHome=read-only\n" in card.read(UNIT)
    assert "ExecStart=/home/pi/venv/bin/smgwproxy --config" in card.read(UNIT)


def test_program_in_a_temporary_directory_is_refused(card: Card) -> None:
    hidden = "/var/tmp"  # noqa: S108  # nothing is put there
    assert f"{hidden} is closed to it" in card.run("install", "--program", f"{hidden}/venv/bin/smgwproxy").err


def test_without_root_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for command in ("install", "uninstall"):
        assert main([command, *(["--program", PROGRAM, "--from", "none"] if command == "install" else [])]) == 1
        told = capsys.readouterr()
        assert told.out == ""
        assert "this needs root: run it with sudo" in told.err


@as_root
def test_what_only_root_may_look_at_is_told_with_the_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    with tempfile.TemporaryDirectory() as place:  # pytest's own is closed to others
        Path(place).chmod(0o755)
        card = new_card(Path(place, "card"), capsys)
        card.install()
        os.seteuid(65534)
        try:
            ended = card.install("--dry-run")
        finally:
            os.seteuid(0)
    assert ended.code == 1
    assert ended.err.endswith("nothing was changed; run it with sudo\n")


def test_root_that_is_no_directory_is_told(tmp_path: Path) -> None:
    ended = run("install", "--root", str(tmp_path / "nothing"), cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "--root: " in ended.stderr


def test_help_needs_neither_gevent_nor_urllib3(tmp_path: Path) -> None:
    for command in ("install", "uninstall"):
        ended = run(command, "--help", cwd=tmp_path, environ={"PYTHONPROFILEIMPORTTIME": "1"})
        assert ended.returncode == 0
        assert "--dry-run" in ended.stdout
        assert "gevent" not in ended.stderr
        assert "urllib3" not in ended.stderr


# --- the whole way --------------------------------------------------------------------------------------


def test_upgraded_proxy_runs_with_the_originals_pin(
    card: Card, raw_gateway: StartGateway, identity: Identity, impostor: Identity
) -> None:
    gateway, stranger = raw_gateway(OK), raw_gateway(OK, impostor)
    for one in (gateway, stranger):
        card.put(
            f"/home/pi/smgw-proxy/certs/{one.origin}.json",
            f'{{"fingerprint": "{identity.certificate.fingerprint}", "subject": "CN=SMGW", "issuer": "CN=SMGW", '
            '"not_before": "", "not_after": "", "dns_names": null}',
        )
    for one, answer in ((gateway, b"200 OK"), (stranger, b"502 ")):
        for path in (CONFIGURATION, UNIT):
            card.path(path).unlink(missing_ok=True)
        card.put_original(UNIT_OF_FIRST_DESCRIPTION.replace("-logdir", f"-port 0 -target {one.origin} -logdir"))
        assert card.install().code == 0
        # Here the card is no root directory.
        text = card.read(CONFIGURATION).replace('"/var/', f'"{card.root}/var/')
        card.put("/here.toml", f'{text}listen = "127.0.0.1"\n')
        with program("--config", str(card.path("/here.toml")), cwd=card.root) as proxy:
            assert answer in raw_exchange(proxy.port, GET).partition(b"\r\n")[0]
            assert proxy.end() == 0
        assert any(card.path("/var/log/smgwproxy").glob("*_proxy.log"))
    stranger.stop()
    assert stranger.received == b""
