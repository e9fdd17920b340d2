"""``smgwproxy install`` and ``smgwproxy uninstall``: the proxy as a service of this machine."""

from __future__ import annotations

import argparse
import os
import sys
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from smgwproxy.commands.answering import answered
from smgwproxy.commands.console import Console
from smgwproxy.commands.own_program import own_program
from smgwproxy.config import OPTIONS, build_parser, parse
from smgwproxy.config.sources import Given, collect
from smgwproxy.errors import ConfigError, SmgwProxyError
from smgwproxy.installation import layout
from smgwproxy.installation.carrying import carry_out
from smgwproxy.installation.facts import Wish, credential
from smgwproxy.installation.original import Original, read
from smgwproxy.installation.plan import install_steps
from smgwproxy.installation.removal import uninstall_steps
from smgwproxy.installation.steps import LeftToDo, Step
from smgwproxy.installation.survey import (
    candidates,
    configured,
    records,
    secret,
    starts_with_the_machine,
    survey,
    users,
)
from smgwproxy.installation.tree import Tree
from smgwproxy.installation.unitfile import NotUnderstood, Settings
from smgwproxy.language import Language
from smgwproxy.phrases import phrase, sequence
from smgwproxy.system import reason

_BOOTED = Path("/run/systemd/system")  # see sd_booted(3)
_NONE = "none"
_HOMES = ("/home", "/root", "/run/user")  # what ProtectHome= hides
_TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108  # nothing is put there
_ELSEWHERE = (
    "python3 -m venv /opt/smgwproxy && /opt/smgwproxy/bin/pip install . && /opt/smgwproxy/bin/smgwproxy install"
)
_CLIENT = ("client-cert", "client-key", "client-password-file")


class Unfit(SmgwProxyError):
    """The machine, or who runs the command, is not fit for what is to be done."""


