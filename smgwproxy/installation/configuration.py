"""The configuration file that an installation begins with. Pure."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping

from smgwproxy.config import OPTIONS, Option, Program, resolve
from smgwproxy.errors import ConfigError
from smgwproxy.installation import layout
from smgwproxy.phrases import phrase

Texts = Mapping[str, tuple[str, ...]]
"""The texts of options, by their names."""

_ALWAYS = ("target", "port")
_TABLE = {option.name: option for option in OPTIONS}
_NUMBER_AT_MOST = 9  # digits

_HEAD = f"""\
# Options of smgwproxy. `smgwproxy install` wrote this file and never changes it; you may, and then run:
#   sudo systemctl reload {layout.USER}
# After a change of ports below 1024, or of files with certificates and keys, run `smgwproxy install` again.
# `smgwproxy --help` tells all options.

"""


def program_of(texts: Texts) -> Program:
    """Return what the file that `written` makes of ``texts`` will say; raises `ConfigError`."""
    namespace = argparse.Namespace()
    for name, told in {**texts, **_places()}.items():
        option = _TABLE[name]
        setattr(namespace, option.attribute, list(told) if option.kind == "several" else told[0])
    return resolve(namespace, {})


def written(texts: Texts) -> bytes:
    """Return the file with ``texts`` and the places of an installation; raises `ConfigError`."""
    text = _HEAD + "".join(f"{line}\n" for line in _lines({**texts, **_places()}))
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(
            phrase("an option is no UTF-8, which the configuration file is: give the file another name")
        ) from error


def _lines(texts: Texts) -> Iterator[str]:
    for option in OPTIONS:
        told = texts.get(option.name)
        if told is None and option.name in _ALWAYS and option.default is not None:
            told = (option.default,)
        if told is not None:
            yield f"# {option.help}"
            yield line_of(option.name, told)


def line_of(name: str, told: tuple[str, ...]) -> str:
    """Return the line of the file that sets the option ``name``."""
    return f"{name} = {_value(_TABLE[name], told)}"


def _value(option: Option, told: tuple[str, ...]) -> str:
    if option.kind == "several":
        parts = [part.strip() for text in told for part in text.split(",")]
        return f"[{', '.join(map(_string, parts))}]"
    (text,) = told
    if option.kind == "switch":
        return "true" if option.parse(text) else "false"
    # TOML has no number with a leading zero.
    if text.isascii() and text.isdigit() and len(text) <= _NUMBER_AT_MOST and str(int(text)) == text:
        return text
    return _string(text)


def _string(text: str) -> str:
    # A basic string of TOML is one of JSON, but for DEL.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _places() -> Texts:
    return {name: (place,) for name, place in layout.PLACES.items()}
