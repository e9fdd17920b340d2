"""The table of exchanges: what the gateway receives of a request, and what the client gets of its answer."""

from __future__ import annotations

from tests.gateway.exchanges import (
    bodies,
    breaks,
    early,
    fields,
    framing,
    heads,
    interim,
    malformed,
    mended,
    once,
    surplus,
    targets,
    uploads,
)
from tests.gateway.exchanges.row import Row

ROWS: tuple[Row, ...] = (
    *targets.ROWS,
    *fields.ROWS,
    *uploads.ROWS,
    *heads.ROWS,
    *malformed.ROWS,
    *framing.ROWS,
    *interim.ROWS,
    *bodies.ROWS,
    *breaks.ROWS,
    *surplus.ROWS,
    *early.ROWS,
    *mended.ROWS,
    *once.ROWS,
)

__all__ = ["ROWS", "Row"]
