"""Owns the C interface of Aravis (libaravis-0.8), the library for GigE Vision and USB3 Vision cameras, by ctypes.

PyGObject is the other way to it: no wheel of it exists, it would have to be compiled, and Debian's serves Debian's own
Python only. This needs one package of the system and no compiler. Signatures are those of arvcamera.h, arvgvdevice.h,
arvstream.h, arvbuffer.h and arvsystem.h of Aravis 0.8.
"""

import ctypes
import functools
from ctypes import POINTER, c_char_p, c_double, c_int, c_int64, c_size_t, c_uint, c_uint64, c_void_p
from typing import Any

LIBRARY = "libaravis-0.8.so.0"
PACKAGE = "libaravis-0.8-0"  # as Debian and Ubuntu call it


class _Error(ctypes.Structure):
    """GError."""

    _fields_ = (("domain", ctypes.c_uint32), ("code", c_int), ("message", c_char_p))


_FAILS = POINTER(POINTER(_Error))
#: A handler of a signal without arguments: the object, and data of ours.
Handler = ctypes.CFUNCTYPE(None, c_void_p, c_void_p)
_INTS = POINTER(c_int)
_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "arv_update_device_list": (None, []),
    "arv_get_n_devices": (c_uint, []),
    "arv_get_device_id": (c_char_p, [c_uint]),
    "arv_get_device_vendor": (c_char_p, [c_uint]),
    "arv_get_device_model": (c_char_p, [c_uint]),
    "arv_get_device_serial_nbr": (c_char_p, [c_uint]),
    "arv_get_device_address": (c_char_p, [c_uint]),
    "arv_get_device_protocol": (c_char_p, [c_uint]),
    "arv_camera_new": (c_void_p, [c_char_p, _FAILS]),
    "arv_camera_new_with_device": (c_void_p, [c_void_p, _FAILS]),
    "arv_camera_get_device": (c_void_p, [c_void_p]),
    "arv_camera_get_vendor_name": (c_char_p, [c_void_p, _FAILS]),
    "arv_camera_get_model_name": (c_char_p, [c_void_p, _FAILS]),
    "arv_camera_get_string": (c_char_p, [c_void_p, c_char_p, _FAILS]),
    "arv_camera_set_string": (None, [c_void_p, c_char_p, c_char_p, _FAILS]),
    "arv_camera_dup_available_enumerations_as_strings": (
        POINTER(c_char_p), [c_void_p, c_char_p, POINTER(c_uint), _FAILS],
    ),
    "arv_camera_set_range_check_policy": (None, [c_void_p, c_int]),
    "arv_camera_set_acquisition_mode": (None, [c_void_p, c_int, _FAILS]),
    "arv_camera_set_pixel_format_from_string": (None, [c_void_p, c_char_p, _FAILS]),
    "arv_camera_get_pixel_format_as_string": (c_char_p, [c_void_p, _FAILS]),
    "arv_camera_set_region": (None, [c_void_p, c_int, c_int, c_int, c_int, _FAILS]),
    "arv_camera_get_region": (None, [c_void_p, _INTS, _INTS, _INTS, _INTS, _FAILS]),
    "arv_camera_is_exposure_auto_available": (c_int, [c_void_p, _FAILS]),
    "arv_camera_set_exposure_time_auto": (None, [c_void_p, c_int, _FAILS]),
    "arv_camera_set_exposure_time": (None, [c_void_p, c_double, _FAILS]),
    "arv_camera_get_exposure_time": (c_double, [c_void_p, _FAILS]),
    "arv_camera_is_gain_auto_available": (c_int, [c_void_p, _FAILS]),
    "arv_camera_set_gain_auto": (None, [c_void_p, c_int, _FAILS]),
    "arv_camera_set_gain": (None, [c_void_p, c_double, _FAILS]),
    "arv_camera_get_gain": (c_double, [c_void_p, _FAILS]),
    "arv_camera_set_frame_rate": (None, [c_void_p, c_double, _FAILS]),
    "arv_camera_get_frame_rate_bounds": (None, [c_void_p, POINTER(c_double), POINTER(c_double), _FAILS]),
    "arv_camera_set_trigger": (None, [c_void_p, c_char_p, _FAILS]),
    "arv_camera_software_trigger": (None, [c_void_p, _FAILS]),
    "arv_camera_is_gv_device": (c_int, [c_void_p]),
    "arv_camera_gv_set_packet_size": (None, [c_void_p, c_int, _FAILS]),
    "arv_camera_gv_get_packet_size": (c_uint, [c_void_p, _FAILS]),
    "arv_camera_gv_set_packet_size_adjustment": (None, [c_void_p, c_int]),
    "arv_camera_gv_set_packet_delay": (None, [c_void_p, c_int64, _FAILS]),
    "arv_camera_get_payload": (c_uint, [c_void_p, _FAILS]),
    "arv_camera_create_stream": (c_void_p, [c_void_p, c_void_p, c_void_p, _FAILS]),
    "arv_camera_start_acquisition": (None, [c_void_p, _FAILS]),
    "arv_camera_stop_acquisition": (None, [c_void_p, _FAILS]),
    "arv_gv_device_new": (c_void_p, [c_void_p, c_void_p, _FAILS]),
    "arv_gv_device_is_controller": (c_int, [c_void_p]),
    "arv_stream_push_buffer": (None, [c_void_p, c_void_p]),
    "arv_stream_timeout_pop_buffer": (c_void_p, [c_void_p, c_uint64]),
    "arv_stream_get_statistics": (None, [c_void_p, POINTER(c_uint64), POINTER(c_uint64), POINTER(c_uint64)]),
    "arv_buffer_new_allocate": (c_void_p, [c_size_t]),
    "arv_buffer_get_status": (c_int, [c_void_p]),
    "arv_buffer_get_frame_id": (c_uint64, [c_void_p]),
    "arv_buffer_get_timestamp": (c_uint64, [c_void_p]),
    "arv_buffer_get_system_timestamp": (c_uint64, [c_void_p]),
    "arv_buffer_get_image_data": (c_void_p, [c_void_p, POINTER(c_size_t)]),
    "arv_buffer_get_image_pixel_format": (c_uint, [c_void_p]),
    "arv_buffer_get_image_width": (c_int, [c_void_p]),
    "arv_buffer_get_image_height": (c_int, [c_void_p]),
    # Of GLib, which Aravis is linked to.
    "g_inet_address_new_from_string": (c_void_p, [c_char_p]),
    "g_signal_connect_data": (c_uint64, [c_void_p, c_char_p, Handler, c_void_p, c_void_p, c_int]),
    "g_object_set": (None, [c_void_p, c_char_p, c_int, c_char_p, c_int, c_void_p]),
    "g_object_unref": (None, [c_void_p]),
    "g_error_free": (None, [POINTER(_Error)]),
    "g_free": (None, [c_void_p]),
}  # fmt: skip


def call(name: str, *arguments: Any) -> Any:
    """What the function of this name returns: a number, bytes, or an object of its own by its address.

    Raises:
        OSError: what Aravis says went wrong, or that there is no Aravis here.
    """
    function = getattr(_library(), name)
    if function.argtypes[-1:] != [_FAILS]:
        return function(*arguments)
    error = POINTER(_Error)()
    result = function(*arguments, ctypes.byref(error))
    if error:
        text = (error.contents.message or b"").decode(errors="replace")
        _library().g_error_free(error)
        raise OSError(text or f"{name} failed")
    return result


@functools.cache
def _library() -> ctypes.CDLL:
    """The library, loaded at its first use; tried again where that failed."""
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError as error:
        raise OSError(f"{LIBRARY} cannot be loaded ({error}): apt-get install {PACKAGE}") from None
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
