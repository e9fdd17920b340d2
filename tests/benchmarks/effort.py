"""How much time a benchmark may take, and where it may put its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Effort:
    """``seconds`` a figure, measured ``rounds`` times; files go to ``directory``, which is removed afterwards.

    ``programs`` is where ``.ci/benchmarks`` keeps those that come from PyPI.
    """

    seconds: float
    rounds: int
    directory: Path
    programs: Path
