"""The TLS context of the HTTPS listener, which follows the files of its certificate."""

from __future__ import annotations

import logging
import ssl
import threading

from smgwproxy.certificate import Certificate
from smgwproxy.errors import ConfigError
from smgwproxy.own_certificate.loading import Files, State, load, state


class ServerIdentity:
    """What the proxy shows its clients: the certificate in ``files``, and the one that they hold later.

    Contexts are of ``context_class``, gevent's for instance. A renewed certificate is told to ``logger``. One that
    cannot be used is told once for each change of the files; then the one before it stays, and the files are tried
    again for each connection. So they may be written one after the other: in the end the new pair counts.

    Safe between threads and greenlets; a renewal is read in the one that asks. Raises `ConfigError` when ``files``
    cannot be used at first.
    """

    def __init__(self, files: Files, context_class: type[ssl.SSLContext], logger: logging.Logger) -> None:
        self._files = files
        self._context_class = context_class
        self._logger = logger
        self._lock = threading.Lock()
        self._loaded = load(files, context_class)
        self._refused: State | None = None

    @property
    def certificate(self) -> Certificate:
        """The certificate that is shown now."""
        return self._loaded.certificate

    def context(self) -> ssl.SSLContext:
        """Return the context for a new connection: at the cost of a look at the files' dates while they stay."""
        with self._lock:
            now = state(self._files)
            if now == self._loaded.state:
                self._refused = None  # or a change to what was refused before would not be told
            else:
                self._renew(now)
            return self._loaded.context

    def _renew(self, now: State) -> None:
        before = self.certificate
        try:
            self._loaded = load(self._files, self._context_class)
        except ConfigError as error:
            if now != self._refused:
                self._logger.warning("the new certificate cannot be used, the old one still is: %s", error)
            self._refused = now
            return
        self._refused = None
        if self.certificate != before:
            _, ends = self.certificate.validity
            self._logger.info(
                "the new certificate in %s is used from now on: SHA-256 %s, ends %s",
                self._files.certificate,
                self.certificate.fingerprint,
                ends,
            )
