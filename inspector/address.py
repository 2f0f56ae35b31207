"""Owns what of a camera's address may be shown: never its credentials. Pure."""

import re
from urllib.parse import unquote, urlsplit

_LOGIN = re.compile(r"(\w[\w+.-]*://)\S*@")
_LOGIN_WITHOUT_SCHEME = re.compile(r"[^\s=]*:(?!//)\S*@")
#: Cheap cameras take user and password behind the question mark.
_QUESTION = re.compile(r"(\w[\w+.-]*://[^\s?]*)\?\S*")
HIDDEN = "***"


def shown(text: str) -> str:
    """The text with logins and questions of every address in it hidden: `rtsp://***@10.0.0.5/strip?***`.

    Hides too much rather than too little: all between `://` and the last `@` of a word.
    """
    text = _LOGIN.sub(rf"\1{HIDDEN}@", text)
    text = _LOGIN_WITHOUT_SCHEME.sub(f"{HIDDEN}@", text)
    return _QUESTION.sub(rf"\1?{HIDDEN}", text)


def without(text: str, address: str) -> str:
    """What a library says about `address`, with its credentials hidden in whatever form they are in there."""
    text = shown(text.replace(address, shown(address)))
    for secret in sorted(_secrets(address), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", HIDDEN, text)
    return text


def _secrets(address: str) -> set[str]:
    """User, password and question of an address, as written and as meant."""
    try:
        parts = urlsplit(address)
        written = {parts.username or "", parts.password or "", parts.query}
    except ValueError:  # no address at all, as a bracket that is never closed
        written = {address}
    return {form for text in written for form in (text, unquote(text)) if form}
