"""Owns the settings of a socket on which another program hands in frames."""

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from inspector.settings.sources.common import CommonSourceSettings


class PushSourceSettings(CommonSourceSettings):
    """A socket on which other programs hand in frames. They wait while there is no room.

    Beside the frames in flight, the socket holds unread ones of up to 3 x `max_clients` x `max_frame_mb`.
    """

    type: Literal["push"]
    place_comes_with_frames: ClassVar[bool] = True
    path: Path | None = None
    """Unix socket for programs of the line's user and group; see configs/push_client.py."""
    address: str | None = None
    """TCP address to listen on, tcp://IP:PORT, instead of path; others than loopback need secret_key and clients."""
    secret_key: Path | None = None
    """File with the line's secret key for address, the server.key_secret of `inspector keys`."""
    clients: Path | None = None
    """Folder with the public keys (*.key) of the clients that may connect, or the file of one."""
    max_clients: Annotated[int, Field(ge=1, le=1024)] = 8
    """Largest number of programs connected at once; more are refused and counted."""
    max_frame_mb: Annotated[int, Field(ge=1, le=300)] = 32
    """Largest frame in megabytes; a program that sends more is disconnected. Unread frames take up to 3 x max_clients
    x max_frame_mb."""
    bit_depth: Annotated[int, Field(ge=8, le=16)] = 16
    """Number of bits that the camera fills in a 16-bit image."""

    @field_validator("path")
    @classmethod
    def _fits_a_socket(cls, path: Path | None) -> Path | None:
        if path is not None and len(os.fsencode(path.absolute())) > 100:
            raise ValueError("path: the system's sockets have at most 100 bytes of path")
        return path

    @model_validator(mode="after")
    def _is_safe_to_listen(self) -> "PushSourceSettings":
        if (self.path is None) == (self.address is None):
            raise ValueError("path or address: one of them is where it listens")
        if (self.secret_key is None) != (self.clients is None) or (self.path and self.clients):
            raise ValueError("secret_key and clients: both are needed, and with address only")
        if self.address is not None and not _loopback(self.address) and self.clients is None:
            raise ValueError(
                f"address: {self.address} is not loopback, and so needs secret_key and clients:"
                " `inspector keys DIR` makes the files; tcp://127.0.0.1:PORT needs none"
            )
        return self


def _loopback(address: str) -> bool:
    """Return whether only this machine can reach the address. Raise ValueError if it is no address to listen on."""
    scheme, _, rest = address.partition("://")
    host, _, port = rest.rpartition(":")
    try:
        if scheme != "tcp" or not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 65_536:
            raise ValueError
        return ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        raise ValueError("address: tcp://IP:PORT with an IPv4 address of this machine is needed") from None
