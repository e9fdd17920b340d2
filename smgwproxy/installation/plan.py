"""From what was found and what is wished to the steps of an installation. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from posixpath import normpath

from smgwproxy.config import Config
from smgwproxy.errors import ConfigError
from smgwproxy.installation import layout
from smgwproxy.installation.configuration import config_of, line_of, written
from smgwproxy.installation.facts import Found, Wish, credential
from smgwproxy.installation.steps import Keep, LeftToDo, MakeDirectory, Note, Owner, Run, Step, WriteFile
from smgwproxy.installation.unit import Unit
from smgwproxy.origin import Origin

_SYSUSERS = layout.SYSUSERS.rpartition("/")[2]  # by its name, which is looked for below --root; a path is not
_FAILED = f"see: journalctl -u {layout.USER} -n 30"


def install_steps(found: Found, wish: Wish) -> list[Step]:
    """Return what is to be done and told, in this order; raises `ConfigError` for options that do not fit."""
    config = found.config or config_of(wish.options)
    unit = unit_of(config, wish).text.encode()
    return [
        *_directory(found, layout.CONFIGURATION_DIRECTORY, 0o755, "root"),
        *_user(found),
        *_directory(found, layout.STATE, 0o700, "proxy"),
        *_directory(found, layout.PINS, 0o700, "proxy"),
        *_directory(found, layout.HTTPS, 0o700, "proxy"),
        *_directory(found, layout.LOGS, 0o700, "proxy"),
        *_pins(found, wish),
        *_secrets(found, wish),
        *_configuration(found, wish),
        *_unit(found, unit),
        *_commands(found, wish, changed=found.texts.get(layout.UNIT) != unit or bool(_new_secrets(found, wish))),
        *_notes(config, wish),
    ]


def unit_of(config: Config, wish: Wish) -> Unit:
    """Return the unit for a proxy with this configuration."""
    ports = [port for port in (None if config.no_http else config.port, config.tls_port) if port is not None]
    named = {name: getattr(config, name.replace("-", "_")) for name in layout.SECRETS}
    secrets = tuple((name, _seen(str(path))) for name, path in named.items() if path is not None)
    for name, path in secrets:
        if not path.isprintable():
            raise ConfigError(
                f"{config.source(name)}: {path!r} cannot stand in a unit: give the file another name"
            )
    return Unit(wish.program, wish.in_home, any(0 < port < 1024 for port in ports), secrets)


# --- files ----------------------------------------------------------------------------------------------


def _directory(found: Found, path: str, mode: int, owner: Owner) -> Iterator[Step]:
    entry = found.entries.get(path)
    if entry is not None and entry.kind == "directory" and entry.mode == mode:
        ids = (0, 0) if owner == "root" else found.account
        if not found.privileged or ids in {None, entry.owner}:
            yield Keep(f"{path}/: it is there")
            return
    yield MakeDirectory(path, mode, owner)


def _user(found: Found) -> Iterator[Step]:
    text = layout.SYSUSERS_TEXT.encode()
    if found.texts.get(layout.SYSUSERS) == text:
        yield Keep(f"{layout.SYSUSERS}: it is as it should be")
    else:
        yield WriteFile(layout.SYSUSERS, text, 0o644, "root", f"the user {layout.USER}")
    if found.account is not None:
        yield Keep(f"the user {layout.USER}: it is there")
    elif found.privileged:
        below = () if found.root is None else (f"--root={found.root}",)
        yield Run(("systemd-sysusers", *below, _SYSUSERS))
    else:
        yield LeftToDo(("systemd-sysusers", _SYSUSERS))


def _pins(found: Found, wish: Wish) -> Iterator[Step]:
    there = {_gateway(path.rpartition("/")[2]) for path in found.below(layout.PINS)}
    for name, octets in sorted(wish.pins.items()):
        gateway = _gateway(name)
        if gateway is None:
            yield Note(f"{name} in the old directory of pins is not named after a gateway, and stays where it is")
        elif gateway in there:
            yield Keep(f"{layout.PINS}: a pin of {gateway} is there, and the old one is not taken over")
        else:
            yield WriteFile(f"{layout.PINS}/{name}", octets, 0o600, "proxy", f"the pin of {gateway}, as it was")
            there.add(gateway)


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
            why = f"a copy of the file of --{option}, for root alone"
            yield WriteFile(credential(option), octets, 0o600, "root", why)
        else:
            yield Keep(f"{credential(option)}: it is as it should be")


def _new_secrets(found: Found, wish: Wish) -> set[str]:
    return {option for option, octets in wish.secrets.items() if found.texts.get(credential(option)) != octets}


def _configuration(found: Found, wish: Wish) -> Iterator[Step]:
    if found.config is None:
        octets = written(wish.options)
        yield WriteFile(layout.CONFIGURATION, octets, 0o644, "root", "the configuration")
        return
    yield Keep(f"{layout.CONFIGURATION}: it is there, and what is there is never changed")
    wanted = config_of(wish.given)
    for name, told in wish.given.items():
        attribute = name.replace("-", "_")
        if getattr(wanted, attribute) != getattr(found.config, attribute):
            yield Note(
                f"{layout.CONFIGURATION} says otherwise than you: if you want it, write this line there "
                f"and install again: {line_of(name, told)}"
            )


def _unit(found: Found, unit: bytes) -> Iterator[Step]:
    there = found.texts.get(layout.UNIT)
    if there == unit:
        yield Keep(f"{layout.UNIT}: it is as it should be")
        return
    if there is not None and not found.ours(layout.UNIT):
        yield WriteFile(f"{layout.UNIT}.old", there, 0o644, "root", "the unit that was there")
    why = "the unit" if there is None else "the unit, which was another one; put changes into a drop-in"
    yield WriteFile(layout.UNIT, unit, 0o644, "root", why)
    if layout.DROP_INS in found.entries:
        yield Keep(f"{layout.DROP_INS}/: your own changes of the unit")


# --- commands -------------------------------------------------------------------------------------------


def _commands(found: Found, wish: Wish, *, changed: bool) -> Iterator[Step]:
    old = wish.original.unit if wish.original is not None else layout.UNIT_NAME
    back = "" if old == layout.UNIT_NAME else f"; to go back: systemctl enable --now {old}"
    disable = [] if old == layout.UNIT_NAME else [("systemctl", "disable", "--now", old)]
    reload = ("systemctl", "daemon-reload")
    enable = ("systemctl", "enable", layout.UNIT_NAME)
    restart = ("systemctl", "restart", layout.UNIT_NAME)
    if not found.commands:
        yield from map(LeftToDo, [reload, *disable, enable, restart])
        return
    if changed:
        yield Run(reload)
    yield from map(Run, disable)
    if found.enabled:
        yield Keep(f"{layout.UNIT_NAME} is enabled")
    else:
        yield Run(enable)
    if found.active and not changed:
        yield Keep(f"{layout.UNIT_NAME} runs")
    else:
        yield Run(restart, f"{_FAILED}{back}")


def _notes(config: Config, wish: Wish) -> Iterator[Step]:
    for name in ("certdir", "statedir", "logdir"):
        path = _seen(str(getattr(config, name)))
        if not _within(path):
            yield _unwritable(name, path)
    scheme, _, place = config.truststore.partition(":")
    if scheme in {"file", "sqlite"} and place != str(config.certdir) and not _within(_seen(place)):
        yield _unwritable("truststore", _seen(place))
    if wish.original is not None:
        yield Note(
            f"the logs of {wish.original.unit} stay in {wish.original.logdir}, and new ones go to {layout.LOGS}"
        )


def _seen(path: str) -> str:
    """Return the absolute path of what the configuration names, from the service's working directory."""
    return normpath(str(PurePosixPath(layout.STATE) / path))


def _within(path: str) -> bool:
    return any(PurePosixPath(path).is_relative_to(place) for place in (layout.STATE, layout.LOGS))


def _unwritable(name: str, path: str) -> Note:
    return Note(
        f"{name} is {path}, and the unit lets the proxy write to {layout.STATE} and {layout.LOGS} alone: choose a "
        f"place there, or put ReadWritePaths={path} into a drop-in (systemctl edit {layout.USER})"
    )
