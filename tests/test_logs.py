"""Log files and lines: where they go, how they rotate, and what never appears in them."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from smgwproxy.errors import ConfigError
from smgwproxy.logs import (
    Escaped,
    LineFormatter,
    Logs,
    configure_logging,
    describe_body_start,
    describe_headers,
    details,
    escape,
    is_journal,
    request_line,
)

DAY = 86400.0
log = logging.getLogger("smgwproxy.test")


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 4, 47, 22).astimezone().timestamp()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def console() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def logdir(tmp_path: Path) -> Path:
    return tmp_path / "logs"


@pytest.fixture
def logs(logdir: Path, clock: Clock, console: io.StringIO) -> Iterator[Logs]:
    with configure_logging(logdir=logdir, stream=console, clock=clock, environ={}) as logs:
        yield logs


def name(clock: Clock) -> str:
    return time.strftime("%Y-%m-%d_%H-%M-%S_proxy.log", time.localtime(clock.now))


def names(logdir: Path) -> list[str]:
    return sorted(path.name for path in logdir.iterdir())


def line(message: object, *args: object, **attributes: object) -> str:
    """Format one record as the log file does, without its time."""
    record = logging.LogRecord("smgwproxy", logging.INFO, "", 0, message, args, None)
    record.__dict__.update(attributes)
    return LineFormatter(stamped=False).format(record)


# --- files ----------------------------------------------------------------------------------------------


def test_a_start_begins_a_file_named_by_its_local_time_and_a_relative_link_to_it(logs: Logs, logdir: Path) -> None:
    log.info("hello")
    assert names(logdir) == ["2026-11-21_04-47-22_proxy.log", "proxy.log"]
    assert str((logdir / "proxy.log").readlink()) == "2026-11-21_04-47-22_proxy.log"
    assert logs.path == logdir / "2026-11-21_04-47-22_proxy.log"
    assert (logdir / "proxy.log").read_text().endswith(" INFO hello\n")


def test_the_name_given_is_the_end_of_each_name(logdir: Path, clock: Clock, console: io.StringIO) -> None:
    with configure_logging(logdir=logdir, logfile="smgw.txt", stream=console, clock=clock):
        assert names(logdir) == ["2026-11-21_04-47-22_smgw.txt", "smgw.txt"]


def test_each_start_begins_a_new_file_and_moves_the_link(logdir: Path, clock: Clock, console: io.StringIO) -> None:
    for _ in range(2):
        with configure_logging(logdir=logdir, stream=console, clock=clock):
            log.info("hello")
        clock.now += 61
    assert names(logdir) == ["2026-11-21_04-47-22_proxy.log", "2026-11-21_04-48-23_proxy.log", "proxy.log"]
    assert str((logdir / "proxy.log").readlink()) == "2026-11-21_04-48-23_proxy.log"


def test_two_starts_in_the_same_second_share_a_file_and_lose_no_line(
    logdir: Path, clock: Clock, console: io.StringIO
) -> None:
    with configure_logging(logdir=logdir, stream=console, clock=clock):
        log.info("one")
        with configure_logging(logdir=logdir, stream=io.StringIO(), clock=clock):
            log.info("two")
        log.info("three")
    text = (logdir / name(clock)).read_text()
    assert [entry.split()[-1] for entry in text.splitlines()] == ["one", "two", "two", "three"]


def test_a_file_that_a_crash_cut_off_is_continued_with_a_new_line(
    logdir: Path, clock: Clock, console: io.StringIO
) -> None:
    logdir.mkdir()
    (logdir / name(clock)).write_text("half a li")
    with configure_logging(logdir=logdir, stream=console, clock=clock):
        log.info("hello")
    assert (logdir / name(clock)).read_text().splitlines()[0] == "half a li"


def test_a_new_file_is_begun_after_24_hours_and_not_before(logs: Logs, logdir: Path, clock: Clock) -> None:
    first = name(clock)
    clock.now += DAY - 1
    log.info("the first day")
    assert names(logdir) == [first, "proxy.log"]
    clock.now += 1
    log.info("the second day")
    assert logs.path == logdir / name(clock)
    assert names(logdir) == [first, name(clock), "proxy.log"]
    assert str((logdir / "proxy.log").readlink()) == name(clock)
    assert "second" not in (logdir / first).read_text()
    assert "second" in (logdir / name(clock)).read_text()


def test_a_clock_that_is_set_back_by_years_does_not_stop_the_rotation(logs: Logs, clock: Clock) -> None:
    clock.now -= 4 * 365 * DAY
    log.info("hello")
    assert logs.path is not None
    assert logs.path.name == name(clock)


OLD = [
    "2026-11-18_04-47-21_proxy.log",
    "1999-01-01_00-00-00_proxy.log",
]
OTHERS = [
    "2026-11-18_04-47-21_other.log",
    "2026-11-18_04-47-21_my_proxy.log",
    "2026-11-18_04-47-21_proxy.log.gz",
    "2026-11-18_04-47-21_proxyxlog",
    "x2026-11-18_04-47-21_proxy.log",
    "2026-11-18_proxy.log",
    "proxy.log.1",
    "notes.txt",
]


def make(path: Path, written: float) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("old")
    os.utime(path, (written, written))


@pytest.mark.parametrize("when", ["start", "rotation"])
def test_files_of_this_proxy_older_than_three_days_are_removed_and_no_others(
    when: str, logdir: Path, clock: Clock, console: io.StringIO
) -> None:
    three_days_ago = clock.now - 3 * DAY
    if when == "rotation":
        clock.now -= DAY
    with configure_logging(logdir=logdir, stream=console, clock=clock):
        for file in OLD + OTHERS:
            make(logdir / file, three_days_ago - 1)
        make(logdir / "2026-11-18_04-47-22_proxy.log", three_days_ago)
        (logdir / "2026-11-17_00-00-00_proxy.log").mkdir()
        os.utime(logdir / "2026-11-17_00-00-00_proxy.log", (0, 0))
        (logdir / "2026-11-16_00-00-00_proxy.log").symlink_to("notes.txt")
        os.utime(logdir / "2026-11-16_00-00-00_proxy.log", (0, 0), follow_symlinks=False)
        before = set(names(logdir))
        if when == "rotation":
            clock.now += DAY
            log.info("hello")
    if when == "start":
        with configure_logging(logdir=logdir, stream=console, clock=clock):
            pass
    assert before - set(names(logdir)) == set(OLD)


def test_the_current_file_is_not_removed_when_nothing_was_logged_for_days(
    logs: Logs, logdir: Path, clock: Clock
) -> None:
    first = name(clock)
    os.utime(logdir / first, (0, 0))
    clock.now += 5 * DAY
    log.info("hello")
    assert names(logdir) == [first, name(clock), "proxy.log"]


def test_a_file_in_the_place_of_the_link_is_left_alone_and_told_once(
    logdir: Path, clock: Clock, console: io.StringIO
) -> None:
    make(logdir / "proxy.log", clock.now)
    with configure_logging(logdir=logdir, stream=console, clock=clock, environ={}):
        assert console.getvalue().count("\n") == 1
        assert "proxy.log: it is no link, so it is left alone; move it away" in console.getvalue()
        clock.now += DAY
        log.info("hello")
        assert (logdir / "proxy.log").read_text() == "old"
        assert console.getvalue().count("it is no link") == 1
        (logdir / "proxy.log").unlink()
        clock.now += DAY
        log.info("hello")
        assert "proxy.log is the link to the log file again" in console.getvalue()
        assert str((logdir / "proxy.log").readlink()) == name(clock)


def test_a_link_to_nowhere_and_the_left_over_of_a_crash_are_replaced(
    logdir: Path, clock: Clock, console: io.StringIO
) -> None:
    logdir.mkdir()
    (logdir / "proxy.log").symlink_to("gone")
    (logdir / f".proxy.log.{os.getpid()}").symlink_to("gone")
    with configure_logging(logdir=logdir, stream=console, clock=clock):
        assert names(logdir) == [name(clock), "proxy.log"]
        assert str((logdir / "proxy.log").readlink()) == name(clock)


def test_the_log_directory_is_made_with_its_parents(tmp_path: Path, console: io.StringIO) -> None:
    with configure_logging(logdir=tmp_path / "a" / "b", stream=console):
        assert (tmp_path / "a" / "b" / "proxy.log").exists()


def test_a_relative_directory_stays_where_it_was_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock, console: io.StringIO
) -> None:
    monkeypatch.chdir(tmp_path)
    with configure_logging(logdir=Path("logs"), stream=console, clock=clock):
        monkeypatch.chdir("/")
        clock.now += DAY
        log.info("hello")
    assert (tmp_path / "logs" / name(clock)).exists()


def test_a_directory_that_cannot_be_written_to_names_the_option_and_the_remedy(
    tmp_path: Path, console: io.StringIO
) -> None:
    (tmp_path / "logs").write_text("in the way")
    with pytest.raises(ConfigError) as caught:
        configure_logging(logdir=tmp_path / "logs", stream=console, source="SMGWPROXY_LOGDIR")
    assert str(caught.value) == (
        f"SMGWPROXY_LOGDIR: cannot write log files in {str(tmp_path / 'logs')!r}: File exists; "
        "give a directory that this user may write to"
    )
    assert console.getvalue() == ""


def test_without_a_directory_there_is_the_console_only(console: io.StringIO) -> None:
    with configure_logging(logdir=None, stream=console, environ={}) as logs:
        assert logs.path is None
        log.info("hello")
    assert console.getvalue().endswith(" INFO hello\n")


def test_the_logger_is_given_back_as_it_was(logdir: Path, console: io.StringIO) -> None:
    logger = logging.getLogger("smgwproxy")
    before = (logger.level, logger.propagate, list(logger.handlers), list(logging.getLogger().handlers))
    logs = configure_logging(level="error", logdir=logdir, stream=console)
    assert logger.level == logging.ERROR
    assert logging.getLogger().handlers == before[3]
    assert (before[1], logger.propagate) == (True, False)
    logs.close()
    logs.close()
    assert (logger.level, logger.propagate, list(logger.handlers)) == before[:3]


def test_the_level_decides_what_is_logged(console: io.StringIO) -> None:
    with configure_logging(level="warning", logdir=None, stream=console):
        log.info("no")
        log.warning("yes")
    assert re.findall("yes|no", console.getvalue()) == ["yes"]


def test_level_and_files_change_without_a_line_lost_or_written_twice(tmp_path: Path, console: io.StringIO) -> None:
    with configure_logging(logdir=tmp_path / "a", stream=console) as logs:
        log.info("first")
        assert logs.open(tmp_path / "a", "proxy.log", "--logdir") is logs.file
        following = logs.open(tmp_path / "b", "x.log", "--logdir")
        log.info("second")
        logs.use("debug", following)
        log.debug("third")
    assert re.findall("first|second|third", (tmp_path / "a" / "proxy.log").read_text()) == ["first", "second"]
    assert re.findall("first|second|third", (tmp_path / "b" / "x.log").read_text()) == ["third"]
    assert re.findall("first|second|third", console.getvalue()) == ["first", "second", "third"]


# --- a full disk, and other trouble ---------------------------------------------------------------------


def test_a_full_disk_is_told_once_and_the_log_goes_on_when_there_is_room(
    logdir: Path, clock: Clock, console: io.StringIO
) -> None:
    logdir.mkdir()
    (logdir / name(clock)).symlink_to("/dev/full")  # answers each write with ENOSPC
    with configure_logging(logdir=logdir, stream=console, clock=clock, environ={}):
        for number in range(3):
            log.info("lost %d", number)
        told = [entry for entry in console.getvalue().splitlines() if " INFO lost" not in entry]
        assert len(told) == 1
        assert told[0].endswith(
            f" WARNING cannot write the log file {logdir / name(clock)}: No space left on device; "
            "the proxy goes on"
        )
        (logdir / name(clock)).unlink()
        log.info("kept 1")
        log.info("kept 2")
    kept = (logdir / name(clock)).read_text().splitlines()
    assert [entry.split(" ", 1)[1] for entry in kept] == [
        "WARNING records lost here because they could not be written: 3",
        "INFO kept 1",
        "INFO kept 2",
    ]
    assert console.getvalue().count("is written again; records lost: 3\n") == 1


CHILD = """
    import logging, resource, sys
    from pathlib import Path
    from smgwproxy.logs import configure_logging
    log = logging.getLogger("smgwproxy")
    logdir = Path(sys.argv[1])
