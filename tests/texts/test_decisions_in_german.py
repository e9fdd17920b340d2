"""``trust``, ``install``, ``uninstall`` and ``certificate`` in another language: all of it, and no more than it.

Most run in this process and in a language that encloses what went through it, so that a text which nobody made a
phrase of stands outside; what else stands there must be data. The rest are runs of the program in German.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from smgwproxy import machine
from smgwproxy.certificate import Fingerprint
from smgwproxy.cli import main
from smgwproxy.commands.trust.usage import ACTIONS
from smgwproxy.config import LOG_LEVELS, OPTIONS
from smgwproxy.config.options import CONFIG
from smgwproxy.language import Language
from smgwproxy.renewal import Renewal
from smgwproxy.truststores import rules
from smgwproxy.truststores.base import utc_now
from smgwproxy.truststores.file import FileTrustStore
from smgwproxy.truststores.record import Pin, Record
from tests.installation.conftest import PROGRAM, UNIT_OF_FIRST_DESCRIPTION, Card, new_card
from tests.support import OK, PATIENCE, Identity, make_identity
from tests.texts.pseudo import forgotten, pseudo
from tests.trust_command.conftest import terminal
from tests.trust_command.support import GIVEN, ORIGIN, OTHER, StartGateway, prepared

__all__ = ["terminal"]  # pytest finds it here

ENDED = Fingerprint("b" * 64)
WRONG = "c" * 64

_DATA = (
    r"(?:sudo )?smgwproxy (?:trust|certificate) [a-z]+(?: --[a-z]+ [^\s⟦⟧]+)*",  # commands to be copied
    r"sudo [^\s⟦⟧]+ doctor --config [^\s⟦⟧]+",
    r"(?:sudo )?(?:systemctl [a-z-]+(?: --now)?(?: smgwproxy\.service| \w+\.service)?|systemd-sysusers|userdel)\b",
    r"journalctl -u smgwproxy -n 30|chmod go-w [^\s⟦⟧]+|openssl pkey -in [^\s⟦⟧]+ -out NEW",
    r"(?:file|sqlite|pinned|vault):[^\s⟦⟧]*",
    r"/(?:[^\s⟦⟧:,;)']|:\d)+",  # paths
    r"(?<=⟦The trust store ⟧)pinned\b",
    r"--[a-z-]+(?:=[^\s⟦⟧]+)?",
    r"(?:CN|O)=[^\s⟦⟧,]+",
    r"\b[0-9a-f]{4,64}\b|(?:\b[0-9a-f]{1,4})?(?::{1,2}[0-9a-f]{1,4}){2,}",
    r"\b[A-Za-z0-9_.-]+\.(?:json|service|conf|pem|txt|toml|db)\b",
    r"'[^'⟦⟧]*'|\bfile, pinned, sqlite\b",
    r"\bEC secp\w+|\bUTC\b",
)
NAMES = frozenset(
    {"smgwproxy", "y", "N", "trust", "certificate", "stdin", "root", "replace", *(one.name for one in ACTIONS)}
)


def words_of_ours(text: str) -> set[str]:
    """Return the words of ``text`` that were said in no language, and are no data either."""
    return {*forgotten(re.sub("|".join(_DATA), " ", text))} - NAMES


# --- in a language that shows what was forgotten ---------------------------------------------------------


Told = Callable[..., str]


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Told:
    """Run the program in this process, and return all that a person reads; ``code`` is what it must end with."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "500")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    monkeypatch.setattr(Language, "of", classmethod(lambda *_: pseudo()))
    for name in [name for name in os.environ if name.startswith("SMGWPROXY_")]:
        monkeypatch.delenv(name)

    def run(*words: str, code: int = 0) -> str:
        try:
            ended = main(words)
        except SystemExit as end:  # after --help
            ended = int(end.code or 0)
        said = capsys.readouterr()
        assert ended == code, said
        assert "⟦" in said.out + said.err
        return said.out + said.err

    return run


@pytest.fixture
def store(tmp_path: Path, identity: Identity, impostor: Identity) -> FileTrustStore:
    """A store in the default place in which everything is that there can be."""
    made = prepared(tmp_path, identity.certificate, impostor.certificate)
    made.change(ORIGIN, partial(rules.revoke, fingerprint=GIVEN, now=utc_now()))
    ended = Pin(ENDED, subject="CN=gateway", not_after="2020-01-01 00:00:00 +0000 UTC")
    made.change(OTHER, partial(rules.add, pin=ended, now=utc_now()))
    made.change(OTHER, partial(rules.add, pin=Pin.of(identity.certificate), now=utc_now()))
    return made


