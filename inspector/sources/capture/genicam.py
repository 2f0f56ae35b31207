"""Owns one GenICam camera, GigE Vision or USB3 Vision: control over it, its settings, its stream of buffers."""

import contextlib
import ctypes
import ipaddress
import socket
import threading
import time
from ctypes import c_double, c_int, c_size_t, c_uint, c_uint64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inspector.errors import ImageError
from inspector.sources.capture import aravis
from inspector.sources.capture.aravis import call
from inspector.vision.image import inspectable

#: Gray pixel formats by their number (GenICam, Pixel Format Naming Convention), and how many bits of a pixel they fill.
_GRAY_BITS = {0x01080001: 8, 0x01100003: 10, 0x01100005: 12, 0x01100025: 14, 0x01100007: 16}
#: The port of GigE Vision's control protocol; the standard knows no other.
_CONTROL_PORT = 3956
#: Memory that pictures may wait in, and how many of them: a hiccup of ours shorter than these loses none.
_BUFFER_BYTES, _LEAST_BUFFERS, _MOST_BUFFERS = 256 << 20, 3, 16
#: Pictures that may wait in the kernel, as far as net.core.rmem_max lets them. Room for one, which is Aravis's choice,
#: lost most of those that came in bursts.
_SOCKET_PICTURES, _LEAST_SOCKET_BYTES = 4, 8 << 20
#: Aravis's enumerations.
_SUCCESS, _OFF, _CONTINUOUS, _CHECK, _NEVER, _FIXED = 0, 0, 0, 1, 0, 0
#: No picture waits longer than this in a buffer: a longer wait comes from a clock of this host that was set meanwhile.
_LONGEST_WAIT_S = 60.0


