"""Log files and lines: where the proxy's log goes, how a line looks, and what never appears in one.

The handlers sit at the logger ``smgwproxy``, never at the root. A line is one record: control characters in
it are escaped, so nothing that a request carries can look like a line of its own. What takes more than one
line (a traceback, headers, the start of a body) follows with ``    | `` before each.

The functions that build lines are pure. The handlers use the locks of `logging`, so records may come from any
thread or greenlet; a write is short and is not handed to another thread.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import itertools
import json
import logging
import logging.handlers
import os
import re
import stat
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from io import TextIOWrapper
from pathlib import Path
from typing import Literal, TextIO
from urllib.parse import unquote_plus

from smgwproxy.batching import Batches
from smgwproxy.errors import ConfigError
from smgwproxy.phrases import phrase
from smgwproxy.system import reason

ROTATE_AFTER = 24 * 60 * 60
"""How long one file is written to, in seconds."""

KEEP_FOR = 3 * 24 * 60 * 60
"""How long a file is kept after it was last written to, in seconds."""

# What a device that is full or a quota that is used up answers; anything else at start is a wrong --logdir.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


# --- texts ----------------------------------------------------------------------------------------------


class Escaped(str):
    """Text whose backslashes are escapes already, so that a formatter must not double them."""

    __slots__ = ()


def escape(text: str) -> Escaped:
    r"""Escape backslashes and whatever `str.isprintable` does not call printable, as in a Python literal.

    Reversible, so no two texts become one: ``\n``, ``\x1b``, ``\u202e``, ``\udcff`` (a byte that is no
    UTF-8), ``\\``.
    """
    return Escaped(text if _harmless(text) else "".join(map(_escaped, text)))


def _harmless(text: str) -> bool:
    return text.isprintable() and "\\" not in text


def _escaped(character: str) -> str:
    return character if _harmless(character) else character.encode("unicode_escape").decode("ascii")


def _clean(text: str) -> str:
    """Make ``text`` fit for a line: escape it, of an `Escaped` only what is still unprintable."""
    if isinstance(text, Escaped):
        return text if text.isprintable() else "".join(c if c.isprintable() else _escaped(c) for c in text)
    return escape(text)


def _quotable(text: str) -> str:
    r"""Escape for a quoted field: quotes too, and all that is not ASCII, for these are bytes and no letters.

    A latin-1 character is its byte here: ``ü`` becomes ``\xfc``.
    """
    if text.isascii() and '"' not in text and _harmless(text):
        return text
    return "".join(f"\\{c}" if c == '"' else _escaped(c) if c.isascii() else ascii(c)[1:-1] for c in text)


_LONGEST_TARGET = 2000  # characters


def request_line(
    *,
    client: str,
    method: str,
    target: str,
    version: str,
    status: int | None,
    sent: int,
    seconds: float,
    connection: Literal["new", "reused", "none"],
) -> Escaped:
    r"""Build the one line of a request.

    ``target`` is the raw request target, its bytes decoded as latin-1; a long one is cut. ``version`` is
    ``HTTP/1.1`` or the like; ``status`` is None when nobody was left to be answered; ``sent`` is the size of the
    answer's body as sent to the client; ``connection`` tells about the connection to the gateway. Quotes,
    backslashes and bytes beyond printable ASCII are escaped, so the three parts within the quotes are told apart
    by blanks.
    """
    if len(target) > _LONGEST_TARGET:  # or clients could fill the disk
        target = f"{target[:_LONGEST_TARGET]}...+{len(target) - _LONGEST_TARGET}"
    parts = (method, target, version)
    quoted = " ".join(parts)
    if quoted.count(" ") > 2 or _quotable(quoted) is not quoted:
        quoted = " ".join(_quotable(part).replace(" ", "\\x20") for part in parts)
    return Escaped(
        f'{_quotable(client)} "{quoted}" {"-" if status is None else status} '
        f"{sent} bytes {seconds:.3f} s connection={connection}"
    )


# --- details at debug level -----------------------------------------------------------------------------

_SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "cookie", "cookie2", "set-cookie", "set-cookie2"}
)
_SECRET_FIELD = re.compile(r"pass|kennwort|pwd|pin|secret")
_TEXT_TYPE = re.compile(r"text/.+|application/(json|xml|x-www-form-urlencoded|.+\+(json|xml))")
_MASK = "…"

# One string of a JSON text and, when it is a key, its value: a string, the start of an object or array, or
# a bare word. Either may be cut off by the end of the text.
_JSON_STRING = re.compile(
    r'"(?P<key>(?:[^"\\]|\\.)*)"(?:\s*:\s*(?P<value>"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[\[{]|[^\s,}\]"\[{]+))?',
    re.DOTALL,
)


def details(*blocks: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Make the ``extra`` of a logging call that lets lines follow the record: ``debug("…", extra=details(…))``."""
    return {"details": tuple(line for block in blocks for line in block)}


