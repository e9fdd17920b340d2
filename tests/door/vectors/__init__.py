"""The table of what the LAN door takes and refuses: raw octets, the rule for each, and its outcome."""

from __future__ import annotations

from tests.door.vectors import chunks, connections, fields, framing, hosts, request_lines
from tests.door.vectors.vector import BODY_LIMIT, GATEWAY, NEXT, SEEN_NEXT, Vector

VECTORS: tuple[Vector, ...] = (
    *request_lines.VECTORS,
    *hosts.VECTORS,
    *fields.VECTORS,
    *framing.VECTORS,
    *chunks.VECTORS,
    *connections.VECTORS,
)

__all__ = ["BODY_LIMIT", "GATEWAY", "NEXT", "SEEN_NEXT", "VECTORS", "Vector"]
