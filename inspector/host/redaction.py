"""Owns how addresses are shown, a camera's always without its credentials, and what is wrong with one. Pure."""

import re
from urllib.parse import unquote, urlsplit

_SCHEME = r"\w[\w+.-]*://"
#: Everything that may be a login: up to the last `@` before the next address or the end of the line.
_LOGIN = re.compile(rf"({_SCHEME})(?:(?!{_SCHEME})[^\n])*@")
_LOGIN_WITHOUT_SCHEME = re.compile(r"[^\s=]*:(?!//)\S*@")
#: Path and query of an address: cheap cameras take user and password there.
_BEHIND_HOST = re.compile(rf"({_SCHEME}[^\s/?#'\"]*)[/?#]\S+?(?=[,;:.)\]}}'\"]*(?:\s|$))")
_HOST = re.compile(rf"({_SCHEME}[^\s/?#'\"]*)[/?#](?!\s|$)(?:(?![,;:.)\]}}'\"]*(?:\s|$))\S)+\S?")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^\s:\[\]@]*)(:[0-9]{1,5})?")
HIDDEN = "***"
#: Most characters of a value that is not hidden: it would also occur as a part of harmless text.
_SHORT = 3


def shown(text: str) -> str:
    """Return the text with login, path and query of every address hidden: `rtsp://***@10.0.0.5/***`.

    It rather hides too much than too little.
    """
    text = _LOGIN.sub(rf"\1{HIDDEN}@", text)
    text = _LOGIN_WITHOUT_SCHEME.sub(f"{HIDDEN}@", text)
    return _BEHIND_HOST.sub(rf"\1/{HIDDEN}", text)


def without(text: str, address: str) -> str:
    """Return a library's text about `address` with the credentials in the address hidden, in whatever form."""
    text = shown(text.replace(address, shown(address)))
    for secret in sorted(_secrets(address), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", HIDDEN, text)
    return text


def wrong(address: str) -> str:
    """Return what is wrong with the address of a stream, and what would be right; empty where nothing is."""
    if re.search(r"[\s\x00-\x1f\x7f]", address):
        return "has white space in it: write %20 for a blank"
    authority, behind = re.fullmatch(r"\w[\w+.-]*://([^/?#]*)(.*)", address, re.DOTALL).groups()  # type: ignore[union-attr]
    host = authority.rpartition("@")[2]
    if not _HOST.fullmatch(host) or ("@" not in authority and "@" in behind.partition("?")[0]):
        return (
            "names no host: in a user, password or path write %2F for /, %23 for #, %3F for ?, %40 for @,"
            " %3A for : and %25 for %"
        )
    return ""


def _secrets(address: str) -> set[str]:
    """Return user, password, path and query of an address, and the values in them, as written and unquoted."""
    try:
        parts = urlsplit(address)
        behind = [parts.path.strip("/"), parts.query, parts.fragment]
        written = {parts.username or "", parts.password or "", *behind}
    except ValueError:  # not an address: for example, a bracket is never closed
        written, behind = {address}, []
    for text in behind:
        for value in re.findall(r"=([^=/&?;]*)", text):
            written |= {form for form in (value, value.partition("_")[0]) if len(form) > _SHORT}
    return {form for text in written for form in (text, unquote(text)) if form}


def origin(host: str, port: int) -> str:
    """Return the URL of an HTTP port, without a path; an IPv6 address gets its brackets."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