class Camera:
    """A camera under our control alone. Each method raises OSError, with the reason, if the camera refuses."""

    def __init__(self, handle: int) -> None:
        """Take over Aravis's camera of this address; `open_camera` makes one."""
        self._handle = handle
        self.lost = threading.Event()  # set when it does not answer any more, or obeys another
        self._on_lost = aravis.Handler(lambda device, data: self.lost.set())  # kept: C calls it
        device = call("arv_camera_get_device", handle)
        call("g_signal_connect_data", device, b"control-lost", self._on_lost, None, None, 0)
        call("arv_camera_set_range_check_policy", handle, _CHECK)
        self._is_gige = bool(call("arv_camera_is_gv_device", handle))

    def set_pixel_format(self, name: str) -> None:
        """Set the pixel format by its name in the Pixel Format Naming Convention."""
        try:
            call("arv_camera_set_pixel_format_from_string", self._handle, name.encode())
        except OSError as error:
            raise OSError(f"{error}; it has {', '.join(self._choices('PixelFormat'))}") from None

    def set_region(self, left: int | None, top: int | None, width: int | None, height: int | None) -> None:
        """Set the region in pixels of the sensor; what is None stays as it is."""
        unset = -1
        place = [unset if offset is None else offset for offset in (left, top)]
        size = [unset if side is None else side for side in (width, height)]
        # First out of the way: an offset that is set limits the size, and the other way round.
        call("arv_camera_set_region", self._handle, *(min(offset, 0) for offset in place), unset, unset)
        call("arv_camera_set_region", self._handle, unset, unset, *size)
        call("arv_camera_set_region", self._handle, *place, unset, unset)
        asked, got = (left, top, width, height), self._region()
        if any(one is not None and one != other for one, other in zip(asked, got, strict=True)):
            raise OSError(f"it took left {got[0]}, top {got[1]}, width {got[2]}, height {got[3]} instead")

    def set_exposure(self, exposure_us: float) -> None:
        """Set the exposure, and switch automatic exposure off."""
        if call("arv_camera_is_exposure_auto_available", self._handle):
            call("arv_camera_set_exposure_time_auto", self._handle, _OFF)
        call("arv_camera_set_exposure_time", self._handle, exposure_us)

    def set_gain(self, gain: float) -> None:
        """Set the gain in the camera's unit, dB by the standard, and switch automatic gain off."""
        if call("arv_camera_is_gain_auto_available", self._handle):
            call("arv_camera_set_gain_auto", self._handle, _OFF)
        call("arv_camera_set_gain", self._handle, gain)

    def set_rate(self, rate_fps: float) -> None:
        """Set the frames per second of a free-running camera."""
        low, high = c_double(), c_double()
        call("arv_camera_get_frame_rate_bounds", self._handle, low, high)
        if not low.value <= rate_fps <= high.value:  # Aravis would take the nearest without a message
            raise OSError(f"{rate_fps:g} is not from {low.value:g} to {high.value:g}")
        call("arv_camera_set_frame_rate", self._handle, rate_fps)

    def set_trigger(self, source: str) -> None:
        """Let a frame start with a pulse from this source."""
        try:
            call("arv_camera_set_trigger", self._handle, source.encode())
        except OSError as error:
            raise OSError(f"{error}; it has {', '.join(self._choices('TriggerSource'))}") from None

    def set_packet_size(self, size_bytes: int) -> None:
        """Set the packet size of GigE Vision: this and no other, whether or not it gets through."""
        self._needs_gige()
        call("arv_camera_gv_set_packet_size", self._handle, size_bytes)
        call("arv_camera_gv_set_packet_size_adjustment", self._handle, _NEVER)

    def set_packet_delay(self, delay_ns: int) -> None:
        """Set the pause between two packets of GigE Vision."""
        self._needs_gige()
        call("arv_camera_gv_set_packet_delay", self._handle, delay_ns)

    def trigger(self) -> None:
        """Trigger one frame by software."""
        call("arv_camera_software_trigger", self._handle)

    def is_triggered(self) -> bool:
        """Whether frames, lines or the whole acquisition wait for a trigger, set by us or before: it may be silent."""
        for selector in self._choices("TriggerSelector"):
            with contextlib.suppress(OSError):  # not every selector has a mode
                call("arv_camera_set_string", self._handle, b"TriggerSelector", selector.encode())
                if call("arv_camera_get_string", self._handle, b"TriggerMode") == b"On":
                    return True
        return False

    def describe(self) -> str:
        """Return what the camera is and how it is set, by its own account."""
        who = [call(f"arv_camera_get_{what}", self._handle) for what in ("vendor_name", "model_name")]
        left, top, width, height = self._region()
        parts = [
            b" ".join(word for word in who if word).decode(errors="replace"),
            f"{width}x{height} at {left},{top}",
            call("arv_camera_get_pixel_format_as_string", self._handle).decode(errors="replace"),
        ]
        for form, what in (("exposure {:g} us", "exposure_time"), ("gain {:g}", "gain")):
            with contextlib.suppress(OSError):  # a camera may have none
                parts.append(form.format(call(f"arv_camera_get_{what}", self._handle)))
        if self._is_gige:
            parts.append(f"packets of {call('arv_camera_gv_get_packet_size', self._handle)} bytes")
        return ", ".join(parts)

    def start(self) -> "Stream":
        """Start the acquisition of pictures, without end."""
        size_bytes = call("arv_camera_get_payload", self._handle)
        if not 0 < size_bytes <= _BUFFER_BYTES:
            raise OSError(f"a picture of {size_bytes:,} bytes: at most {_BUFFER_BYTES:,} are taken")
        handle = call("arv_camera_create_stream", self._handle, None, None)
        if self._is_gige:
            wanted = max(_LEAST_SOCKET_BYTES, _SOCKET_PICTURES * size_bytes)
            call("g_object_set", handle, b"socket-buffer", _FIXED, b"socket-buffer-size", wanted, None)
        stream = Stream(handle, size_bytes)
        try:
            call("arv_camera_set_acquisition_mode", self._handle, _CONTINUOUS)
            call("arv_camera_start_acquisition", self._handle)
        except OSError:
            stream.close()
            raise
        return stream

    def stop(self) -> None:
        """Stop the acquisition."""
        if not self.lost.is_set():
            with contextlib.suppress(OSError):
                call("arv_camera_stop_acquisition", self._handle)

    def close(self) -> None:
        """Release the camera for others."""
        call("g_object_unref", self._handle)

    def _needs_gige(self) -> None:
        if not self._is_gige:  # Aravis would do nothing without a message
            raise OSError("only GigE Vision has packets")

    def _region(self) -> tuple[int, ...]:
        """Return left, top, width and height, in pixels."""
        numbers = [c_int() for _ in range(4)]
        call("arv_camera_get_region", self._handle, *numbers)
        return tuple(number.value for number in numbers)

    def _choices(self, feature: str) -> list[str]:
        """Return the values of an enumeration of the camera; none if it has no such."""
        count = c_uint()
        with contextlib.suppress(OSError):
            names = call("arv_camera_dup_available_enumerations_as_strings", self._handle, feature.encode(), count)
            found = [names[number].decode(errors="replace") for number in range(count.value)]
            call("g_free", names)
            return found
        return []


