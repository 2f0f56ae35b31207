"""Owns the start of a child process: bound to the supervisor's life before it runs anything, then given its part.

By fork and exec, as multiprocessing's spawn does it; but spawn has no hook between the two for the bond.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection, Pipe

from inspector.host import parent_death, signals
from inspector.protocol.heartbeat import LifeSign
from inspector.supervisor.role import Assignment

#: The modules are found where ours were; the name is for whoever reads a list of processes.
_ENTRY = "import sys; sys.path = sys.argv[2:]; from inspector.supervisor.role import main; main()"


def launch(assignment: Assignment, words: Connection, sign: LifeSign) -> "subprocess.Popen[bytes]":
    """Start the process of this assignment, with its end of the pipe. Raise OSError if the system gives none."""
    command = [sys.executable, "-c", _ENTRY, assignment.name, *sys.path]
    with open(os.memfd_create(assignment.name), "w+b") as told:  # no pipe: one that reads nothing must not hold us up
        told.write(assignment.encode(words.fileno(), sign.descriptor))
        told.seek(0)
        return subprocess.Popen(command, stdin=told, pass_fds=(words.fileno(), sign.descriptor), preexec_fn=_prepared())


def _prepared() -> Callable[[], None]:
    """Return a `preexec_fn` that binds the process to us and holds its signals until the role has its handlers."""
    bind = parent_death.bound()

    def prepare() -> None:
        bind()
        signals.hold()

    return prepare


def rehearse() -> None:
    """Start a process that does nothing, with all that `launch` needs. Raise OSError if the system gives none.

    Call it before a process is ended so that another can take its place.
    """
    ours, theirs = Pipe()
    with ours, theirs, open(os.memfd_create("rehearsal"), "w+b") as told:
        nothing = [sys.executable, "-I", "-S", "-c", ""]
        subprocess.run(nothing, stdin=told, pass_fds=(theirs.fileno(),), check=False)
