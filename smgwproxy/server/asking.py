"""What a request's head comes to, kept for a client that sends the same one again; no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from smgwproxy.access import Access
from smgwproxy.http1 import Chunked, Length, RequestHead
from smgwproxy.wsgi import TARGET, Environ


@dataclass(frozen=True, slots=True)
class Asked:
    """A request's head that came as ``octets`` and was let in by ``access``.

    ``framing`` is that of its body, ``environ`` what PEP 3333 has of the head and of its connection: to be copied.
    ``keeps_alive`` tells whether the client lets the connection live on.
    """

    octets: bytes
    access: Access
    head: RequestHead
    framing: Length | Chunked
    keeps_alive: bool
    environ: Environ


def variables(head: RequestHead) -> Environ:
    """Return what the environ of PEP 3333 has of ``head``, with the target as it came beside it."""
    path, _, query = head.target.partition("?")
    environ: Environ = {
        "REQUEST_METHOD": head.method,
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1") if "%" in path else path,
        "QUERY_STRING": query,
        "SERVER_PROTOCOL": f"HTTP/1.{head.minor}",
        TARGET: head.target,
    }
    for name, value in head.lines:
        if "_" in name:
            continue  # X_Y would be taken for X-Y
        key = name.upper().replace("-", "_")
        key = key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"
        joint = "; " if key == "HTTP_COOKIE" else ","
        environ[key] = environ[key] + joint + value if key in environ else value
    return environ