SHOWN = (
    ("list",),
    ("show",),
    ("show", "--target", str(OTHER)),
    ("show", "--target", "10.0.0.1"),
    ("history", "--all"),
    ("history", "--target", "10.0.0.1"),
    ("add", "--fingerprint", WRONG),
    ("add", "--fingerprint", str(ENDED), "--target", str(OTHER)),
    ("export", "new.json"),
    ("revoke", "--fingerprint", str(GIVEN)),
    ("revoke", "--yes", "--target", str(OTHER)),
    ("remove", "--fingerprint", str(GIVEN)),
    ("remove", "--yes"),
    ("remove", "--yes"),
    ("import", "new.json"),
    ("revoke", "--fingerprint", WRONG),
    ("revoke", "--yes"),
    ("show",),
)
REFUSED = (
    ("add", "text.txt"),
    ("add", "gone.txt"),
    ("add", WRONG),
    ("add", "--fingerprint", str(GIVEN)),
    ("add", "--fingerprint", WRONG, "--truststore", f"pinned:{GIVEN}"),
    ("approve", "--fingerprint", WRONG),
    ("approve", "--fingerprint", WRONG, "--target", str(OTHER)),
    ("remove", "--fingerprint", WRONG),
    ("revoke", "--yes", "--target", "10.0.0.1"),
    ("export", "text.txt"),
    ("export", "--force", "/"),
    ("export", "--target", "10.0.0.1"),
    ("import", "text.txt"),
    ("import", "export.txt"),
    ("import", "/usr/bin"),
    ("history", "--truststore", f"pinned:{GIVEN}"),
)
WRONG_OPTIONS = (
    ("list", "--truststore", "sqlite:text.txt"),
    ("list", "--truststore", "nobody:x"),
    ("list", "--truststore", "file:"),
    ("list", "--truststore", "file:text.txt"),
    ("list", "--truststore", "sqlite:"),
    ("list", "--truststore", "pinned:12"),
    ("list", "--truststore", f"pinned:{WRONG},{WRONG}"),
    ("add", "--fingerprint", "12"),
    ("add",),
    ("approve",),
    ("remove",),
    ("revoke",),
    ("import",),
    ("sho",),
    ("sing",),
    ("--yes", "remove"),
)


@pytest.mark.usefixtures("store")
def test_all_that_trust_says_is_told_in_the_language(told: Told) -> None:
    for words in SHOWN:
        assert words_of_ours(told("trust", *words)) == set(), words


