"""The command ``smgwproxy discover`` with less patience: its first word tells the times, as JSON."""

from __future__ import annotations

import json
import os
import sys

from smgwproxy.commands.discover import discover
from smgwproxy.discovery.search import Times

if __name__ == "__main__":
    try:
        code = discover(sys.argv[2:], os.environ, Times(**json.loads(sys.argv[1])))
    except KeyboardInterrupt:  # as smgwproxy.cli has it
        code = 130
    sys.exit(code)
