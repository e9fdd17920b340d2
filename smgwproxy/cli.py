"""The command line: which command runs, and the exit code."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path

from smgwproxy.config import load
from smgwproxy.errors import ConfigError
from smgwproxy.language import Language
from smgwproxy.phrases import phrase


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``argv`` (``sys.argv`` without the program's name) and return the exit code.

    0 after a clean stop, 1 when a command could not do it, 2 for a wrong option, each told in one line on stderr.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        _look_here_for_modules()
        if words and words[0] in _COMMANDS:
            return _command(words[0])(words[1:], os.environ)
        return _serve(words)
    except ConfigError as error:
        told = phrase("smgwproxy: error: {error}", error=error.told)
        print(Language.of(os.environ)(told), file=sys.stderr)  # noqa: T201  # there is no log yet
        return 2
    except KeyboardInterrupt:  # before the server took the signal over
        return 130


# The commands import what they need themselves: --help and a wrong option need neither gevent nor urllib3.

_COMMANDS = {
    "certificate": "certificate:certificate",
    "demo": "demo:serve_demo",
    "discover": "discover:discover",
    "doctor": "doctor:doctor",
    "install": "install:install",
    "trust": "trust:trust",
    "uninstall": "install:uninstall",
}


def _command(name: str) -> Callable[[Sequence[str], Mapping[str, str]], int]:
    module, _, function = _COMMANDS[name].partition(":")
    found: Callable[[Sequence[str], Mapping[str, str]], int] = getattr(
        import_module(f"smgwproxy.commands.{module}"), function
    )
    return found


def _serve(words: Sequence[str]) -> int:
    # Whoever asks for a reload as early as this is heard once the program can: the signal would kill it now.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    program = load(words, os.environ)
    from smgwproxy.commands.serve import serve  # noqa: PLC0415
    from smgwproxy.supervision import Supervisor  # noqa: PLC0415

    ended = serve(program, partial(load, words, os.environ), Supervisor.of(os.environ))
    # Not by the interpreter's own end: now and then that aborts the program ("exception not rethrown") while a
    # thread still works for a trust store. All that it had to say or to close it has by now, but for what others
    # have registered, such as a trust store of one's own.
    atexit._run_exitfuncs()  # noqa: SLF001  # there is no other way to have them run
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # there is none, or nobody reads it
            stream.flush()
    os._exit(ended)


def _look_here_for_modules() -> None:
    """Let ``--truststore MODULE:FACTORY`` name a file in the working directory, as under ``python -m``.

    It comes last, so that it hides no installed module. Under ``python -P`` nothing is looked for here.
    """
    with suppress(OSError):  # the directory may be gone
        here = str(Path.cwd())
        if not sys.flags.safe_path and here not in sys.path:
            sys.path.append(here)
