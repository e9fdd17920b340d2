"""The options, each defined once: flag, environment variable, key of the configuration file, default, help.

Where an option is given more than once, the flag wins over the environment, the environment over the file,
and the file over the default. The flag is ``--name`` (or ``-name``, as in the original Go program), the
environment variable ``SMGWPROXY_NAME`` with ``_`` for ``-``, the key of the TOML file ``name``, spelt as the
flag is. An empty environment variable counts as not set. Paths are relative to the working directory,
wherever they are given.

Nothing is read when this module is imported; `load` and `resolve` read the configuration file and nothing
else.
"""

from __future__ import annotations

import argparse
import difflib
import ipaddress
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

import smgwproxy
from smgwproxy.errors import ConfigError
from smgwproxy.origin import Origin
from smgwproxy.renewal import Renewal

ENVIRONMENT_PREFIX = "SMGWPROXY_"
LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class Config:
    """All that the proxy was told, checked as far as it can be without touching network or disk.

    ``listen`` is an IP address without brackets or ``localhost``, None means all interfaces (IPv4 and IPv6).
    ``port`` 0 means any free one. Times are in seconds. ``truststore`` is ``NAME:ARGUMENT``. ``given`` maps
    each option that was given to the way it was; ask `source`.
    """

    target: Origin
    port: int
    certdir: Path
    logdir: Path
    logfile: str
    listen: str | None
    truststore: str
    renewal: Renewal
    max_connections: int
    queue_timeout: float
    connect_timeout: float
    read_timeout: float
    store_timeout: float
    log_level: str
    given: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), compare=False, repr=False)

    def source(self, name: str) -> str:
        """How the option ``name`` was given, to begin an error with.

        ``--port``, ``SMGWPROXY_PORT`` or ``port in FILE``; the flag when the default is in force.
        """
        return self.given.get(name, f"--{name}")


@dataclass(frozen=True, slots=True)
class Option:
    """One option of the command line, the environment and the configuration file.

    ``parse`` turns its text into the value, or raises `ValueError` with one line that quotes the text and
    tells the remedy. ``default`` is a text too; None where the default follows from another option. ``shown``
    is what the help says of the default when not the text itself. ``original`` marks the options of the
    original Go program.
    """

    name: str
    metavar: str
    help: str
    parse: Callable[[str], object]
    default: str | None
    shown: str | None = None
    original: bool = False

    @property
    def flag(self) -> str:
        """The flag as the help shows it."""
        return f"--{self.name}"

    @property
    def variable(self) -> str:
        """The environment variable."""
        return ENVIRONMENT_PREFIX + self.attribute.upper()

    @property
    def attribute(self) -> str:
        """The name of the attribute of `Config` and of the parsed namespace."""
        return self.name.replace("-", "_")


# --- what the texts mean --------------------------------------------------------------------------------


def _whole(low: int, high: int, remedy: str) -> Callable[[str], int]:
    def parse(text: str) -> int:
        # not int() alone: it takes 1_0, signs, blanks and the digits of every script
        if not (re.fullmatch(r"[0-9]{1,9}", text) and low <= int(text) <= high):
            raise ValueError(f"{text!r} is wrong: {remedy}")
        return int(text)

    return parse


def _seconds(text: str) -> float:
    # a day at most: the system's own calls overflow at some 24 days of milliseconds
    wrong = ValueError(f"{text!r} is no time: give a number of seconds above 0 and up to 86400")
    if not re.fullmatch(r"[0-9]+(\.[0-9]*)?|\.[0-9]+", text):
        raise wrong
    seconds = float(text)
    if not 0 < seconds <= 86400:
        raise wrong
    return seconds


def _directory(text: str) -> Path:
    if not text or "\0" in text:
        raise ValueError(f"{text!r} is no directory: give the path of one")
    return Path(text)


