"""The command line: which command runs, and the exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from smgwproxy.config import load
from smgwproxy.errors import ConfigError


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``argv`` (``sys.argv`` without the program's name) and return the exit code.

    0 after a clean stop, 2 for a wrong option, told in one line on stderr.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        if words[:1] == ["demo"]:
            return _demo(words[1:])
        return _serve(words)
    except ConfigError as error:
        print(f"smgwproxy: error: {error}", file=sys.stderr)  # noqa: T201  # there is no log yet
        return 2
    except KeyboardInterrupt:  # before the server took the signal over
        return 130


# The commands import what they need themselves: --help and a wrong option need neither gevent nor urllib3.


def _serve(words: Sequence[str]) -> int:
    config = load(words, os.environ)
    from smgwproxy.serve import serve  # noqa: PLC0415

    return serve(config)


def _demo(words: Sequence[str]) -> int:
    from smgwproxy.serve_demo import serve_demo  # noqa: PLC0415

    return serve_demo(words, os.environ)
