"""Holds the help of every key of a recipe: each is described, and each description stands alone."""

import re

import pytest

from trainer.recipe import reference

#: Phrases that are a riddle where a help is read alone.
RIDDLES = ("so many", "so long", "so much", "so often", "is told", "of late", "the same for", "as above", "its word")
HELP = {key: text for key, _, text in reference.describe()}


@pytest.mark.parametrize("key", HELP)
def test_the_help_of_a_key_is_a_full_sentence_wherever_it_is_shown(key: str) -> None:
    text = re.sub(r" \([^()]*\)$", "", HELP[key])  # the bounds

    assert len(text.split()) > 3, text
    assert re.match(r"[A-Z]", text) and text.endswith("."), text
    assert not [phrase for phrase in RIDDLES if phrase in text.lower()], text


def test_the_page_of_the_keys_is_the_one_that_is_written_from_the_code() -> None:
    from tests.fakes import ROOT

    assert (ROOT / "trainer/recipe.md").read_text() == reference.page()
