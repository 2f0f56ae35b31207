"""Holds the list of cameras: what is found is told with what to write for it, and that there is none is said."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from inspector.answers import cameras
from inspector.cli import main
from inspector.cli.commands.cameras import show
from inspector.protocol.discovery import FoundCamera
from tests.inspector.cameras import gige_camera


def device(root: Path, number: int, **usb: str) -> None:
    """A USB camera's node as the kernel shows it, and a second one for what is no picture."""
    place = root / f"sys/devices/usb1/1-{number}"
    (place / "interface").mkdir(parents=True)
    for name, text in usb.items():
        (place / name).write_text(f"{text}\n")
    for index in (0, 1):
        node = root / f"sys/class/video4linux/video{2 * number + index}"
        node.mkdir(parents=True)
        (node / "name").write_text("UVC camera\n")
        (node / "index").write_text(f"{index}\n")
        (node / "device").symlink_to(place / "interface")


def test_video_devices_are_listed_with_what_they_say_of_themselves(tmp_path: Path) -> None:
    device(tmp_path, 0, manufacturer="ACME", product="StripCam 4K", serial="A17")
    device(tmp_path, 5)

    found, _ = cameras.find(tmp_path)
    assert [one for one in found if one.type == "camera"] == [
        FoundCamera(
            type="camera",
            address="/dev/video0",
            id="video0",
            vendor="ACME",
            model="StripCam 4K",
            serial="A17",
            formats=[],
        ),
        FoundCamera(
            type="camera", address="/dev/video10", id="video10", vendor="", model="UVC camera", serial="", formats=[]
        ),
    ]


def test_a_gige_camera_is_listed_with_its_address_and_formats_and_names_are_never_cut(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with gige_camera():
        assert main.main(["cameras", "--json"]) == 0
        (found,) = [one for one in json.loads(capsys.readouterr().out) if one["type"] == "gige"]
        assert (found["address"], found["serial"], found["vendor"]) == ("127.0.0.1", "STRIP1", "Aravis")
        assert "Mono8" in found["formats"]
        monkeypatch.setenv("COLUMNS", "200")
        assert main.main(["cameras"]) == 0
        told = capsys.readouterr().out
        assert all(text in told for text in ("127.0.0.1", "STRIP1", found["id"]))


def test_that_there_is_none_and_that_the_library_is_missing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import inspector.sources.capture.aravis as aravis\naravis.LIBRARY = 'libnone.so.0'\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(main.__file__).parents[1]}")
    monkeypatch.setattr(cameras.find, "__defaults__", (tmp_path, cameras.TIMEOUT_S))

    assert main.main(["cameras"]) == 1
    told = capsys.readouterr()
    assert "no camera was found" in told.out
    assert "libnone.so.0 cannot be loaded" in told.err and "apt-get install libaravis-0.8-0" in told.err


def test_a_list_that_hangs_is_given_up_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    found, troubles = cameras.find(tmp_path, timeout_s=0.2)
    assert found == []
    assert all("no list within 0.2 s" in trouble for trouble in troubles) and len(troubles) == 2
    show(Console(), found)
