"""Keeps the certificate that this proxy made: one file in ``--statedir``, replaced only when a person says so."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from smgwproxy import durable
from smgwproxy.errors import ConfigError
from smgwproxy.own_certificate.alternatives import Address, alternatives
from smgwproxy.own_certificate.loading import Files, load
from smgwproxy.phrases import phrase
from smgwproxy.system import reason

_FILE = "https.pem"  # key and certificate together, so that no crash can part them


def find(directory: Path, source: str = "--statedir") -> Files | None:
    """Return where certificate and key are, whether or not they are good; None when nothing is there.

    ``source`` is how ``directory`` was given. Raises `ConfigError` when ``directory`` cannot be looked into.
    """
    files = _files(directory, source)
    try:
        files.certificate.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(
            phrase(
                "{source}: {directory} cannot be looked into ({reason}): make it a directory that this user may "
                "read, or name another one",
                source=source,
                directory=files.certificate.parent,
                reason=reason(error),
            )
        ) from error
    return files


def ensure(
    directory: Path, names: Sequence[str], addresses: Sequence[Address], source: str = "--statedir"
) -> Files:
    """Return where certificate and key are; make them, and ``directory``, when there are none.

    The directory is made with mode 0700, the file with 0600. Processes and threads that come first together agree
    on one certificate. What is there already is used, whatever it is valid for and whether or not it has ended;
    a file that cannot be used is an error and is never replaced here, since clients trust what was in it.
    ``source`` is how ``directory`` was given. Raises `ConfigError`.
    """
    if find(directory, source) is None:
        with _alone(directory, source):
            if find(directory, source) is None:  # nobody was faster
                _put(directory, names, addresses)
    files = _files(directory, source)
    load(files)
    return files


def replace(
    directory: Path, names: Sequence[str], addresses: Sequence[Address], source: str = "--statedir"
) -> Files:
    """Put a new certificate and its key in the place of whatever is there, and return where they are.

    Atomic and durable: who reads meanwhile, or after a crash, finds the old file or the new one, whole. The rest
    as in `ensure`. Raises `ConfigError`.
    """
    with _alone(directory, source):
        _put(directory, names, addresses)
    return _files(directory, source)


def _files(directory: Path, source: str) -> Files:
    path = directory.absolute() / _FILE
    command = f"smgwproxy certificate replace --statedir {shlex.quote(str(path.parent))}"
    remedy = phrase(
        "restore it from a copy, or make a new one, which clients then must trust anew: {command}", command=command
    )
    return Files(path, path, source, source, remedy)


@contextmanager
def _alone(directory: Path, source: str) -> Iterator[None]:
    """Make ``directory`` if need be, and keep all others out who would write there; `OSError` is `ConfigError`."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with durable.locked(directory / f".{_FILE}.lock"):
            yield
    except OSError as error:
        raise ConfigError(
            phrase(
                "{source}: cannot write {path} ({reason}): make the directory writable for this user, and see "
                "that the disk is not full",
                source=source,
                path=directory.absolute() / _FILE,
                reason=reason(error),
            )
        ) from error


def _put(directory: Path, names: Sequence[str], addresses: Sequence[Address]) -> None:
    """Make a certificate and put it in its place, whole and durably; raises `OSError`. Needs the lock."""
    # cryptography is slow to import, and needed once in years
    from smgwproxy.own_certificate.making import make  # noqa: PLC0415

    durable.replace(directory / _FILE, make(alternatives(names, addresses), datetime.now(UTC)))
