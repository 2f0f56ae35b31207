"""Owns the settings that a running line goes by: kept for `inspector status`, and read anew at SIGHUP."""

import logging
from collections.abc import Callable

from inspector.errors import InspectorError
from inspector.protocol.control import InForce
from inspector.settings import bundle_check, running_settings, terms
from inspector.settings.settings import Settings
from inspector.vision.bundle import Bundle

log = logging.getLogger(__name__)


class SettingsInForce:
    """Settings that go with one bundle. Those of processes that run may still be older."""

    def __init__(self, settings: Settings, model: Bundle, reread: Callable[[], Settings]) -> None:
        """`reread` reads the config again and raises InspectorError if it cannot be used.

        Raise ConfigError if `settings` do not go with the bundle.
        """
        self.settings = settings
        self._model = model
        self._reread = reread
        self._check(settings)

    def put(self, settings: Settings) -> None:
        """Put settings in force: processes that start from now on get them."""
        self.settings = settings
        self.keep()

    def keep(self) -> None:
        """Keep the settings for `inspector status`; a line that cannot write them goes on without."""
        try:
            running_settings.save(self.settings)
        except OSError as error:
            log.warning("the settings in force cannot be kept for `inspector status`: %s", error)

    def reread(self) -> Settings | None:
        """Return the config as it is now; None if it cannot be used, which is logged."""
        try:
            fresh = self._reread()
            self._check(fresh)
        except InspectorError as error:
            log.error("reload: %s; the line goes on as before", "; ".join(str(error).splitlines()))
            return None
        return fresh

    def terms(self) -> InForce:
        """Return what frames are decided by from now on, as the sink keeps it with the record."""
        return terms.now(self.settings, self._model)

    def _check(self, settings: Settings) -> None:
        bundle_check.check_labels(settings, self._model.labels)
        bundle_check.check_bit_depth(settings, self._model)
