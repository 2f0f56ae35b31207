"""A process signals itself when it begins to import a module: SIGNALLED="inspector.settings.settings:SIGHUP:run".

Which process: that with such an argument on its command line.
"""

import os
import signal
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any

_MODULE, _SIGNAL, _ARGUMENT = os.environ["SIGNALLED"].split(":")


class _Signaller(MetaPathFinder):
    def find_spec(self, fullname: str, *_: Any) -> ModuleSpec | None:
        if fullname == _MODULE:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.Signals[_SIGNAL])
        return None


if _ARGUMENT in sys.orig_argv:
    sys.meta_path.insert(0, _Signaller())
