"""How long a client may keep us waiting; no I/O, no clock."""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass(slots=True)
class Pace:
    """The seconds that a client may still be waited for.

    There are ``patience`` seconds at first. Waiting uses them up; each byte gives back ``1 / speed`` seconds, up
    to ``patience``. So who falls silent is borne for ``patience`` seconds, and who drips more slowly than
    ``speed`` bytes a second not much longer. With no speed (0) every byte gives all of them back; with an
    infinite one no byte gives any, and ``patience`` is for the whole.
    """

    patience: float
    speed: float = math.inf
    left: float = field(init=False)

    def __post_init__(self) -> None:
        self.left = self.patience

    def begin(self, patience: float, speed: float) -> None:
        """Begin anew with other terms."""
        self.patience = self.left = patience
        self.speed = speed

    def waited(self, seconds: float, octets: int) -> None:
        """Take note of ``octets`` bytes that came, or went, after ``seconds`` of waiting."""
        if self.speed:
            self.left = min(self.patience, self.left - seconds + octets / self.speed)
        else:
            self.left = self.patience if octets else self.left - seconds
