"""Where the texts of options come from: flags, the environment, the configuration file; nothing is parsed."""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from smgwproxy.config.options import CLIENT_PASSWORD, CONFIG, ENVIRONMENT_PREFIX, OPTIONS, Option, suggest
from smgwproxy.errors import ConfigError
from smgwproxy.phrases import phrase
from smgwproxy.system import reason

_TABLE = {option.name: option for option in (*OPTIONS, CLIENT_PASSWORD, CONFIG)}


@dataclass(frozen=True, slots=True)
class Given:
    """The texts of an option, one unless it is one that takes several, and how they were given."""

    texts: tuple[str, ...] = field(repr=False)  # a password may be among them
    source: str


def collect(namespace: argparse.Namespace, environ: Mapping[str, str]) -> dict[str, Given]:
    """Return what is given for each option, by its name: by flag, else the environment, else the file."""
    flags = {
        name: Given(tuple(told) if isinstance(told, list) else (told,), option.flag)
        for name, option in _TABLE.items()
        if (told := getattr(namespace, option.attribute, None)) is not None
    }
    given = _from_environment(environ) | flags
    named = given.pop(CONFIG.name, None)
    return (_from_file(named) if named else {}) | given


def _from_environment(environ: Mapping[str, str]) -> dict[str, Given]:
    known = {option.variable: name for name, option in _TABLE.items()}
    given = {}
    for variable, text in environ.items():
        if not variable.startswith(ENVIRONMENT_PREFIX):
            continue
        if variable not in known:
            told = repr(variable)[1:-1]
            raise ConfigError(
                phrase(
                    "{variable}: there is no such environment variable; {remedy}",
                    variable=told,
                    remedy=suggest(variable, known),
                )
            )
        if text:
            given[known[variable]] = Given((text,), variable)
    return given


def _from_file(named: Given) -> dict[str, Given]:
    (name,) = named.texts
    try:
        table = tomllib.loads(Path(name).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            phrase(
                "{source}: cannot read {name!r}: {reason}; check the path",
                source=named.source,
                name=name,
                reason=reason(error),
            )
        ) from error
    except (ValueError, RecursionError) as error:  # of the path (NUL), of UTF-8, of TOML
        raise ConfigError(
            phrase(
                "{source}: {name!r} is no TOML file: {error}; write lines like: port = 8081",
                source=named.source,
                name=name,
                error=error,
            )
        ) from error
    path = repr(name)[1:-1]
    known = {option.name: option for option in OPTIONS}
    given = {}
    for key, value in table.items():
        source = phrase("{option} in {file}", option=repr(key)[1:-1], file=path)
        if key not in known:
            raise ConfigError(
                phrase("{source}: there is no such option; {remedy}", source=source, remedy=suggest(key, known))
            )
        if value != "":
            given[key] = Given(_texts(known[key], value, source), source)
    return given


def _texts(option: Option, value: object, source: str) -> tuple[str, ...]:
    """Return the texts that a value of TOML stands for."""
    if option.kind == "switch":
        if isinstance(value, bool):
            return (str(value),)
        raise ConfigError(
            phrase(
                "{source}: the value is neither true nor false: write {name} = true",
                source=source,
                name=option.name,
            )
        )
    if option.kind == "several":
        texts = value if isinstance(value, list) else [value]
        if all(isinstance(text, str) for text in texts):
            return tuple(texts)
        raise ConfigError(
            phrase(
                '{source}: the value is no list of texts: write {name} = ["...", "..."]',
                source=source,
                name=option.name,
            )
        )
    # bool is an int to Python
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ConfigError(
            phrase(
                '{source}: the value is neither text nor number: write {name} = "..."',
                source=source,
                name=option.name,
            )
        )
    return (str(value),)
