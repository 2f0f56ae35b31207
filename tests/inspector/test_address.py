"""Holds what of an address may be shown: whatever is secret in it is not."""

import pytest

from inspector.address import shown, without


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rtsp://10.0.0.5/strip", "rtsp://10.0.0.5/strip"),
        ("rtsp://user:pw@10.0.0.5/strip", "rtsp://***@10.0.0.5/strip"),
        ("rtsp://user@10.0.0.5/strip", "rtsp://***@10.0.0.5/strip"),
        ("rtsp://user:p@s's/w?#@cam/a", "rtsp://***@cam/a"),
        ("http://cam/video.cgi?user=admin&pwd=888", "http://cam/video.cgi?***"),
        ("-o sources.cam.address=rtsp://u:p@h/x", "-o sources.cam.address=rtsp://***@h/x"),
        ("-o sources.cam.address=u:p@h/x", "-o sources.cam.address=***@h/x"),
        ("-o workers.count=4", "-o workers.count=4"),
        ("user:pw@10.0.0.5/strip", "***@10.0.0.5/strip"),
        ("two: rtsp://a:b@c and http://d:e@f", "two: rtsp://***@c and http://***@f"),
    ],
)
def test_logins_and_questions_are_hidden(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_what_a_library_makes_of_an_address_is_hidden_too() -> None:
    address = "rtsp://operator:p%21w@cam:554/a?k=v"
    said = "tcp://cam:554?k=v user operator, password p!w or p%21w: 401"

    assert without(said, address) == "tcp://cam:554?*** user ***, password *** or ***: 401"


def test_a_reason_that_holds_the_address_keeps_its_harmless_part() -> None:
    assert without("rtsp://u:p@cam/a: refused", "rtsp://u:p@cam/a") == "rtsp://***@cam/a: refused"
