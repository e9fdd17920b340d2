"""What a unit that runs the original proxy, or this one in its place, asks for. Pure.

The original's flags are those of Go's package flag: one dash or two, ``-name=value`` or ``-name value``, the last
one counts, and the first word without a dash ends them (https://pkg.go.dev/flag#hdr-Command_line_flag_syntax).
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from posixpath import normpath

from smgwproxy.config import ENVIRONMENT_PREFIX, OPTIONS, build_parser, parse
from smgwproxy.config.sources import collect
from smgwproxy.errors import ConfigError, text_of
from smgwproxy.installation import layout
from smgwproxy.installation.unitfile import NotUnderstood, Settings, expanded, split
from smgwproxy.phrases import phrase, sequence

PROGRAM = "reverse_proxy"
SUCCESSOR = "smgwproxy"

_LOOKS_LIKE = re.compile(rf"(?:^|[\s/\"']){PROGRAM}(?:\.go)?(?:$|[\s\"';])")
_FLAGS = {option.name: option for option in OPTIONS if option.original}
_KEPT_FLAGS = ("target", "port", "logfile")
_PLACES = {"certdir": "./certs", "logdir": "./logs", "statedir": "./state"}
_PREFIXES = "@-:+!|"
_ELSEWHERE = ("RootDirectory", "RootImage", "BindPaths", "BindReadOnlyPaths")  # other files than are seen here
_VARIABLES = ("EnvironmentFile", "PassEnvironment")  # which tell this program something, and not the original


@dataclass(frozen=True, slots=True)
class Command:
    """What a unit runs: ``arguments`` without the program, in ``directory``, with ``environ``."""

    program: str
    arguments: tuple[str, ...]
    directory: str
    environ: Mapping[str, str]

    def path(self, text: str) -> str:
        """Return the absolute path of what a relative one names there."""
        return normpath(str(PurePosixPath(self.directory) / text))


@dataclass(frozen=True, slots=True)
class Original:
    """What is taken over from ``unit``: ``options`` by name, as texts, and where its pins and logs are."""

    unit: str
    options: Mapping[str, tuple[str, ...]]
    certdir: str
    logdir: str


def is_candidate(service: Settings) -> bool:
    """Tell whether a unit runs the original or this program, be it in a way that cannot be read."""
    lines = service.get("ExecStart", ())
    return any(_LOOKS_LIKE.search(line) or _program_of(line) == SUCCESSOR for line in lines)


def _program_of(line: str) -> str:
    first = line.lstrip(_PREFIXES).split(maxsplit=1)
    return PurePosixPath(first[0].strip("\"'")).name if first else ""


def command_of(name: str, service: Settings, homes: Mapping[str, str]) -> Command:
    """Return what the unit ``name`` runs; ``homes`` are the home directories of users.

    Raises `NotUnderstood` when that is not one call of the original or of this program.
    """
    lines = service.get("ExecStart", ())
    if len(lines) != 1:
        raise NotUnderstood(phrase("it has not one ExecStart"))
    (line,) = lines
    stem = name.removesuffix(".service")
    specifiers = {"n": name, "N": stem, "p": stem.partition("@")[0], "h": "/root", "u": "root", "t": "/run"}
    bare = line.lstrip(_PREFIXES)
    prefixes = line[: len(line) - len(bare)]
    words = [expanded(word, specifiers) for word in split(bare)]
    if "@" in prefixes and len(words) > 1:
        del words[1]  # what the program is told to be called
    environ = _environment(service, specifiers)
    if ":" not in prefixes:
        words = [_substituted(word) for word in words]
    if not words or PurePosixPath(words[0]).name not in {PROGRAM, SUCCESSOR}:
        raise NotUnderstood(phrase("it does not run {program} itself, but: {line}", program=PROGRAM, line=line))
    return Command(words[0], tuple(words[1:]), _directory(service, specifiers, homes), environ)


def _substituted(word: str) -> str:
    if re.search(r"\$(?!\$)", word.replace("$$", "")):
        raise NotUnderstood(phrase("what a variable stands for is not known here: {word}", word=word))
    return word.replace("$$", "$")


def _environment(service: Settings, specifiers: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of the unit that are for this program."""
    words = [expanded(word, specifiers) for line in service.get("Environment", ()) for word in split(line)]
    pairs = [word.partition("=") for word in words]
    return {name: value for name, _, value in pairs if name.startswith(ENVIRONMENT_PREFIX)}


