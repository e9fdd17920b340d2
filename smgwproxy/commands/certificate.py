"""``smgwproxy certificate``: see the certificate that the proxy shows its clients over HTTPS, and replace it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from smgwproxy import machine
from smgwproxy.certificate import Certificate
from smgwproxy.commands.answering import answered
from smgwproxy.commands.choosing import add_choice, resolve_chosen
from smgwproxy.commands.console import Console
from smgwproxy.commands.text import UNKNOWN, Row, Say, block, day, grouped, paragraph, printable
from smgwproxy.config import OPTIONS, Config, build_parser, parse
from smgwproxy.errors import ConfigError
from smgwproxy.language import Language
from smgwproxy.own_certificate import Files, ensure, find, load
from smgwproxy.own_certificate import replace as put_new
from smgwproxy.own_certificate.facts import ending, missing, valid_for
from smgwproxy.phrases import phrase

_PROGRAM = "smgwproxy certificate"
_TAKEN = ("server-name", "tls-port", "tls-cert", "tls-key", "statedir")

_ACTIONS = {
    "show": phrase("show the certificate that the proxy shows its clients over HTTPS"),
    "replace": phrase("put a new one in its place, which clients must then trust anew"),
}
_SWITCHES = {
    "show": ("pem", phrase("show the certificate itself in PEM, without its key: a copy to give to clients")),
    "replace": ("yes", phrase("do not ask; needed where there is no terminal")),
}


def certificate(words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the action that ``words`` name, and return the exit code.

    0 when it is done; 1 when the person says no, or the answer cannot be written; 141 when nobody reads it any
    more, as a shell has it for SIGPIPE. Raises `ConfigError` for a wrong option and for files that cannot be used,
    and `SystemExit` after ``--help``.
    """

    def run(console: Console) -> int:
        if not words or words[0] in {"-h", "--h", "-help", "--help"}:
            console.say(_overview(console.language))
            return 0
        return _run(words[0], words[1:], environ, console)

    return answered(run, Console.standard(Language.of(environ)))


def configured_files(config: Config) -> Files:
    """Return where the certificate of the HTTPS listener and its key are.

    These are the files that the options name, or the proxy's own, made now when there are none. Raises
    `ConfigError`.
    """
    given = _given(config)
    if given is not None:
        return given
    return ensure(config.statedir, _names(config), machine.addresses(), config.source("statedir"))


def _given(config: Config) -> Files | None:
    if config.tls_cert is None:
        return None
    return Files.given(config.tls_cert, config.tls_key, config.source("tls-cert"), config.source("tls-key"))


def _names(config: Config) -> Sequence[str]:
    return (*machine.names(), *config.server_name)


# --- the actions ----------------------------------------------------------------------------------------


def _overview(say: Say) -> list[str]:
    return [
        say(phrase("usage: {program} ACTION [options]", program=_PROGRAM)),
        "",
        *(f"  {action:10}{say(line)}" for action, line in _ACTIONS.items()),
        "",
        say(phrase("{program} ACTION --help tells the options of an action.", program=_PROGRAM)),
    ]


def _run(action: str, words: Sequence[str], environ: Mapping[str, str], console: Console) -> int:
    if action.startswith("-"):
        raise ConfigError(
            phrase(
                "{command}: {word!r} comes before the action; write {program} ACTION and the options behind it",
                command="certificate",
                word=action,
                program=_PROGRAM,
            )
        )
    if action not in _ACTIONS:
        remedy = phrase("give one of {names}", names=", ".join(_ACTIONS))
        raise ConfigError(
            phrase(
                "{command}: there is no action {word!r}; {remedy}",
                command="certificate",
                word=action,
                remedy=remedy,
            )
        )
    line = console.language(_ACTIONS[action])
    switch, told = _SWITCHES[action]
    parser = build_parser(
        [option for option in OPTIONS if option.name in _TAKEN],
        prog=f"{_PROGRAM} {action}",
        description=phrase("{line}. Give the options of the proxy.", line=f"{line[:1].upper()}{line[1:]}"),
        commands=("",),
        say=console.language,
    )
    add_choice(parser)
    parser.add_argument(f"--{switch}", action="store_true", help=told)
    arguments = parse(parser, words)
    config = resolve_chosen(arguments, environ).only
    return _show(config, arguments, console) if action == "show" else _replace(config, arguments, console)