def _file_name(text: str) -> str:
    # 255 bytes is what file systems take; the date, the time and a temporary suffix come on top
    if text in {"", ".", ".."} or "/" in text or not text.isprintable() or len(text.encode()) > 200:
        raise ValueError(f"{text!r} is no bare file name: give a name without /; --logdir sets the directory")
    return text


def _listen(text: str) -> str | None:
    name = text.lower()
    if name == "all":
        return None
    if name == "localhost":
        return name
    bracketed = text.startswith("[") and text.endswith("]")
    try:
        address = ipaddress.ip_address(text[1:-1] if bracketed else text)
    except ValueError:
        address = None
    if address is None or (bracketed and address.version == 4):
        raise ValueError(
            f"{text!r} is no address to listen at: give an IP address, localhost or all; --port sets the port"
        )
    return str(address)


def _truststore(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]+(:[^\0]*)?", text):
        raise ValueError(f"{text!r} is no trust store: give NAME:ARGUMENT, for example file:./certs")
    return text


def _renewal(text: str) -> Renewal:
    try:
        return Renewal(text.lower())
    except ValueError as error:
        raise ValueError(f"{text!r} is no way to renew: give {' or '.join(Renewal)}") from error


def _log_level(text: str) -> str:
    level = text.lower()
    if level not in LOG_LEVELS:
        raise ValueError(f"{text!r} is no log level: give {', '.join(LOG_LEVELS[:-1])} or {LOG_LEVELS[-1]}")
    return level


# --- the table ------------------------------------------------------------------------------------------

OPTIONS: tuple[Option, ...] = (
    Option(
        "target",
        "HOST[:PORT]",
        "address of the Smart Meter Gateway",
        Origin.parse,
        "10.11.120.2",
        original=True,
    ),
    Option(
        "port",
        "PORT",
        "port to listen at; 0 takes any free one",
        _whole(0, 65535, "give a port from 1 to 65535, or 0 for any free one"),
        "8080",
        original=True,
    ),
    Option(
        "certdir",
        "DIR",
        "where the file trust store keeps the gateway's certificate, one JSON file a gateway",
        _directory,
        "./certs",
        original=True,
    ),
    Option(
        "logdir",
        "DIR",
        "where the log files are written",
        _directory,
        "./logs",
        original=True,
    ),
    Option(
        "logfile",
        "NAME",
        "name of the link to the current log file, and the end of each log file's name",
        _file_name,
        "proxy.log",
        original=True,
    ),
    Option(
        "listen",
        "ADDRESS",
        "address of this machine to listen at: an IP address, localhost, or all",
        _listen,
        "all",
        shown="all interfaces, IPv4 and IPv6",
    ),
    Option(
        "truststore",
        "SPEC",
        "where pinned certificates are kept, as NAME:ARGUMENT",
        _truststore,
        None,
        shown="file:CERTDIR",
    ),
    Option(
        "renewal",
        "WHEN",
        "whether a new certificate with the pinned one's key is accepted by itself: ask, or same-key",
        _renewal,
        "ask",
    ),
    Option(
        "max-connections",
        "N",
        "connections to the gateway at the same time; further requests wait their turn",
        _whole(1, 1000, "give a number from 1 to 1000"),
        "1",
    ),
    Option(
        "queue-timeout",
        "SECONDS",
        "how long a request waits for its turn before it is answered with 503",
        _seconds,
        "60",
    ),
    Option(
        "connect-timeout",
        "SECONDS",
        "how long the gateway may take to accept a connection, TLS handshake included",
        _seconds,
        "10",
    ),
    Option(
        "read-timeout",
        "SECONDS",
        "how long the gateway may be silent before and within an answer",
        _seconds,
        "180",
    ),
    Option(
        "store-timeout",
        "SECONDS",
        "how long the trust store may take to answer; then nothing is sent",
        _seconds,
        "10",
    ),
    Option(
        "log-level",
        "LEVEL",
        f"how much is logged: {', '.join(LOG_LEVELS)}; debug adds headers and the start of text bodies",
        _log_level,
        "info",
    ),
)

