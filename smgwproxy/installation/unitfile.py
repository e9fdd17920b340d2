"""Reads systemd's unit files as far as services need it: sections, lists, continued lines, words. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from smgwproxy.errors import SmgwProxyError
from smgwproxy.phrases import phrase

Settings = Mapping[str, tuple[str, ...]]
"""The values of one section's settings; a list since many may be given more than once."""

_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "s": " "}
_CODE = re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})")
_BLANKS = " \t\n\r"


class NotUnderstood(SmgwProxyError):
    """A unit says something that is not understood here; the text tells what."""


def read_service(texts: Iterable[str]) -> Settings:
    """Return the section ``[Service]`` of a unit and its drop-ins, in the order that systemd reads them.

    An empty value empties the list before it (systemd.syntax(7)).
    """
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        section = ""
        for line in _lines(text):
            if line.startswith("[") and line.endswith("]"):
                section = line
            elif section == "[Service]":
                name, equals, value = line.partition("=")
                if equals:
                    key, told = name.strip(), value.strip()
                    found[key] = (*found.get(key, ()), told) if told else ()
    return found


def _lines(text: str) -> Iterable[str]:
    """Yield the lines without comments, with continued ones put together; comments between those are left out."""
    whole = ""
    for line in re.split(r"[\n\r\0]", text):  # what ends a line for systemd
        if line.lstrip()[:1] in {"#", ";"}:
            continue
        continued = line.endswith("\\")
        whole += f"{line[:-1]} " if continued else line
        if not continued:
            yield whole.strip()
            whole = ""
    yield whole.strip()


def split(text: str) -> list[str]:
    """Split a value into words, with the quotes and escapes of systemd.syntax(7); raises `NotUnderstood`."""
    words: list[str] = []
    word: str | None = None
    quote = ""
    place = 0
    while place < len(text):
        character = text[place]
        place += 1
        if character == "\\":
            escaped, place = _escaped(text, place)
            word = (word or "") + escaped
        elif quote:
            if character == quote:
                quote = ""
            else:
                word = (word or "") + character
        elif character in "'\"":
            quote = character
            word = word or ""
        elif character in _BLANKS:
            if word is not None:
                words.append(word)
            word = None
        else:
            word = (word or "") + character
    if quote:
        raise NotUnderstood(phrase("a quote is not closed in: {text}", text=text))
    return words if word is None else [*words, word]


def _escaped(text: str, place: int) -> tuple[str, int]:
    """Return what the escape behind a backslash means, and where it ends."""
    code = _CODE.match(text, place)
    if code is not None:
        byte, short, long, octal = code.groups()
        return chr(int(octal, 8) if octal else int(byte or short or long, 16)), code.end()
    character = text[place : place + 1]
    if character in {"\\", '"', "'"}:
        return character, place + 1
    if character not in _ESCAPES:
        raise NotUnderstood(phrase("there is an unknown escape in: {text}", text=text))
    return _ESCAPES[character], place + 1


def expanded(text: str, specifiers: Mapping[str, str]) -> str:
    """Replace the specifiers of systemd.unit(5); raises `NotUnderstood` for one not in ``specifiers``."""

    def value(match: re.Match[str]) -> str:
        letter = match[1]
        if letter == "%":
            return "%"
        if letter not in specifiers:
            raise NotUnderstood(
                phrase("what {name} stands for is not known here: {text}", name=f"%{letter}", text=text)
            )
        return specifiers[letter]

    return re.sub(r"%(.?)", value, text, flags=re.DOTALL)


def quoted(words: Sequence[str]) -> str:
    """Write ``words`` as a command line of a unit, so that `split` and systemd read the same ones."""
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    plain = word.replace("%", "%%").replace("$", "$$")
    if re.fullmatch(r"[^\s\"'\\;]+", plain) and plain.isprintable():
        return plain
    inner = plain.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else "".join(f"\\x{b:02x}" for b in c.encode()) for c in inner) + '"'
