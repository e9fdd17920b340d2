"""The benchmarks' own logic: what wrk tells is read, tables are right, no fault is passed over."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests.benchmarks import rate
from tests.benchmarks.__main__ import _BENCHMARKS
from tests.benchmarks.awake import awake
from tests.benchmarks.others import GO, OURS, faults, installed
from tests.benchmarks.table import Table
from tests.benchmarks.wrk import Load, parse
from tests.support import settles

TOLD = """\
Running 1s test @ http://127.0.0.1:40723/
  1 threads and 4 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   310.60us    0.91ms  11.40ms   94.23%
    Req/Sec    36.96k     3.34k   42.93k    81.82%
  Latency Distribution
     50%   71.00us
     75%  177.00us
     90%  457.00us
     99%    5.02ms
  40389 requests in 1.10s, 1.54MB read
Requests/sec:  36716.24
Transfer/sec:      1.40MB
"""
COMPLAINTS = """\
  Socket errors: connect 0, read 823, write 0, timeout 0
  Non-2xx or 3xx responses: 5768
"""


def test_what_wrk_tells_is_read() -> None:
    load = parse(TOLD)
    assert (load.requests, load.rate) == (40389, 36716.24)
    assert (load.median, load.percentile_99) == pytest.approx((71e-6, 5.02e-3))
    assert not load.complaints


def test_what_wrk_complains_of_is_read() -> None:
    head, summary, end = TOLD.partition("  40389 requests in 1.10s, 1.54MB read\n")
    assert parse(head + summary + COMPLAINTS + end).complaints == (
        "Socket errors: connect 0, read 823, write 0, timeout 0",
        "Non-2xx or 3xx responses: 5768",
    )


def test_half_of_what_wrk_tells_is_an_error() -> None:
    with pytest.raises(ValueError, match="99%"):
        parse(TOLD.replace("     99%    5.02ms\n", ""))


def test_processors_are_kept_awake_by_loops_that_give_way_to_all_else_and_end_in_the_end() -> None:
    with awake() as loops:
        processors = [os.sched_getaffinity(loop) for loop in loops]
        assert processors == [{processor} for processor in sorted(os.sched_getaffinity(0))]
        assert {os.sched_getscheduler(loop) for loop in loops} == {os.SCHED_IDLE}
    assert not any(Path(f"/proc/{loop}").exists() for loop in loops)


def test_loop_ends_by_itself_when_who_began_it_was_killed() -> None:
    begin = "from tests.benchmarks.awake import awake\nwith awake() as loops: print(*loops, flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", begin], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        loops = process.stdout.readline().split()
        process.kill()
    assert loops
    assert settles(lambda: not any(Path(f"/proc/{int(loop)}").exists() for loop in loops))


def load(*complaints: str) -> Load:
    return Load(1000, 990.0, 0.001, 0.002, complaints)


def test_wrong_answers_of_this_proxy_are_an_error() -> None:
    with pytest.raises(ChildProcessError, match="Non-2xx or 3xx responses: 1"):
        faults(OURS, [load(), load("Non-2xx or 3xx responses: 1")])


def test_wrong_answers_of_another_proxy_are_told_once() -> None:
    wrong = load("Non-2xx or 3xx responses: 1")
    assert faults("nginx", [wrong, load(), wrong]) == ["nginx: Non-2xx or 3xx responses: 1."]


def test_ratio_is_that_of_the_rounds_and_not_of_the_medians() -> None:
    # The machine was busy in the third round: both were slow.
    assert rate.ratio([100, 200, 30], [200, 100, 10]) == "2.00"


def test_without_go_there_is_no_ratio() -> None:
    assert rate.ratio([100], []) == "-"


def test_table_is_markdown() -> None:
    table = Table("Rates", ("program", "requests/s"), (("one", "1"), ("two", "2")), ("Noted.",))
    assert str(table) == (
        "### Rates\n\n| program | requests/s |\n| --- | --- |\n| one | 1 |\n| two | 2 |\n\nNoted."
    )


def test_programs_that_are_not_installed_are_left_out_and_told(tmp_path: Path) -> None:
    found = installed(tmp_path)
    names = [proxy.name for proxy in found.proxies]
    assert OURS in names
    assert GO not in names
    assert "mitmproxy" not in names
    assert "Go, mitmproxy" in found.remarks[-1]


@pytest.mark.parametrize("name", _BENCHMARKS)
def test_each_benchmark_can_be_run(name: str) -> None:
    assert callable(import_module(f"tests.benchmarks.{name}").measure)


def test_unknown_name_is_refused() -> None:
    command = [sys.executable, "-m", "tests.benchmarks", "rate", "speed"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "no benchmark is called speed; there are rate, " in run.stderr
    assert not run.stdout
