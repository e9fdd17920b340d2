"""The actions of ``smgwproxy trust`` and their options; imports nothing but the table of options."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from smgwproxy.commands.choosing import add_choice
from smgwproxy.config import OPTIONS, build_parser
from smgwproxy.errors import ConfigError

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
_YES = ("yes", "do not ask; needed where there is no terminal")

ACTIONS = (
    Action(
        "list",
        "show every gateway and what is pinned for it",
        "With --target, only that gateway.",
    ),
    Action("show", "show all that is known of one gateway's certificates"),
    Action(
        "scan",
        "show which certificate the gateway presents now",
        "Makes one TLS connection, sends no request, and changes nothing.",
        options=("connect-timeout",),
    ),
    Action(
        "approve",
        "accept a new certificate in the place of the pinned one",
        "A certificate is pending once a running proxy has refused it. Both are shown, and you are asked.",
        fingerprint="the SHA-256 of the pending certificate; then nobody is asked",
    ),
    Action(
        "add",
        "pin a certificate in advance",
        "It is a backup beside the pinned one, or the pinned one where there is none.",
        fingerprint="the SHA-256 of the certificate, as openssl prints it or without colons",
        operand=("FILE", "the certificate: PEM, DER, or what openssl x509 prints; - reads it from stdin"),
    ),
    Action(
        "remove",
        "forget one certificate, or all pins of one gateway",
        "Without any pin, the next certificate that the gateway presents is pinned. What was revoked stays so, "
        "unless its own fingerprint is given.",
        fingerprint="the SHA-256 of the one certificate to forget; then nobody is asked",
        switches=(_YES,),
    ),
    Action(
        "revoke",
        "never accept a certificate again",
        fingerprint="its SHA-256; then nobody is asked (default: the pinned one)",
        switches=(_YES,),
    ),
    Action(
        "history",
        "show what happened to one gateway's certificates",
        switches=(("all", "of every gateway"),),
    ),
    Action(
        "export",
        "write everything into one file, to keep it or take it elsewhere",
        "With --target, only that gateway.",
        operand=("FILE", "where to (default: stdout)"),
        switches=(("force", "overwrite FILE"),),
    ),
    Action(
        "import",
        "take over an export, records of the original proxy, or certificates",
        "Takes an export, a directory or a JSON record of the original proxy, PEM or DER certificates, and "
        "fingerprints of openssl. What does not say whose it is, is taken for --target.",
        operand=("FILE", "what to read: a file, a directory, or - for stdin"),
        switches=(("replace", "let what is imported take the place of other pins"),),
    ),
)


def overview() -> list[str]:
    """Return what ``smgwproxy trust`` alone says."""
    return [
        f"usage: {PROGRAM} ACTION [options]",
        "",
        "Shows which certificates of gateways are trusted, and lets you decide.",
        "",
        *(f"  {action.name:10}{action.line}" for action in ACTIONS),
        "",
        f"{PROGRAM} ACTION --help tells the options of an action.",
    ]


def find(word: str) -> Action:
    """Return the action that ``word`` names; raises `ConfigError`."""
    names = [action.name for action in ACTIONS]
    if word in names:
        return ACTIONS[names.index(word)]
    if word.startswith("-"):
        raise ConfigError(
            f"trust: {word!r} comes before the action; write {PROGRAM} ACTION and the options behind it"
        )
    near = difflib.get_close_matches(word, names, n=1)
    remedy = f"did you mean {near[0]}?" if near else f"give one of {', '.join(names)}"
    raise ConfigError(f"trust: there is no action {word!r}; {remedy}")


def parser_of(action: Action) -> argparse.ArgumentParser:
    """Build the parser of one action; `smgwproxy.config.parse` feeds it."""
    parser = build_parser(
        [option for option in OPTIONS if option.name in (*_COMMON, *action.options)],
        prog=f"{PROGRAM} {action.name}",
        description=" ".join(
            part for part in (f"{action.line[:1].upper()}{action.line[1:]}.", action.more) if part
        ),
        commands=("",),
    )
    add_choice(parser)
    if action.operand is not None:
        metavar, told = action.operand
        parser.usage = f"{parser.usage} [{metavar}]"
        parser.add_argument("operand", metavar=metavar, nargs="?", help=told)
    if action.fingerprint is not None:
        parser.add_argument("--fingerprint", metavar="SHA256", help=action.fingerprint)
    for name, told in (*action.switches, ("json", "answer with one JSON document")):
        parser.add_argument(f"--{name}", action="store_true", help=told)
    return parser


def wants_overview(words: Sequence[str]) -> bool:
    """Tell whether no action was named, and none is needed."""
    return not words or words[0] in {"-h", "--h", "-help", "--help"}
