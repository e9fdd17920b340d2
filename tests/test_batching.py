"""Log lines in batches: each in its order, none lost, what is urgent at once."""

from __future__ import annotations

import io
import logging
import re
import resource
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

from smgwproxy.errors import ClientGone, ExchangeError
from smgwproxy.headers import Site
from smgwproxy.logs import Escaped, Logs, configure_logging
from smgwproxy.proxy import Exchange, Request
from smgwproxy.report import Line, LogReport, ReportLater

log = logging.getLogger("smgwproxy")


class Moments:
    """Keeps what is to be called later until a test says that the moment is over."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def later(self, function: Callable[[], None]) -> None:
        self.waiting.append(function)

    def pass_by(self) -> None:
        waiting, self.waiting = self.waiting, []
        for function in waiting:
            function()


@pytest.fixture
def moments() -> Moments:
    return Moments()


@pytest.fixture
def console() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def logs(tmp_path: Path, console: io.StringIO, moments: Moments) -> Iterator[Logs]:
    with configure_logging(logdir=tmp_path, stream=console, environ={}, later=moments.later) as logs:
        yield logs


def said(text: str) -> list[str]:
    return re.findall(r" (?:INFO|WARNING) (.+)", text)


def test_lines_of_a_moment_are_written_together_in_their_order(
    logs: Logs, console: io.StringIO, moments: Moments
) -> None:
    for text in ("one", "two", "three"):
        log.info(text)
    assert logs.path is not None
    assert (said(console.getvalue()), logs.path.read_text()) == ([], "")
    assert len(moments.waiting) == 1
    moments.pass_by()
    assert said(console.getvalue()) == said(logs.path.read_text()) == ["one", "two", "three"]


def test_a_warning_is_written_at_once_after_what_came_before_it(
    logs: Logs, console: io.StringIO, moments: Moments
) -> None:
    log.info("before")
    log.warning("urgent")
    assert said(console.getvalue()) == ["before", "urgent"]
    moments.pass_by()
    log.info("after")
    moments.pass_by()
    assert said(console.getvalue()) == ["before", "urgent", "after"]


def test_what_another_thread_says_does_not_wait_for_this_one(logs: Logs, console: io.StringIO) -> None:
    thread = threading.Thread(target=log.info, args=("from afar",))
    thread.start()
    thread.join()
    assert said(console.getvalue()) == ["from afar"]


def test_nothing_is_lost_at_the_end(tmp_path: Path, console: io.StringIO, moments: Moments) -> None:
    with configure_logging(logdir=tmp_path, stream=console, environ={}, later=moments.later) as logs:
        log.info("last words")
        path = logs.path
    assert path is not None
    assert said(console.getvalue()) == said(path.read_text()) == ["last words"]
    moments.pass_by()
    assert said(console.getvalue()) == ["last words"]


def test_end_may_come_twice(tmp_path: Path, console: io.StringIO, moments: Moments) -> None:
    logs = configure_logging(logdir=tmp_path, stream=console, environ={}, later=moments.later)
    logs.close()
    logs.close()


def test_record_that_makes_no_line_costs_the_others_nothing(
    logs: Logs, console: io.StringIO, moments: Moments, capsys: pytest.CaptureFixture[str]
) -> None:
    log.info("one")
    log.info("two", extra={"details": 2})  # which are none
    log.info("three")
    moments.pass_by()
    assert logs.path is not None
    assert said(console.getvalue()) == said(logs.path.read_text()) == ["one", "three"]
    assert capsys.readouterr().err.count("Message: 'two'") == 2  # the console cannot, nor can the file


def test_a_line_goes_to_the_file_that_was_written_to_when_it_came(
    tmp_path: Path, logs: Logs, moments: Moments
) -> None:
    log.info("first")
    before = logs.path
    following = logs.open(tmp_path / "elsewhere", "proxy.log", "--logdir")
    logs.use("info", following)
    log.info("second")
    moments.pass_by()
    assert before is not None
    assert said(before.read_text()) == ["first"]
    assert said(following.path.read_text()) == ["second"]


def test_lines_do_not_pile_up_without_end(logs: Logs, console: io.StringIO) -> None:
    for number in range(2500):
        log.info("%d", number)
    assert len(said(console.getvalue())) == 2000


def test_lines_that_found_room_before_the_disk_was_full_are_not_counted_as_lost(
    logs: Logs, moments: Moments
) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for number in range(500):
        log.info("%03d %s", number, "x" * 60)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        moments.pass_by()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    log.info("next")
    moments.pass_by()
    assert logs.path is not None
    lines = said(logs.path.read_text())
    whole = [line for line in lines if re.fullmatch(r"\d{3} x{60}", line)]
    assert 0 < len(whole) < 500
    assert lines[-2:] == [f"records lost here because they could not be written: {500 - len(whole)}", "next"]


def test_lines_that_cannot_be_written_are_counted_each(logs: Logs, console: io.StringIO, moments: Moments) -> None:
    assert logs.file is not None
    assert logs.file.stream is not None
    logs.file.stream.close()
    logs.file.stream = Path("/dev/full").open("w")  # noqa: SIM115  # the handler closes it
    for text in ("one", "two", "three"):
        log.info(text)
    moments.pass_by()
    assert [line.partition(" log file")[0] for line in said(console.getvalue())] == [
        *("one", "two", "three"),
        "cannot write the",
    ]
    log.info("four")
    moments.pass_by()
    assert logs.path is not None
    lost, *rest = said(logs.path.read_text())
    assert (lost, rest) == ("records lost here because they could not be written: 3", ["four"])


def test_line_that_was_put_off_comes_before_all_that_is_logged_after_it(
    logs: Logs, console: io.StringIO, moments: Moments
) -> None:
    for text in ("one", "two"):
        logs.put_off(partial(log.info, text))
    log.info("three")
    logs.put_off(partial(log.info, "four"))
    log.warning("urgent")
    assert said(console.getvalue()) == ["one", "two", "three", "four", "urgent"]


def test_line_that_was_put_off_is_made_when_there_is_time(logs: Logs, moments: Moments) -> None:
    made: list[str] = []
    logs.put_off(partial(made.append, "one"))
    assert not made
    logs.catch_up()
    logs.catch_up()
    assert made == ["one"]
    logs.put_off(partial(made.append, "two"))
    moments.pass_by()  # nobody had the time sooner
    assert made == ["one", "two"]


def test_line_that_was_put_off_is_written_in_the_same_moment(
    logs: Logs, console: io.StringIO, moments: Moments
) -> None:
    for text in ("one", "two"):
        logs.put_off(partial(log.info, text))
        assert len(moments.waiting) == 1
        logs.catch_up()
        log.info("and more")
        assert len(moments.waiting) == 1
        moments.pass_by()
    assert said(console.getvalue()) == ["one", "and more", "two", "and more"]


def test_nothing_that_was_put_off_is_lost_at_the_end(
    tmp_path: Path, console: io.StringIO, moments: Moments
) -> None:
    with configure_logging(logdir=tmp_path, stream=console, environ={}, later=moments.later) as logs:
        logs.put_off(partial(log.info, "last words"))
    assert said(console.getvalue()) == ["last words"]


def test_what_is_put_off_does_not_pile_up_without_end(logs: Logs) -> None:
    made: list[int] = []
    for number in range(250):
        logs.put_off(partial(made.append, number))
    assert made == list(range(200))


def test_nothing_is_put_off_where_nobody_would_catch_up(tmp_path: Path, logs: Logs) -> None:
    made: list[str] = []
    thread = threading.Thread(target=logs.put_off, args=(partial(made.append, "in another thread"),))
    thread.start()
    thread.join()
    with configure_logging(logdir=None, stream=io.StringIO(), environ={}) as unbatched:
        unbatched.put_off(partial(made.append, "without batches"))
        unbatched.catch_up()
    assert made == ["in another thread", "without batches"]


def test_request_that_was_reported_later_has_the_time_of_its_end(
    logs: Logs, console: io.StringIO, moments: Moments
) -> None:
    report = ReportLater(LogReport(log), logs.put_off)
    report(exchange(ended=1_900_000_000.25))
    moments.pass_by()
    stamp = datetime.fromisoformat(console.getvalue().split(" ")[0])
    assert stamp.timestamp() == 1_900_000_000.25


def test_failed_request_is_reported_at_once_after_those_before_it(logs: Logs, console: io.StringIO) -> None:
    report = ReportLater(LogReport(log), logs.put_off)
    report(exchange())
    report(exchange(error=ClientGone()))
    assert len(said(console.getvalue())) == 3  # both lines, and what was wrong


def exchange(*, error: ExchangeError | None = None, ended: float = 0.0) -> Exchange:
    request = Request("127.0.0.1", "GET", "/", "HTTP/1.1", [], None, False, io.BytesIO(), Site("http", "pi:8080"))
    return Exchange(request, 200, reused=True, error=error, ended=ended)


def test_line_of_a_request_is_made_once_whoever_writes_it(
    logs: Logs, moments: Moments, console: io.StringIO
) -> None:
    made = []

    def line() -> Escaped:
        made.append("made")
        return Escaped("GET /\\x20 200")

    log.info(Line(line))
    moments.pass_by()
    assert made == ["made"]
    assert logs.path is not None
    assert said(console.getvalue()) == said(logs.path.read_text()) == [r"GET /\x20 200"]
