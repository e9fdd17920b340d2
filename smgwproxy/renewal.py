"""The choice `Renewal`: whether a gateway's new certificate is accepted by itself."""

from __future__ import annotations

from enum import StrEnum


class Renewal(StrEnum):
    """What becomes of a new certificate with the public key of a pinned one."""

    ASK = "ask"
    """It waits for a person, like any other that is no pin."""
    SAME_KEY = "same-key"
    """It takes the pinned one's place: whoever presented it holds the same private key."""