class Stream:
    """Pictures of a camera, each in a buffer that is given back."""

    def __init__(self, handle: int, size_bytes: int) -> None:
        """Buffers of this size for Aravis's stream of this address."""
        self._handle = handle
        self._underruns = 0
        for _ in range(max(_LEAST_BUFFERS, min(_MOST_BUFFERS, _BUFFER_BYTES // size_bytes))):
            call("arv_stream_push_buffer", handle, call("arv_buffer_new_allocate", size_bytes))

    def pop(self, wait_s: float) -> "Buffer | None":
        """Return the next picture, whole or not; None if none came in that time."""
        handle = call("arv_stream_timeout_pop_buffer", self._handle, int(wait_s * 1e6))
        return Buffer(handle) if handle else None

    def push(self, buffer: "Buffer") -> None:
        """Give a buffer back: the next picture may lie in it."""
        call("arv_stream_push_buffer", self._handle, buffer.handle)

    def ran_out(self) -> bool:
        """Return whether a packet came without a free buffer since the last call: this process was too slow."""
        completed, failed, underruns = c_uint64(), c_uint64(), c_uint64()
        call("arv_stream_get_statistics", self._handle, completed, failed, underruns)
        before, self._underruns = self._underruns, underruns.value
        return underruns.value > before

    def close(self) -> None:
        """Free the stream and its buffers."""
        call("g_object_unref", self._handle)


class Buffer:
    """One picture as it came. Not to be used after it was given back."""

    def __init__(self, handle: int) -> None:
        self.handle = handle

    @property
    def is_whole(self) -> bool:
        """Whether every packet of it came."""
        return bool(call("arv_buffer_get_status", self.handle) == _SUCCESS)

    @property
    def number(self) -> int:
        """The camera's number of it."""
        return int(call("arv_buffer_get_frame_id", self.handle))

    @property
    def stamp_s(self) -> float:
        """When it was captured, by the camera's clock, in seconds; 0: it has none."""
        return float(call("arv_buffer_get_timestamp", self.handle)) / 1e9

    def age_s(self) -> float:
        """Return the seconds since its first packet came."""
        age_s = time.time() - call("arv_buffer_get_system_timestamp", self.handle) / 1e9
        return age_s if 0 < age_s < _LONGEST_WAIT_S else 0.0


def gray(buffer: Buffer) -> NDArray[np.uint8]:
    """Return a copy of its pixels, uint8 (height, width). Raise ImageError if they cannot be inspected."""
    size = c_size_t()
    data = call("arv_buffer_get_image_data", buffer.handle, size)
    if not data:
        raise ImageError("the camera gave a buffer without an image")
    pixel_format = call("arv_buffer_get_image_pixel_format", buffer.handle)
    width = call("arv_buffer_get_image_width", buffer.handle)
    height = call("arv_buffer_get_image_height", buffer.handle)
    bits = _GRAY_BITS.get(pixel_format)
    if bits is None:
        raise ImageError(f"pixels of format {pixel_format:#010x}: Mono8, 10, 12, 14 or 16, not packed, is inspected")
    dtype = np.dtype("u1" if bits == 8 else "<u2")
    if min(width, height) < 1 or size.value < width * height * dtype.itemsize:
        raise ImageError(f"the camera gave {size.value:,} bytes for {width}x{height} pixels of {bits} bits")
    raw = (ctypes.c_uint8 * size.value).from_address(data)
    pixels = np.frombuffer(memoryview(raw), dtype, width * height).reshape(height, width)
    return inspectable(pixels, bits).copy() if bits == 8 else inspectable(pixels, bits)


def open_camera(address: str) -> Camera:
    """Return the camera of this IP address, or of this id as arv-tool-0.8 lists it; without one, of the only camera.

    Raises:
        OSError: it does not answer, obeys another program, or there are several.
    """
    try:
        handle = _by_ip(ipaddress.IPv4Address(address)) if address else _only()
    except ipaddress.AddressValueError:
        handle = call("arv_camera_new", address.encode())
    camera = Camera(handle)
    device = call("arv_camera_get_device", handle)
    if call("arv_camera_is_gv_device", handle) and not call("arv_gv_device_is_controller", device):
        camera.close()
        raise OSError("another program controls it, or did until a moment ago")
    return camera


def _by_ip(address: ipaddress.IPv4Address) -> Any:
    """Without a discovery: that needs broadcasts to pass, and misses a camera that comes up while it waits."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((str(address), _CONTROL_PORT))  # sends nothing: it finds the interface
        ours = probe.getsockname()[0]
    ends = [call("g_inet_address_new_from_string", end.encode()) for end in (ours, str(address))]
    try:
        device = call("arv_gv_device_new", *ends)
    except OSError as error:
        raise OSError(f"no camera answers at {address} ({error})") from None
    finally:
        for end in ends:
            call("g_object_unref", end)
    try:
        return call("arv_camera_new_with_device", device)
    finally:
        call("g_object_unref", device)


def _only() -> Any:
    call("arv_update_device_list")
    found = [call("arv_get_device_id", number).decode(errors="replace") for number in range(call("arv_get_n_devices"))]
    if len(found) != 1:
        raise OSError(
            f"several cameras answer: address says which of {', '.join(found)}" if found else "no camera answers"
        )
    return call("arv_camera_new", found[0].encode())
