"""``smgwproxy doctor``: checks all between the home network and the meter, one by one, and says what to do."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from smgwproxy.commands.answering import answered
from smgwproxy.commands.choosing import add_choice, resolve_chosen
from smgwproxy.commands.console import Console
from smgwproxy.commands.text import Say, paragraph, printable
from smgwproxy.config import OPTIONS, Config, Program, build_parser, parse
from smgwproxy.config.options import CONFIG
from smgwproxy.errors import ConfigError
from smgwproxy.installation.layout import CONFIGURATION, PLACES
from smgwproxy.language import Language
from smgwproxy.phrases import Phrase, phrase, plural

if TYPE_CHECKING:
    from smgwproxy.doctor.examination import Credentials, Examination
    from smgwproxy.doctor.finding import Finding

_TAKEN = frozenset(
    {
        "target",
        "port",
        "certdir",
        "logdir",
        "logfile",
        "listen",
        "tls-port",
        "no-http",
        "statedir",
        "truststore",
        "client-cert",
        "client-key",
        "client-password-file",
        "host-header",
        "queue-timeout",
        "connect-timeout",
        "read-timeout",
        "store-timeout",
    }
)
_OF_THE_STORE = ("config", "target", "certdir", "truststore")  # options that the trust commands need as well
_GAP = 2  # columns behind the longest title
_TITLES = {
    "cable": phrase("Cable"),
    "address": phrase("Address"),
    "default-route": phrase("Default route"),
    "forwarding": phrase("Forwarding"),
    "other-proxy": phrase("Other proxy"),
    "tcp": phrase("TCP"),
    "tls": phrase("TLS"),
    "certificate": phrase("Certificate"),
    "http": phrase("HTTP"),
    "vendor": phrase("Vendor"),
    "latency": phrase("Latency"),
    "clock": phrase("Clock"),
    "reading": phrase("Reading"),
    "logs": phrase("Logs"),
    "trust-store": phrase("Trust store"),
    "client-certificate": phrase("Client cert."),
    "lan-port": phrase("LAN port"),
    "urls": phrase("URLs"),
}


def doctor(words: Sequence[str], environ: Mapping[str, str], installed: Path = Path(CONFIGURATION)) -> int:
    """Run the checks, and return the exit code.

    Where the options say nothing of where the proxy has its files, the ``installed`` configuration is used, if
    there is one.

    0 when nothing is wrong, 1 when something is, or the answer cannot be written; 141 when nobody reads it any
    more, as a shell has it for SIGPIPE. Raises `ConfigError` for a wrong option and `SystemExit` after ``--help``.
    """
    language = Language.of(environ)
    arguments = parse(_parser(language), words)
    if not _says_where(_given(arguments, environ)) and os.access(installed, os.R_OK):
        arguments.config = str(installed)
    program = resolve_chosen(arguments, environ)
    return answered(lambda console: _examine(program, arguments, environ, console), Console.standard(language))


def _parser(say: Say) -> argparse.ArgumentParser:
    parser = build_parser(
        [option for option in OPTIONS if option.name in _TAKEN],
        prog="smgwproxy doctor",
        description=phrase(
            "Checks all between the home network and the meter, one by one, and says what to do. Give the "
            "options of the proxy. It sends nothing to a gateway whose certificate is not the pinned one, changes "
            "nothing, and logs in only with --user, once. A proxy that runs need not be stopped. Without --config "
            "and options that name directories the installed configuration is used, where there is one. Where "
            "that has several gateways, each is examined, one after the other."
        ),
        commands=("",),
        say=say,
    )
    add_choice(parser)
    parser.add_argument(
        "--user", metavar="NAME", help=phrase("log in at the gateway, once, and show the last reading")
    )
    parser.add_argument(
        "--password-file",
        metavar="FILE",
        help=phrase("file whose first line is the password of --user (default: it is asked for)"),
    )
    parser.add_argument("--json", action="store_true", help=phrase("print one JSON document"))
    return parser


def _given(arguments: argparse.Namespace, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the options of the store that flags or the environment give, and the other ones that name places."""
    table = {option.name: option for option in (*OPTIONS, CONFIG)}
    found = {
        name: getattr(arguments, table[name].attribute, None) or environ.get(table[name].variable)
        for name in dict.fromkeys((*_OF_THE_STORE, *PLACES))
    }
    return {name: text for name, text in found.items() if text}


def _says_where(given: Mapping[str, str]) -> bool:
    return not given.keys() <= {"target"}


def _examine(program: Program, arguments: argparse.Namespace, environ: Mapping[str, str], console: Console) -> int:
    given = _given(arguments, environ)
    credentials = _credentials(program, arguments, console)
    told: list[dict[str, object]] = []
    for config in program.gateways:
        if told and not arguments.json:
            console.say([""])
        told.append(_examine_one(config, given, credentials, console, json=arguments.json))
    fine = all(one["ok"] for one in told)
    if arguments.json:
        several = {"config": given.get("config"), "ok": fine, "gateways": told}
        console.document(several if len(told) > 1 else told[0])
    return 0 if fine else 1


