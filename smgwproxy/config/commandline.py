"""The command line: from words to the texts of options."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import smgwproxy
from smgwproxy.config.options import CONFIG, OPTIONS, Option, suggest
from smgwproxy.errors import ConfigError

# what argparse has to be told of each kind of option
_KINDS: dict[str, dict[str, Any]] = {
    "one": {},
    "several": {"action": "append"},
    "switch": {"nargs": "?", "const": "true"},
}

_EPILOG = (
    "Each option may have one dash or two, and its value after a blank or a =. Where an option is given in "
    "several places, the flag wins over the environment variable, and that over the configuration file. What may "
    "be repeated takes several values with commas between them, too."
)


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
    description: str = "A reverse proxy that makes a Smart Meter Gateway reachable from the home network. Other "
    "commands: demo shows it with a simulated gateway; discover finds the gateway; doctor checks all between home "
    "network and meter; install makes the proxy a service of this machine, and uninstall undoes that; trust shows "
    "which certificates of the gateway are trusted, and lets you decide when one has changed; certificate shows "
    "and replaces the one that this proxy has for HTTPS.",
    commands: Sequence[str] = (
        "",
        "demo ",
        "discover ",
        "doctor ",
        "install ",
        "uninstall ",
        "trust ACTION ",
        "certificate ACTION ",
    ),
) -> argparse.ArgumentParser:
    """Build the parser of one command with ``options``, ``--version`` and ``--help``.

    Where there are ``options`` there is ``--config``, too.

    Feed it with `parse`, not with its own ``parse_args``, which does not know flags with one dash. Options
    that make sense on the command line only are added to it with ``add_argument("--name", ...)``, two dashes.
    ``commands`` are the words that the usage shows after ``prog``, each with a blank behind it.
    """
    options = tuple(options)
    parser = _Parser(
        prog=prog,
        usage="\n       ".join(f"{prog} {command}[options]" for command in commands),
        description=description,
        epilog=_EPILOG if options else None,
        add_help=False,
        allow_abbrev=False,
    )
    if options:
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

    The texts stay texts in the namespace (a list of them where there may be several), and a flag that was not
    given is absent from it; `resolve` parses them.
    """
    table = (*options, CONFIG)
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
                **_KINDS[option.kind],
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
    return f"{repr(flag)[1:-1]}: there is no such option; {suggest(flag, known)}"
