"""Holds the reading of YAML that people write: what YAML 1.1 reads otherwise than it looks is never guessed."""

from pathlib import Path

import pytest

from inspector import yaml_text
from inspector.errors import ConfigError


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1:30", "1:30"), ("12:30:45", "12:30:45"), ("12:30:45.5", "12:30:45.5"),  # YAML 1.1: 90, 45045, 45045.5
        ("010", "010"), ("0128", "0128"),  # YAML 1.1: 8 and a text
        ("2026-01-01", "2026-01-01"), ("2026-13-45", "2026-13-45"),  # YAML 1.1: a date, and an error
        ("0", 0), ("-5", -5), ("+3", 3), ("1_000", 1000), ("0x1F", 31), ("0b11", 3),
        ("1.5", 1.5), (".5", 0.5), ("-1.5e-3", -0.0015), ("1.", 1.0), ("-.inf", float("-inf")),
        ("true", True), ("FALSE", False), ("~", None), ("", None), ("'on'", "on"),
    ],
)  # fmt: skip
def test_a_value_is_what_it_looks_like(written: str, value: object) -> None:
    read = yaml_text.load(f"a: {written}")["a"]

    assert read == value and type(read) is type(value)


@pytest.mark.parametrize(("written", "value"), [("on", True), ("Yes", True), ("OFF", False), ("no", False)])
def test_a_switch_is_a_truth_value_of_a_key_and_a_name_among_names(written: str, value: bool) -> None:
    read = yaml_text.load(f"key: {written}\n{written}: 1\nlist: [{written}, true]")

    assert read == {"key": value, written: 1, "list": [written, True]}
    assert yaml_text.load(written) is value


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "line.yaml").write_bytes(b"\xef\xbb\xbfdata: here")

    assert yaml_text.read(tmp_path / "line.yaml", "a config is needed") == {"data": "here"}


def test_a_file_in_another_encoding_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "line.yaml").write_bytes(b"workers: {}\ndata: Stra\xdfe")

    with pytest.raises(ConfigError, match=r"line\.yaml: not YAML: not UTF-8 text from line 2 on .* save it as UTF-8"):
        yaml_text.read(tmp_path / "line.yaml", "a config is needed")
