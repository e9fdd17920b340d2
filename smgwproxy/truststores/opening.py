"""From a text such as ``file:./certs`` to an open trust store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any

from smgwproxy.deadline import Overdue, call_in_thread
from smgwproxy.errors import ConfigError, in_one_line
from smgwproxy.phrases import phrase, sequence
from smgwproxy.truststores.base import TrustStore

GROUP = "smgwproxy.truststores"

OPENING_SECONDS = 30.0
"""How long a store may take to be imported and opened."""


def open_truststore(spec: str, seconds: float = OPENING_SECONDS) -> TrustStore:
    """Open the store that ``spec`` names: ``NAME:ARGUMENT``, for example ``file:./certs``.

    ``NAME`` is an entry point of the group ``smgwproxy.truststores``: a factory that takes ``ARGUMENT``, which
    is empty when there is no colon. Only the one that is named is imported. Where no such store is installed,
    ``spec`` is read as ``MODULE:FACTORY:ARGUMENT``: a factory in any module that can be imported. Raises
    `ConfigError` when there is no such store, when it cannot be imported or takes longer than ``seconds``, when
    its factory refuses the argument, or when it makes no trust store; who knows where ``spec`` came from puts
    the name of the option before the text.
    """
    name, _, argument = spec.partition(":")
    installed = _installed()
    try:
        store: TrustStore = call_in_thread(lambda: _opened(name, argument, installed), seconds)
    except Overdue as error:
        raise ConfigError(
            phrase(
                "the store {name!r} did not open within {seconds:g} s: see what it waits for",
                name=name,
                seconds=seconds,
            )
        ) from error
    return store


def _installed() -> Mapping[str, EntryPoint]:
    try:
        return {entry.name: entry for entry in entry_points(group=GROUP)}
    except Exception as error:  # the metadata of every package is read, and one that is damaged spoils it all
        raise ConfigError(
            phrase(
                "the installed stores cannot be listed, is a package damaged? {reason}", reason=in_one_line(error)
            )
        ) from error


def _opened(name: str, argument: str, installed: Mapping[str, EntryPoint]) -> Any:
    """Import the factory, call it, and look at what it made; raises `ConfigError` whatever happens there."""
    with _blamed(phrase("the store {name!r} cannot be loaded", name=name)):
        if name in installed:
            factory = installed[name].load()
        else:
            attribute, _, argument = argument.partition(":")
            module = _imported(name) if attribute else None
            if module is None:
                known = ", ".join(sorted(installed)) or phrase("none; install the package smgwproxy")
                raise ConfigError(
                    phrase(
                        "there is no store {name!r}; installed: {known}; one of your own is "
                        "MODULE:FACTORY:ARGUMENT",
                        name=name,
                        known=known,
                    )
                )
            factory = getattr(module, attribute)
    with _blamed(phrase("the store {name!r} cannot be opened", name=name)):
        store = factory(argument)
        lacking = [f"{method}()" for method in ("lookup", "pin") if not callable(getattr(store, method, None))]
    if lacking:
        methods = (
            lacking[0] if len(lacking) == 1 else phrase("{one} and {other}", one=lacking[0], other=lacking[1])
        )
        raise ConfigError(phrase("the store {name!r} lacks {methods}", name=name, methods=methods))
    return store


def _imported(name: str) -> ModuleType | None:
    """Import a module; None when there is none of that name."""
    if not all(part.isidentifier() for part in name.split(".")):
        return None
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            return None
        raise


@contextmanager
def _blamed(what: str) -> Iterator[None]:
    """Let nothing but a `ConfigError` out of what a plug-in does, which may fail with anything.

    Its SystemExit is a failure too: this runs in a thread of its own, where nobody can want to end the program.
    A store that fails must never become no trust, nor a program that ends without a word.
    """
    try:
        yield
    except ConfigError as error:
        raise ConfigError(in_one_line(error)) from error
    except BaseException as error:
        raise ConfigError(sequence((what, in_one_line(error)), ": ")) from error