_CONFIG = Option(
    "config",
    "FILE",
    "TOML file with any of these options, as in: port = 8081",
    Path,
    None,
    shown="none",
)


# --- the command line -----------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """An `argparse.ArgumentParser` that raises `ConfigError` where the other prints usage and exits."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(_usage_error(message))


def _usage_error(message: str) -> str:
    """Put ``argument --port: expected one argument`` and its like the way all our errors are put."""
    told = re.sub(r"^argument (?:-\w/)?(--[^:\s]+): ", r"\1: ", message)
    return told.replace("expected one argument", "a value is missing: give one after it")


def build_parser(
    options: Iterable[Option] = OPTIONS,
    prog: str = "smgwproxy",
    description: str = "A reverse proxy that makes a Smart Meter Gateway reachable from the home network. The "
    "command demo shows it with a simulated gateway; the command trust shows which certificates are trusted, and "
    "lets you decide when one has changed.",
    commands: Sequence[str] = ("", "demo ", "trust ACTION "),
) -> argparse.ArgumentParser:
    """Build the parser of one command with ``options``, ``--config``, ``--version`` and ``--help``.

    Feed it with `parse`, not with its own ``parse_args``, which does not know flags with one dash. Options
    that make sense on the command line only are added to it with ``add_argument("--name", ...)``, two dashes.
    ``commands`` are the words that the usage shows after ``prog``, each with a blank behind it.
    """
    parser = _Parser(
        prog=prog,
        usage="\n       ".join(f"{prog} {command}[options]" for command in commands),
        description=description,
        epilog=(
            "Each option may have one dash or two, and its value after a blank or a =. Where an option is "
            "given more than once, the flag wins over the environment variable, and that over the "
            "configuration file."
        ),
        add_help=False,
        allow_abbrev=False,
    )
    add_options(parser, options)
    about = parser.add_argument_group("about")
    about.add_argument("-h", "--help", action="help", help="show this help and exit")
    about.add_argument(
        "--version",
        action="version",
        version=f"smgwproxy {smgwproxy.__version__}",
        help="show the version and exit",
    )
    return parser


def add_options(parser: argparse.ArgumentParser, options: Iterable[Option] = OPTIONS) -> None:
    """Add the flags of ``options``, and ``--config``, to ``parser``, those of the original program first.

    The texts stay texts in the namespace, and a flag that was not given is absent from it; `resolve` parses
    them.
    """
    table = (*options, _CONFIG)
    for title, original in (("options of the original proxy", True), ("further options", False)):
        chosen = [option for option in table if option.original is original]
        if not chosen:
            continue
        group = parser.add_argument_group(title)
        for option in chosen:
            shown = f"{option.help} (default: {option.shown or option.default}; {option.variable})"
            group.add_argument(
                option.flag,
                dest=option.attribute,
                metavar=option.metavar,
                default=argparse.SUPPRESS,
                help=shown.replace("%", "%%"),
            )


def parse(parser: argparse.ArgumentParser, argv: Sequence[str]) -> argparse.Namespace:
    """Parse ``argv`` (without the program's name) with ``parser``, flags with one dash or two.

    Raises `ConfigError` for a flag or a word that is none of the parser's, and `SystemExit` after ``--help``
    and ``--version``.
    """
    # Registered with one dash, a flag of many letters could be abbreviated whatever allow_abbrev says
    # (python/cpython issue 60346), and -port8080 would be read as -p; so two dashes are all argparse sees.
    normal = [_two_dashes(word) for word in argv]
    namespace, rest = parser.parse_known_args(normal)
    if rest:
        raise ConfigError(_unknown_word(rest[0], parser))
    return namespace


def _two_dashes(word: str) -> str:
    if word in {"-h", "--h"}:
        return "-h"
    return f"-{word}" if re.match(r"-[A-Za-z]", word) else word


