"""The actions of ``smgwproxy trust`` and their options; imports nothing but the table of options."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from smgwproxy.commands.choosing import add_choice
from smgwproxy.config import OPTIONS, build_parser
from smgwproxy.errors import ConfigError
from smgwproxy.phrases import phrase, sequence

PROGRAM = "smgwproxy trust"


@dataclass(frozen=True, slots=True)
class Action:
    """One action: its name, what it does in a line and at length, and what it takes beside the common options.

    ``fingerprint`` is the help of ``--fingerprint``, None where there is none; ``operand`` the name and the help
    of a word without a dash; ``switches`` are flags without a value, with their help; ``options`` names options of
    the proxy beside those that every action takes.
    """

    name: str
    line: str
    more: str = ""
    fingerprint: str | None = None
    operand: tuple[str, str] | None = None
    switches: tuple[tuple[str, str], ...] = ()
    options: tuple[str, ...] = ()


_COMMON = ("target", "certdir", "truststore", "store-timeout")
_YES = ("yes", phrase("do not ask; needed where there is no terminal"))

ACTIONS = (
    Action(
        "list",
        phrase("show every gateway and what is pinned for it"),
        phrase("With --target, only that gateway."),
    ),
    Action("show", phrase("show all that is known of one gateway's certificates")),
    Action(
        "scan",
        phrase("show which certificate the gateway presents now"),
        phrase("Makes one TLS connection, sends no request, and changes nothing."),
        options=("connect-timeout",),
    ),
    Action(
        "approve",
        phrase("accept a new certificate in the place of the pinned one"),
        phrase("A certificate is pending once a running proxy has refused it. Both are shown, and you are asked."),
        fingerprint=phrase("the SHA-256 of the pending certificate; then nobody is asked"),
    ),
    Action(
        "add",
        phrase("pin a certificate in advance"),
        phrase("It is a backup beside the pinned one, or the pinned one where there is none."),
        fingerprint=phrase("the SHA-256 of the certificate, as openssl prints it or without colons"),
        operand=("FILE", phrase("the certificate: PEM, DER, or what openssl x509 prints; - reads it from stdin")),
    ),
    Action(
        "remove",
        phrase("forget one certificate, or all pins of one gateway"),
        phrase(
            "Without any pin, the next certificate that the gateway presents is pinned. What was revoked stays "
            "so, unless its own fingerprint is given."
        ),
        fingerprint=phrase("the SHA-256 of the one certificate to forget; then nobody is asked"),
        switches=(_YES,),
    ),
    Action(
        "revoke",
        phrase("never accept a certificate again"),
        fingerprint=phrase("its SHA-256; then nobody is asked (default: the pinned one)"),
        switches=(_YES,),
    ),
    Action(
        "history",
        phrase("show what happened to one gateway's certificates"),
        switches=(("all", phrase("of every gateway")),),
    ),
    Action(
        "export",
        phrase("write everything into one file, to keep it or take it elsewhere"),
        phrase("With --target, only that gateway."),
        operand=("FILE", phrase("where to (default: stdout)")),
        switches=(("force", phrase("overwrite FILE")),),
    ),
    Action(
        "import",
        phrase("take over an export, records of the original proxy, or certificates"),
        phrase(
            "Takes an export, a directory or a JSON record of the original proxy, PEM or DER certificates, and "
            "fingerprints of openssl. What does not say whose it is, is taken for --target."
        ),
        operand=("FILE", phrase("what to read: a file, a directory, or - for stdin")),
        switches=(("replace", phrase("let what is imported take the place of other pins")),),
    ),
)


def overview(say: Callable[[str], str] = str) -> list[str]:
    """Return what ``smgwproxy trust`` alone says."""
    return [
        say(phrase("usage: {program} ACTION [options]", program=PROGRAM)),
        "",
        say(phrase("Shows which certificates of gateways are trusted, and lets you decide.")),
        "",
        *(f"  {action.name:10}{say(action.line)}" for action in ACTIONS),
        "",
        say(phrase("{program} ACTION --help tells the options of an action.", program=PROGRAM)),
    ]


def find(word: str) -> Action:
    """Return the action that ``word`` names; raises `ConfigError`."""
    names = [action.name for action in ACTIONS]
    if word in names:
        return ACTIONS[names.index(word)]
    if word.startswith("-"):
        raise ConfigError(
            phrase(
                "{command}: {word!r} comes before the action; write {program} ACTION and the options behind it",
                command="trust",
                word=word,
                program=PROGRAM,
            )
        )
    near = difflib.get_close_matches(word, names, n=1)
    if near:
        remedy = phrase("did you mean {known}?", known=near[0])
    else:
        remedy = phrase("give one of {names}", names=", ".join(names))
    raise ConfigError(
        phrase("{command}: there is no action {word!r}; {remedy}", command="trust", word=word, remedy=remedy)
    )


def parser_of(action: Action, say: Callable[[str], str] = str) -> argparse.ArgumentParser:
    """Build the parser of one action, its help in the language of ``say``; `smgwproxy.config.parse` feeds it."""
    line = say(action.line)
    parser = build_parser(
        [option for option in OPTIONS if option.name in (*_COMMON, *action.options)],
        prog=f"{PROGRAM} {action.name}",
        description=" ".join(part for part in (f"{line[:1].upper()}{line[1:]}.", say(action.more)) if part),
        commands=("",),
        say=say,
    )
    add_choice(parser)
    if action.operand is not None:
        metavar, told = action.operand
        parser.usage = sequence((parser.usage or "", f"[{metavar}]"))
        parser.add_argument("operand", metavar=metavar, nargs="?", help=told)
    if action.fingerprint is not None:
        parser.add_argument("--fingerprint", metavar="SHA256", help=action.fingerprint)
    for name, told in (*action.switches, ("json", phrase("answer with one JSON document"))):
        parser.add_argument(f"--{name}", action="store_true", help=told)
    return parser


def wants_overview(words: Sequence[str]) -> bool:
    """Tell whether no action was named, and none is needed."""
    return not words or words[0] in {"-h", "--h", "-help", "--help"}
