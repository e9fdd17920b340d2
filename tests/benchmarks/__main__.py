"""Runs the benchmarks and prints their tables."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path

from tests.benchmarks.awake import awake
from tests.benchmarks.effort import Effort
from tests.benchmarks.table import Table

_BENCHMARKS: tuple[str, ...] = ("rate", "latency", "stalls", "poll", "waiting", "bulk", "footprint", "scale")
"""The modules of this package with ``measure(effort) -> Table``, in the order in which they run."""


def _measure(name: str, effort: Effort) -> Table:
    measure: Callable[[Effort], Table] = import_module(f"tests.benchmarks.{name}").measure
    return measure(effort)


def main() -> int:
    """Run the benchmarks that are named, all of them when none is."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(_BENCHMARKS))
    parser.add_argument("--seconds", type=float, default=5.0, help="a figure (%(default)s)")
    parser.add_argument(
        "--rounds", type=int, default=3, help="how often, of which the median is shown (%(default)s)"
    )
    parser.add_argument(
        "--programs",
        type=Path,
        default=Path(".benchmarks"),
        metavar="DIR",
        help="where .ci/benchmarks keeps the programs from PyPI (%(default)s)",
    )
    parser.add_argument(
        "--let-sleep",
        action="store_true",
        help="let processors sleep that have nothing to do, as they do otherwise",
    )
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - set(_BENCHMARKS):
        parser.error(f"no benchmark is called {' or '.join(sorted(unknown))}; there are {', '.join(_BENCHMARKS)}")
    # So that the programs are ended, too.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        with nullcontext() if chosen.let_sleep else awake():
            for name in chosen.names or _BENCHMARKS:
                with tempfile.TemporaryDirectory() as directory:
                    table = _measure(name, Effort(chosen.seconds, chosen.rounds, Path(directory), chosen.programs))
                sys.stdout.write(f"{table}\n\n")
                sys.stdout.flush()
    except (ChildProcessError, FileNotFoundError) as error:
        # A program that does not work, or is not installed.
        parser.exit(1, f"{parser.prog}: {error}\n")
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


if __name__ == "__main__":
    sys.exit(main())
