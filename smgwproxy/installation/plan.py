"""From what was found and what is wished to the steps of an installation. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from posixpath import normpath

from smgwproxy.config import Config, Program
from smgwproxy.errors import ConfigError
from smgwproxy.installation import layout
from smgwproxy.installation.configuration import line_of, program_of, written
from smgwproxy.installation.facts import Found, Wish, credential
from smgwproxy.installation.steps import Keep, LeftToDo, MakeDirectory, Note, Owner, Run, Step, WriteFile
from smgwproxy.installation.unit import Unit
from smgwproxy.origin import Origin
from smgwproxy.phrases import phrase, sequence

_SYSUSERS = layout.SYSUSERS.rpartition("/")[2]  # by its name, which is looked for below --root; a path is not
_FAILED = phrase("see: {command}", command=f"journalctl -u {layout.USER} -n 30")


def install_steps(found: Found, wish: Wish) -> list[Step]:
    """Return what is to be done and told, in this order; raises `ConfigError` for options that do not fit."""
    program = found.program or program_of(wish.options)
    for config in program.gateways:
        _check_trust(config, wish)
    unit = unit_of(program, wish).text.encode()
    return [
        *_directory(found, layout.CONFIGURATION_DIRECTORY, 0o755, "root"),
        *_user(found),
        *_directory(found, layout.STATE, 0o700, "proxy"),
        *_directory(found, layout.PINS, 0o700, "proxy"),
        *_directory(found, layout.HTTPS, 0o700, "proxy"),
        *_directory(found, layout.LOGS, 0o700, "proxy"),
        *_pins(found, wish),
        *_secrets(found, wish),
        *_original(found, wish),  # until all files are there it is taken over again, so it must not come later
        *_configuration(found, wish),
        *_unit(found, unit),
        *_commands(found, wish, changed=found.texts.get(layout.UNIT) != unit or bool(_new_secrets(found, wish))),
        *_notes(found, program, wish),
    ]


def unit_of(program: Program, wish: Wish) -> Unit:
    """Return the unit for a proxy with this configuration."""
    ports = [port for config in program.gateways for port in (not config.no_http and config.port, config.tls_port)]
    # The environment of a service says the same to all gateways, and none shall be shown another's certificate.
    secrets = tuple((name, path) for _, name, path in _secret_files(program) if _is_common(name, program))
    secrets = tuple(dict.fromkeys(secrets))
    for name, path in secrets:
        if not path.isprintable() or path != path.strip() or path.endswith("\\"):
            raise ConfigError(
                phrase(
                    "{source}: {path!r} cannot stand in a unit: give the file another name",
                    source=program.process.source(name),
                    path=path,
                )
            )
    return Unit(wish.program, wish.in_home, any(port and port < 1024 for port in ports), secrets)


def _secret_files(program: Program) -> Iterator[tuple[Config, str, str]]:
    """Yield the secret options, with the paths of their files."""
    for config in program.gateways:
        for name in layout.SECRETS:
            path = getattr(config, _attribute(name))
            if path is not None:
                yield config, name, _seen(str(path))


def _is_common(name: str, program: Program) -> bool:
    return len({getattr(config, _attribute(name)) for config in program.gateways}) == 1


def _attribute(name: str) -> str:
    return name.replace("-", "_")


# --- files ----------------------------------------------------------------------------------------------


def _directory(found: Found, path: str, mode: int, owner: Owner) -> Iterator[Step]:
    entry = found.entries.get(path)
    if entry is None or entry.kind != "directory":
        yield MakeDirectory(path, mode, owner)
        return
    ids = (0, 0) if owner == "root" else found.account
    theirs = found.privileged and ids not in {None, entry.owner}
    if theirs and path in {layout.STATE, layout.LOGS}:
        # systemd gives away all that is in these, but only when they themselves are another's (systemd.exec(5)).
        given = phrase(
            "{path}/: systemd gives it, and all that is in it, to the user {user}", path=path, user=layout.USER
        )
        yield Keep(given)
    elif theirs or entry.mode != mode:
        yield MakeDirectory(path, mode, owner)
    else:
        yield Keep(phrase("{path}/: it is there", path=path))


def _user(found: Found) -> Iterator[Step]:
    text = layout.SYSUSERS_TEXT.encode()
    if found.account is not None and layout.SYSUSERS not in found.entries:
        yield Keep(phrase("the user {user}: it is there, and was not made by this program", user=layout.USER))
        return
    if found.texts.get(layout.SYSUSERS) == text:
        yield _good(layout.SYSUSERS)
    else:
        yield WriteFile(layout.SYSUSERS, text, 0o644, "root", phrase("the user {user}", user=layout.USER))
    if found.account is not None:
        yield Keep(phrase("the user {user}: it is there", user=layout.USER))
    elif found.privileged:
        below = () if found.root is None else (f"--root={found.root}",)
        yield Run(("systemd-sysusers", *below, _SYSUSERS))
    else:
        yield LeftToDo(("systemd-sysusers", _SYSUSERS))


def _pins(found: Found, wish: Wish) -> Iterator[Step]:
    there = {_gateway(path.rpartition("/")[2]) for path in found.below(layout.PINS)}
    for name, octets in sorted(wish.pins.items(), key=lambda record: (not _is_canonical(record[0]), record[0])):
        gateway = _gateway(name)
        if gateway is None:
            yield Note(
                phrase(
                    "{name} in the old directory of pins is not named after a gateway, and stays where it is",
                    name=name,
                )
            )
        elif gateway in there:
            yield Keep(
                phrase(
                    "{path}: a pin of {gateway} is there, and the old one is not taken over",
                    path=layout.PINS,
                    gateway=gateway,
                )
            )
        else:
            why = phrase("the pin of {gateway}, as it was", gateway=gateway)
            yield WriteFile(f"{layout.PINS}/{name}", octets, 0o600, "proxy", why)
            there.add(gateway)


def _is_canonical(name: str) -> bool:
    """Tell whether a record has the name under which the gateway is looked for, and not another one of it."""
    return name == f"{_gateway(name)}.json"


def _gateway(name: str) -> Origin | None:
    if not name.endswith(".json"):
        return None
    try:
        return Origin.parse(name.removesuffix(".json"))
    except ValueError:
        return None


def _secrets(found: Found, wish: Wish) -> Iterator[Step]:
    if not wish.secrets:
        return
    yield from _directory(found, layout.CREDENTIALS, 0o700, "root")
    new = _new_secrets(found, wish)
    for option, octets in wish.secrets.items():
        if option in new:
            why = phrase("a copy of the file of --{option}, for root alone", option=option)
            yield WriteFile(credential(option), octets, 0o600, "root", why)
        else:
            yield _good(credential(option))


def _new_secrets(found: Found, wish: Wish) -> set[str]:
    return {option for option, octets in wish.secrets.items() if found.texts.get(credential(option)) != octets}


def _configuration(found: Found, wish: Wish) -> Iterator[Step]:
    if found.program is None:
        octets = written(wish.options)
        yield WriteFile(layout.CONFIGURATION, octets, 0o644, "root", phrase("the configuration"))
        return
    yield Keep(phrase("{path}: it is there, and what is there is never changed", path=layout.CONFIGURATION))
    wanted = program_of(wish.given).process
    for name, told in wish.given.items():
        attribute = _attribute(name)
        if any(getattr(wanted, attribute) != getattr(config, attribute) for config in found.program.gateways):
            yield Note(
                phrase(
                    "{path} says otherwise than you: if you want it, write this line there and install again: "
                    "{line}",
                    path=layout.CONFIGURATION,
                    line=line_of(name, told),
                )
            )


def _unit(found: Found, unit: bytes) -> Iterator[Step]:
    there = found.texts.get(layout.UNIT)
    if there == unit:
        yield _good(layout.UNIT)
        return
    if there is not None and not found.ours(layout.UNIT):
        yield WriteFile(f"{layout.UNIT}.old", there, 0o644, "root", phrase("the unit that was there"))
    why = phrase("the unit")
    if there is not None:
        why = phrase("the unit, which was another one; put changes into a drop-in")
    yield WriteFile(layout.UNIT, unit, 0o644, "root", why)
    if layout.DROP_INS in found.entries:
        yield Keep(phrase("{path}/: your own changes of the unit", path=layout.DROP_INS))


def _good(path: str) -> Keep:
    return Keep(phrase("{path}: it is as it should be", path=path))


# --- commands -------------------------------------------------------------------------------------------


def _original(found: Found, wish: Wish) -> Iterator[Step]:
    if wish.original is not None and wish.original.unit != layout.UNIT_NAME:
        yield (Run if found.commands else LeftToDo)(("systemctl", "disable", "--now", wish.original.unit))


def _commands(found: Found, wish: Wish, *, changed: bool) -> Iterator[Step]:
    old = wish.original.unit if wish.original is not None else layout.UNIT_NAME
    remedy = _FAILED
    if old != layout.UNIT_NAME:
        back = phrase("to go back: {command}", command=f"systemctl enable --now {old}")
        remedy = sequence((_FAILED, back), "; ")
    reload = ("systemctl", "daemon-reload")
    enable = ("systemctl", "enable", layout.UNIT_NAME)
    restart = ("systemctl", "restart", layout.UNIT_NAME)
    if not found.commands:
        yield from map(LeftToDo, [reload, enable, restart])
        return
    if changed or found.outdated:
        yield Run(reload)
    if found.enabled:
        yield Keep(phrase("{unit} is enabled", unit=layout.UNIT_NAME))
    else:
        yield Run(enable)
    if found.active and not changed and not found.outdated:
        yield Keep(phrase("{unit} runs", unit=layout.UNIT_NAME))
    else:
        yield Run(restart, remedy)


def _notes(found: Found, program: Program, wish: Wish) -> Iterator[Step]:
    yield from dict.fromkeys(note for config in program.gateways for note in _unwritables(config))
    for config, name, path in _secret_files(program):
        if not _is_common(name, program):
            yield Note(
                phrase(
                    "{source}: the service reads {path} by itself, since not all gateways have it: give it to the "
                    "user {user} alone (chown, and chmod 600)",
                    source=config.source(name),
                    path=path,
                    user=layout.USER,
                )
            )
    for unit in wish.others:
        yield Note(
            phrase(
                "{unit} starts with the machine, too: if it is not to, sudo systemctl disable --now {unit}",
                unit=unit,
            )
        )
    if wish.original is not None:
        if not any(map(_gateway, [*wish.pins, *(path.rpartition("/")[2] for path in found.below(layout.PINS))])):
            yield Note(
                phrase(
                    "there is no pin in {directory}: the gateway's first certificate will be trusted",
                    directory=wish.original.certdir,
                )
            )
        yield Note(
            phrase(
                "the logs of {unit} stay in {old}, and new ones go to {new}",
                unit=wish.original.unit,
                old=wish.original.logdir,
                new=layout.LOGS,
            )
        )


def _unwritables(config: Config) -> Iterator[Note]:
    for name in ("certdir", "statedir", "logdir"):
        path = _seen(str(getattr(config, name)))
        if not _within(path):
            yield _unwritable(name, path)
    scheme, _, place = config.truststore.partition(":")
    if scheme in {"file", "sqlite"} and place != str(config.certdir) and not _within(_seen(place)):
        yield _unwritable("truststore", _seen(place))


def _check_trust(config: Config, wish: Wish) -> None:
    """Refuse to take pins over to where they would not be read, and the first certificate be trusted instead."""
    scheme, _, place = config.truststore.partition(":")
    if wish.pins and (scheme, _seen(place)) != ("file", layout.PINS):
        name = "truststore" if "truststore" in config.given else "certdir"
        raise ConfigError(
            phrase(
                "{source}: pins are taken over into {path} alone, and {store} would not have them: leave it out; "
                "or disable the original, put its pins there with smgwproxy trust import, and give --from none",
                source=config.source(name),
                path=layout.PINS,
                store=config.truststore,
            )
        )


def _seen(path: str) -> str:
    """Return the absolute path of what the configuration names, from the service's working directory."""
    return normpath(str(PurePosixPath(layout.STATE) / path))


def _within(path: str) -> bool:
    return any(PurePosixPath(path).is_relative_to(place) for place in (layout.STATE, layout.LOGS))


def _unwritable(name: str, path: str) -> Note:
    return Note(
        phrase(
            "{name} is {path}, and the unit lets the proxy write to {state} and {logs} alone: choose a place "
            "there, or put ReadWritePaths={path} into a drop-in (systemctl edit {user})",
            name=name,
            path=path,
            state=layout.STATE,
            logs=layout.LOGS,
            user=layout.USER,
        )
    )
