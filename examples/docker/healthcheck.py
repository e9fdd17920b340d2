"""Ask the proxy in this container for an answer that is its own, and not the gateway's: exit code 0 when it comes.

A connection alone would tell nothing: the kernel takes it for a program that hangs.
"""

import http.client
import os
import sys
from contextlib import closing

_NOT_ITS_NAME = "health-check.invalid"


def main(port: int, patience: float = 5) -> int:
    """Ask by a name that is not the proxy's, which it refuses at its door (421); wait ``patience`` seconds."""
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=patience)) as connection:
            connection.request("GET", "/health-check", headers={"Host": _NOT_ITS_NAME})
            status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        print(f"no answer at port {port}: {error}")
        return 1
    print(f"status {status}")
    return 0 if status == http.client.MISDIRECTED_REQUEST else 1


if __name__ == "__main__":
    sys.exit(main(int(os.environ.get("SMGWPROXY_PORT", "8080"))))
