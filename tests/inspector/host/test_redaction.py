"""Holds what of an address may be shown: whatever is secret in it is not; and what is wrong with one."""

import pytest

from inspector.host.redaction import shown, without, wrong


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rtsp://10.0.0.5", "rtsp://10.0.0.5"),
        ("rtsp://10.0.0.5/strip", "rtsp://10.0.0.5/***"),
        ("rtsp://[::1]:554/strip", "rtsp://[::1]:554/***"),
        ("rtsp://user:pw@10.0.0.5/strip", "rtsp://***@10.0.0.5/***"),
        ("rtsp://user@10.0.0.5", "rtsp://***@10.0.0.5"),
        ("rtsp://user:p@s's/w?#@cam/a", "rtsp://***@cam/***"),
        ("http://user:p w@cam:80/a", "http://***@cam:80/***"),
        ("http://cam/video.cgi?user=admin&pwd=888", "http://cam/***"),
        ("http://cam:80/user=admin_password=888_channel=1/x.mjpg", "http://cam:80/***"),
        ("http://cam/admin/888/ch0: refused", "http://cam/***: refused"),
        ("-o sources.cam.address=rtsp://u:p@h/x", "-o sources.cam.address=rtsp://***@h/***"),
        ("-o sources.cam.address=u:p@h/x", "-o sources.cam.address=***@h/x"),
        ("-o workers.count=4", "-o workers.count=4"),
        ("user:pw@10.0.0.5/strip", "***@10.0.0.5/strip"),
        ("two: rtsp://a:b@c and http://d:e@f", "two: rtsp://***@c and http://***@f"),
    ],
)
def test_logins_paths_and_questions_are_hidden(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_what_a_library_makes_of_an_address_is_hidden_too() -> None:
    address = "rtsp://operator:p%21w@cam:554/a?k=v"
    said = "tcp://cam:554?k=v user operator, password p!w or p%21w: 401"

    assert without(said, address) == "tcp://cam:554/*** user ***, password *** or ***: 401"


def test_a_password_in_a_path_is_hidden_alone_and_with_the_path() -> None:
    address = "http://cam/user=admin_password=topsecret2_channel=1/x.mjpg"
    said = "GET /user=admin_password=topsecret2_channel=1/x.mjpg: topsecret2 is wrong"

    assert without(said, address) == "GET /***: *** is wrong"


def test_a_reason_that_holds_the_address_keeps_its_harmless_part() -> None:
    assert without("rtsp://u:p@cam/a: refused", "rtsp://u:p@cam/a") == "rtsp://***@cam/***: refused"


@pytest.mark.parametrize(
    "address",
    [
        "rtsp://10.0.0.5/strip", "rtsp://u:p%2F%23@cam:554/strip", "http://cam/v.cgi?user=a&pwd=b@c", "srt://:9000?x=y",
        "udp://@239.0.0.1:1234", "rtsp://[::1]:554/a", "rtsp://u:p@w@cam/a",
    ],
)  # fmt: skip
def test_an_address_with_a_host_is_right(address: str) -> None:
    assert wrong(address) == ""


@pytest.mark.parametrize(
    ("address", "right"),
    [
        ("rtsp://u:a/b@cam/x", "%2F"), ("rtsp://u:1/2@cam/x", "%2F"), ("rtsp://u:a#b@cam/x", "%23"),
        ("http://u:a?b@cam/x", "%3F"), ("http://u:a b@cam/x", "%20"), ("http://cam/a b", "%20"),
        ("rtsp://[::1/x", "%2F"),
    ],
)  # fmt: skip
def test_what_cannot_stand_in_an_address_is_named_with_how_it_is_written(address: str, right: str) -> None:
    assert right in wrong(address)