def _examine_one(
    config: Config, given: Mapping[str, str], credentials: Credentials | None, console: Console, *, json: bool
) -> dict[str, object]:
    """Return what a program is told of one gateway; people are told as it goes, unless it is ``json``."""
    findings: list[Finding] = []
    marks = _marks(sys.stdout)
    file = given.get("config")
    if not json:
        console.say([*paragraph(_heading(config, file), console.width, console.language), ""])
    for finding in _examination(config, given, credentials).findings():
        findings.append(finding)
        if not json:
            console.say(_lines(finding, marks, console.width, console.language))
    wrong = sum(finding.verdict == "wrong" for finding in findings)
    if not json:
        console.say(["", _summary(wrong)])
    named = {} if config.table is None else {"gateway": config.table}
    checks = [finding.document for finding in findings]
    return {**named, "target": str(config.target), "config": file, "ok": not wrong, "checks": checks}


def _examination(config: Config, given: Mapping[str, str], credentials: Credentials | None) -> Examination:
    # Imported here, since --help and a wrong option need none of it.
    from smgwproxy.commands.client_certificate import configured_client_certificate  # noqa: PLC0415
    from smgwproxy.commands.own_program import own_program  # noqa: PLC0415
    from smgwproxy.commands.store import open_configured_truststore  # noqa: PLC0415
    from smgwproxy.doctor.examination import Examination, Tools  # noqa: PLC0415
    from smgwproxy.doctor.trust import Commands  # noqa: PLC0415

    sudo = "sudo " if os.geteuid() == 0 else ""
    tools = Tools(
        lambda: open_configured_truststore(config),
        lambda: configured_client_certificate(config),
        Commands(f"{sudo}{own_program()}", _store_options(config, given)),
    )
    return Examination(config, tools, credentials)


def _store_options(config: Config, given: Mapping[str, str]) -> str:
    named = {} if config.table is None else {"gateway": config.table}
    return " ".join(
        f"--{name} {shlex.quote(text)}"
        for name, text in {**{name: given[name] for name in _OF_THE_STORE if name in given}, **named}.items()
    )


def _credentials(program: Program, arguments: argparse.Namespace, console: Console) -> Credentials | None:
    from smgwproxy.client_certificate import ClientCertificateError, read_password  # noqa: PLC0415
    from smgwproxy.doctor.examination import Credentials  # noqa: PLC0415

    user: str | None = arguments.user
    file: str | None = arguments.password_file
    if user is None:
        if file is not None:
            raise ConfigError(phrase("--password-file: is of no use without a user: give --user as well"))
        return None
    _ = program.only  # one gateway's password is for no other
    if file is not None:
        try:
            return Credentials(user, read_password(Path(file)).decode())
        except ClientCertificateError as error:
            raise ConfigError(phrase("--password-file: {error}", error=error.told)) from error
        except UnicodeDecodeError as error:
            raise ConfigError(
                phrase("--password-file: {file!r} is not UTF-8: write it anew", file=file)
            ) from error
    if not console.interactive:
        raise ConfigError(phrase("--password-file: is needed with --user, since there is no terminal to ask at"))
    from getpass import getpass  # noqa: PLC0415

    asked = phrase("Password of {user} at the gateway: ", user=printable(user))
    return Credentials(user, getpass(console.language(asked)))


# --- what is shown --------------------------------------------------------------------------------------


def _marks(output: TextIO | None) -> Mapping[str, str]:
    """Return the mark of each verdict, in ASCII where ``output`` has no others."""
    marks = {"ok": "✓", "wrong": "✗", "warning": "!", "skipped": "-"}
    try:
        "".join(marks.values()).encode(getattr(output, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return {"ok": phrase("ok"), "wrong": phrase("NO"), "warning": "!", "skipped": "-"}
    return marks


def _heading(config: Config, file: str | None) -> Phrase:
    gateway = str(config.target) if config.table is None else f"{config.table}, {config.target}"
    if file is None:
        return phrase("The proxy for the gateway {target}:", target=gateway)
    return phrase("The proxy of {file} for the gateway {target}:", file=printable(file, 1000), target=gateway)


def _lines(finding: Finding, marks: Mapping[str, str], width: int, say: Say) -> Iterator[str]:
    mark = max(len(say(one)) for one in marks.values())
    label = max(len(say(title)) for title in _TITLES.values()) + _GAP
    indent = " " * (mark + 1 + label)
    room = width - len(indent)
    for place, line in enumerate(paragraph(finding.seen, room, say)):
        title = f"{say(marks[finding.verdict]):{mark}} {say(_TITLES[finding.name]):{label}}"
        yield f"{indent if place else title}{line}"
    if finding.advice:
        for line in paragraph(finding.advice, room, say):
            yield f"{indent}{line}"
    for command in finding.commands:
        yield f"{indent}  {command}"  # whole, since it is copied


def _summary(wrong: int) -> Phrase:
    if not wrong:
        return phrase("Nothing is wrong.")
    return plural(
        "{count} check failed: see what is said there.", "{count} checks failed: see what is said there.", wrong
    )