def describe_headers(lines: Iterable[tuple[str, str]]) -> tuple[Escaped, ...]:
    """Show header lines, (name, value) each, without the values that let their reader in.

    Values of Authorization, Proxy-Authorization, Cookie and Set-Cookie are replaced by their length, whatever
    the case of the name and whatever blanks or control characters stand around it.
    """
    return tuple(Escaped(f"{escape(name)}: {_shown_value(name, value)}") for name, value in lines)


def _shown_value(name: str, value: str) -> str:
    # only letters, digits and dashes count: a gateway or client that reads laxly must not find more than we
    bare = re.sub(r"[^a-z0-9-]", "", name.lower().replace("_", "-"))
    return f"{_MASK}({len(value)} bytes)" if bare in _SECRET_HEADERS else escape(value)


def describe_body_start(
    content_type: str | None,
    data: bytes,
    *,
    limit: int = 1024,
    total: int | None = None,
    encoding: str | None = None,
) -> tuple[Escaped, ...]:
    """Show the first ``limit`` bytes of a text body, of any other body its size and type only.

    ``data`` is the body or its start, ``total`` its size in bytes when that is known and not ``len(data)``,
    ``encoding`` its Content-Encoding. The values of form and JSON fields whose name looks like a password
    (password, passwort, pwd, pin, secret, …) are masked; rather one field too many than one too few.
    """
    size = len(data) if total is None else total
    media_type, _, parameters = (content_type or "").lower().partition(";")
    media_type = media_type.strip()
    if not _is_text(media_type, parameters, data) or (encoding or "identity").strip().lower() != "identity":
        return (Escaped(f"({size} bytes of {escape(content_type or 'no type')})"),)
    # the incremental decoder holds back a character that the limit cuts in two
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    start = data[:limit]
    text = _mask(decoder.decode(start, final=size <= len(start)), media_type)
    shown = tuple(escape(line.removesuffix("\r")) for line in text.removesuffix("\n").split("\n"))
    return (*shown, Escaped(f"({size} bytes in all)")) if size > len(start) else shown


def _is_text(media_type: str, parameters: str, data: bytes) -> bool:
    # letters of UTF-16 and the like are no bytes that the masks below could find
    wide = "utf-16" in parameters or "utf-32" in parameters or b"\0" in data
    return bool(_TEXT_TYPE.fullmatch(media_type)) and not wide


def _mask(text: str, media_type: str) -> str:
    # what the body looks like counts too: a type may be wrong, or say nothing (text/plain)
    is_json = text.lstrip("\ufeff \t\r\n").startswith(("{", "["))
    if not is_json:
        text = _mask_form(text)
    return _mask_json(text) if is_json or media_type.endswith("json") else text


def _is_secret(name: str) -> bool:
    return _SECRET_FIELD.search(name.lower()) is not None


def _mask_form(text: str) -> str:
    return "".join(map(_mask_field, re.split(r"([&\r\n])", text)))


def _mask_field(field: str) -> str:
    # A semicolon may part two fields (HTML 4) or be part of a value: look for names behind each of them, and
    # show nothing behind the first secret one.
    position = 0
    for part in field.split(";"):
        name, equals, _ = part.partition("=")
        if equals and _is_secret(unquote_plus(name)):
            return f"{field[: position + len(name)]}={_MASK}"
        position += len(part) + 1
    return field


