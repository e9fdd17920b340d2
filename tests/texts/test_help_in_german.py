"""The help and what is said of wrong options: in the language of the locale, by the real program."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from smgwproxy.commands.demo import _instructions
from smgwproxy.config import LOG_LEVELS, OPTIONS, build_parser, load, parse, resolve
from smgwproxy.config.options import CLIENT_PASSWORD, CONFIG
from smgwproxy.demo import VENDORS, run_in_thread, start_gateway
from smgwproxy.errors import ConfigError
from smgwproxy.language import Language
from smgwproxy.renewal import Renewal
from tests.support import PATIENCE
from tests.test_cli import program
from tests.texts.data import words_left
from tests.texts.pseudo import forgotten, pseudo

GERMAN = {"LANG": "de_DE.UTF-8"}
COMMANDS = ("demo", "discover", "doctor", "install", "uninstall", "trust", "certificate", "ACTION")


def run(*words: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the program with no other locale than that of ``environ``."""
    return started([sys.executable, "-m", "smgwproxy", *words], cwd, environ)


def started(command: Sequence[str], cwd: Path, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("LC_", "LANG", "SMGWPROXY_"))}
    return subprocess.run(
        command,
        cwd=cwd,
        env={**kept, "PYTHONUTF8": "1", "COLUMNS": "200", **environ},
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )


# --- the help -------------------------------------------------------------------------------------------


def test_help_is_german_where_the_locale_is(tmp_path: Path) -> None:
    done = run("--help", cwd=tmp_path, **GERMAN)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Aufruf: smgwproxy [Optionen]\n       smgwproxy demo [Optionen]\n")
    for told in (
        "\nOptionen des ursprünglichen Proxys:\n",
        "Adresse des Smart-Meter-Gateways (Vorgabe: 10.11.120.2; SMGWPROXY_TARGET)",
        "diese Hilfe zeigen und enden",
        "Jede Option darf mit einem oder zwei Bindestrichen beginnen",
    ):
        assert told in done.stdout


@pytest.mark.parametrize(
    "command", ["discover", "doctor", "install", "uninstall", "trust list", "certificate show"]
)
def test_help_of_every_command_is_german(command: str, tmp_path: Path) -> None:
    done = run(*command.split(), "--help", cwd=tmp_path, **GERMAN)
    assert done.stdout.startswith(f"Aufruf: smgwproxy {command} [Optionen]\n")
    assert "diese Hilfe zeigen und enden" in done.stdout
    for word in ("options", "default", "show", "the", "of"):
        assert not re.search(rf"(?<![-\w]){word}\b", done.stdout.replace(command, "")), done.stdout


def test_help_of_the_demo_is_german(tmp_path: Path) -> None:
    done = run("demo", "--help", cwd=tmp_path, **GERMAN)
    assert "Den Proxy ohne Gateway ausprobieren" in done.stdout
    assert "wessen Gateway simuliert wird (Vorgabe: theben)" in done.stdout
    assert "\nsimuliertes Gateway:\n" in done.stdout


@pytest.mark.parametrize("environ", [{}, {"LANG": "fr_FR.UTF-8"}, {**GERMAN, "LC_ALL": "C"}])
def test_help_is_english_elsewhere(environ: dict[str, str], tmp_path: Path) -> None:
    done = run("--help", cwd=tmp_path, **environ)
    assert done.stdout.startswith("usage: smgwproxy [options]\n")
    assert "address of the Smart Meter Gateway (default: 10.11.120.2; SMGWPROXY_TARGET)" in done.stdout


def test_every_word_of_the_help_is_translatable_but_names_and_values() -> None:
    """A text that is no phrase stands outside of the brackets, and fails here."""
    parser = build_parser(say=pseudo())
    parser.add_argument("operand", metavar="FILE")
    options = (*OPTIONS, CLIENT_PASSWORD, CONFIG)
    data = {"smgwproxy", "h", "help", "version", *COMMANDS, *LOG_LEVELS, "file", "CERTDIR", "SMGWPROXY"}
    for option in options:
        texts = (option.name, option.metavar, option.variable, "" if option.shown else option.default or "")
        data |= {word for text in texts for word in forgotten(text)}
    assert set(forgotten(parser.format_help())) <= data


