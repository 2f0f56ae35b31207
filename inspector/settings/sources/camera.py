"""Owns the settings of a camera that OpenCV or FFmpeg opens, or of a recorded video."""

from typing import Any, Literal

from pydantic import SecretStr, field_validator, model_validator

from inspector.host.redaction import wrong
from inspector.settings.sources.common import CapturedCameraSettings


class CameraSourceSettings(CapturedCameraSettings):
    """A camera that OpenCV can open, or a recorded video."""

    type: Literal["camera"]
    address: SecretStr
    """Address of the camera: an rtsp:// or http:// URL, the number or path of a video device, or a video file."""
    pace: Literal["every_frame", "realtime"] = "every_frame"
    """Pace of a video file: every_frame waits for the workers, realtime plays the file as it was filmed."""

    @field_validator("address", mode="before")
    @classmethod
    def _number_is_a_device(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _can_be_opened(self) -> "CameraSourceSettings":
        address = self.address.get_secret_value()
        scheme, separator, _ = address.partition("://")
        if not address or "\0" in address or (separator and scheme.lower() not in _STREAMS):
            raise ValueError(f"address: {', '.join(f'{one}://' for one in _STREAMS)}, a device or a file is needed")
        if separator and (fault := wrong(address)):
            raise ValueError(f"address: {fault}")
        if self.kind != "file" and "pace" in self.model_fields_set:
            raise ValueError("pace: is for video files; a camera gives what it gives")
        return self

    @property
    def kind(self) -> Literal["stream", "device", "file"]:
        """The kind of thing at the address."""
        address = self.address.get_secret_value()
        if "://" in address:
            return "stream"
        return "device" if address.isdigit() or address.startswith("/dev/") else "file"


_STREAMS = ("rtsp", "rtsps", "http", "https", "rtmp", "srt", "udp", "tcp")
