"""The table of options."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from smgwproxy.access import HOME_NETWORKS
from smgwproxy.config import values
from smgwproxy.config.values import LOG_LEVELS
from smgwproxy.origin import Origin
from smgwproxy.phrases import Phrase, phrase

ENVIRONMENT_PREFIX = "SMGWPROXY_"


@dataclass(frozen=True, slots=True)
class Option:
    """One option of the command line, the environment and the configuration file.

    ``parse`` turns its text into the value, or raises `ValueError` with one line that quotes the text and
    tells the remedy. ``default`` is a text too; None where there is none, or it follows from another option.
    ``shown`` is what the help says of the default when not the text itself. ``original`` marks the options of
    the original Go program. ``kind`` tells how many texts there are: one; ``several``, whose value is a tuple of
    what each was parsed into; or none, for a ``switch``, whose flag alone means true.
    """

    name: str
    metavar: str
    help: str
    parse: Callable[[str], object]
    default: str | None
    shown: str | None = None
    original: bool = False
    kind: Literal["one", "several", "switch"] = "one"
    whose: Literal["gateway", "process"] = "gateway"

    @property
    def flag(self) -> str:
        """The flag as the help shows it."""
        return f"--{self.name}"

    @property
    def variable(self) -> str:
        """The environment variable."""
        return ENVIRONMENT_PREFIX + self.attribute.upper()

    @property
    def attribute(self) -> str:
        """The name of the attribute of `Config` and of the parsed namespace."""
        return self.name.replace("-", "_")


def suggest(word: str, known: Iterable[str]) -> Phrase:
    """Tell the remedy for ``word``, which is none of ``known``."""
    import difflib  # noqa: PLC0415  # only for who mistyped something

    near = difflib.get_close_matches(word, tuple(known), n=1)
    return phrase("did you mean {known}?", known=near[0]) if near else phrase("--help lists the options")


_PORT = values.whole(0, 65535, phrase("give a port from 1 to 65535, or 0 for any free one"))
_CLIENTS = values.whole(1, 10000, phrase("give a number from 1 to 10000"))

OPTIONS: tuple[Option, ...] = (
    Option(
        "target",
        "HOST[:PORT]",
        phrase("address of the Smart Meter Gateway"),
        Origin.parse,
        "10.11.120.2",
        original=True,
    ),
    Option(
        "port",
        "PORT",
        phrase("port to listen at; 0 takes any free one"),
        _PORT,
        "8080",
        original=True,
    ),
    Option(
        "certdir",
        "DIR",
        phrase("where the file trust store keeps the gateway's certificate, one JSON file a gateway"),
        values.directory,
        "./certs",
        original=True,
    ),
    Option(
        "logdir",
        "DIR",
        phrase("where the log files are written"),
        values.directory,
        "./logs",
        original=True,
        whose="process",
    ),
    Option(
        "logfile",
        "NAME",
        phrase("name of the link to the current log file, and the end of each log file's name"),
        values.file_name,
        "proxy.log",
        original=True,
        whose="process",
    ),
    Option(
        "listen",
        "ADDRESS",
        phrase("address of this machine to listen at: an IP address, localhost, or all"),
        values.listen,
        "all",
        shown=phrase("all interfaces, IPv4 and IPv6"),
    ),
    Option(
        "allow",
        "CIDR",
        phrase(
            "network whose clients are served, or a single address, instead of the default ones; repeat it "
            "for more"
        ),
        values.network,
        ",".join(map(str, HOME_NETWORKS)),
        shown=phrase("private, loopback and link-local ones"),
        kind="several",
    ),
    Option(
        "server-name",
        "NAME",
        phrase(
            "DNS name by which clients call the proxy, and all names under it, beside addresses, names without a "
            "dot and names of home networks; repeat it for more"
        ),
        values.server_name,
        None,
        shown=phrase("none"),
        kind="several",
    ),
    Option(
        "tls-port",
        "PORT",
        phrase("port to listen at with HTTPS as well; 0 takes any free one"),
        _PORT,
        None,
        shown=phrase("none"),
    ),
    Option(
        "tls-cert",
        "FILE",
        phrase("certificate of the HTTPS listener in PEM, with its chain and maybe its key"),
        values.file,
        None,
        shown=phrase("one made by the proxy itself"),
    ),
    Option(
        "tls-key",
        "FILE",
        phrase("key of --tls-cert in PEM"),
        values.file,
        None,
        shown=phrase("in the file of --tls-cert"),
    ),
    Option(
        "no-http",
        "true|false",
        phrase("listen with HTTPS alone"),
        values.switch,
        "false",
        kind="switch",
    ),
    Option(
        "statedir",
        "DIR",
        phrase("where the certificate that the proxy makes for its HTTPS listener is kept"),
        values.directory,
        "./state",
    ),
    Option(
        "truststore",
        "SPEC",
        phrase("where pinned certificates are kept, as NAME:ARGUMENT"),
        values.truststore,
        None,
        shown="file:CERTDIR",
    ),
    Option(
        "renewal",
        "WHEN",
        phrase("whether a new certificate with the pinned one's key is accepted by itself: ask, or same-key"),
        values.renewal,
        "ask",
    ),
    Option(
        "client-cert",
        "FILE",
        phrase("certificate that the gateway wants instead of a password, in PEM or PKCS#12"),
        values.file,
        None,
        shown=phrase("none"),
    ),
    Option(
        "client-key",
        "FILE",
        phrase("key of --client-cert in PEM"),
        values.file,
        None,
        shown=phrase("in the file of --client-cert"),
    ),
    Option(
        "client-password-file",
        "FILE",
        phrase(
            "file whose first line is the password of that key, or of the PKCS#12 file; the environment variable "
            "SMGWPROXY_CLIENT_PASSWORD is the password itself"
        ),
        values.file,
        None,
        shown=phrase("none"),
    ),
    Option(
        "host-header",
        "HOST[:PORT]",
        phrase("Host that the gateway is sent, for those that insist on a name"),
        values.host_header,
        None,
        shown=phrase("the gateway's address"),
    ),
    Option(
        "max-connections",
        "N",
        phrase("connections to the gateway at the same time; further requests wait their turn"),
        values.whole(1, 1000, phrase("give a number from 1 to 1000")),
        "1",
    ),
    Option(
        "queue-timeout",
        "SECONDS",
        phrase("how long a request waits for its turn before it is answered with 503"),
        values.seconds,
        "60",
    ),
    Option(
        "connect-timeout",
        "SECONDS",
        phrase("how long the gateway may take to accept a connection, TLS handshake included"),
        values.seconds,
        "10",
    ),
    Option(
        "read-timeout",
        "SECONDS",
        phrase("how long the gateway may be silent before and within an answer"),
        values.seconds,
        "180",
    ),
    Option(
        "keepalive",
        "SECONDS",
        phrase("how long an idle connection to the gateway may be used again"),
        values.seconds,
        "120",
    ),
    Option(
        "store-timeout",
        "SECONDS",
        phrase("how long the trust store may take to answer; then nothing is sent"),
        values.seconds,
        "10",
    ),
    Option(
        "max-clients",
        "N",
        phrase("connections of clients at the same time"),
        _CLIENTS,
        "200",
    ),
    Option(
        "max-clients-per-address",
        "N",
        phrase("connections of clients from one address at the same time"),
        _CLIENTS,
        "50",
    ),
    Option(
        "handshake-timeout",
        "SECONDS",
        phrase("how long a client may take for its TLS handshake"),
        values.seconds,
        "10",
    ),
    Option(
        "head-timeout",
        "SECONDS",
        phrase("how long a client may take for the head of its request"),
        values.seconds,
        "10",
    ),
    Option(
        "body-timeout",
        "SECONDS",
        phrase("how long a client may send no byte of its request's body, or take none of its answer"),
        values.seconds,
        "30",
    ),
    Option(
        "idle-timeout",
        "SECONDS",
        phrase("how long a client's connection is kept open between requests"),
        values.seconds,
        "60",
    ),
    Option(
        "min-speed",
        "BYTES",
        phrase(
            "bytes a second below which a client is cut off once it has used up --body-timeout; 0 lets it be slow"
        ),
        values.whole(0, 1_000_000_000, phrase("give a number of bytes from 1 to 1000000000, or 0 for no limit")),
        "500",
    ),
    Option(
        "status-port",
        "PORT",
        phrase("port for the status page, metrics and health checks; 0 takes any free one"),
        _PORT,
        None,
        shown=phrase("none"),
        whose="process",
    ),
    Option(
        "status-listen",
        "ADDRESS",
        phrase("address of this machine to listen at for them: an IP address, localhost, or all"),
        partial(values.listen, port="status-port"),
        "localhost",
        whose="process",
    ),
    Option(
        "log-level",
        "LEVEL",
        phrase(
            "how much is logged: {levels}; debug adds headers and the start of text bodies",
            levels=", ".join(LOG_LEVELS),
        ),
        values.log_level,
        "info",
        whose="process",
    ),
)

# In the environment only: everybody on the machine may see a command line, and many a configuration file.
CLIENT_PASSWORD = Option(
    "client-password",
    "PASSWORD",
    phrase("password of the key of --client-cert"),
    values.secret,
    None,
)

CONFIG = Option(
    "config",
    "FILE",
    phrase(
        "TOML file with any of these options, as in: port = 8081; it may have several gateways, each in a table "
        "[[gateway]] with a name of its own"
    ),
    Path,
    None,
    shown=phrase("none"),
)
