"""Trust stores: where pins are kept, behind one protocol, opened by name."""

from __future__ import annotations

from smgwproxy.truststores.base import EditableTrustStore, StandingPins, TrustStore
from smgwproxy.truststores.opening import open_truststore
from smgwproxy.truststores.record import Pin, Record

__all__ = ["EditableTrustStore", "Pin", "Record", "StandingPins", "TrustStore", "open_truststore"]