def _unknown_word(word: str, parser: argparse.ArgumentParser) -> str:
    flag = word.partition("=")[0]
    if not flag.startswith("--"):
        return f"{word!r} is not expected here; options begin with a dash, --help lists them"
    known = re.findall(r"(?<!\S)--[a-z-]+", parser.format_help())
    # repr() keeps what the user wrote on one line
    return f"{repr(flag)[1:-1]}: there is no such option; {_suggest(flag, known)}"


def _suggest(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, tuple(known), n=1)
    return f"did you mean {near[0]}?" if near else "--help lists the options"


# --- from texts to values -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Given:
    """The text of an option, and how it was given."""

    text: str
    source: str


def load(argv: Sequence[str], environ: Mapping[str, str]) -> Config:
    """Read the proxy's command line (without the program's name), environment and configuration file.

    Raises `ConfigError` with one line that names the option, the way it was given, and the remedy.
    """
    return resolve(parse(build_parser(), argv), environ)


def resolve(namespace: argparse.Namespace, environ: Mapping[str, str]) -> Config:
    """Make the `Config` of what `parse` returned, the environment and the configuration file.

    Options whose flags the parser did not have come from the environment, the file or their defaults. Raises
    `ConfigError` as `load` does.
    """
    flags = vars(namespace)
    variables = _from_environment(environ)
    named = (
        _Given(flags[_CONFIG.attribute], _CONFIG.flag)
        if _CONFIG.attribute in flags
        else variables.pop(_CONFIG.name, None)
    )
    given = _from_file(named) if named else {}
    given.update(variables)
    given.update({o.name: _Given(flags[o.attribute], o.flag) for o in OPTIONS if o.attribute in flags})

    values: dict[str, Any] = {}
    for option in OPTIONS:
        told = given.get(option.name) or option.default
        values[option.attribute] = None if told is None else _value(option, told)
    if values["truststore"] is None:
        values["truststore"] = f"file:{values['certdir']}"
    sources = {name: told.source for name, told in given.items()}
    return Config(**values, given=MappingProxyType(sources))


def _value(option: Option, told: _Given | str) -> object:
    text = told if isinstance(told, str) else told.text
    try:
        return option.parse(text)
    except ValueError as error:
        source = option.flag if isinstance(told, str) else told.source
        raise ConfigError(f"{source}: {error}") from error


def _from_environment(environ: Mapping[str, str]) -> dict[str, _Given]:
    """Collect what the environment gives, by the option's name."""
    known = {option.variable: option.name for option in (*OPTIONS, _CONFIG)}
    given = {}
    for variable, text in environ.items():
        if not variable.startswith(ENVIRONMENT_PREFIX):
            continue
        if variable not in known:
            told = repr(variable)[1:-1]
            raise ConfigError(f"{told}: there is no such environment variable; {_suggest(variable, known)}")
        if text:
            given[known[variable]] = _Given(text, variable)
    return given


def _from_file(named: _Given) -> dict[str, _Given]:
    """Collect what the file ``named`` gives, by the option's name."""
    try:
        content = Path(named.text).read_text(encoding="utf-8")
        table = tomllib.loads(content)
    except OSError as error:
        reason = error.strerror
        raise ConfigError(f"{named.source}: cannot read {named.text!r}: {reason}; check the path") from error
    except (ValueError, RecursionError) as error:  # of the path (NUL), of UTF-8, of TOML
        raise ConfigError(
            f"{named.source}: {named.text!r} is no TOML file: {error}; write lines like: port = 8081"
        ) from error
    path = repr(named.text)[1:-1]
    known = [option.name for option in OPTIONS]
    given = {}
    for key, value in table.items():
        source = f"{repr(key)[1:-1]} in {path}"
        if key not in known:
            raise ConfigError(f"{source}: there is no such option; {_suggest(key, known)}")
        # bool is an int to Python
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ConfigError(f'{source}: the value is neither text nor number: write {key} = "..."')
        given[key] = _Given(str(value), source)
    return given
