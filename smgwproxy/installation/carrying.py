"""Carries steps out, one after the other, each told before it is done."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable, Iterable

from smgwproxy.errors import SmgwProxyError
from smgwproxy.installation import layout
from smgwproxy.installation.steps import (
    MakeDirectory,
    Owner,
    RemoveDirectory,
    RemoveFile,
    Run,
    Step,
    WriteFile,
)
from smgwproxy.installation.survey import users
from smgwproxy.installation.tree import Ids, Tree
from smgwproxy.phrases import phrase, sequence
from smgwproxy.system import reason


class NotDone(SmgwProxyError):
    """A step could not be done; what came before it is done, and running the command again goes on from there."""


def carry_out(steps: Iterable[Step], tree: Tree, tell: Callable[[Step], None]) -> None:
    """Do all ``steps``; raises `NotDone`."""
    for step in steps:
        tell(step)
        try:
            _do(step, tree)
        except OSError as error:
            raise NotDone(
                phrase(
                    "{step}: {reason}. Mend that, and run this again.",
                    step=step.sentence,
                    reason=reason(error),
                )
            ) from error


def _do(step: Step, tree: Tree) -> None:
    match step:
        case MakeDirectory():
            tree.make_directory(step.path, step.mode, _ids(step.owner, tree))
        case WriteFile():
            tree.write(step.path, step.octets, step.mode, _ids(step.owner, tree))
        case RemoveFile():
            tree.remove(step.path)
        case RemoveDirectory():
            tree.remove_directory(step.path)
        case Run():
            _run(step)
        case _:  # something that is only told
            pass


def _ids(owner: Owner, tree: Tree) -> Ids | None:
    """Return whom to give a file to; None keeps it with this user, who is not root, or while there is no user yet.

    systemd gives the directories of the service to its user when it starts.
    """
    if os.geteuid() != 0:
        return None
    if owner == "root":
        return (0, 0)
    user = users(tree).get(layout.USER)
    return user.ids if user is not None else None


def _run(step: Run) -> None:
    done = subprocess.run(step.words, check=False)  # noqa: S603  # the words are ours
    if done.returncode != 0:
        command = shlex.join(step.words)
        remedy = (
            phrase("{remedy}.", remedy=step.remedy) if step.remedy else phrase("Mend that, and run this again.")
        )
        ended = phrase("{command} ended with {code}.", command=command, code=done.returncode)
        raise NotDone(sequence((ended, remedy)))