"""


def child(script: str, *argv: object, prefix: tuple[str, ...] = (), shell_end: str = "") -> str:
    """Run ``script`` in a process of its own, and return what it wrote to stderr."""
    command = [*prefix, sys.executable, "-W", "error", "-c", textwrap.dedent(CHILD + script), *map(str, argv)]
    if shell_end:
        command = ["/bin/sh", "-c", f'"$@" {shell_end}', "sh", *command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_file_that_cannot_grow_is_told_once_and_its_torn_line_is_ended_when_it_can(logdir: Path) -> None:
    told = child(
        """
    with configure_logging(logdir=logdir):
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
        for number in range(30):
            log.info("%s", f"{number:02}" * 30)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        log.info("again")
        """,
        logdir,
    )
    assert told.count("File too large") == 1
    assert told.count("is written again; records lost: ") == 1
    assert "Traceback" not in told
    written = (logdir / "proxy.log").read_text().splitlines()
    whole = [entry for entry in written if re.fullmatch(r"\S+ INFO (\d\d)\1{29}", entry)]
    lost = re.fullmatch(r"\S+ WARNING records lost here because they could not be written: (\d+)", written[-2])
    assert lost is not None
    assert len(whole) + int(lost[1]) == 30
    assert written[-1].endswith(" INFO again")
    assert len(written) == len(whole) + 3  # a torn line on its own
    assert sum(map(len, written[:-2])) > 900


def own_mounts() -> tuple[str, ...]:
    """Return the words that give a command mounts of its own, or skip where the system does not allow it."""
    prefix = ("unshare", "--user", "--map-root-user", "--mount")
    try:
        probe = subprocess.run([*prefix, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no unshare here")
    if probe.returncode:
        pytest.skip("mounts are not allowed here")
    return prefix


def test_a_proxy_starts_on_a_full_disk_and_logs_when_there_is_room(logdir: Path) -> None:
    logdir.mkdir()
    told = child(
        """
    import os
    os.system(f"mount -t tmpfs -o nr_inodes=3 none {logdir}")
    others = [logdir / "the last inode", logdir / "the last but one"]
    for other in others:
        other.touch()
    with configure_logging(logdir=logdir):
        log.info("lost")
        for other in others:
            other.unlink()
        log.info("kept")
        assert "kept" in (logdir / "proxy.log").read_text()
        """,
        logdir,
        prefix=own_mounts(),
    )
    lines = [entry.split(" ", 1)[1] for entry in told.splitlines()]
    assert [entry.partition(str(logdir))[0] for entry in lines] == [
        "WARNING cannot write the log file ",
        "WARNING cannot link ",
        "INFO lost",
        "INFO kept",
        "INFO the log file ",
        "INFO ",
    ]


def test_an_old_file_that_cannot_be_removed_is_told_once_and_the_log_goes_on(
    clock: Clock, console: io.StringIO
) -> None:
    if os.geteuid():
        pytest.skip("only root can become another user, whose files a sticky directory keeps")
    with tempfile.TemporaryDirectory() as directory:  # tmp_path lies behind a door that is closed to others
        logdir = Path(directory)
        logdir.chmod(0o1777)
        make(logdir / OLD[0], 0)
        os.seteuid(65534)
        try:
            with configure_logging(logdir=logdir, stream=console, clock=clock, environ={}):
                clock.now += DAY
                log.info("hello")
                assert console.getvalue().count("cannot remove old log files in") == 1
                assert "hello" in (logdir / name(clock)).read_text()
                os.seteuid(0)
                (logdir / OLD[0]).unlink()
                clock.now += DAY
                log.info("hello")
                assert "are removed again" in console.getvalue()
        finally:
            os.seteuid(0)


def test_a_file_that_cannot_be_begun_leaves_the_old_one_in_use_until_it_can(
    logs: Logs, logdir: Path, tmp_path: Path, clock: Clock, console: io.StringIO
) -> None:
    first = name(clock)
    moved = tmp_path / "moved"
    logdir.rename(moved)
    logdir.write_text("in the way")  # bars root too, as chmod does not
    clock.now += DAY
    log.info("second")
    log.info("third")
    assert [entry.split()[-1] for entry in (moved / first).read_text().splitlines()] == ["second", "third"]
    assert console.getvalue().count("cannot begin the log file") == 1
    assert f"{name(clock)}: File exists; the proxy goes on\n" in console.getvalue()
    logdir.unlink()
    log.info("fourth")
    assert console.getvalue().count("a new log file is begun again") == 1
    assert (logdir / "proxy.log").read_text().endswith(" INFO fourth\n")
    assert logs.path == logdir / name(clock)


def test_a_torn_file_that_cannot_be_mended_is_trouble_like_any_other(
    logdir: Path, clock: Clock, console: io.StringIO
) -> None:
    logdir.mkdir()
    with configure_logging(logdir=logdir, stream=console, clock=clock, environ={}):
        clock.now += DAY
        os.mkfifo(logdir / "fifo")
        reader = os.open(logdir / "fifo", os.O_RDONLY | os.O_NONBLOCK)
        (logdir / name(clock)).symlink_to("fifo")  # can be opened, but has no end to look at
        log.info("hello")
        os.close(reader)
    assert console.getvalue().count("cannot begin the log file") == 1


def test_a_wrong_logging_call_is_told_and_stops_nothing(
    logs: Logs, logdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = logging.LogRecord("smgwproxy", logging.INFO, "", 0, "%d", ("no number",), None)
    for handler in logging.getLogger("smgwproxy").handlers:
        if type(handler).__module__ == "smgwproxy.logs":  # pytest adds one that raises
            handler.handle(wrong)
    log.info("hello")
    assert capsys.readouterr().err.count("TypeError: %d format") == 2  # console and file
    assert (logdir / "proxy.log").read_text().endswith(" INFO hello\n")


def test_a_new_file_ends_the_trouble_of_the_old_one(logdir: Path, clock: Clock, console: io.StringIO) -> None:
    logdir.mkdir()
    (logdir / name(clock)).symlink_to("/dev/full")
    with configure_logging(logdir=logdir, stream=console, clock=clock, environ={}):
        log.info("lost")
        clock.now += DAY
        log.info("kept")
    assert [entry.split(" ", 1)[1] for entry in (logdir / name(clock)).read_text().splitlines()] == [
        "WARNING records lost here because they could not be written: 1",
        "INFO kept",
    ]


def test_a_console_whose_reader_is_gone_is_nobodys_trouble(
    logdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w", buffering=1) as console, configure_logging(logdir=logdir, stream=console):  # noqa: PTH123 - a descriptor
        log.info("hello")
        os.dup2(os.open(os.devnull, os.O_WRONLY), writer)  # or the test's own close() fails
    assert (logdir / "proxy.log").read_text().endswith(" INFO hello\n")
    assert capsys.readouterr().err == ""


def test_a_closed_stderr_does_not_stop_the_file(logdir: Path) -> None:
    script = """
    with configure_logging(logdir=logdir):
        log.info("hello")
        """
    child(script, logdir, shell_end="2>&-")
    assert (logdir / "proxy.log").read_text().endswith(" INFO hello\n")


# --- lines ----------------------------------------------------------------------------------------------


def test_a_line_begins_with_local_time_its_offset_and_the_level() -> None:
    record = logging.LogRecord("smgwproxy", logging.WARNING, "", 0, "hello %s", ("you",), None)
    record.created = 1_795_232_842.1236
    stamp, rest = LineFormatter().format(record).split(" ", 1)
    assert rest == "WARNING hello you"
    assert re.fullmatch(r"2026-11-2[01]T\d\d:\d\d:22\.12[34][+-]\d\d:\d\d", stamp)
    assert datetime.fromisoformat(stamp).timestamp() == pytest.approx(record.created, abs=0.001)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, with ümlaut and €", "plain, with ümlaut and €"),
        ("a\nINFO forged", r"a\nINFO forged"),
        ("a\r\tb\0", r"a\r\tb\x00"),
        ("\x1b[31m\x7f\x9b", r"\x1b[31m\x7f\x9b"),
        ("\u2028\u202e\xa0\U000e0001", r"\u2028\u202e\xa0\U000e0001"),
        ("\udcff\ud800", r"\udcff\ud800"),
        (r"a\nb", r"a\\nb"),
    ],
)
def test_what_is_not_printable_is_escaped_wherever_it_comes_from(text: str, shown: str) -> None:
    assert escape(text) == shown
    assert line(text) == f"INFO {shown}"
    assert line("%s", text) == f"INFO {shown}"
    assert line("x", details=(text,)) == f"INFO x\n    | {shown}"
    assert line(Exception(text)) == f"INFO {shown}"


def test_escaping_is_reversible_so_no_two_texts_look_alike() -> None:
    for text in ("\n", r"\n", "\\\n", r"\\n", "\udcff", "\xff", "\\udcff"):
        assert json.loads(f'"{escape(text)}"'.replace("\\x", "\\u00")) == text


def test_text_that_is_escaped_already_is_not_escaped_twice_but_trusted_no_further() -> None:
    assert line(Escaped(r"a\nb")) == r"INFO a\nb"
    assert line(Escaped("a\\n\nb")) == r"INFO a\n\nb"
    assert line("x", details=(escape("\n"),)) == "INFO x\n    | \\n"
    assert line(Escaped("%s"), "a\\") == "INFO a\\\\"


def test_a_traceback_stays_readable_and_no_line_of_it_looks_like_a_record() -> None:
    forged = "2026-11-21T04:47:22.123+01:00 INFO forged"
    try:
        Path(f"/dev/null/one\n{forged}\r\x1b[0m").mkdir()
    except OSError as error:
        error.add_note(f"one\n{forged}\r\x1b[0m")
        text = line("trouble", exc_info=sys.exc_info(), stack_info="Stack:\n  here")
    first, *following = text.split("\n")
    assert first == "INFO trouble"
    assert all(entry.startswith("    | ") for entry in following)
    assert "    |   File " in text
    assert rf"    | {forged}\r\x1b[0m" in following
    assert following[-2:] == ["    | Stack:", "    |   here"]


# These two set the logging up within the test, so that pytest does not get lines that its report cannot hold.


def test_surrogates_do_not_break_the_file(logdir: Path, console: io.StringIO) -> None:
    with configure_logging(logdir=logdir, stream=console, environ={}):
        log.info("a %s b", "\udcff")
    assert (logdir / "proxy.log").read_text().endswith(" INFO a \\udcff b\n")


def test_surrogates_do_not_break_the_file_whatever_formatter_a_host_program_sets(
    logdir: Path, console: io.StringIO
) -> None:
    with configure_logging(logdir=logdir, stream=console, environ={}):
        for handler in logging.getLogger("smgwproxy").handlers:
            handler.setFormatter(logging.Formatter())
        log.info("a %s b", "\udcff")
    assert (logdir / "proxy.log").read_text() == "a \\udcff b\n"


def test_lines_to_the_journal_have_no_time_of_their_own(tmp_path: Path) -> None:
    with (tmp_path / "journal").open("w+") as stream:
        status = os.fstat(stream.fileno())
        environ = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        with configure_logging(logdir=None, stream=stream, environ=environ):
            log.info("hello")
        assert (tmp_path / "journal").read_text() == "INFO hello\n"
        assert not is_journal(stream, {"JOURNAL_STREAM": "1:1"})
        assert not is_journal(stream, {})
    assert not is_journal(stream, environ)  # closed
    assert not is_journal(io.StringIO(), environ)


# --- requests -------------------------------------------------------------------------------------------


def request(**changes: object) -> str:
    parts: dict[str, object] = {
        "client": "192.168.0.11",
        "method": "GET",
        "target": "/smgw/m2m",
        "version": "HTTP/1.1",
        "status": 200,
        "sent": 1532,
        "seconds": 0.1234,
        "connection": "reused",
    }
    return request_line(**(parts | changes))  # type: ignore[arg-type] # the parts are those of the signature


def test_a_long_target_is_cut() -> None:
    assert f'"GET /{"a" * 1999} HTTP/1.1"' in request(target="/" + "a" * 1999)
    assert f'"GET /{"a" * 1999}...+14001 HTTP/1.1"' in request(target="/" + "a" * 16_000)


def test_a_request_is_one_line() -> None:
    text = '192.168.0.11 "GET /smgw/m2m HTTP/1.1" 200 1532 bytes 0.123 s connection=reused'
    assert request() == text
    assert line(request()) == f"INFO {text}"
    assert ' HTTP/1.1" - 0 bytes 0.123 s connection=none' in request(status=None, sent=0, connection="none")


def test_no_target_can_forge_a_request_or_its_status() -> None:
    every_byte = bytes(range(256)).decode("latin-1")
    text = request(target=f'/" 500 {every_byte}', method='G"', client='a" "\n')
    assert text.isprintable()
    assert text.isascii()
    quoted = re.findall(r'(?<!\\)"', text.replace("\\\\", ""))
    assert len(quoted) == 2
    assert text.count(" ") == request().count(" ") + 1  # the one in the client's name
    assert line(text) == f"INFO {text}"
    assert r"/\"\x20500\x20\x00" in text
    assert r"[\\]" in text
    assert r"\xfc\xfd\xfe\xff HTTP/1.1" in text
    assert r"\u20ac" in request(target="€")


@pytest.mark.parametrize(
    "header",
    [
        "Authorization",
        "AUTHORIZATION",
        "authorization ",
        "\tAuthorization",
        "Authorization\x00",
        "Proxy-Authorization",
        "Proxy_Authorization",
        "Cookie",
        "cookie",
        "Set-Cookie",
        "SET-COOKIE\x0b",
    ],
)
def test_values_that_let_their_reader_in_are_shown_by_their_length_only(header: str) -> None:
    (shown,) = describe_headers([(header, "Digest geheim, session=geheim;secure")])
    assert shown == f"{escape(header)}: …(36 bytes)"


def test_other_headers_are_shown_as_they_came_one_line_each() -> None:
    shown = describe_headers([("Host", "10.11.120.2"), ("X-A", "a\r\nCookie: b"), ("HOST", "ü\\")])
    assert shown == ("Host: 10.11.120.2", r"X-A: a\r\nCookie: b", "HOST: ü\\\\")
    text = line("request", **details(shown[:1], shown[1:2]))
    assert text == "INFO request\n    | Host: 10.11.120.2\n    | X-A: a\\r\\nCookie: b"


@pytest.mark.parametrize(
    ("content_type", "body", "shown"),
    [
        ("text/html; charset=utf-8", "<p>\r\nüber\n".encode(), ("<p>", "über")),
        ("Text/Plain", b"a\xff\x1b", (r"a\udcff\x1b",)),
        ("application/json", b'{"method": "smgw-info"}', ('{"method": "smgw-info"}',)),
        ("application/problem+json", b"[1]", ("[1]",)),
        ("application/soap+xml", b"<a/>", ("<a/>",)),
        ("application/xml", b"<a/>", ("<a/>",)),
        ("application/octet-stream", b"abc", ("(3 bytes of application/octet-stream)",)),
        ("image/png\n", b"abc", (r"(3 bytes of image/png\n)",)),
        ("multipart/form-data; boundary=a", b"abc", ("(3 bytes of multipart/form-data; boundary=a)",)),
        (None, b"abc", ("(3 bytes of no type)",)),
        ("text/plain; charset=UTF-16", b"p\0", ("(2 bytes of text/plain; charset=UTF-16)",)),
        ("application/json", b"{\0}\0", ("(4 bytes of application/json)",)),
    ],
)
def test_the_start_of_a_text_body_is_shown_and_only_the_size_of_others(
    content_type: str | None, body: bytes, shown: tuple[str, ...]
) -> None:
    assert describe_body_start(content_type, body) == shown


def test_a_compressed_text_is_no_text() -> None:
    shown = describe_body_start("text/plain", b"abc", encoding="gzip")
    assert shown == ("(3 bytes of text/plain)",)
    assert describe_body_start("text/plain", b"abc", encoding=" Identity ") == ("abc",)


def test_no_more_than_the_limit_is_shown_and_no_half_character() -> None:
    body = "aü".encode() + b"b" * 5000
    assert describe_body_start("text/plain", body, limit=2) == ("a", "(5003 bytes in all)")
    assert describe_body_start("text/plain", body[:3], total=3) == ("aü",)
    assert describe_body_start("text/plain", body[:2], total=9) == ("a", "(9 bytes in all)")
    assert describe_body_start("text/plain", body[:2]) == ("a\\udcc3",)
    assert len(describe_body_start("text/plain", body)[0]) == 1023


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("content_type", "body", "shown"),
    [
        (FORM, "action=login&password=geheim&x=1", "action=login&password=…&x=1"),
        (FORM, "user%50assword=geheim&Pwd=geheim", "user%50assword=…&Pwd=…"),
        (FORM, "%70%69%6E=geheim&passwd=&secret=geheim=", "%70%69%6E=…&passwd=…&secret=…"),
        (FORM, "a=1;passwort=gehe;im&b=2;c=3", "a=1;passwort=…&b=2;c=3"),
        (FORM, "password&pin", "password&pin"),
        (FORM, '{"pin": "geheim"}', '{"pin": …}'),
        ("text/plain", "kennwort=geheim\nb=2", "kennwort=…\nb=2"),
        ("application/json", "password=geheim", "password=…"),
        (
            "application/json",
            '{"user": "a", "password": "gehe\\"im", "b": 1}',
            '{"user": "a", "password": …, "b": 1}',
        ),
        ("application/json", '{"p\\u0069n":1234,"b":["pin"]}', '{"p\\\\u0069n":…,"b":["pin"]}'),
        ("application/json", '{"PIN" :\n 1234}', '{"PIN" :\n …}'),
        ("application/json", '{"userSecret": {"value": "geheim"}, "a": 1}', '{"userSecret": …'),
        ("application/json", '{"a": {"pwd": ["geheim", "geheim"]}}', '{"a": {"pwd": …'),
        ("application/json", '{"password": "geheim', '{"password": …'),
        ("application/json", '{"password": "geheim\\', '{"password": …'),
        ("application/json", '{"a": "password", "b": ": geheimnis"}', '{"a": "password", "b": ": geheimnis"}'),
        ("application/json", '"\\x_pin": "geheim"', '"\\\\x_pin": …'),
        ("text/plain", '{"password": "geheim"}', '{"password": …}'),
    ],
)
def test_values_of_fields_that_look_like_passwords_are_masked(content_type: str, body: str, shown: str) -> None:
    assert "\n".join(describe_body_start(content_type, body.encode())) == shown


@pytest.mark.parametrize("limit", range(60))
def test_a_mask_holds_wherever_the_limit_cuts(limit: int) -> None:
    for content_type, body in (
        (FORM, b"action=login&password=geheim&x=1"),
        ("application/json", b'{"action": "login", "password": "geheim", "x": 1}'),
    ):
        shown = "".join(describe_body_start(content_type, body, limit=limit))
        assert "g" not in shown.replace("login", "").replace("log", "")
