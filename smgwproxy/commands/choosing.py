"""Which gateway a command is about, where the configuration file has several."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from smgwproxy.config import Program, resolve
from smgwproxy.errors import ConfigError, text_of
from smgwproxy.origin import Origin
from smgwproxy.phrases import phrase


def add_choice(parser: argparse.ArgumentParser) -> None:
    """Add ``--gateway`` to ``parser``."""
    parser.add_argument(
        "--gateway",
        metavar="NAME",
        help=phrase("which gateway is meant, by the name of its table, where the configuration file has several"),
    )


def resolve_chosen(arguments: argparse.Namespace, environ: Mapping[str, str]) -> Program:
    """Return the gateway that ``--gateway`` names, or the one of several with that ``--target``; else all.

    Raises `ConfigError` as `resolve` does, and when none is meant.
    """
    name: str | None = arguments.gateway
    if name is None and "target" in arguments:
        name = _name_of(arguments.target, arguments, environ)
    return resolve(arguments, environ, name)


def _name_of(target: str, arguments: argparse.Namespace, environ: Mapping[str, str]) -> str | None:
    """Return the name of the gateway ``target``; None where there are not several."""
    others = {name: value for name, value in vars(arguments).items() if name != "target"}
    gateways = resolve(argparse.Namespace(**others), environ).gateways
    if len(gateways) == 1:
        return None
    try:
        meant = Origin.parse(target)
    except ValueError as error:
        raise ConfigError(phrase("{source}: {error}", source="--target", error=text_of(error))) from error
    for one in gateways:
        if one.target == meant:
            return one.name
    names = ", ".join(one.name for one in gateways)
    raise ConfigError(
        phrase(
            "--target: no gateway of the configuration file has it: give --gateway and one of {names}", names=names
        )
    )
