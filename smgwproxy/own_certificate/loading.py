"""From the files of a certificate and its key to a TLS context, or to an error that names the option."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from smgwproxy import durable
from smgwproxy.certificate import Certificate
from smgwproxy.errors import ConfigError
from smgwproxy.phrases import phrase, sequence
from smgwproxy.system import reason

_ATTEMPTS = 10  # to find the files at rest
_LARGEST = 1024 * 1024  # bytes; a long chain with its key has some 20,000
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----\s.*?-----END CERTIFICATE-----", re.DOTALL)
_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_OF_ANOTHER = frozenset({"KEY_VALUES_MISMATCH", "NO_CERTIFICATE_ASSIGNED"})  # another key; of another kind

# With forward secrecy and authenticated encryption; TLS 1.3 has no others.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


@dataclass(frozen=True, slots=True)
class Files:
    """Where a certificate (with its chain, if it has one) and its private key are: PEM, in one file or in two.

    ``source`` and ``key_source`` tell how they were given, to begin an error with. ``remedy`` is what to do when
    their content cannot be used; empty when that depends on what is wrong.
    """

    certificate: Path
    key: Path
    source: str = "--tls-cert"
    key_source: str = "--tls-key"
    remedy: str = ""

    @classmethod
    def given(cls, certificate: Path, key: Path | None, source: str, key_source: str) -> Files:
        """Files that a person gave; without ``key`` it is in the file of the certificate."""
        here = certificate.absolute()  # errors tell paths to people who do not know where this runs
        return cls(here, here if key is None else key.absolute(), source, key_source)

    def wrong(self, path: Path, what: str, remedy: str) -> ConfigError:
        """Return the error that ``path``, one of the two, cannot be used."""
        source = self.source if path == self.certificate else self.key_source
        return ConfigError(sequence((source, sequence((str(path), what)), remedy), ": "))


State = tuple[object, ...]
"""What differs when one of the files was changed or exchanged, or can be read now and could not before."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A certificate, a server's TLS context that shows it, and the state of the files that both were read in."""

    certificate: Certificate
    context: ssl.SSLContext
    state: State


def state(files: Files) -> State:
    """Look at ``files`` without reading them; never raises."""
    return tuple(_state_of(path) for path in dict.fromkeys((files.certificate, files.key)))


def load(files: Files, context_class: type[ssl.SSLContext] = ssl.SSLContext) -> Loaded:
    """Load ``files`` into a context for TLS 1.2 and 1.3 and HTTP/1.1; never asks for a password.

    Files that are exchanged while they are read are read anew, so certificate and key are of one time. Raises
    `ConfigError` with one line that names the option and the remedy.
    """
    for _ in range(_ATTEMPTS):
        before = state(files)
        outcome = _outcome(files, context_class, before)
        if state(files) == before:
            break
    if isinstance(outcome, ConfigError):
        raise outcome
    return outcome


def _outcome(files: Files, context_class: type[ssl.SSLContext], before: State) -> Loaded | ConfigError:
    try:
        return _loaded(files, context_class, before)
    except ConfigError as error:
        return error


def _loaded(files: Files, context_class: type[ssl.SSLContext], before: State) -> Loaded:
    match = _CERTIFICATE.search(_content(files, files.certificate))
    if match is None:
        remedy = files.remedy or phrase("give the file that does")
        raise files.wrong(files.certificate, phrase("holds no whole certificate in PEM"), remedy)
    if not _KEY.search(_content(files, files.key)):
        remedy = files.remedy or phrase("give the file that does with --tls-key")
        raise files.wrong(files.key, phrase("holds no private key in PEM"), remedy)
    context = _context(context_class)
    try:
        certificate = Certificate.from_pem(match[0].decode("ascii", "replace"))
        context.load_cert_chain(files.certificate, files.key, password=_refuse)
    except (_EncryptedError, ssl.SSLError, ValueError) as error:
        raise _unusable(files, error) from error
    except OSError as error:  # it went away in this moment, or there is no handle left
        raise _unreadable(files, files.certificate, error) from error
    return Loaded(certificate, context, before)


def _context(context_class: type[ssl.SSLContext]) -> ssl.SSLContext:
    context = context_class(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    # Many clients end without TLS's farewell, and no request can be cut unseen: its length is always told.
    # Who hangs up on an idle client must say farewell, where OpenSSL 3 would send the alert of a fault.
    context.options |= getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)  # older ones take it for an end by themselves
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    return context


class _EncryptedError(Exception):
    """OpenSSL wants a password."""


def _refuse() -> NoReturn:
    raise _EncryptedError  # without this function OpenSSL would ask at the terminal


# --- files ----------------------------------------------------------------------------------------------


def _state_of(path: Path) -> State:
    try:
        found = path.stat()
    except OSError as error:
        return (error.errno,)
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _content(files: Files, path: Path) -> bytes:
    try:
        return durable.read(path, _LARGEST)
    except OSError as error:
        raise _unreadable(files, path, error) from error


# --- errors ---------------------------------------------------------------------------------------------


def _unreadable(files: Files, path: Path, error: OSError) -> ConfigError:
    remedy: str = phrase("check the path, and that this user may read the file")
    if files.remedy:
        remedy = phrase("{check}; if it is lost, {remedy}", check=remedy, remedy=files.remedy)
    return files.wrong(path, phrase("cannot be read ({reason})", reason=reason(error)), remedy)


def _unusable(files: Files, error: Exception) -> ConfigError:
    fault = getattr(error, "reason", None)
    if isinstance(error, _EncryptedError):
        path, what = files.key, phrase("holds a private key that is encrypted")
        command = f"openssl pkey -in {path} -out NEW"
        remedy = phrase("give a key without a password, which this makes: {command}", command=command)
    elif fault in _OF_ANOTHER:
        path = files.key
        what = phrase("holds another private key than that of the certificate in {path}", path=files.certificate)
        remedy = phrase("give the key that the certificate was made for")
    else:
        told = fault.replace("_", " ").lower() if fault else phrase("the PEM is damaged")
        path, what = files.certificate, phrase("cannot be used with its key ({reason})", reason=told)
        remedy = phrase("give files that are whole")
    return files.wrong(path, what, files.remedy or remedy)
