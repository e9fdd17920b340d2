"""Trust stores: where pins are kept, behind one protocol, opened by name."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from smgwproxy.errors import ConfigError
from smgwproxy.truststores.base import Pin, TrustStore

__all__ = ["Pin", "TrustStore", "open_truststore"]

GROUP = "smgwproxy.truststores"


def open_truststore(spec: str) -> TrustStore:
    """Open the store that ``spec`` names: ``NAME:ARGUMENT``, for example ``file:./certs``.

    ``NAME`` is an entry point of the group ``smgwproxy.truststores``: a factory that takes ``ARGUMENT``, which
    is empty when there is no colon. Only the one that is named is imported. Raises `ConfigError` when there
    is no such store, when it cannot be imported, or when its factory refuses the argument; who knows where
    ``spec`` came from puts the name of the option before the text.
    """
    name, _, argument = spec.partition(":")
    installed: dict[str, EntryPoint] = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in installed:
        known = ", ".join(sorted(installed)) or "none; install the package smgwproxy"
        raise ConfigError(f"there is no store {name!r}; installed: {known}")
    try:
        factory = installed[name].load()
    except Exception as error:  # a plug-in may fail at import with anything; it must never become no trust
        raise ConfigError(f"the store {name!r} cannot be loaded: {_in_one_line(error)}") from error
    try:
        store = factory(argument)
    except ConfigError:
        raise
    except Exception as error:  # as above: nobody knows what a plug-in raises
        raise ConfigError(f"the store {name!r} cannot be opened: {_in_one_line(error)}") from error
    if not isinstance(store, TrustStore):
        raise ConfigError(f"the store {name!r} lacks lookup() or pin()")
    return store


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