def install(words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Make the proxy a service of this machine, or of the system below ``--root``, and return the exit code.

    0 when it is done, 1 when it is not, told in one line on stderr, 141 when nobody reads the output any more.
    Raises `ConfigError` for a wrong option and `SystemExit` after ``--help``.
    """
    parser = build_parser(
        [option for option in OPTIONS if option.name not in {"statedir", "logdir"}],
        prog="smgwproxy install",
        description=phrase(
            "Make the proxy a service that systemd starts with the machine: user, directories, configuration, "
            "unit. Give the options of the proxy; they are written into the configuration when there is none. "
            "Pins and flags of the original proxy are taken over from its unit; --certdir names a directory of "
            "pins to take over where there is no such unit. What is there is kept; it can be run again."
        ),
        commands=("",),
        say=Language.of(environ),
    )
    _add_switches(
        parser,
        phrase("write below DIR, a system that does not run, such as a mounted card; nothing outside is touched"),
    )
    parser.add_argument(
        "--from", metavar="UNIT|none", dest="unit", help=phrase("the unit of the original to take over")
    )
    parser.add_argument(
        "--program", metavar="FILE", help=phrase("the smgwproxy that the service runs (default: this one)")
    )
    arguments = parse(parser, words)

    def run(console: Console) -> int:
        code = _carry(arguments, console, _install_steps(arguments, environ))
        if arguments.root is None and not arguments.dry_run:
            told = phrase("This checks everything between the home network and the meter:")
            console.say(["", told, "", f"  {_doctor()}"])
        return code

    return _answered(run, environ)


def uninstall(words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Undo what `install` did, and return the exit code, as it does; pins and logs stay unless told."""
    parser = build_parser(
        [],
        prog="smgwproxy uninstall",
        description=phrase("Undo what smgwproxy install did. Pins, logs, credentials and the configuration stay."),
        commands=("",),
        say=Language.of(environ),
    )
    _add_switches(
        parser,
        phrase("remove below DIR, a system that does not run, such as a mounted card; nothing outside is touched"),
    )
    parser.add_argument(
        "--purge", action="store_true", help=phrase("remove pins, logs, credentials and configuration, too")
    )
    arguments = parse(parser, words)
    return _answered(lambda console: _carry(arguments, console, _uninstall_steps(arguments)), environ)


def _add_switches(parser: argparse.ArgumentParser, root: str) -> None:
    parser.add_argument("--dry-run", action="store_true", help=phrase("tell each step, and change nothing"))
    parser.add_argument("--root", metavar="DIR", help=root)


def _answered(run: Callable[[Console], int], environ: Mapping[str, str]) -> int:
    def run_on_files(console: Console) -> int:
        try:
            return run(console)
        except OSError as error:
            raise _nothing_done(error) from error

    return answered(run_on_files, Console.standard(Language.of(environ)))


def _nothing_done(error: OSError) -> Unfit:
    told = reason(error)
    if error.filename:
        told = sequence((str(error.filename), told), ": ")
    # What an installation has is closed to others, even to look at.
    if isinstance(error, PermissionError) and os.geteuid() != 0:
        return Unfit(phrase("{reason}: nothing was changed; run it with sudo", reason=told))
    return Unfit(phrase("{reason}: nothing was changed", reason=told))


def _carry(arguments: argparse.Namespace, console: Console, steps: Sequence[Step]) -> int:
    if arguments.dry_run:
        lines = [*(step.line(console.language) for step in steps), *_left(steps)]
        console.say([*lines, "", phrase("Nothing was changed: this was --dry-run.")])
        return 0
    if arguments.root is None and os.geteuid() != 0:
        raise Unfit(phrase("this needs root: run it with sudo, or look at what it would do with --dry-run"))
    carry_out(steps, _tree(arguments), lambda step: console.say([step.line(console.language)]))
    console.say(_left(steps))
    return 0


def _left(steps: Sequence[Step]) -> list[str]:
    left = [step.what for step in steps if isinstance(step, LeftToDo)]
    return ["", phrase("Run what is left on the machine itself:"), "", f"  {' && '.join(left)}"] if left else []


def _doctor() -> str:
    return f"sudo {own_program()} doctor --config {layout.CONFIGURATION}"


def _tree(arguments: argparse.Namespace) -> Tree:
    root = Path(arguments.root or "/")
    if not root.is_dir():
        raise ConfigError(
            phrase("--root: {path!r} is no directory: give the root of a mounted system", path=str(arguments.root))
        )
    return Tree(root.resolve())


# --- install --------------------------------------------------------------------------------------------


def _install_steps(arguments: argparse.Namespace, environ: Mapping[str, str]) -> list[Step]:
    tree = _tree(arguments)
    found = survey(tree, arguments.root, running=_running(arguments))
    found = replace(found, program=configured(tree, found))
    there = candidates(tree)
    # Nothing is taken over any more once all is installed: pins that a person removed later must not come back.
    original = _original(arguments.unit, tree, there, upgrade=not found.complete)
    given = _given(arguments, environ)
    pins = _pins(original, tree, given.pop("certdir", None))
    texts = {name: told.texts for name, told in given.items()}
    secrets = {}
    for option in _CLIENT:
        if option in texts:
            secrets[option] = _secret(Tree(Path("/")), _absolute(texts[option][0]), given[option].source)
        elif original is not None and option in original.options:
            secrets[option] = _secret(tree, original.options[option][0], original.unit)
    for option in ("tls-cert", "tls-key"):
        if option in texts:
            texts[option] = (_absolute(texts[option][0]),)
    copies = {option: (credential(option),) for option in secrets}
    texts |= {option: told for option, told in copies.items() if option in texts}
    taken = dict(original.options) if original is not None else {}
    replaced = {layout.UNIT_NAME, *([original.unit] if original is not None else [])}
    program = _program(arguments, tree)
    wish = Wish(
        program,
        any(_below_home(place) for place in _places(program, arguments)),
        texts,
        {**taken, **texts, **copies},
        pins,
        secrets,
        original,
        tuple(name for name in there if name not in replaced and starts_with_the_machine(tree, name)),
    )
    return install_steps(found, wish)


def _running(arguments: argparse.Namespace) -> bool:
    return arguments.root is None and _BOOTED.is_dir()


def _given(arguments: argparse.Namespace, environ: Mapping[str, str]) -> dict[str, Given]:
    first = collect(arguments, environ)[0]
    if first.table is not None:
        raise ConfigError(
            phrase(
                "--config: its tables of gateways are not taken over: install without it, write them into {path}, "
                "and install again",
                path=layout.CONFIGURATION,
            )
        )
    given = dict(first.given)
    for name in ("statedir", "logdir"):
        given.pop(name, None)  # an installation has its own
    if "client-password" in given:
        raise ConfigError(
            phrase(
                "{source}: a service gets no password from here: write it into a file, and give that with "
                "--client-password-file",
                source=given["client-password"].source,
            )
        )
    return given


def _absolute(text: str) -> str:
    return str(Path(text).absolute())


def _secret(tree: Tree, path: str, source: str) -> bytes:
    try:
        return secret(tree, path)
    except OSError as error:
        raise ConfigError(
            phrase(
                "{source}: {path} cannot be read ({reason}): check the path",
                source=source,
                path=path,
                reason=reason(error),
            )
        ) from error


def _pins(original: Original | None, tree: Tree, named: Given | None) -> Mapping[str, bytes]:
    """Return the records of the original's directory and of that of --certdir, by their names."""
    pins: dict[str, bytes] = {}
    if original is not None:
        try:
            pins |= records(tree, original.certdir)
        except (FileNotFoundError, NotADirectoryError) as error:
            if named is None:
                raise Unfit(
                    phrase(
                        "{unit}: {directory}, the directory of its pins, is not there: mount it, or name another "
                        "one with --certdir; if there never was one, make it, and the first certificate is "
                        "trusted",
                        unit=original.unit,
                        directory=original.certdir,
                    )
                ) from error
    if named is not None:
        place = _absolute(named.texts[0])
        try:
            old = records(Tree(Path("/")), place)
        except (FileNotFoundError, NotADirectoryError) as error:
            told = phrase("{source}: {path} is no directory: check the path", source=named.source, path=place)
            raise ConfigError(told) from error
        if not old:
            raise ConfigError(
                phrase(
                    "{source}: there are no pins in {path}: check the path, or leave it out",
                    source=named.source,
                    path=place,
                )
            )
        pins |= old
    return pins


def _original(named: str | None, tree: Tree, there: Mapping[str, Settings], *, upgrade: bool) -> Original | None:
    if named == _NONE or (named is None and not upgrade):
        return None
    if named is not None:
        name = named if named.endswith(".service") else f"{named}.service"
        if name not in there:
            raise ConfigError(
                phrase(
                    "--from: {unit!r} is no unit that runs the original: {known}; or give none",
                    unit=named,
                    known=", ".join(there) or phrase("there is none"),
                )
            )
    elif len(there) > 1:
        raise Unfit(
            phrase(
                "several units run the original or this program: {units}: choose one with --from UNIT, or take "
                "over nothing with --from none",
                units=", ".join(there),
            )
        )
    elif not there:
        return None
    else:
        (name,) = there
    homes = {user: told.home for user, told in users(tree).items()}
    try:
        return read(name, there[name], homes)
    except NotUnderstood as error:
        raise Unfit(
            phrase(
                "{reason}: nothing was changed; give what it asks for yourself: --from none --target HOST "
                "--port PORT --certdir DIR-OF-ITS-PINS, and disable it before",
                reason=error.told,
            )
        ) from error


def _program(arguments: argparse.Namespace, tree: Tree) -> tuple[str, ...]:
    program: tuple[str, ...]
    if arguments.program is not None:
        program = (_absolute(arguments.program) if arguments.root is None else arguments.program,)
        if not program[0].startswith("/"):
            raise ConfigError(
                phrase("--program: {path!r} is no path within --root: begin it with /", path=program[0])
            )
    else:
        script = Path(sysconfig.get_path("scripts")) / "smgwproxy"
        # -P: the working directory belongs to the service's user, and must not give it modules.
        program = (str(script),) if script.exists() else (sys.executable, "-P", "-m", "smgwproxy")
    for place in _places(program, arguments):
        closed = _hidden(place) or (tree.closed_on_the_way(place) if tree.look(place) is not None else None)
        if closed is not None:
            raise Unfit(
                phrase(
                    "{program} cannot be run by a user of its own: {directory} is closed to it. Put the program "
                    "where all may enter; in the directory of its source: {command}",
                    program=program[0],
                    directory=closed,
                    command=_ELSEWHERE,
                )
            )
    return program


def _places(program: Sequence[str], arguments: argparse.Namespace) -> list[str]:
    """Return what the user of the service must reach: the program, and its Python where it is this one."""
    if arguments.program is not None or arguments.root is not None:
        return [program[0]]
    return [program[0], sys.executable, os.path.realpath(sys.executable), sys.prefix, sys.base_prefix]


def _hidden(place: str) -> str | None:
    """Return the directory of which the service sees another one, with PrivateTmp=."""
    return next((directory for directory in _TEMPORARY if Path(place).is_relative_to(directory)), None)


def _below_home(place: str) -> bool:
    return any(Path(place).is_relative_to(home) for home in _HOMES)


# --- uninstall ------------------------------------------------------------------------------------------


def _uninstall_steps(arguments: argparse.Namespace) -> list[Step]:
    tree = _tree(arguments)
    found = survey(tree, arguments.root, running=_running(arguments))
    others = [name for name in candidates(tree) if name != layout.UNIT_NAME]
    return uninstall_steps(found, others, purge=arguments.purge)