def _mask_json(text: str) -> str:
    # by a pattern and not by a parser: the text may be cut off anywhere, and may be no JSON at all
    shown, position = [], 0
    for match in _JSON_STRING.finditer(text):
        value = match["value"]
        if value is None or not _is_secret(_json_name(match["key"])):
            continue
        shown += [text[position : match.start("value")], _MASK]
        if value in {"{", "["}:  # where it ends takes a parser: show nothing more
            return "".join(shown)
        position = match.end()
    return "".join(shown) + text[position:]


def _json_name(raw: str) -> str:
    try:
        return str(json.loads(f'"{raw}"', strict=False))
    except ValueError:
        return raw


# --- lines ----------------------------------------------------------------------------------------------


_OF_GATEWAY = ".gateway."
_WITHOUT_OFFSET = len("2026-11-22T12:34:56")
_TEXT = "smgwproxy_text"  # the attribute of a record


def logger_of(gateway: str, logger: logging.Logger) -> logging.Logger:
    """Return the logger for what concerns one gateway of several: `LineFormatter` puts its name before it."""
    return logger.getChild(f"{_OF_GATEWAY[1:]}{gateway}")


class LineFormatter(logging.Formatter):
    """One line a record: time (unless not ``stamped``), level, message; what follows is set off by ``    | ``.

    Before the message stands the ``[name]`` of the gateway that it concerns where there are several: see
    `logger_of`. The time is local with its offset from UTC, in milliseconds (RFC 3339).
    """

    def __init__(self, *, stamped: bool = True) -> None:
        super().__init__()
        self._stamped = stamped
        self._second, self._stamp = -1, ("", "")  # the time in seconds and the offset, for all lines of one second

    def format(self, record: logging.LogRecord) -> str:
        """Make the text of ``record``, without the newline at the end."""
        text = record.__dict__.get(_TEXT) or self._text(record)
        return f"{self._time(record.created)} {text}" if self._stamped else text

    def _text(self, record: logging.LogRecord) -> str:
        """Make the text without the time, and keep it for the next handler, as logging does with tracebacks."""
        message = record.msg if isinstance(record.msg, Escaped) and not record.args else record.getMessage()
        _, _, gateway = record.name.partition(_OF_GATEWAY)
        text = f"{record.levelname} {f'[{gateway}] ' if gateway else ''}{_clean(message)}"
        text = "\n    | ".join((text, *map(_clean, self._following(record))))
        record.__dict__[_TEXT] = text
        return text

    def _time(self, seconds: float) -> str:
        second = int(seconds)
        if second != self._second:
            when = datetime.fromtimestamp(second).astimezone().isoformat(timespec="seconds")
            self._second, self._stamp = second, (when[:_WITHOUT_OFFSET], when[_WITHOUT_OFFSET:])
        date, offset = self._stamp
        return f"{date}.{int((seconds - second) * 1000):03}{offset}"

    def _following(self, record: logging.LogRecord) -> Sequence[str]:
        lines: Sequence[str] = getattr(record, "details", ())
        if record.exc_info:
            lines = (*lines, *self.formatException(record.exc_info).split("\n"))
        if record.stack_info:
            lines = (*lines, *record.stack_info.split("\n"))
        return lines


def is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Tell whether ``stream`` goes to the systemd journal, which stamps lines itself (systemd.exec(5))."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):  # no file (io.UnsupportedOperation is both), or closed
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


class _Console(logging.StreamHandler[TextIO]):
    """A console whose end does not matter: nobody is left to be told."""

    def write(self, records: Sequence[logging.LogRecord]) -> None:
        """Write ``records`` at once."""
        with _writing(self, records):
            self.stream.write("".join(_lines(self, records)))
            self.flush()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is logging's
        if not isinstance(sys.exception(), OSError):
            super().handleError(record)


class _Nowhere(logging.NullHandler):
    """The console of a program that has none."""

    def write(self, records: Sequence[logging.LogRecord]) -> None:
        """Do nothing."""


@contextlib.contextmanager
def _writing(handler: logging.Handler, records: Sequence[logging.LogRecord]) -> Iterator[None]:
    """Do as `logging.Handler.handle` and ``emit`` do around the writing of a record."""
    handler.acquire()
    try:
        yield
    except Exception:  # noqa: BLE001  # a log is no reason for a request to fail
        handler.handleError(records[-1])
    finally:
        handler.release()


