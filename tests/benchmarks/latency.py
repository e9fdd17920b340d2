"""What a proxy adds to the latency of a connection that is kept, beside others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks import wrk
from tests.benchmarks.effort import Effort
from tests.benchmarks.others import faults, installed, started
from tests.benchmarks.programs import upstream
from tests.benchmarks.table import Table

_OCTETS = 1500
_DIRECT = "direct"
_REMARKS = (
    (
        f"Answers of {_OCTETS} bytes, asked for by wrk over kept connections. The first row is the gateway "
        "itself, asked over TLS; the others tell by how much their median and their 99th percentile are above "
        "that, in the median of the rounds, each of which measures all one after the other."
    ),
    (
        "At 16 rested, each connection rests for 50 ms in the middle before it asks again, so that some 300 "
        "requests a second come at random moments. At 16 at once, each asks again as soon as it has its answer: "
        "what is measured then is the wait for the 15 others, which is 16 divided by the rate."
    ),
)


@dataclass(frozen=True, slots=True)
class _Pattern:
    name: str
    connections: int
    script: Path | None = None


_PATTERNS = (
    _Pattern("at 1", 1),
    _Pattern("at 16 rested", 16, Path(__file__).with_name("paced.lua")),
    _Pattern("at 16 at once", 16),
)
_Loads = dict[tuple[str, str], list[wrk.Load]]
"""Those of all rounds, by program and pattern."""


def measure(effort: Effort) -> Table:
    """Ask the upstream and each proxy in each round, in each pattern."""
    found = installed(effort.programs)
    loads: _Loads = defaultdict(list)
    with (
        upstream(effort.directory, {"answer": _OCTETS}) as gateway,
        started(found.proxies, effort.directory, gateway.port, {"/answer": bytes(_OCTETS)}) as programs,
    ):
        urls = {_DIRECT: f"https://127.0.0.1:{gateway.port}/answer"}
        urls |= {proxy.name: f"http://127.0.0.1:{program.port}/answer" for proxy, program in programs.items()}
        for url in urls.values():
            wrk.load(url, max(pattern.connections for pattern in _PATTERNS), 1)
        for _ in range(effort.rounds):
            for pattern in _PATTERNS:
                for name, url in urls.items():
                    load = wrk.load(url, pattern.connections, effort.seconds, pattern.script)
                    loads[name, pattern.name].append(load)
    return _table(tuple(urls), loads, found.remarks)


def _table(names: Sequence[str], loads: _Loads, remarks: Sequence[str]) -> Table:
    columns = ["program"]
    for pattern in _PATTERNS:
        columns += [f"{pattern.name}: median µs", "99th percentile µs"]
    rows = []
    for name in names:
        cells = [name]
        for pattern in _PATTERNS:
            pairs = list(zip(loads[name, pattern.name], loads[_DIRECT, pattern.name], strict=True))
            cells += [
                _cell(name, [(each.median, direct.median) for each, direct in pairs]),
                _cell(name, [(each.percentile_99, direct.percentile_99) for each, direct in pairs]),
            ]
        rows.append(tuple(cells))
    said = [fault for (name, _), rounds in loads.items() for fault in faults(name, rounds)]
    return Table("Latency added", tuple(columns), tuple(rows), (*_REMARKS, *remarks, *said))


def _cell(name: str, pairs: Sequence[tuple[float, float]]) -> str:
    if name == _DIRECT:
        return f"{median(direct for _, direct in pairs) * 1e6:,.0f}"
    return f"{median(each - direct for each, direct in pairs) * 1e6:+,.0f}"
