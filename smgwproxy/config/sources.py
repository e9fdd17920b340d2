"""Where the texts of options come from: flags, the environment, the configuration file; nothing is parsed."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from smgwproxy.config.options import CLIENT_PASSWORD, CONFIG, ENVIRONMENT_PREFIX, OPTIONS, Option, suggest
from smgwproxy.errors import ConfigError
from smgwproxy.phrases import Phrase, phrase
from smgwproxy.system import reason

GATEWAY = "gateway"
"""The key of the tables of the configuration file, each with the options of one gateway."""

_TABLE = {option.name: option for option in (*OPTIONS, CLIENT_PASSWORD, CONFIG)}
_NAME = "name"


@dataclass(frozen=True, slots=True)
class Given:
    """The texts of an option, one unless it is one that takes several, and how they were given."""

    texts: tuple[str, ...] = field(repr=False)  # a password may be among them
    source: str


@dataclass(frozen=True, slots=True)
class Collected:
    """What is given for one gateway, by the names of the options.

    ``table`` is the name of its table, None where there are no tables.
    """

    table: str | None
    given: Mapping[str, Given]


def collect(namespace: argparse.Namespace, environ: Mapping[str, str]) -> Sequence[Collected]:
    """Return what is given for each gateway, at least one.

    By flag, else the environment, else the gateway's table of the file, else the keys before all tables.
    """
    flags = {
        name: Given(tuple(told) if isinstance(told, list) else (told,), option.flag)
        for name, option in _TABLE.items()
        if (told := getattr(namespace, option.attribute, None)) is not None
    }
    given = _from_environment(environ) | flags
    named = given.pop(CONFIG.name, None)
    found = _from_file(named) if named else (Collected(None, {}),)
    return [Collected(one.table, {**one.given, **given}) for one in found]


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


def _from_file(named: Given) -> Sequence[Collected]:
    import tomllib  # noqa: PLC0415  # a tenth of the time of --help

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
    gateways = table.pop(GATEWAY, None)
    common = _from_table(table, path, (GATEWAY,))
    return (Collected(None, common),) if gateways is None else list(_each(gateways, common, path))


def _from_table(table: Mapping[str, object], place: str, also: Sequence[str] = ()) -> dict[str, Given]:
    """Return what is given in ``table``, in which the keys ``also`` are known, too."""
    known = {option.name: option for option in OPTIONS}
    given = {}
    for key, value in table.items():
        source = _of(repr(key)[1:-1], place)
        if key not in known:
            remedy = suggest(key, (*known, *also))
            raise ConfigError(phrase("{source}: there is no such option; {remedy}", source=source, remedy=remedy))
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


# --- tables of gateways ---------------------------------------------------------------------------------


def _each(tables: object, common: Mapping[str, Given], path: str) -> Iterator[Collected]:
    """Yield what each table gives; where it gives nothing, ``common`` holds."""
    if not (isinstance(tables, list) and tables and all(isinstance(one, dict) for one in tables)):
        raise ConfigError(
            phrase(
                "{source}: it is no list of tables: write [[gateway]] in a line of its own, "
                'and name = "..." below it',
                source=_of(GATEWAY, path),
            )
        )
    names: list[str] = []
    for number, table in enumerate(tables, 1):
        nameless = phrase("[[gateway]] number {number} in {file}", number=number, file=path)
        name = _name(table.pop(_NAME, None), nameless)
        place = phrase('[[gateway]] "{name}" in {file}', name=name, file=path)
        if name in names:
            raise ConfigError(
                phrase("{source}: another table has this name: give each one of its own", source=_of(_NAME, place))
            )
        names.append(name)
        _check_owners(table, place)
        yield Collected(name, {**common, **_from_table(table, place, (_NAME,))})


def _name(value: object, place: str) -> str:
    if value is None:
        raise ConfigError(
            phrase('{table}: it has no name: write name = "..." in it, with one of your choice', table=place)
        )
    if not (isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,32}", value)):
        raise ConfigError(
            phrase(
                "{source}: {value!r} is no name: give 1 to 32 letters of A to Z and a to z, digits, - and _",
                source=_of(_NAME, place),
                value=value,
            )
        )
    return value


def _check_owners(table: Mapping[str, object], place: str) -> None:
    of_the_process = {option.name for option in OPTIONS if option.whose == "process"}
    for key in table:
        if key in of_the_process:
            raise ConfigError(
                phrase(
                    "{source}: it holds for the whole program: write it above the first [[gateway]]",
                    source=_of(key, place),
                )
            )


def _of(key: str, place: str) -> Phrase:
    return phrase("{option} in {file}", option=key, file=place)
