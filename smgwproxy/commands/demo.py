"""``smgwproxy demo``: a simulated gateway on loopback, and the proxy before it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from smgwproxy import demo
from smgwproxy.commands.serve import serve
from smgwproxy.config import OPTIONS, Config, Option, Program, build_parser, parse, resolve
from smgwproxy.origin import Origin

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
_AS_SLOW_AS_REAL = demo.Delays(login=2.5, request=1.1, export=10)
_LOOPBACK = "127.0.0.1"


def serve_demo(words: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the demo with the flags ``words`` until a signal ends it, and return the exit code.

    Pins and log files live in a temporary directory, since the simulated gateway has a new certificate each
    time. Listens on loopback unless told otherwise, since everybody knows the login. Raises `ConfigError`.
    """
    parser = build_parser(
        [_shown(option) for option in OPTIONS if option.name in _TAKEN],
        prog="smgwproxy demo",
        commands=("",),
        description="Try the proxy without a gateway: starts a simulated one on loopback and the proxy before it.",
    )
    vendors = parser.add_argument_group("simulated gateway")
    vendors.add_argument(
        "--vendor",
        choices=tuple(demo.VENDORS),
        default="theben",
        help="whose gateway is simulated (default: theben)",
    )
    vendors.add_argument("--slow", action="store_true", help="answer as slowly as a real gateway does")
    namespace = parse(parser, words)
    config = resolve(namespace, environ).process
    delays = _AS_SLOW_AS_REAL if namespace.slow else demo.Delays()
    with (
        tempfile.TemporaryDirectory(prefix="smgwproxy-demo-") as directory,
        demo.start_gateway(namespace.vendor, delays=delays) as gateway,
    ):
        return serve(
            Program((_of_the_demo(config, Origin(*gateway.address), Path(directory)),)),
            ready=lambda port: print(_instructions(config, gateway, port), flush=True),  # noqa: T201  # for the user
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


def _instructions(config: Config, gateway: demo.Gateway, port: int) -> str:
    host = config.listen if "listen" in config.given and config.listen else _LOOPBACK
    base = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    return (
        f"\nA simulated {gateway.vendor.name} gateway runs at {gateway.url}, the proxy before it at {base}\n\n"
        f"  Open       {base}{gateway.page}\n"
        f"  User       {gateway.user}\n"
        f"  Password   {gateway.password}\n"
        f"  Read the meter:\n"
        f"  {gateway.curl(base)}\n\n"
        "Ctrl-C ends it. With a real gateway: smgwproxy --target ADDRESS\n"
    )
