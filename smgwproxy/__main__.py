"""The entry of ``python -m smgwproxy``."""

from smgwproxy.cli import main

raise SystemExit(main())