def _directory(service: Settings, specifiers: Mapping[str, str], homes: Mapping[str, str]) -> str:
    told = service.get("WorkingDirectory", ())
    directory = expanded(told[-1].removeprefix("-"), specifiers) if told else "/"
    if directory == "~":
        user = ("root", *service.get("User", ()))[-1]
        if user not in homes:
            raise NotUnderstood(phrase("the home directory of its user {user} is not known", user=user))
        return homes[user]
    return directory


def read(name: str, service: Settings, homes: Mapping[str, str]) -> Original:
    """Return what the unit ``name`` asks for; raises `NotUnderstood`, with the name before the text."""
    try:
        command = command_of(name, service, homes)
        ours = PurePosixPath(command.program).name == SUCCESSOR
        _check_settings(service, (*_ELSEWHERE, *(_VARIABLES if ours else ())))
        return read_options(name, command) if ours else read_flags(name, command)
    except (NotUnderstood, ConfigError) as error:
        raise NotUnderstood(sequence((name, error.told), ": ")) from error


def _check_settings(service: Settings, unknown: Sequence[str]) -> None:
    for setting in unknown:
        if service.get(setting):
            raise NotUnderstood(phrase("what its {setting} changes is not known here", setting=setting))


def read_flags(name: str, command: Command) -> Original:
    """Return what the original was told by its flags; raises `NotUnderstood` for what it would refuse itself."""
    given = dict(_go_flags(command.arguments))
    for flag, text in given.items():
        try:
            _FLAGS[flag].parse(text)
        except ValueError as error:
            raise NotUnderstood(sequence((f"-{flag}", text_of(error)), ": ")) from error
    return Original(
        name,
        {flag: (given[flag],) for flag in _KEPT_FLAGS if flag in given},
        command.path(given.get("certdir", "./certs")),
        command.path(given.get("logdir", "./logs")),
    )


def _go_flags(words: Sequence[str]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    left = list(words)
    while left and len(left[0]) > 1 and left[0].startswith("-"):
        word = left.pop(0)
        if word == "--":
            break
        name, equals, value = word.removeprefix("-").removeprefix("-").partition("=")
        if name not in _FLAGS:
            raise NotUnderstood(phrase("{word} is no flag of the original", word=word))
        if not equals:
            if not left:
                raise NotUnderstood(phrase("{word} has no value", word=word))
            value = left.pop(0)
        found.append((name, value))
    return found


def read_options(name: str, command: Command) -> Original:
    """Return what this program was told in the original's place; raises `NotUnderstood` and `ConfigError`."""
    (one,) = collect(_without_file(command), command.environ)  # several are in files only
    texts = {option: told.texts for option, told in one.given.items()}
    if "truststore" in texts:
        raise NotUnderstood(phrase("it has a --truststore of its own"))
    if "client-password" in texts:
        raise NotUnderstood(phrase("it has a password itself, and not the name of a file with it"))
    places = {option: texts.pop(option, (default,))[0] for option, default in _PLACES.items()}
    return Original(
        name,
        {option: _absolute(option, told, command) for option, told in texts.items()},
        command.path(places["certdir"]),
        command.path(places["logdir"]),
    )


def _without_file(command: Command) -> argparse.Namespace:
    namespace = parse(build_parser(), command.arguments)
    if hasattr(namespace, "config") or f"{ENVIRONMENT_PREFIX}CONFIG" in command.environ:
        raise NotUnderstood(phrase("it has a configuration file of its own"))
    return namespace


def _absolute(option: str, told: tuple[str, ...], command: Command) -> tuple[str, ...]:
    return tuple(map(command.path, told)) if option in layout.SECRETS else told
