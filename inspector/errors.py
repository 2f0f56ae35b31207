"""The errors the inspector raises on purpose. A message says what was wrong, where, and what would be right."""


class InspectorError(Exception):
    """Base of every error raised on purpose; anything else that escapes is a bug."""


class ConfigError(InspectorError):
    """Raised when a config file, an environment variable or a command line setting cannot be used."""


class QuestionError(InspectorError):
    """Raised when a question cannot be answered as it was asked. The message begins with the name of its field."""


class BundleError(InspectorError):
    """Raised when a model bundle is missing, damaged, of another schema, or gives other scores than it promised."""


class ImageError(InspectorError):
    """Raised when bytes are not one image that can be inspected. The message is the reason put on record."""


class MessageError(InspectorError):
    """Raised when bytes from a socket are not a message of ours, or exceed a bound."""


class StoreError(InspectorError):
    """Raised when the record cannot be opened, read or written."""


class DamagedError(StoreError):
    """Raised when the record's file turns out to be damaged."""


class HinderedError(StoreError):
    """Raised when the record cannot be used now, and may be later: it is locked, or its disk is full or failing."""


class NewerError(StoreError):
    """Raised when the record is of a newer version than this one: it is left as it is."""


class ReplacedError(StoreError):
    """Raised when the record's files are not in their place any more: what was written is in none that is there."""


class BusyError(InspectorError):
    """Raised when another inspector already owns the data folder, drop folder or port."""
