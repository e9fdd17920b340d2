"""Where everything of an installation lies; paths are absolute within the system that is installed to."""

from __future__ import annotations

USER = "smgwproxy"
UNIT_NAME = "smgwproxy.service"

CONFIGURATION_DIRECTORY = "/etc/smgwproxy"
CONFIGURATION = f"{CONFIGURATION_DIRECTORY}/smgwproxy.toml"
CREDENTIALS = f"{CONFIGURATION_DIRECTORY}/credentials"
STATE = "/var/lib/smgwproxy"
PINS = f"{STATE}/certs"
HTTPS = f"{STATE}/state"
LOGS = "/var/log/smgwproxy"
SYSUSERS = f"/etc/sysusers.d/{USER}.conf"
UNIT = f"/etc/systemd/system/{UNIT_NAME}"
DROP_INS = f"{UNIT}.d"

UNIT_DIRECTORIES = (
    "/etc/systemd/system",
    "/usr/local/lib/systemd/system",
    "/lib/systemd/system",
    "/usr/lib/systemd/system",
)
"""Where units are looked for; a name found earlier hides the same one found later (systemd.unit(5))."""

WANTED = "/etc/systemd/system/multi-user.target.wants"
"""The links to the units that start with the machine."""

SYSUSERS_TEXT = f"""\
# Written by `smgwproxy install`.
u {USER} - "Smart Meter Gateway proxy" {STATE}
"""

SECRETS = ("client-cert", "client-key", "client-password-file", "tls-cert", "tls-key")
"""The options whose files systemd hands over, since the user of the service may not read them."""

PLACES = {"certdir": PINS, "statedir": HTTPS, "logdir": LOGS}
"""The options that an installation decides itself."""
