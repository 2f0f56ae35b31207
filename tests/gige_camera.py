"""A real GigE Vision camera on loopback, Aravis's own, which obeys stdin: `python gige_camera.py SERIAL`.

Says `ready` when it listens. A line `lose 0.01` loses so many of its packets from then on, `freeze` and `move` stop and
start its picture, `timeless` takes its clock away; `told` is answered with what it was told to be, in JSON. Debian:
libaravis-0.8-0.
"""

import ctypes
import json
import sys
from ctypes import POINTER, c_char_p, c_double, c_size_t, c_uint32, c_uint64, c_void_p

LIBRARY = "libaravis-0.8.so.0"
#: Of arvfakecamera.h.
REGISTERS = {
    "left": 0x130, "top": 0x134, "width": 0x100, "height": 0x104, "exposure_us": 0x120, "gain": 0x110,
    "period_us": 0x138, "trigger": 0x300, "software": 0x304, "packet_bytes": 0xD04, "packet_delay": 0xD08,
}  # fmt: skip
FILL = ctypes.CFUNCTYPE(None, c_void_p, c_void_p, c_uint32, c_uint32, c_uint32)
G_TYPE_DOUBLE = 15 << 2


class Value(ctypes.Structure):
    """GValue."""

    _fields_ = (("type", c_size_t), ("data", c_uint64 * 2))


def main() -> None:
    """Serve until stdin ends."""
    aravis = ctypes.CDLL(LIBRARY)
    aravis.arv_gv_fake_camera_new.restype = aravis.arv_gv_fake_camera_get_fake_camera.restype = c_void_p
    aravis.arv_gv_fake_camera_new.argtypes = [c_char_p, c_char_p]
    aravis.arv_gv_fake_camera_is_running.argtypes = aravis.arv_gv_fake_camera_get_fake_camera.argtypes = [c_void_p]
    aravis.arv_fake_camera_read_register.argtypes = [c_void_p, c_uint32, POINTER(c_uint32)]
    aravis.arv_fake_camera_set_fill_pattern.argtypes = [c_void_p, FILL, c_void_p]
    aravis.arv_buffer_get_data.restype, aravis.arv_buffer_get_data.argtypes = c_void_p, [c_void_p, POINTER(c_size_t)]
    aravis.arv_buffer_set_timestamp.argtypes = [c_void_p, c_uint64]
    aravis.g_object_set_property.argtypes = [c_void_p, c_char_p, POINTER(Value)]
    camera = aravis.arv_gv_fake_camera_new(b"127.0.0.1", sys.argv[1].encode())
    if not aravis.arv_gv_fake_camera_is_running(camera):
        sys.exit("another camera listens on this host")
    fake = aravis.arv_gv_fake_camera_get_fake_camera(camera)
    state = {"picture": 0, "moves": 1, "has_clock": 1}

    def read(name: str) -> int:
        register = c_uint32()
        aravis.arv_fake_camera_read_register(fake, REGISTERS[name], register)
        return register.value

    def fill(buffer: int, data: int, exposure_us: int, gain: int, pixel_format: int) -> None:
        state["picture"] += state["moves"]
        place = aravis.arv_buffer_get_data(buffer, c_size_t())
        ctypes.memset(place, 64 + state["picture"] % 128, read("width") * read("height"))
        if not state["has_clock"]:
            aravis.arv_buffer_set_timestamp(buffer, 0)

    pattern = FILL(fill)
    aravis.arv_fake_camera_set_fill_pattern(fake, pattern, None)
    print("ready", flush=True)
    for line in sys.stdin:
        word, *numbers = line.split()
        if word == "lose":
            value = Value()
            aravis.g_value_init(ctypes.byref(value), c_size_t(G_TYPE_DOUBLE))
            aravis.g_value_set_double(ctypes.byref(value), c_double(float(numbers[0])))
            aravis.g_object_set_property(camera, b"gvsp-lost-ratio", value)
        elif word == "told":
            print(json.dumps({name: read(name) for name in REGISTERS}), flush=True)
        elif word == "timeless":
            state["has_clock"] = 0
        else:
            state["moves"] = int(word == "move")


if __name__ == "__main__":
    main()