def _lines(handler: logging.Handler, records: Sequence[logging.LogRecord]) -> Sequence[str]:
    """Make the lines of ``records``; one of which none can be made costs the others nothing."""
    lines = []
    for record in records:
        try:
            lines.append(f"{handler.format(record)}\n")
        except Exception:  # noqa: BLE001  # as logging does it
            handler.handleError(record)
    return lines


# --- files ----------------------------------------------------------------------------------------------


class LogFileHandler(logging.handlers.TimedRotatingFileHandler):
    """Writes ``YYYY-MM-DD_HH-MM-SS_NAME`` files in ``logdir``, named by the local time when each was begun.

    A new one is begun at each start and when the current one is a day old; ``NAME`` is a relative link to it.
    Files of exactly this pattern are removed three days after they were last written to, and no others.

    Once made, it raises no `OSError`: what fails is told to ``report`` (severity, text) once, in one line,
    and so is when it works again. A file that cannot be written or begun is tried with each record, the link
    whenever a file is begun or written again. ``clock`` gives the seconds since the epoch.
    Raises `OSError` when the first file cannot be begun, unless the disk is full.
    """

    def __init__(
        self,
        logdir: Path,
        logfile: str,
        report: Callable[[int, str], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._logdir = logdir.absolute()  # of this moment, whatever becomes of the working directory
        self._logfile = logfile
        self._report = report
        self._clock = clock
        self._pattern = re.compile(r"[0-9]{4}(-[0-9]{2}){2}_[0-9]{2}(-[0-9]{2}){2}_" + re.escape(logfile))
        self._begun = clock()
        self._lost = 0  # records not written since the last one that was
        self._at_once = 1  # records that are being written
        self._troubles: set[str] = set()  # what was reported and does not work yet
        super().__init__(
            self._path(self._begun),
            when="S",
            interval=ROTATE_AFTER,
            encoding="utf-8",
            errors="backslashreplace",
            delay=True,
        )
        self.setFormatter(LineFormatter())
        self._sweep()
        try:
            self.stream = self._open()
        except OSError as error:
            if error.errno not in _FULL:
                self.close()
                raise
            self._fail("write", f"cannot write the log file {self.path}: {reason(error)}")
        self._relink()

    @property
    def path(self) -> Path:
        """The current file."""
        return Path(self.baseFilename)

    def is_at(self, logdir: Path, logfile: str) -> bool:
        """Tell whether it writes the files ``logfile`` in ``logdir``."""
        return (logdir.absolute(), logfile) == (self._logdir, self._logfile)

    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: ARG002, N802 - so logging calls it
        """Tell whether the current file is a day old, either way: a clock set back must not stop rotation."""
        return abs(self._clock() - self._begun) >= self.interval

    def write(self, records: Sequence[logging.LogRecord]) -> None:
        """Write ``records`` at once."""
        with _writing(self, records):
            lines = _lines(self, records)
            self._at_once = len(lines)
            if self.shouldRollover(records[-1]):
                self.doRollover()
            if self.stream is None:
                self.stream = self._open()
            self._write_all(self.stream, lines)
            self.flush()

    def _write_all(self, stream: TextIO, lines: Sequence[str]) -> None:
        before = os.fstat(stream.fileno()).st_size
        try:
            stream.write("".join(lines))
            stream.flush()
        except OSError:
            _discard(stream)  # which may write some more
            self.stream = None
            self._at_once -= _whole(lines, self.path.stat().st_size - before)
            raise

    def doRollover(self) -> None:  # noqa: N802 - the name is logging's
        """Begin a new file; when that fails keep the old one and try again with the next record."""
        self._sweep()  # first, for it may make the room that a new file needs
        old_path, old_stream = self.baseFilename, self.stream
        begun = self._clock()
        self.baseFilename = str(self._path(begun))
        try:
            stream = self._open()
        except OSError as error:
            self._fail("rotate", f"cannot begin the log file {self.path}: {reason(error)}")
            self.baseFilename = old_path
            return
        self._succeed("rotate", f"a new log file is begun again: {self.path}")
        self.stream, self._begun = stream, begun
        _discard(old_stream)
        self._relink()

    def flush(self) -> None:
        """Hand what was written to the system; when that works again after a failure, say so."""
        super().flush()
        if "write" in self._troubles and self.stream:
            self._succeed("write", f"the log file {self.path} is written again; records lost: {self._lost}")
            self._lost = 0
            self._relink()  # the same trouble may have kept it from its place

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is logging's
        """Give the file up until the next record if it was the file that failed."""
        error = sys.exception()
        if not isinstance(error, OSError):
            super().handleError(record)
            return
        self._lost += self._at_once
        # with the stream goes what it holds back, or it would be written twice, or fail again in close()
        stream, self.stream = self.stream, None
        _discard(stream)
        self._fail("write", f"cannot write the log file {self.path}: {reason(error)}")

    def _path(self, begun: float) -> Path:
        stamp = datetime.fromtimestamp(begun).astimezone().strftime("%Y-%m-%d_%H-%M-%S")
        return self._logdir / f"{stamp}_{self._logfile}"

    def _open(self) -> TextIOWrapper:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        stream = super()._open()
        try:
            if _is_torn(self.path):
                stream.write("\n")
        except OSError:
            _discard(stream)
            raise
        if self._lost:
            text = f"records lost here because they could not be written: {self._lost}"
            record = logging.LogRecord("smgwproxy", logging.WARNING, "", 0, text, (), None)
            stream.write(f"{self.format(record)}\n")
        return stream

    def _relink(self) -> None:
        """Let the link name the current file, with no moment at which there is none."""
        link = self._logdir / self._logfile
        try:
            if os.path.lexists(link) and not link.is_symlink():
                raise FileExistsError(errno.EEXIST, "it is no link, so it is left alone; move it away")
            temporary = link.with_name(f".{self._logfile}.{os.getpid()}")
            temporary.unlink(missing_ok=True)  # of a process with our number that crashed
            temporary.symlink_to(self.path.name)
            temporary.replace(link)
        except OSError as error:
            self._fail("link", f"cannot link {link}: {reason(error)}")
        else:
            self._succeed("link", f"{link} is the link to the log file again")

    def _sweep(self) -> None:
        """Remove what is too old."""
        if not self._logdir.is_dir():
            return
        oldest = self._clock() - KEEP_FOR
        try:
            for path in self._logdir.iterdir():
                if self._pattern.fullmatch(path.name) and path != self.path:
                    _remove_if_older(path, oldest)
        except OSError as error:
            self._fail("sweep", f"cannot remove old log files in {self._logdir}: {reason(error)}")
        else:
            self._succeed("sweep", f"old log files in {self._logdir} are removed again")

    def _fail(self, what: str, text: str) -> None:
        if what not in self._troubles:
            self._troubles.add(what)
            self._report(logging.WARNING, f"{text}; the proxy goes on")

    def _succeed(self, what: str, text: str) -> None:
        if what in self._troubles:
            self._troubles.remove(what)
            self._report(logging.INFO, text)


def _remove_if_older(path: Path, oldest: float) -> None:
    status = path.lstat()
    if stat.S_ISREG(status.st_mode) and status.st_mtime < oldest:
        path.unlink(missing_ok=True)  # another proxy may share the directory


def _discard(stream: TextIO | None) -> None:
    """Close ``stream``, whatever becomes of what it holds back."""
    if stream:
        with contextlib.suppress(OSError):
            stream.close()


def _whole(lines: Sequence[str], octets: int) -> int:
    """Tell how many of ``lines`` are whole within their first ``octets`` bytes."""
    ends = itertools.accumulate(len(line.encode(errors="backslashreplace")) for line in lines)
    return sum(end <= octets for end in ends)


def _is_torn(path: Path) -> bool:
    """Tell whether the file ends in the middle of a line, as it does after a crash or on a full disk."""
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


_Handler = _Console | _Nowhere | LogFileHandler


# --- all together ---------------------------------------------------------------------------------------


class Logs:
    """What the logger ``smgwproxy`` writes to; a context manager that gives it back as it was at the end.

    At first that is ``console`` alone, if there is one. ``clock`` gives the seconds since the epoch. Lines are
    written in batches where there is ``later``: see `smgwproxy.batching`.
    """

    def __init__(
        self,
        logger: logging.Logger,
        console: _Handler,
        clock: Callable[[], float] = time.time,
        later: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self._logger = logger
        self.file: LogFileHandler | None = None
        """The log files that are written to."""
        self._console = console
        self._clock = clock
        self._before = (logger.level, logger.propagate)
        self._batches = None if later is None else Batches(later)
        if self._batches is not None:
            logger.addHandler(self._batches)
        self._add(console)
        logger.propagate = False

    @property
    def path(self) -> Path | None:
        """The current log file, None when there are none."""
        return self.file.path if self.file else None

    def open(self, logdir: Path, logfile: str, source: str) -> LogFileHandler:
        """Begin log files in ``logdir``, for `use`; those in use are returned if they are there already.

        Raises `ConfigError` with ``source``, how the directory was given.
        """
        if self.file is not None and self.file.is_at(logdir, logfile):
            return self.file
        try:
            return LogFileHandler(logdir, logfile, self._report, self._clock)
        except OSError as error:
            raise ConfigError(
                phrase(
                    "{source}: cannot write log files in {logdir!r}: {reason}; give a directory that this "
                    "user may write to",
                    source=source,
                    logdir=str(logdir),
                    reason=reason(error),
                )
            ) from error

    def use(self, level: str, file: LogFileHandler | None) -> None:
        """Write what has ``level``, a name of `logging` in any case, to ``file`` from now on; no line is lost."""
        self._logger.setLevel(level.upper())
        self._write_to(file)

    def put_off(self, task: Callable[[], None]) -> None:
        """Let ``task``, which logs something, be done as soon as nobody waits: see `smgwproxy.batching`."""
        if self._batches is None:
            task()
        else:
            self._batches.put_off(task)

    def catch_up(self) -> None:
        """Do what was put off; does not wait."""
        if self._batches is not None:
            self._batches.catch_up()

    def _write_to(self, file: LogFileHandler | None) -> None:
        former, self.file = self.file, file
        if former is file:
            return
        if file is not None:
            self._add(file)
        if former is not None:
            self._remove(former)
            former.close()

    def _add(self, handler: _Handler) -> None:
        if self._batches is None:
            self._logger.addHandler(handler)
        else:
            self._batches.add(handler)

    def _remove(self, handler: _Handler) -> None:
        if self._batches is None:
            self._logger.removeHandler(handler)
        else:
            self._batches.remove(handler)

    def close(self) -> None:
        """Detach and close the handlers and give the logger back as it was; harmless when done twice."""
        self._write_to(None)
        self._remove(self._console)
        self._console.close()
        if self._batches is not None:
            self._logger.removeHandler(self._batches)
            self._batches.close()
        level, self._logger.propagate = self._before
        self._logger.setLevel(level)

    def __enter__(self) -> Logs:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _report(self, severity: int, text: str) -> None:
        self._console.handle(logging.LogRecord("smgwproxy", severity, "", 0, text, (), None))


def configure_logging(
    *,
    level: str = "info",
    logdir: Path | None,
    logfile: str = "proxy.log",
    stream: TextIO | None = None,
    environ: Mapping[str, str] = os.environ,
    clock: Callable[[], float] = time.time,
    source: str = "--logdir",
    later: Callable[[Callable[[], None]], None] | None = None,
) -> Logs:
    """Let the logger ``smgwproxy`` write to ``stream`` (stderr) and to files in ``logdir`` (made if missing).

    ``level`` is a name of `logging`, in any case; ``logdir`` None means no files; ``environ`` tells whether
    stderr is the systemd journal; ``source`` is how the directory was given. Records no longer reach the root
    logger until the result is closed. With ``later``, which calls what it is given after a moment, lines go out in
    batches: see `smgwproxy.batching`. Raises `ConfigError` when ``logdir`` cannot be written to; a full disk
    is no such error, for it must not stop the proxy.
    """
    logs = Logs(logging.getLogger("smgwproxy"), _console(stream or sys.stderr, environ), clock, later)
    try:
        logs.use(level, None if logdir is None else logs.open(logdir, logfile, source))
    except BaseException:
        logs.close()
        raise
    return logs


def _console(stream: TextIO | None, environ: Mapping[str, str]) -> _Handler:
    if stream is None:  # Python's sys.stderr when file descriptor 2 is closed
        return _Nowhere()
    console = _Console(stream)
    console.setFormatter(LineFormatter(stamped=not is_journal(stream, environ)))
    return console