@pytest.mark.usefixtures("store")
def test_all_errors_of_trust_are_told_in_the_language(told: Told, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("nothing\n")
    (tmp_path / "export.txt").write_text('{"format": "smgwproxy-trust", "version": 99}\n')
    for code, runs in ((1, REFUSED), (2, WRONG_OPTIONS)):
        for words in runs:
            assert words_of_ours(told("trust", *words, code=code)) == set(), words


def test_what_is_wrong_with_a_store_is_told_in_the_language(
    told: Told, store: FileTrustStore, tmp_path: Path
) -> None:
    (tmp_path / "certs").chmod(0o777)
    (tmp_path / "certs" / "10.0.0.1.json").write_text('{"fingerprint": ""}')
    assert store.warnings()
    shown = told("trust", "list", code=1)
    assert "⟦smgwproxy: warning: ⟧" in shown
    assert words_of_ours(shown) == set()


@pytest.mark.usefixtures("store")
def test_questions_of_trust_are_told_in_the_language(told: Told, terminal: Callable[[str], None]) -> None:
    for action in ("approve", "remove", "revoke"):
        terminal("no\n")
        asked = told("trust", action, code=1)
        assert "⟦ [y/N]⟧" in asked
        assert words_of_ours(asked) == set()


def test_several_pending_certificates_are_told_in_the_language(
    told: Told, store: FileTrustStore, terminal: Callable[[str], None], tmp_path: Path
) -> None:
    third = make_identity(tmp_path).certificate
    refused = partial(rules.presented, certificate=third, now=utc_now(), renewal=Renewal.ASK)
    store.change(ORIGIN, refused)
    terminal("no\n")
    assert words_of_ours(told("trust", "approve", code=2)) == set()


def test_what_a_gateway_presents_is_told_in_the_language(
    told: Told, store: FileTrustStore, raw_gateway: StartGateway, identity: Identity, impostor: Identity
) -> None:
    gateway = raw_gateway(OK)
    shown, other = identity.certificate, impostor.certificate
    edits: tuple[Callable[..., Record], ...] = (
        partial(rules.add, pin=Pin.of(other)),
        partial(rules.presented, certificate=shown, renewal=Renewal.ASK),
        partial(rules.add, pin=Pin.of(shown)),
        partial(rules.remove, fingerprint=other.fingerprint),
        partial(rules.revoke, fingerprint=shown.fingerprint),
    )
    words = ("trust", "scan", "--target", str(gateway.origin))
    verdicts = {told(*words)}
    for edit in edits:
        store.change(gateway.origin, partial(edit, now=utc_now()))
        verdicts.add(told(*words))
    assert len(verdicts) == 1 + len(edits)
    assert words_of_ours("".join(verdicts)) == set()


def test_all_that_certificate_says_is_told_in_the_language(
    told: Told, terminal: Callable[[str], None], tmp_path: Path
) -> None:
    host = words_of_ours(" ".join(machine.names()))
    assert words_of_ours(told("certificate")) <= {"show", "replace"}
    for words in (("show",), ("sho",), ("--yes", "show"), ("show", "--tls-cert", "gone.pem")):
        assert words_of_ours(told("certificate", *words, code=2)) <= {"show", "replace", "sho"}, words
    for words in (("replace",), ("show",), ("show", "--server-name", "meter.example")):
        assert words_of_ours(told("certificate", *words)) - host <= {"meter", "example"}, words
    assert words_of_ours(told("certificate", "replace", code=2)) == set()
    terminal("no\n")
    assert words_of_ours(told("certificate", "replace", code=1)) <= host
    (tmp_path / "state" / "https.pem").write_text("damaged")
    assert words_of_ours(told("certificate", "show", code=2)) == set()


# --- install, uninstall ---------------------------------------------------------------------------------


@pytest.fixture
def card(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Card:
    return new_card(tmp_path / "card", capsys)


def test_all_that_install_and_uninstall_say_is_told_in_the_language(told: Told, card: Card) -> None:
    card.put_original()
    card.put("/home/pi/smgw-proxy/certs/1.2.3.json", "{}")
    install: tuple[str, ...] = ("install", "--root", str(card.root), "--program", PROGRAM)
    uninstall: tuple[str, ...] = ("uninstall", "--root", str(card.root))
    for words in (
        (*install, "--dry-run"),
        (*uninstall, "--dry-run"),
        (*install, "--dry-run", "--certdir", str(card.path("/home/pi/smgw-proxy/certs"))),
        (*install, "--dry-run", "--from", "none", "--truststore", "sqlite:/srv/trust.db"),
    ):
        assert words_of_ours(told(*words)) <= INSTALLED, words
    card.install()
    card.put("/etc/systemd/system/smgwproxy.service.d/override.conf", "[Unit]\n")
    card.put("/var/lib/smgwproxy/mine.txt", "kept\n")
    for words in (
        (*install, "--dry-run", "--port", "81"),
        (*uninstall, "--dry-run"),
        (*uninstall, "--dry-run", "--purge"),
    ):
        assert words_of_ours(told(*words)) <= INSTALLED, words


INSTALLED = frozenset({"disable", "enable", "port", "truststore", "conf", "pi"})
"""What stands in commands and in the configuration."""


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--root", "gone"), 2),
        (("--from", "sshd"), 2),
        (("--program", "bin"), 2),
        (("--target", "1.2.3.4.5"), 2),
        (("--certdir", "gone"), 2),
        (("--client-cert", "gone.pem"), 2),
        (("--truststore", "sqlite:/srv/trust.db"), 2),
        (("--dry-run",), 1),
    ],
)
def test_errors_of_install_are_told_in_the_language(
    words: tuple[str, ...], code: int, told: Told, card: Card
) -> None:
    card.put_original(UNIT_OF_FIRST_DESCRIPTION + ("\n[Service]\nRootDirectory=/x\n" if code == 1 else ""))
    root = () if "--root" in words else ("--root", str(card.root))
    program = () if "--program" in words else ("--program", PROGRAM)
    said = told("install", *root, *program, *words, code=code)
    assert words_of_ours(said) <= {"sshd", "none", "bin", "gone", "reverse", "proxy", "RootDirectory"}


