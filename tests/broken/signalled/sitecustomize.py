"""Every process signals itself once, when it begins to import a module: SIGNALLED="inspector.config:SIGHUP"."""

import os
import signal
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any

_MODULE, _, _SIGNAL = os.environ["SIGNALLED"].partition(":")


class _Signaller(MetaPathFinder):
    def find_spec(self, fullname: str, *_: Any) -> ModuleSpec | None:
        if fullname == _MODULE:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.Signals[_SIGNAL])
        return None


sys.meta_path.insert(0, _Signaller())
