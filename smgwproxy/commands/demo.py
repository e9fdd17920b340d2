"""``smgwproxy demo``: a simulated gateway on loopback, and the proxy before it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from smgwproxy.commands.console import Console, OutputLost
from smgwproxy.config import OPTIONS, Config, Option, Program, build_parser, parse, resolve
from smgwproxy.language import Language
from smgwproxy.origin import Origin
from smgwproxy.phrases import phrase

if TYPE_CHECKING:
    from smgwproxy.demo import Gateway

_VENDORS = ("theben", "ppc", "emh")
_TAKEN = (
    "port",
    "listen",
    "tls-port",
    "max-connections",
    "queue-timeout",
    "connect-timeout",
    "read-timeout",
    "log-level",
)
_LOOPBACK = "127.0.0.1"


def serve_demo(words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the demo with the flags ``words`` until a signal ends it, and return the exit code.

    Pins and log files live in a temporary directory, since the simulated gateway has a new certificate each
    time. Listens on loopback unless told otherwise, since everybody knows the login. Raises `ConfigError`.
    """
    language = Language.of(environ)
    parser = build_parser(
        [_shown(option) for option in OPTIONS if option.name in _TAKEN],
        prog="smgwproxy demo",
        commands=("",),
        description=phrase(
            "Try the proxy without a gateway: starts a simulated one on loopback and the proxy before it."
        ),
        say=language,
    )
    vendors = parser.add_argument_group(phrase("simulated gateway"))
    vendors.add_argument(
        "--vendor",
        choices=_VENDORS,
        default="theben",
        help=phrase("whose gateway is simulated (default: {vendor})", vendor="theben"),
    )
    vendors.add_argument("--slow", action="store_true", help=phrase("answer as slowly as a real gateway does"))
    namespace = parse(parser, words)
    console = Console.standard(language)
    config = resolve(namespace, environ).process
    # Only now: --help and a wrong option need neither gevent nor urllib3.
    from smgwproxy.commands.serve import serve  # noqa: PLC0415
    from smgwproxy.demo import Delays, start_gateway  # noqa: PLC0415

    as_slow_as_real = Delays(login=2.5, request=1.1, export=10)
    with (
        tempfile.TemporaryDirectory(prefix="smgwproxy-demo-") as directory,
        start_gateway(namespace.vendor, delays=as_slow_as_real if namespace.slow else Delays()) as gateway,
    ):
        return serve(
            Program((_of_the_demo(config, Origin(*gateway.address), Path(directory)),)),
            ready=lambda port: _tell(console, _instructions(config, gateway, port)),
        )


def _of_the_demo(config: Config, target: Origin, directory: Path) -> Config:
    return replace(
        config,
        table=None,
        target=target,
        client_cert=None,
        host_header=None,
        listen=config.listen if "listen" in config.given else _LOOPBACK,
        truststore=f"file:{directory / 'certs'}",
        logdir=directory / "logs",
        statedir=directory / "state",
        no_http=False,
    )


def _shown(option: Option) -> Option:
    """Let the help tell where the demo listens unless told otherwise."""
    return replace(option, shown=_LOOPBACK) if option.name == "listen" else option


def _tell(console: Console, lines: Sequence[str]) -> None:
    with suppress(OutputLost):  # who reads nothing can still use it
        console.say(lines)


def _instructions(config: Config, gateway: Gateway, port: int) -> Sequence[str]:
    host = config.listen if "listen" in config.given and config.listen else _LOOPBACK
    base = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    return (
        "",
        phrase(
            "A simulated {vendor} gateway runs at {url}, the proxy before it at {base}",
            vendor=gateway.vendor.name,
            url=gateway.url,
            base=base,
        ),
        "",
        phrase("  Open       {page}", page=f"{base}{gateway.page}"),
        phrase("  User       {user}", user=gateway.user),
        phrase("  Password   {password}", password=gateway.password),
        phrase("  Read the meter:"),
        f"  {gateway.curl(base)}",
        "",
        phrase("Ctrl-C ends it. With a real gateway: smgwproxy --target ADDRESS"),
        "",
    )