@pytest.mark.parametrize("language", ["de", "en"])
def test_options_are_whole_in_the_help_whatever_its_width(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are copied from it, and those that somebody may have meant are looked for in it."""
    parser = build_parser(say=Language.named(language))
    names = {"help", "version", *(option.name for option in (*OPTIONS, CONFIG))}
    for columns in range(40, 140):
        monkeypatch.setenv("COLUMNS", str(columns))
        assert set(re.findall(r"(?<![\w-])--([a-z-]+)", parser.format_help())) == names


def test_help_is_shown_on_a_terminal_without_the_german_letters(tmp_path: Path) -> None:
    done = run("--help", cwd=tmp_path, PYTHONUTF8="0", PYTHONIOENCODING="ascii", **GERMAN)
    assert (done.returncode, done.stderr) == (0, "")
    assert r"Optionen des urspr\xfcnglichen Proxys" in done.stdout


def test_german_help_needs_neither_gevent_nor_urllib3(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom smgwproxy.cli import main\ntry:\n    main(['--help'])\n"
        "finally:\n    print(*sys.modules, file=sys.stderr)\n"
    )

    done = started([sys.executable, "-c", program], tmp_path, GERMAN)
    loaded = set(done.stderr.split())
    assert done.stdout.startswith("Aufruf: ")
    assert "smgwproxy.config" in loaded
    assert not {"gevent", "urllib3", "cryptography", "ssl", "importlib.resources"} & loaded


# --- the demo -------------------------------------------------------------------------------------------


def test_demo_is_told_in_german(tmp_path: Path) -> None:
    environ = {"LC_ALL": "de_DE.UTF-8", "LANGUAGE": "", "PYTHONUTF8": "1"}
    with program("demo", "--port", "0", cwd=tmp_path, environ=environ) as demo:
        demo.wait_for(
            r"^Ein simuliertes Gateway von theben läuft unter https://127\.0\.0\.1:\d+, der Proxy davor "
        )
        demo.wait_for(r"^  Passwort +demo$")
        demo.wait_for(r"^Strg-C beendet die Demo\.")
        demo.wait_for("is pinned")  # log lines stay English
        assert demo.end(signal.SIGINT) == 0


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_word_of_the_demo_is_translatable_but_data(vendor: str) -> None:
    with run_in_thread(lambda: start_gateway(vendor)) as gateway:
        lines = _instructions(resolve(parse(build_parser(), []), {}).process, gateway, 8080)
        base = "http://127.0.0.1:8080"
        data = (gateway.curl(base), gateway.url, f"{base}{gateway.page}", gateway.user, gateway.password, vendor)
    assert words_left("\n".join(map(pseudo(), lines)), *data) == set()


# --- wrong options --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["--port", "x"],
            "--port: 'x' ist falsch: Geben Sie einen Port von 1 bis 65535 an, oder 0 für irgendeinen freien",
        ),
        (["--prt", "1"], "--prt: diese Option gibt es nicht; meinten Sie --port?"),
        (["--port"], "--port: ein Wert fehlt: geben Sie ihn dahinter an"),
        (
            ["here"],
            "'here' wird hier nicht erwartet; Optionen beginnen mit einem Bindestrich, --help listet sie auf",
        ),
        (
            ["--config", "x"],
            "--config: 'x' kann nicht gelesen werden: Datei oder Verzeichnis nicht gefunden; prüfen Sie den Pfad",
        ),
        (
            ["--tls-key", "key.pem"],
            "--tls-key: Ein Schlüssel nützt nichts ohne sein Zertifikat: Geben Sie auch --tls-cert an",
        ),
        (["demo", "--slow=x"], "--slow: der Wert 'x' ist hier nicht vorgesehen"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_option_is_told_in_one_german_line(words: list[str], told: str, tmp_path: Path) -> None:
    done = run(*words, cwd=tmp_path, **GERMAN)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"smgwproxy: Fehler: {told}\n")


def test_wrong_choice_is_told_with_the_right_ones_in_german(tmp_path: Path) -> None:
    done = run("demo", "--vendor", "x", cwd=tmp_path, **GERMAN)
    assert re.fullmatch(
        r"smgwproxy: Fehler: --vendor: 'x' steht nicht zur Wahl \(möglich sind .*\)\n", done.stderr
    )


WRONG = [
    *(["--port", "x"], ["--port"], ["--x"], ["x"], ["--no-http=x"], ["--target", "x:y"], ["--certdir", ""]),
    *(
        ["--read-timeout", "x"],
        ["--logfile", "x/y"],
        ["--listen", "x"],
        ["--allow", "x"],
        ["--allow", "1.2.3.4/8"],
    ),
    *(["--server-name", "x y"], ["--host-header", "/"], ["--truststore", "/"], ["--renewal", "x"]),
    *(["--log-level", "x"], ["--max-clients", "0"], ["--max-connections", "0"], ["--min-speed", "x"]),
    *(["--tls-key", "x"], ["--tls-cert", "x"], ["--no-http"], ["--client-key", "x"], ["--tls-port", "8080"]),
    *(["--client-password-file", "x"], ["--config", "x"], ["--config", "."]),
]
WRONG_FILES = ["x = 1", "port = []", "no-http = 1", "allow = 1", "port = 'x'", "allow = []"]
DATA = {
    "config",
    "x",
    "y",
    "port",
    "http",
    "no",
    "allow",
    "in",
    "wrong",
    "toml",
    "client",
    "cert",
    "log",
    "level",
    "file",
    "SMGWPROXY",
    "X",
}


def checked(told: str) -> None:
    """Say ``told`` in the pseudo-language, and find no word that is neither an option's nor the test's own."""
    names = {word for option in OPTIONS for word in forgotten(f"{option.name} {option.variable}")}
    unknown = set(forgotten(pseudo()(told))) - names - set(LOG_LEVELS) - set(Renewal) - DATA
    assert not unknown, told


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_nothing_that_is_said_of_a_wrong_option_is_no_phrase(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        load(words, {})
    checked(caught.value.told)


@pytest.mark.parametrize("text", WRONG_FILES)
def test_nothing_that_is_said_of_a_wrong_configuration_file_is_no_phrase(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("wrong.toml").write_text(f"{text}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(["--config", "wrong.toml"], {})
    checked(caught.value.told)


def test_nothing_that_is_said_of_a_wrong_variable_is_no_phrase() -> None:
    with pytest.raises(ConfigError) as caught:
        load([], {"SMGWPROXY_X": "1"})
    checked(caught.value.told)


def test_parser_of_any_command_takes_the_language() -> None:
    parser = build_parser([], "smgwproxy x", "X.", ("",), say=pseudo())
    assert "⟦" in parser.format_help()
    assert resolve(parse(build_parser(say=pseudo()), []), {}).only.port == 8080
