"""From what was given to a `Program`, and to the `Config` of each of its gateways."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from types import MappingProxyType
from typing import Any

from smgwproxy.config.commandline import build_parser, parse
from smgwproxy.config.options import CLIENT_PASSWORD, OPTIONS, Option
from smgwproxy.config.sources import Collected, Given, collect
from smgwproxy.config.together import check_together
from smgwproxy.config.values import Secret
from smgwproxy.errors import ConfigError, text_of
from smgwproxy.language import Language
from smgwproxy.origin import Origin
from smgwproxy.phrases import phrase
from smgwproxy.renewal import Renewal


@dataclass(frozen=True, slots=True)
class Config:
    """All that the proxy was told for one gateway, checked as far as it can be without touching network or disk.

    What belongs to the process is the same for all gateways (`Option.whose`). ``table`` is the name of the
    gateway's table in the configuration file, None where there are no tables; its `name` is what people are told.

    ``listen`` is an IP address without brackets or ``localhost``, None means all interfaces (IPv4 and IPv6).
    ``port`` and ``tls_port`` 0 mean any free one; without a ``tls_port`` there is no HTTPS listener, and with
    ``no_http`` no other. ``tls_key`` None means that the key is in the file ``tls_cert``. ``server_name`` holds
    DNS names in lower case, without their last dots. ``client_key`` None means that the key is in the file
    ``client_cert``; ``client_password`` is the password from the environment, and there is not one in
    ``client_password_file`` as well. ``host_header`` None means the gateway's address. Times are in seconds,
    ``min_speed`` in bytes a second. ``truststore`` is ``NAME:ARGUMENT``. Without a ``status_port`` there is no
    status; ``status_listen`` is as ``listen``. ``given`` maps each option that was given
    to the way it was; ask `source`.
    """

    target: Origin
    port: int
    certdir: Path
    logdir: Path
    logfile: str
    listen: str | None
    allow: tuple[IPv4Network | IPv6Network, ...]
    server_name: tuple[str, ...]
    tls_port: int | None
    tls_cert: Path | None
    tls_key: Path | None
    no_http: bool
    statedir: Path
    truststore: str
    renewal: Renewal
    client_cert: Path | None
    client_key: Path | None
    client_password_file: Path | None
    host_header: str | None
    max_connections: int
    queue_timeout: float
    connect_timeout: float
    read_timeout: float
    keepalive: float
    store_timeout: float
    max_clients: int
    max_clients_per_address: int
    handshake_timeout: float
    head_timeout: float
    body_timeout: float
    idle_timeout: float
    min_speed: int
    status_port: int | None
    status_listen: str | None
    log_level: str
    client_password: Secret | None = None
    table: str | None = None
    given: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), compare=False, repr=False)

    def source(self, name: str) -> str:
        """How the option ``name`` was given, to begin an error with.

        ``--port``, ``SMGWPROXY_PORT`` or ``port in FILE``; the flag when the default is in force.
        """
        return self.given.get(name, f"--{name}")

    @property
    def name(self) -> str:
        """The name of the gateway: that of its table, or its address."""
        return str(self.target) if self.table is None else self.table


@dataclass(frozen=True, slots=True)
class Program:
    """All that the program was told: the `Config` of each gateway, in the order of the file, at least one."""

    gateways: tuple[Config, ...]

    @property
    def process(self) -> Config:
        """One of them, to be asked for the options of the process, which are the same in all."""
        return self.gateways[0]

    @property
    def named(self) -> bool:
        """Tell whether the gateways have names of their own, from tables of the configuration file."""
        return self.process.table is not None

    @property
    def only(self) -> Config:
        """The only one; raises `ConfigError` when there are several."""
        if len(self.gateways) > 1:
            names = ", ".join(one.name for one in self.gateways)
            raise ConfigError(phrase("--gateway: there are several gateways: give one of {names}", names=names))
        return self.gateways[0]


def load(argv: Sequence[str], environ: Mapping[str, str]) -> Program:
    """Read the proxy's command line (without the program's name), environment and configuration file.

    Raises `ConfigError` with one line that names the option, the way it was given, and the remedy.
    """
    return resolve(parse(build_parser(say=Language.of(environ)), argv), environ)


def resolve(namespace: argparse.Namespace, environ: Mapping[str, str], gateway: str | None = None) -> Program:
    """Make the `Program` of what `parse` returned, the environment and the configuration file.

    Options whose flags the parser did not have come from the environment, the file or their defaults. With
    ``gateway`` the one of that name is the only one. Raises `ConfigError` as `load` does, and when there is none
    of that name.
    """
    found = collect(namespace, environ)
    # That from the environment is for the gateways that have a certificate, as far as any has.
    of_use = any("client-cert" in one.given for one in found)
    gateways = tuple(_config(one, password="client-cert" in one.given or not of_use) for one in found)
    if gateway is not None:
        return Program((_named(gateway, gateways),))
    check_together(gateways)
    return Program(gateways)


def _named(name: str, gateways: Sequence[Config]) -> Config:
    for one in gateways:
        if one.name == name:
            return one
    names = ", ".join(one.name for one in gateways)
    raise ConfigError(
        phrase("--gateway: there is no gateway {name!r}: give one of {names}", name=name, names=names)
    )


def _config(told: Collected, *, password: bool) -> Config:
    given = {name: one for name, one in told.given.items() if password or name != CLIENT_PASSWORD.name}
    values = {option.attribute: _value(option, given.get(option.name)) for option in (*OPTIONS, CLIENT_PASSWORD)}
    if values["truststore"] is None:
        values["truststore"] = f"file:{values['certdir']}"
    sources = {name: one.source for name, one in given.items()}
    config = Config(**values, table=told.table, given=MappingProxyType(sources))
    _check_options(config)
    return config


def _value(option: Option, told: Given | None) -> Any:
    if told is None:
        told = Given(() if option.default is None else (option.default,), option.flag)
    texts: Sequence[str] = told.texts
    if option.kind == "several":
        texts = [part.strip() for text in texts for part in text.split(",")]
    try:
        values = tuple(option.parse(text) for text in texts)
    except ValueError as error:
        raise ConfigError(phrase("{source}: {error}", source=told.source, error=text_of(error))) from error
    if option.kind == "several":
        return values
    return values[0] if values else None


def _check_options(config: Config) -> None:
    """Refuse options that are right each and wrong together."""
    if not config.allow:  # an empty array
        _refuse(
            config,
            "allow",
            phrase("the list is empty, so nobody would be served: give a network, or leave it out"),
        )
    if config.tls_key and not config.tls_cert:
        _refuse(config, "tls-key", phrase("a key is of no use without its certificate: give --tls-cert as well"))
    if config.client_password and config.client_password_file:
        other = config.source("client-password-file")
        _refuse(
            config, "client-password", phrase("{other} gives a password, too: leave one of them out", other=other)
        )
    if not config.client_cert:
        _check_without_client_certificate(config)
    if config.tls_port is None:
        if config.tls_cert:
            _refuse(
                config, "tls-cert", phrase("no HTTPS listener would use the certificate: give --tls-port as well")
            )
        if config.no_http:
            _refuse(config, "no-http", phrase("there would be no listener at all: give --tls-port as well"))
    elif config.tls_port == config.port != 0 and not config.no_http:
        _refuse(
            config,
            "tls-port",
            phrase("{port} is the port for HTTP: give another one, or --no-http as well", port=config.port),
        )


def _check_without_client_certificate(config: Config) -> None:
    if config.client_key:
        _refuse(
            config, "client-key", phrase("a key is of no use without its certificate: give --client-cert as well")
        )
    for name, password in (
        ("client-password-file", config.client_password_file),
        ("client-password", config.client_password),
    ):
        if password:
            _refuse(
                config, name, phrase("a password is of no use without a certificate: give --client-cert as well")
            )


def _refuse(config: Config, name: str, told: str) -> None:
    raise ConfigError(phrase("{source}: {error}", source=config.source(name), error=told))
