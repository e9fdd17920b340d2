"""How a command comes to its exit code, whether it could do its work, could not, or nobody reads what it says."""

from __future__ import annotations

from collections.abc import Callable

from smgwproxy.commands.console import Console, OutputLost
from smgwproxy.errors import ConfigError, SmgwProxyError

NOBODY_READS = 141
"""What a shell tells of a program that SIGPIPE ended."""


def answered(run: Callable[[Console], int], console: Console) -> int:
    """Return what ``run`` returns with ``console``, and tell the errors that people can mend.

    1 after such an error, told in one line on stderr; `NOBODY_READS` when nobody reads the output any more. Raises
    `ConfigError` as it comes, since the exit code for a wrong option is the command line's affair.
    """
    try:
        return run(console)
    except ConfigError:
        raise
    except OutputLost as error:
        if error.nobody:
            return NOBODY_READS
        console.error(error)
    except SmgwProxyError as error:
        console.error(error)
    return 1
