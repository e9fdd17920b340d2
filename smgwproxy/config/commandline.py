"""The command line: from words to the texts of options."""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NoReturn

import smgwproxy
from smgwproxy.config.options import CONFIG, OPTIONS, Option, suggest
from smgwproxy.errors import ConfigError
from smgwproxy.phrases import Phrase, phrase, sequence

# what argparse has to be told of each kind of option
_KINDS: dict[str, dict[str, Any]] = {
    "one": {},
    "several": {"action": "append"},
    "switch": {"nargs": "?", "const": "true"},
}

_DESCRIPTION = phrase(
    "A reverse proxy that makes a Smart Meter Gateway reachable from the home network. Other "
    "commands: demo shows it with a simulated gateway; discover finds the gateway; doctor checks all between home "
    "network and meter; install makes the proxy a service of this machine, and uninstall undoes that; trust shows "
    "which certificates of the gateway are trusted, and lets you decide when one has changed; certificate shows "
    "and replaces the one that this proxy has for HTTPS."
)
_EPILOG = phrase(
    "Each option may have one dash or two, and its value after a blank or a =. Where an option is given in "
    "several places, the flag wins over the environment variable, and that over the configuration file. What may "
    "be repeated takes several values with commas between them, too."
)

# titles of groups that argparse makes by itself
_TITLES = {"options": phrase("options"), "positional arguments": phrase("positional arguments")}


class _Parser(argparse.ArgumentParser):
    """An `argparse.ArgumentParser` that raises `ConfigError` where the other prints usage and exits."""

    def print_help(self, file: Any = None) -> None:
        """Print the help, with escapes for what the terminal's encoding does not have."""
        stream = file or sys.stdout
        encoding = getattr(stream, "encoding", None) or "utf-8"
        self._print_message(self.format_help().encode(encoding, "backslashreplace").decode(encoding), stream)

    def error(self, message: str) -> NoReturn:
        raise ConfigError(_usage_error(message))


class _Formatter(argparse.HelpFormatter):
    """Sets the help in the language of ``say``; what is told of an option or a group is taken as it stands."""

    def __init__(self, prog: str, *, say: Callable[[str], str]) -> None:
        super().__init__(prog)
        self._say = say

    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[Any],
        prefix: str | None = None,
    ) -> None:
        """Begin with the lines of the usage."""
        super().add_usage(usage and self._say(usage), actions, groups, prefix or self._say(phrase("usage: ")))

    def add_text(self, text: str | None) -> None:
        """Add a paragraph."""
        super().add_text(text and self._say(text))

    def start_section(self, heading: str | None) -> None:
        """Begin a group."""
        super().start_section(heading and self._say(_TITLES.get(heading, heading)))

    # Lines are broken at blanks alone: half an option, such as --body-, is none.

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(f"{indent}{line}" for line in self._split_lines(text, width - len(indent)))

    def _get_help_string(self, action: argparse.Action) -> str:
        return self._say(action.help or "").replace("%", "%%")


def _usage_error(message: str) -> Phrase:
    """Put ``argument --port: expected one argument`` and its like the way all our errors are put."""
    named = re.fullmatch(r"argument (?:-\w/)?([^:\s]+): (.*)", message, re.DOTALL)
    if named is None:
        return _of_no_option(message)
    option, told = named.groups()
    return phrase("{option}: {error}", option=option, error=_of_an_option(told))


def _of_no_option(message: str) -> Phrase:
    needed = re.fullmatch(r"the following arguments are required: (.*)", message, re.DOTALL)
    if needed is None:
        return sequence([message])
    return phrase("the following arguments are required: {names}", names=needed[1])


def _of_an_option(told: str) -> Phrase:
    if told == "expected one argument":
        return phrase("a value is missing: give one after it")
    if found := re.fullmatch(r"ignored explicit argument (.*)", told, re.DOTALL):
        return phrase("ignored explicit argument {value}", value=found[1])
    if found := re.fullmatch(r"invalid choice: (.*) \(choose from (.*)\)", told, re.DOTALL):
        return phrase("invalid choice: {value} (choose from {choices})", value=found[1], choices=found[2])
    return sequence([told])


def build_parser(
    options: Iterable[Option] = OPTIONS,
    prog: str = "smgwproxy",
    description: str = _DESCRIPTION,
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
    say: Callable[[str], str] = str,
) -> argparse.ArgumentParser:
    """Build the parser of one command with ``options``, ``--version`` and ``--help``.

    Where there are ``options`` there is ``--config``, too.

    Feed it with `parse`, not with its own ``parse_args``, which does not know flags with one dash. Options
    that make sense on the command line only are added to it with ``add_argument("--name", ...)``, two dashes.
    ``commands`` are the words that the usage shows after ``prog``, each with a blank behind it.
    The help is in the language of ``say`` (a `smgwproxy.language.Language`), and so is all that is added to the
    parser as phrases.
    """
    options = tuple(options)
    parser = _Parser(
        prog=prog,
        usage=sequence(
            (phrase("{prog} {command}[options]", prog=prog, command=command) for command in commands), "\n       "
        ),
        description=description,
        epilog=_EPILOG if options else None,
        formatter_class=partial(_Formatter, say=say),
        add_help=False,
        allow_abbrev=False,
    )
    if options:
        add_options(parser, options)
    about = parser.add_argument_group(phrase("about"))
    about.add_argument("-h", "--help", action="help", help=phrase("show this help and exit"))
    about.add_argument(
        "--version",
        action="version",
        version=f"smgwproxy {smgwproxy.__version__}",
        help=phrase("show the version and exit"),
    )
    return parser


def add_options(parser: argparse.ArgumentParser, options: Iterable[Option] = OPTIONS) -> None:
    """Add the flags of ``options``, and ``--config``, to ``parser``, those of the original program first.

    The texts stay texts in the namespace (a list of them where there may be several), and a flag that was not
    given is absent from it; `resolve` parses them.
    """
    table = (*options, CONFIG)
    titles = ((phrase("options of the original proxy"), True), (phrase("further options"), False))
    for title, original in titles:
        chosen = [option for option in table if option.original is original]
        if not chosen:
            continue
        group = parser.add_argument_group(title)
        for option in chosen:
            shown = phrase(
                "{help} (default: {default}; {variable})",
                help=option.help,
                default=option.shown or option.default,
                variable=option.variable,
            )
            group.add_argument(
                option.flag,
                dest=option.attribute,
                metavar=option.metavar,
                default=argparse.SUPPRESS,
                help=shown,
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


def _unknown_word(word: str, parser: argparse.ArgumentParser) -> Phrase:
    flag = word.partition("=")[0]
    if not flag.startswith("--"):
        return phrase("{word!r} is not expected here; options begin with a dash, --help lists them", word=word)
    known = re.findall(r"(?<!\S)--[a-z-]+", parser.format_help())
    return phrase(
        "{flag}: there is no such option; {remedy}",
        flag=repr(flag)[1:-1],  # repr() keeps what the user wrote on one line
        remedy=suggest(flag, known),
    )
