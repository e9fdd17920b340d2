"""What the operating system says of errors, as far as people often read it, as phrases; no I/O."""

from __future__ import annotations

from smgwproxy.errors import text_of
from smgwproxy.phrases import phrase

_KNOWN = (
    phrase("Address already in use"),
    phrase("Broken pipe"),
    phrase("Cannot assign requested address"),
    phrase("Connection refused"),
    phrase("Connection reset by peer"),
    phrase("Connection timed out"),
    phrase("File exists"),
    phrase("Input/output error"),
    phrase("Is a directory"),
    phrase("Name or service not known"),
    phrase("Network is unreachable"),
    phrase("No address associated with hostname"),
    phrase("No route to host"),
    phrase("No space left on device"),
    phrase("No such file or directory"),
    phrase("Not a directory"),
    phrase("Operation not permitted"),
    phrase("Permission denied"),
    phrase("Read-only file system"),
    phrase("Temporary failure in name resolution"),
    phrase("timed out"),
)


def reason(error: OSError) -> str:
    """Return what the system says of ``error``, a `smgwproxy.phrases.Phrase` where there is one for it."""
    text = error.strerror or text_of(error)
    return next((told for told in _KNOWN if told == text), text)