def _show(config: Config, arguments: argparse.Namespace, console: Console) -> int:
    files = _given(config) or find(config.statedir, config.source("statedir"))
    if files is None:
        raise ConfigError(
            phrase(
                "{source}: there is no certificate in {directory} yet: the proxy makes it when it first starts "
                "with --tls-port, and {program} replace makes it now",
                source=config.source("statedir"),
                directory=config.statedir.absolute(),
                program=_PROGRAM,
            )
        )
    shown = load(files).certificate
    if arguments.pem:
        console.say(shown.pem.splitlines())
        return 0
    told = phrase(
        "A running proxy with these options shows it to its clients, and takes a renewed one by itself. Compare "
        "the fingerprint with the one that a browser calls SHA-256 before you trust the certificate there."
    )
    console.say([*_facts(files, shown, config, console), "", *paragraph(told, console.width, console.language)])
    return 0


def _replace(config: Config, arguments: argparse.Namespace, console: Console) -> int:
    given = _given(config)
    if given is not None:
        raise ConfigError(
            phrase(
                "{source}: {path} is not the proxy's own to replace: renew it where it comes from, and a running "
                "proxy takes it by itself",
                source=given.source,
                path=given.certificate,
            )
        )
    source = config.source("statedir")
    old = find(config.statedir, source)
    if old is not None and not arguments.yes and not _agreed(old, config, console):
        return 1
    new = put_new(config.statedir, _names(config), machine.addresses(), source)
    told = _MADE if old is None else _REPLACED
    console.say(_facts(new, load(new).certificate, config, console))
    console.say(["", *paragraph(told, console.width, console.language)])
    return 0


_MADE = phrase(
    "This certificate was made, and a proxy with these options shows it to its clients at --tls-port. What they "
    "need to trust it, if they check certificates, is written by: {program} show --pem",
    program=_PROGRAM,
)
_REPLACED = phrase(
    "This certificate has taken the place of the old one; a running proxy shows it from the next connection on. "
    "Clients that were told to trust the old one refuse it until they are told to trust this one: browsers ask "
    "again, and programs with a copy of the old one need the new one, which is written by: {program} show --pem",
    program=_PROGRAM,
)


def _agreed(old: Files, config: Config, console: Console) -> bool:
    if not console.interactive:
        raise ConfigError(
            phrase("--yes: is needed to replace the certificate, since there is no terminal to ask at")
        )
    try:
        told = _facts(old, load(old).certificate, config, console)
    except ConfigError as error:
        told = paragraph(printable(console.language(error.told), 2000), console.width)
    console.tell([*told, ""])
    if console.confirm(phrase("Put a new certificate in its place, which clients must then trust anew?")):
        return True
    console.tell([phrase("Nothing was changed.")])
    return False


# --- what is shown --------------------------------------------------------------------------------------


def _facts(files: Files, shown: Certificate, config: Config, console: Console) -> list[str]:
    return block(_rows(files, shown, config), console.width, say=console.language)


def _rows(files: Files, shown: Certificate, config: Config) -> Iterator[Row]:
    told = shown.description
    names = [one for one in valid_for(shown) if isinstance(one, str)]
    addresses = [one for one in valid_for(shown) if not isinstance(one, str)]
    own = config.tls_cert is None
    ends = ending(shown, datetime.now(UTC))
    yield phrase("File"), printable(str(files.certificate), 1000)
    if files.key != files.certificate:
        yield phrase("Key file"), printable(str(files.key), 1000)
    yield phrase("Subject"), printable(told.subject) or UNKNOWN
    yield phrase("Issuer"), printable(told.issuer) or UNKNOWN
    yield phrase("Names"), _listed(names)
    yield phrase("Addresses"), _listed(addresses)
    if own and (lacking := missing(shown, _names(config), machine.addresses())):
        yield phrase("Not in it"), _listed(lacking)
    yield phrase("Valid from"), day(told.not_before)
    yield phrase("Valid until"), day(told.not_after)
    if ends:
        yield phrase("Warning"), phrase("It {ending}.", ending=ends)
    yield phrase("Fingerprint"), grouped(shown.fingerprint)


def _listed(several: Sequence[object]) -> str:
    return ", ".join(printable(str(one)) for one in several) or phrase("none")