# --- the help -------------------------------------------------------------------------------------------


def test_help_of_each_action_is_told_in_the_language(told: Told) -> None:
    data = {"h", "SHA", "FILE", "DIR", "UNIT", "none", "file", "CERTDIR", "SMGWPROXY", *LOG_LEVELS}
    for option in (*OPTIONS, CONFIG):
        shown = "" if option.shown else option.default or ""
        data |= {*re.findall("[A-Za-z]+", f"{option.metavar} {option.variable} {shown}")}
    commands: list[tuple[str, ...]] = [("trust", action.name) for action in ACTIONS]
    commands += [("certificate", "show"), ("certificate", "replace"), ("install",), ("uninstall",)]
    for words in commands:
        assert words_of_ours(told(*words, "--help")) <= {*data, *words}, words
    assert words_of_ours(told("trust")) <= {action.name for action in ACTIONS}


# --- the program in German ------------------------------------------------------------------------------

GERMAN = {"LANG": "de_DE.UTF-8"}
ENGLISH = {"LC_ALL": "C"}


def run(cwd: Path, environ: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("LC_", "LANG", "SMGWPROXY_"))}
    return subprocess.run(
        [sys.executable, "-m", "smgwproxy", *words],
        cwd=cwd,
        env={**kept, "PYTHONUTF8": "1", "COLUMNS": "80", **environ},
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.usefixtures("store")
def test_trust_is_told_in_german_where_the_locale_is(tmp_path: Path) -> None:
    done = run(tmp_path, GERMAN, "trust", "list")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\n  gepinnt  CN=" in done.stdout
    assert "\n  wartet   1 Zertifikat wartet auf Ihre Entscheidung:\n" in done.stdout
    done = run(tmp_path, GERMAN, "trust", "add", "gone.pem")
    assert done.stderr == (
        "smgwproxy: Fehler: gone.pem kann nicht gelesen werden: Datei oder Verzeichnis nicht gefunden.\n"
    )


def test_two_certificates_stand_side_by_side_in_german_too(
    tmp_path: Path, store: FileTrustStore, impostor: Identity
) -> None:
    words = ("trust", "approve", "--fingerprint", str(impostor.certificate.fingerprint))
    done = run(tmp_path, GERMAN, *words)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    (head,) = [line for line in lines if "JETZT GEPINNT" in line]
    left, right = head.index("JETZT GEPINNT"), head.index("NEU")
    (row,) = [line for line in lines if line.startswith("  Fingerabdruck ")]
    assert re.match("[0-9a-f]{4} ", row[left:])
    assert re.match("[0-9a-f]{4} ", row[right:])
    assert all(len(line) <= 80 for line in lines)
    assert store.record(ORIGIN).pins[0].fingerprint == impostor.certificate.fingerprint


@pytest.mark.parametrize("answer", ["j", "Ja", "yes"])
def test_german_yes_is_a_yes(
    answer: str,
    store: FileTrustStore,
    impostor: Identity,
    terminal: Callable[[str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    terminal(f"{answer}\n")
    assert main(["trust", "approve"]) == 0
    assert "Soll das neue Zertifikat freigegeben werden? [j/N]" in capsys.readouterr().err
    assert store.record(ORIGIN).pins[0].fingerprint == impostor.certificate.fingerprint


@pytest.mark.usefixtures("store")
def test_json_is_the_same_in_both_languages(tmp_path: Path) -> None:
    (tmp_path / "certs" / "10.0.0.1.json").write_text("{}")
    for words in (("list",), ("history", "--all")):
        german, english = (run(tmp_path, environ, "trust", *words, "--json") for environ in (GERMAN, ENGLISH))
        assert german.stdout == english.stdout != "", words
        assert german.returncode == english.returncode


def test_what_install_writes_is_the_same_in_both_languages(card: Card, tmp_path: Path) -> None:
    other = new_card(tmp_path / "other", card.capsys)
    words = ("install", "--program", PROGRAM, "--port", "8081", "--root")
    german = run(tmp_path, GERMAN, *words, str(card.root))
    english = run(tmp_path, ENGLISH, *words, str(other.root))
    assert (german.returncode, english.returncode) == (0, 0)
    assert "schreiben /etc/smgwproxy/smgwproxy.toml: die Konfiguration" in german.stdout
    assert "write   /etc/smgwproxy/smgwproxy.toml: the configuration" in english.stdout
    assert card.snapshot() == other.snapshot()
