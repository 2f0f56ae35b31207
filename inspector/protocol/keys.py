"""Owns the keys with which a source may listen to other machines: their files, and the socket that accepts only them.

ZeroMQ's CURVE (RFC 26) encrypts, and authenticates both ends. ZAP (RFC 27) asks here whether a client's key is allowed.
"""

import os
import tempfile
from pathlib import Path

import zmq
from zmq.auth import create_certificates, load_certificate
from zmq.auth.thread import ThreadAuthenticator

from inspector.errors import ConfigError
from inspector.protocol.connections import PublicRouter
from inspector.protocol.sockets import LINGER_MS

#: Number of bytes that encryption adds to a part.
_OVERHEAD_BYTES = 64
#: ZAP domain. Without one, ZeroMQ accepts a client if no handler checks its key.
_DOMAIN = b"inspector"


def make(folder: Path, client: str) -> list[Path]:
    """Make a client's key pair in `folder`, and the server's if there is none; return the new files.

    Secret files have mode 0600 from their first byte. Raise ConfigError if a file of the client exists already, or
    cannot be written.
    """
    secret, public = folder / f"{client}.key_secret", folder / "clients" / f"{client}.key"
    server = {"server.key_secret": folder / "server.key_secret", "server.key": folder / "server.key"}
    pairs = {"server": server, client: {secret.name: secret, public.name: public}}
    if all(path.exists() for path in server.values()):
        del pairs["server"]
    wanted = [path for files in pairs.values() for path in files.values()]
    for path in wanted:
        if os.path.lexists(path):
            raise ConfigError(f"{path}: is there, and keys are never overwritten; --client NAME makes those of another")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        public.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as new:  # of mode 0700
            for name, files in pairs.items():
                create_certificates(new, name)
                Path(new, f"{name}.key_secret").chmod(0o600)
                for file, path in files.items():
                    os.link(Path(new, file), path)  # unlike a rename it never replaces
    except OSError as error:
        raise ConfigError(f"{folder}: keys cannot be written: {error.strerror}") from None
    return wanted


def server_keys(path: Path) -> tuple[bytes, bytes]:
    """Return the server's public and secret key. Raise ConfigError if they cannot be read."""
    public, secret = _keys(path)
    if secret is None:
        raise ConfigError(f"{path}: has no secret key; server.key_secret of `inspector keys` is right")
    return public, secret


def allowed(path: Path) -> set[bytes]:
    """Return the public keys in a folder's *.key files, or in one file. Raise ConfigError if there is none."""
    try:
        files = sorted(one for one in path.iterdir() if one.suffix == ".key") if path.is_dir() else [path]
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    if not files:
        raise ConfigError(f"{path}: no public key (*.key) is in it: no client could connect")
    return {_keys(file)[0] for file in files}


def _keys(path: Path) -> tuple[bytes, bytes | None]:
    """Return the public and the secret key in a file; None if it has no secret one. Raise ConfigError for no key."""
    try:
        with path.open("rb"):  # pyzmq's own error has no reason
            public, secret = load_certificate(path)
        for key in (public, secret or public):
            zmq.curve_public(key)  # raises if it is no key
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; `inspector keys` makes such files") from None
    except (ValueError, zmq.ZMQError):
        raise ConfigError(f"{path}: no key file; `inspector keys` makes such files") from None
    return public, secret


class KeyedRouter(PublicRouter):
    """A PublicRouter that accepts only clients with an allowed key. The list is read anew at each handshake."""

    def __init__(self, max_bytes: int, most: int, secret_key: Path, clients: Path) -> None:
        """Raise ConfigError if the keys cannot be used. The context is its own: each has one ZAP handler."""
        public, secret = server_keys(secret_key)
        allowed(clients)
        self._clients = clients
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._authenticator = ThreadAuthenticator(self._context)
        self._authenticator.configure_curve_callback(_DOMAIN.decode(), self)
        self._authenticator.start()
        super().__init__(max_bytes + _OVERHEAD_BYTES, most, self._context)
        self.socket.curve_server = True
        self.socket.curve_publickey, self.socket.curve_secretkey = public, secret
        self.socket.setsockopt(zmq.ZAP_DOMAIN, _DOMAIN)
        self.socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)

    def callback(self, _: str, key: bytes) -> bool:
        """Return whether the client of this public key is accepted. Called by the authenticator's thread."""
        try:
            return key in allowed(self._clients)
        except ConfigError:
            return False  # `inspector check` reports why; here nobody is accepted

    def close(self) -> None:
        """Close the socket; wait at most LINGER_MS for messages that are being sent."""
        super().close()
        self._authenticator.stop()
        self._context.destroy(linger=LINGER_MS)
