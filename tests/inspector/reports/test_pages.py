"""Holds how a page is made of a template: all that it inserts is escaped, and nothing that it needs is left out."""

from types import SimpleNamespace

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from inspector.reports import pages


def page(drawing: str) -> str:
    """The page of a map that is only this text."""
    return pages.render("map.html", piece="c", map=SimpleNamespace(drawing=drawing, hotspots=[], hint=""))


def test_text_is_escaped_and_only_markup_stays() -> None:
    assert "&lt;b&gt;&amp;&#34;" in page('<b>&"') and "<b>" not in page('<b>&"')
    assert "<svg></svg>" in page(Markup("<svg></svg>"))


def test_what_cannot_be_printed_or_would_turn_the_text_is_written_as_its_number() -> None:
    assert "a\nb\\x1b\\u202ec" in page("a\nb\x1b\u202ec")


def test_a_value_that_a_template_needs_and_does_not_get_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="hint"):
        pages.render("map.html", piece="c", map=SimpleNamespace(drawing="", hotspots=[]))
