"""Reads what import and add are given, and writes exports."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from smgwproxy.certificate import Fingerprint
from smgwproxy.commands.console import Console
from smgwproxy.errors import TrustEditError, text_of
from smgwproxy.phrases import phrase, sequence
from smgwproxy.system import reason

_R = TypeVar("_R")

STREAM = "-"
"""The name of stdin, and of stdout."""

_MOST = 64 * 1024 * 1024  # bytes; an export of a thousand gateways has some 5 million


@dataclass(frozen=True, slots=True)
class Source:
    """What was read, and from where."""

    name: str
    octets: bytes

    def interpreted(self, reader: Callable[[bytes], _R]) -> _R:
        """Return ``reader(octets)``, its `ValueError` as a `TrustEditError` that names the source."""
        try:
            return reader(self.octets)
        except ValueError as error:
            told = phrase("{name} {fault}. Nothing was changed.", name=self.name, fault=text_of(error))
            raise TrustEditError(told) from error


def read(name: str, console: Console) -> Source:
    """Read the file ``name``, or stdin for ``-``; raises `TrustEditError`."""
    shown = "stdin" if name == STREAM else name
    try:
        if name == STREAM:
            octets = console.read(_MOST + 1)
        else:
            with Path(name).open("rb") as file:
                octets = file.read(_MOST + 1)
    except (OSError, ValueError) as error:  # of a path with NUL
        told = phrase("{name} cannot be read: {reason}.", name=shown, reason=_reason(error))
        raise TrustEditError(sequence((told, *_hints(name)))) from error
    if len(octets) > _MOST:
        raise TrustEditError(
            phrase("{name} is larger than {count} bytes: it is no export.", name=shown, count=_MOST)
        )
    return Source(shown, octets)


def _hints(name: str) -> list[str]:
    with suppress(ValueError):
        Fingerprint.parse(name)
        return [phrase("A fingerprint is given with --fingerprint.")]
    return []


def write(path: Path, content: bytes, *, overwrite: bool) -> None:
    """Write a file for this user only (mode 0600), whole or not at all; raises `TrustEditError`.

    What is there already is overwritten only if ``overwrite``, and only when it is a file.
    """
    try:
        if not overwrite:
            # Taking the name first makes "not overwritten" hold against other programs, on every file system.
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        elif path.exists() and not path.is_file():
            raise TrustEditError(
                phrase("{path} is no file that can be overwritten; leave FILE out for stdout.", path=path)
            )
    except FileExistsError as error:
        told = phrase("{path} is there already: give --force to overwrite it, or another name.", path=path)
        raise TrustEditError(told) from error
    except (OSError, ValueError) as error:
        raise _unwritable(path, error) from error
    try:
        _replace(path, content)
    except BaseException as error:
        if not overwrite:
            with suppress(OSError):
                path.unlink()
        if isinstance(error, OSError | ValueError):
            raise _unwritable(path, error) from error
        raise


def _replace(path: Path, content: bytes) -> None:
    target = path.resolve()  # a link stays one
    handle, temporary = tempfile.mkstemp(prefix=".export-", dir=target.parent)  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(handle)
        Path(temporary).rename(target)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


def _unwritable(path: Path, error: OSError | ValueError) -> TrustEditError:
    return TrustEditError(phrase("{path} cannot be written: {reason}.", path=path, reason=_reason(error)))


def _reason(error: OSError | ValueError) -> str:
    return reason(error) if isinstance(error, OSError) else str(error)
