"""Refuses gateways that are right each and wrong together. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import combinations
from typing import TYPE_CHECKING

from smgwproxy.errors import ConfigError
from smgwproxy.phrases import phrase

if TYPE_CHECKING:
    from smgwproxy.config.loading import Config
    from smgwproxy.origin import Origin

_LOCALHOST = "127.0.0.1"


def check_together(gateways: Sequence[Config]) -> None:
    """Raise `ConfigError` where two gateways, or one and the status, want the same port, or two are the same."""
    for one in gateways:
        _check_status(one)
    for one, other in combinations(gateways, 2):
        _check_targets(one, other)
        for his, hers in ((a, b) for a in _wanted(one) for b in _wanted(other)):
            if his.port == hers.port and _overlap(one.listen, other.listen):
                raise ConfigError(
                    phrase(
                        "{source}: {name} cannot have port {port}, which is that of {other} ({other_source}): "
                        "give each gateway a {option} of its own",
                        source=other.source(hers.option),
                        name=other.name,
                        port=hers.port,
                        other=one.name,
                        other_source=one.source(his.option),
                        option=hers.option,
                    )
                )


@dataclass(frozen=True, slots=True)
class _Wanted:
    option: str
    port: int


def _check_targets(one: Config, other: Config) -> None:
    # Each takes one connection at a time, so that one's clients would wait for the other's.
    if _device(one.target) == _device(other.target):
        raise ConfigError(
            phrase(
                "{source}: {name} cannot have {target}, which is the gateway of {other} ({other_source}): "
                "give each table a target of its own",
                source=other.source("target"),
                name=other.name,
                target=str(other.target),
                other=one.name,
                other_source=one.source("target"),
            )
        )


def _device(target: Origin) -> tuple[str, int]:
    """Return what all spellings of ``target`` have in common."""
    host = target.host.removesuffix(".")
    with suppress(ValueError):  # a name
        host = str(getattr(ip_address(host), "ipv4_mapped", None) or host)
    return host, target.port


def _check_status(config: Config) -> None:
    if not config.status_port or not _overlap(config.listen, config.status_listen):
        return
    for wanted in _wanted(config):
        if wanted.port == config.status_port:
            raise ConfigError(
                phrase(
                    "{source}: {port} is the port of {name} ({other_source}): give another one",
                    source=config.source("status-port"),
                    port=config.status_port,
                    name=config.name,
                    other_source=config.source(wanted.option),
                )
            )


def _wanted(config: Config) -> Iterator[_Wanted]:
    """Yield the ports that nobody else may have; any free one is no such port."""
    if config.port and not config.no_http:
        yield _Wanted("port", config.port)
    if config.tls_port:
        yield _Wanted("tls-port", config.tls_port)


def _overlap(one: str | None, other: str | None) -> bool:
    """Tell whether who listens at the one address has the other's clients; None is all interfaces."""
    if one is None or other is None or one == other:
        return True
    first, second = (ip_address(_LOCALHOST if text == "localhost" else text) for text in (one, other))
    if first.version != second.version:
        return False
    return first == second or first.is_unspecified or second.is_unspecified
