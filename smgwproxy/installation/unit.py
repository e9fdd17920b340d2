"""The unit that systemd runs the proxy by. Pure.

Three things are left out on purpose. ``IPAddressDeny=``: it would have to say again what ``allow`` and ``target``
say, and a change of those and a reload would silently not work; the proxy refuses strangers itself, and nothing it
does depends on an answer from elsewhere. ``ProcSubset=pid``: this machine's IPv6 addresses are read from
/proc/net. ``DynamicUser=``: people run `smgwproxy trust` as root, whose files then belong to the owner of the
directory, who must be the same tomorrow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from smgwproxy.config import ENVIRONMENT_PREFIX
from smgwproxy.installation import layout
from smgwproxy.installation.unitfile import quoted

DEFAULT_PROGRAM = "/opt/smgwproxy/bin/smgwproxy"


@dataclass(frozen=True, slots=True)
class Unit:
    """What the unit depends on.

    ``program`` is its command line; ``in_home`` tells that it lies below /home; ``low_port`` that a port under
    1024 is listened at; ``secrets`` are the options whose files systemd hands over, with their paths.
    """

    program: tuple[str, ...] = (DEFAULT_PROGRAM,)
    in_home: bool = False
    low_port: bool = False
    secrets: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """The unit file."""
        return _TEXT.format(
            start=quoted([*self.program, "--config", layout.CONFIGURATION]),
            user=layout.USER,
            state=layout.STATE,
            credentials="".join(f"{line}\n" for line in _credentials(self.secrets)),
            capability="CAP_NET_BIND_SERVICE" if self.low_port else "",
            # A capability counts for nothing in a user namespace of its own.
            private_users="no" if self.low_port else "yes",
            home="read-only" if self.in_home else "yes",
        )


def _credentials(secrets: Sequence[tuple[str, str]]) -> Iterator[str]:
    for option, path in secrets:
        variable = ENVIRONMENT_PREFIX + option.upper().replace("-", "_")
        yield f"LoadCredential={option}:{path.replace('%', '%%')}"  # takes no quotes
        yield f"Environment={variable}=%d/{option}"


_TEXT = """\
# Written by `smgwproxy install`, which writes it anew when it is not as it should be.
# Changes of your own belong into a drop-in, which is kept: sudo systemctl edit smgwproxy
[Unit]
Description=Reverse proxy for a Smart Meter Gateway
Wants=network-online.target
After=network-online.target

[Service]
Type=notify
NotifyAccess=main
ExecStart={start}
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=10
WatchdogSec=60
# running requests have 30 s to finish
TimeoutStopSec=45
# clients of one gateway must leave some to those of another
LimitNOFILE=65536

User={user}
Group={user}
WorkingDirectory={state}
StateDirectory={user}
StateDirectoryMode=0700
LogsDirectory={user}
LogsDirectoryMode=0700
UMask=0077
{credentials}
CapabilityBoundingSet={capability}
AmbientCapabilities={capability}
NoNewPrivileges=yes
PrivateUsers={private_users}
ProtectSystem=strict
ProtectHome={home}
PrivateTmp=yes
PrivateDevices=yes
PrivateIPC=yes
PrivateMounts=yes
DevicePolicy=closed
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""
