"""What requests and refusals are called in metrics: names of a known number, whatever clients send; no I/O."""

from __future__ import annotations

import re
from http import HTTPMethod, HTTPStatus

from smgwproxy import errors
from smgwproxy.errors import ExchangeError

OTHER = "other"
"""All that has no name of its own."""

_METHODS = frozenset(HTTPMethod)
_STATUSES = frozenset(HTTPStatus)
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")


def method(name: str) -> str:
    """Return the method's own name where it is a standard one."""
    return name if name in _METHODS else OTHER


def status(code: int) -> str:
    """Return the status where IANA knows it."""
    return str(code) if code in _STATUSES else OTHER


def reason(error: ExchangeError) -> str:
    """Return the name of ``error`` in `smgwproxy.errors`, as in ``too_many_clients``; of others, their base's."""
    known = next(kind for kind in type(error).__mro__ if kind.__module__ == errors.__name__)
    return _WORDS.sub("_", known.__name__).lower()
