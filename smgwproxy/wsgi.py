"""What a server and the WSGI callable agree on beyond PEP 3333."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

TARGET = "smgwproxy.target"
"""The environ key under which a server hands over the request target as it came (`str`)."""

LINES = "smgwproxy.lines"
"""The environ key under which a server hands over the header lines as they came (`smgwproxy.http1.Lines`)."""

TRAILERS = "smgwproxy.trailers"
"""The environ key of a function that takes the trailers of the answer (`smgwproxy.http1.Lines`) before its end."""

Environ = dict[str, Any]
StartResponse = Callable[..., object]
