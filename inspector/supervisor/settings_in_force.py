"""Owns the settings in force in a running line: saved for `inspector status`, and read anew at SIGHUP."""

import logging
from collections.abc import Callable

from inspector.errors import InspectorError
from inspector.protocol.control import InForce
from inspector.settings import bundle_check, running_settings, terms
from inspector.settings.settings import Settings
from inspector.vision.bundle import Bundle

log = logging.getLogger(__name__)


class SettingsInForce:
    """The settings in force, which agree with one bundle. Running processes may still have older ones."""

    def __init__(self, settings: Settings, model: Bundle, reread: Callable[[], Settings]) -> None:
        """`reread` reads the config again and raises InspectorError if it cannot be used.

        Raise ConfigError if `settings` do not go with the bundle.
        """
        self.settings = settings
        self._model = model
        self._reread = reread
        self._check(settings)

    def put(self, settings: Settings) -> None:
        """Put settings in force: processes that start from now on use them."""
        self.settings = settings
        self.keep()

    def keep(self) -> None:
        """Save the settings for `inspector status`; a line that cannot write them runs without the file."""
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
        """Return the terms that decide frames from now on, as the sink keeps them with the record."""
        return terms.now(self.settings, self._model)

    def _check(self, settings: Settings) -> None:
        bundle_check.check_labels(settings, self._model.labels)
        bundle_check.check_bit_depth(settings, self._model)
