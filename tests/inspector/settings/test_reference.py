"""Holds the help of every setting: each is described, and each description stands alone."""

import re
from typing import Any

import pytest

from inspector.settings.reference import describe
from inspector.settings.settings import Settings

#: Phrases that are a riddle where a help is read alone.
RIDDLES = ("so many", "so long", "so much", "is told", "of late", "the same for", "as above")


def described_fields(schema: dict[str, Any]) -> dict[str, str]:
    """The help of each setting in the JSON schema, by section and key; "" where there is none."""
    return {
        f"{title}.{name}": " ".join(field.get("description", "").split())
        for title, section in {"Settings": schema, **schema["$defs"]}.items()
        for name, field in section["properties"].items()
        if name != "type" and "$ref" not in field
    }


FIELDS = described_fields(Settings.model_json_schema())


def test_every_setting_is_described_with_its_default_and_bounds() -> None:
    described = {key: (default, text) for key, default, text in describe()}

    assert described["workers.count"] == ("2", "Number of worker processes; each of them loads the model. (≥ 1, ≤ 256)")
    assert described["data"][0] == "required"
    assert all(text for _, text in described.values())
    assert {"sources.<folder>.path", "sources.<simulated>.rate_fps", "record.defect_log"} <= set(described)
    assert {"alarms.<any>.within_m", "grading.limits.<any>.grade", "rolls.<any>.diameter_mm"} <= set(described)


@pytest.mark.parametrize("name", FIELDS)
def test_the_help_of_a_setting_is_a_full_sentence_wherever_it_is_shown(name: str) -> None:
    text = FIELDS[name]

    assert len(text.split()) > 3, text
    assert re.match(r"[A-Z]", text) and text.endswith("."), text
    assert not [phrase for phrase in RIDDLES if phrase in text.lower()], text
