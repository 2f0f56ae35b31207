"""Owns the start of a child process: it is bound to the supervisor's life before it runs anything, then gets its role.

By fork and exec, like multiprocessing's spawn, which has no hook between the two to bind the process.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection, Pipe

from inspector.host import parent_death, signals
from inspector.protocol.heartbeat import LifeSign
from inspector.supervisor.role import Assignment

#: Program of a child: it searches modules in the supervisor's sys.path. The first argument is a name for `ps`.
_ENTRY = "import sys; sys.path = sys.argv[2:]; from inspector.supervisor.role import main; main()"


def launch(assignment: Assignment, words: Connection, sign: LifeSign) -> "subprocess.Popen[bytes]":
    """Start the process of this assignment, with its end of the pipe. Raise OSError if the system gives none."""
    command = [sys.executable, "-c", _ENTRY, assignment.name, *sys.path]
    with open(os.memfd_create(assignment.name), "w+b") as file:  # no pipe: one that reads nothing must not hold us up
        file.write(assignment.encode(words.fileno(), sign.descriptor))
        file.seek(0)
        return subprocess.Popen(command, stdin=file, pass_fds=(words.fileno(), sign.descriptor), preexec_fn=_prepared())


def _prepared() -> Callable[[], None]:
    """Return a `preexec_fn` that binds the process to this one, and blocks signals until the role has its handlers."""
    bind = parent_death.bound()

    def prepare() -> None:
        bind()
        signals.hold()

    return prepare


def rehearse() -> None:
    """Start a process that does nothing, with all resources that `launch` needs. Raise OSError if one is lacking.

    Call it before a process is ended that another one is to replace.
    """
    ours, theirs = Pipe()
    with ours, theirs, open(os.memfd_create("rehearsal"), "w+b") as file:
        nothing = [sys.executable, "-I", "-S", "-c", ""]
        subprocess.run(nothing, stdin=file, pass_fds=(theirs.fileno(),), check=False)
