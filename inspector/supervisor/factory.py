"""Owns the construction of a supervisor: the bundle is opened and checked against the config, the canary is chosen."""

from collections.abc import Callable

from inspector.host.systemd import Notifier
from inspector.settings.settings import Settings
from inspector.supervisor import canary
from inspector.supervisor.settings_in_force import SettingsInForce
from inspector.supervisor.signal_flags import SignalFlags
from inspector.supervisor.supervisor import Supervisor
from inspector.vision import bundle


def supervisor(settings: Settings, reread: Callable[[], Settings]) -> Supervisor:
    """Return the supervisor of a line with these settings.

    `reread` reads the config again, at SIGHUP, and raises InspectorError if it cannot be used. Raise BundleError if the
    bundle cannot be opened, ConfigError if the settings do not go with it.
    """
    model = bundle.load(settings.bundle_path)
    in_force = SettingsInForce(settings, model, reread)
    return Supervisor(in_force, model, canary.choose(model, settings.workers.engine), Notifier(), SignalFlags())
