"""The store ``pinned:SHA256[,SHA256...]``: the pins are constants, and there is no first use."""

from __future__ import annotations

from collections.abc import Sequence

from smgwproxy.certificate import Certificate, Fingerprint
from smgwproxy.errors import ConfigError, text_of
from smgwproxy.origin import Origin
from smgwproxy.phrases import phrase
from smgwproxy.truststores.base import StandingPins, TrustStore
from smgwproxy.truststores.record import Pin


def open_store(argument: str) -> PinnedTrustStore:
    """Open ``pinned:SHA256[,SHA256...]``: the current pin, then its backups, each as `Fingerprint.parse` takes it.

    Raises `ConfigError` when one of them is no SHA-256 fingerprint, and when one is there twice: the second was
    meant to be a backup, and that it is none is better told now than on the day when it is needed.
    """
    fingerprints: list[Fingerprint] = []
    for text in argument.split(","):
        try:
            fingerprint = Fingerprint.parse(text)
        except ValueError as error:
            told = phrase(
                "pinned: needs SHA-256 fingerprints with commas between them: {reason}", reason=text_of(error)
            )
            raise ConfigError(told) from error
        if fingerprint in fingerprints:
            raise ConfigError(
                phrase(
                    "pinned: {text!r} is there twice: leave one out, or give the backup's fingerprint", text=text
                )
            )
        fingerprints.append(fingerprint)
    return PinnedTrustStore(fingerprints)


class PinnedTrustStore(TrustStore):
    """The same pins for every gateway, best first: the ``fingerprints``, of which there must be one at least.

    Nobody can edit them while they are in use. Immutable, so safe between threads.
    """

    def __init__(self, fingerprints: Sequence[Fingerprint]) -> None:
        self._pins = StandingPins(
            (Pin(fingerprint, record=phrase("the option truststore (pinned:)")) for fingerprint in fingerprints),
            lambda: True,
            files=(),
        )

    def lookup(self, origin: Origin) -> Sequence[Pin]:  # noqa: ARG002  # the protocol's
        """Return the pins; see `TrustStore.lookup`."""
        return self._pins

    def pin(self, origin: Origin, certificate: Certificate) -> Sequence[Pin]:  # noqa: ARG002  # the protocol's
        """Return the pins; see `TrustStore.pin`. They are in force before any first use, so none is refused."""
        return self._pins
