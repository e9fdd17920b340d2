"""The three standard streams, as people at a terminal and programs use them."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, TextIO

from smgwproxy.commands.text import printable, wrapped
from smgwproxy.errors import SmgwProxyError
from smgwproxy.language import Language
from smgwproxy.phrases import phrase
from smgwproxy.system import reason

_NARROWEST = 40


class OutputLost(SmgwProxyError):
    """What was to be told cannot be written; ``nobody`` when nobody reads it any more, as behind ``| head``."""

    def __init__(self, reason: str, *, nobody: bool) -> None:
        super().__init__(phrase("The output cannot be written: {reason}.", reason=reason))
        self.nobody = nobody


class Console:
    """Answers go to ``output``, and the talk around them, such as a question, to ``errors``, in ``language``.

    Any of the streams may be None, as Python has it for one that was closed before the program began. Everything
    but `read` raises `OutputLost`.
    """

    def __init__(
        self,
        output: TextIO | None,
        errors: TextIO | None,
        answers: TextIO | None,
        width: int | None = None,
        language: Language | None = None,
    ) -> None:
        self._output = output
        self._errors = errors
        self._answers = answers
        self.width = max(width or shutil.get_terminal_size().columns, _NARROWEST)
        """Columns of the terminal; 80 where there is none."""
        self.language = language or Language()
        """What phrases must go through before they are broken into lines or put between other texts."""

    @classmethod
    def standard(cls, language: Language | None = None) -> Console:
        """Return the console of this process."""
        return cls(sys.stdout, sys.stderr, sys.stdin, language=language)

    @property
    def interactive(self) -> bool:
        """Tell whether a person can read a question and answer it."""
        return all(stream is not None and stream.isatty() for stream in (self._answers, self._errors))

    def say(self, lines: Iterable[str]) -> None:
        """Write the answer to the command."""
        _write(self._output, self._joined(lines))

    def document(self, value: dict[str, Any]) -> None:
        """Write the answer as JSON."""
        _write(self._output, json.dumps(value, indent=2) + "\n")

    def tell(self, lines: Iterable[str]) -> None:
        """Write what is no answer: what a question is about, a warning."""
        _write(self._errors, self._joined(lines))

    def error(self, error: Exception) -> None:
        """Tell an error in one line; never raises."""
        told = self.language(error.told) if isinstance(error, SmgwProxyError) else str(error)
        with suppress(OutputLost):
            self.tell(
                [phrase("smgwproxy: error: {error}", error=printable(" ".join(told.split()), 4000))],
            )

    def confirm(self, question: str) -> bool:
        """Ask a yes/no question; anything but ``y`` or ``yes``, or that in the language, is no."""
        if self._answers is None:
            return False
        asked = self.language(phrase("{question} [y/N]", question=question))
        *before, last = wrapped(asked, self.width - 1)
        try:
            _write(self._errors, self._joined(before) + f"{last} ")
            answer = self._answers.readline()
        except UnicodeDecodeError:
            answer = "?\n"
        except KeyboardInterrupt:
            self.tell(["", phrase("Nothing was changed.")])
            raise
        if not answer.endswith("\n"):  # the end of input: the cursor still stands behind the question
            self.tell([""])
        own = (self.language(phrase("y")), self.language(phrase("yes")))
        return answer.strip().lower() in {"y", "yes", *own}

    def read(self, limit: int) -> bytes:
        """Return at most ``limit`` bytes of what is pasted or piped in; raises `OSError`."""
        if self._answers is None:
            return b""
        if self.interactive:
            self.tell([phrase("Paste the certificate or its fingerprint here, then press Enter and Ctrl-D.")])
        return self._answers.buffer.read(limit)

    def _joined(self, lines: Iterable[str]) -> str:
        return "".join(f"{self.language(line)}\n" for line in lines)


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:
        return
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except OSError as error:
        _abandon(stream)
        raise OutputLost(reason(error), nobody=isinstance(error, BrokenPipeError)) from error


def _abandon(stream: TextIO) -> None:
    """Let Python's own last flush of ``stream`` go nowhere, or it would complain at exit."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
