"""Owns which characters of foreign text reach a page or a drawing."""


def printable(text: str) -> str:
    r"""Return the text with each character that cannot be printed, or would turn the text, as its number (\x1b).

    A line break stays.
    """
    return "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text)
