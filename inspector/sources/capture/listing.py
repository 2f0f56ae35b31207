"""Owns which cameras are here: what Aravis finds, and video devices. Run as `python -m`, and prints them in JSON.

A process of its own: a camera or driver that hangs holds up nothing but its list.
"""

import ctypes
import fcntl
import os
import struct
import sys
from collections.abc import Iterator
from ctypes import c_uint
from pathlib import Path

import msgspec

from inspector.protocol.discovery import FoundCamera
from inspector.sources.capture.aravis import call

#: Of videodev2.h: VIDIOC_ENUM_FMT, what it is given, and the type of a device that captures.
_ENUM_FORMAT, _FORMAT, _CAPTURE = 0xC0405602, struct.Struct("=III32sII12x"), 1


def main(kind: str, root: str) -> None:
    """Print the cameras of one kind, `gige` or `camera`, or to stderr why they cannot be listed."""
    try:
        found = list(genicam() if kind == "gige" else video_devices(Path(root)))
    except OSError as error:
        sys.exit(str(error))
    sys.stdout.write(msgspec.json.encode(found).decode())


def genicam() -> Iterator[FoundCamera]:
    """Yield what answers Aravis's discovery. Raise OSError if there is no Aravis."""
    call("arv_update_device_list")
    for index in range(call("arv_get_n_devices")):
        id_, vendor, model, serial, place, protocol = (
            (call(f"arv_get_device_{name}", index) or b"").decode(errors="replace")
            for name in ("id", "vendor", "model", "serial_nbr", "address", "protocol")
        )
        address = place if protocol == "GigEVision" else id_
        yield FoundCamera(
            type="gige", address=address, id=id_, vendor=vendor, model=model, serial=serial, formats=_pixel_formats(id_)
        )


def _pixel_formats(id_: str) -> list[str]:
    """Return the formats the camera can send; none if it does not let us ask."""
    try:
        camera = call("arv_camera_new", id_.encode())
    except OSError:
        return []
    try:
        count = c_uint()
        names = call("arv_camera_dup_available_enumerations_as_strings", camera, b"PixelFormat", ctypes.byref(count))
        formats = [(names[index] or b"").decode() for index in range(count.value)]
        call("g_free", names)
        return formats
    except OSError:
        return []
    finally:
        call("g_object_unref", camera)


def video_devices(root: Path) -> Iterator[FoundCamera]:
    """Yield the devices of Video4Linux that capture; `root` holds /sys and /dev."""
    for entry in sorted((root / "sys/class/video4linux").glob("video*"), key=lambda one: (len(one.name), one.name)):
        formats = _device_formats(root / "dev" / entry.name)
        if _text(entry / "index") not in ("", "0") and not formats:
            continue  # the second node of a camera, for what is no picture
        usb = (entry / "device").resolve().parent
        model = _text(usb / "product") or _text(entry / "name")
        yield FoundCamera(
            type="camera",
            address=f"/dev/{entry.name}",
            id=entry.name,
            vendor=_text(usb / "manufacturer"),
            model=model,
            serial=_text(usb / "serial"),
            formats=formats,
        )


def _device_formats(device: Path) -> list[str]:
    """Return the formats the device can send; none if it does not let us ask."""
    formats: list[str] = []
    try:
        descriptor = os.open(device, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return formats
    try:
        while True:
            asked = _FORMAT.pack(len(formats), _CAPTURE, 0, b"", 0, 0)
            code = _FORMAT.unpack(fcntl.ioctl(descriptor, _ENUM_FORMAT, asked))[4]
            formats.append(struct.pack("=I", code).decode("ascii", "replace").strip())
    except OSError:  # there is no format of that number
        return formats
    finally:
        os.close(descriptor)


def _text(file: Path) -> str:
    try:
        return file.read_text(errors="replace").strip()
    except OSError:
        return ""


if __name__ == "__main__":
    main(*sys.argv[1:])
