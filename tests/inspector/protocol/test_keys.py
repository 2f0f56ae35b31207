"""Holds the keys, and the socket that other machines may reach: who has no allowed key is not heard, and is counted."""

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
import zmq
from zmq.auth import load_certificate

from inspector.cli import main
from inspector.errors import ConfigError
from inspector.protocol import keys as curve
from inspector.settings.sources.push import PushSourceSettings
from tests.fakes import ROOT, Line
from tests.inspector.folders import GOOD
from tests.inspector.roles import Bench, Hands, bench

FRAME = [json.dumps({"encoding": "file", "name": "a stranger's"}).encode(), GOOD]


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """The keys of a server and of a client that is allowed."""
    curve.make(tmp_path / "keys", "client")
    return tmp_path / "keys"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def address() -> str:
    """Where nobody listens yet."""
    return f"tcp://127.0.0.1:{free_port()}"


def listen(line: Bench, address: str, **keys: Path) -> Hands:
    """A push source at the address, its sink and a worker."""
    source = PushSourceSettings.model_validate({"name": "drop", "type": "push", "address": address, **keys})
    line.settings = line.settings.model_copy(update={"sources": [source]})
    line.start_sink()
    line.start_source()
    return line.worker()


def hand_in(line: Bench, worker: Hands, address: str, name: str, **environment: str) -> str:
    """What the client of the configs prints for one picture."""
    (line.sockets / name).write_bytes(GOOD)
    command = [sys.executable, str(ROOT / "configs" / "push_client.py"), address, name]
    with subprocess.Popen(
        command, cwd=line.sockets, stdout=subprocess.PIPE, text=True, env=os.environ | environment
    ) as client:
        worker.work_until(lambda: client.poll() is not None)
        assert client.stdout is not None
        return client.stdout.read()


@pytest.fixture
def line() -> Iterator[Bench]:
    with bench({"type": "push", "path": "/"}, delivery={"drain_s": 0.2}) as line:
        yield line


def test_loopback_needs_no_keys(line: Bench, address: str) -> None:
    worker = listen(line, address)

    assert hand_in(line, worker, address, "a.bmp") == "a.bmp on record ok\n"


def no_keys(_: "zmq.Socket[bytes]", __: Path) -> None:
    """A program that knows nothing of keys."""


def a_password(client: "zmq.Socket[bytes]", _: Path) -> None:
    client.plain_username, client.plain_password = b"admin", b"admin"


def a_key_that_is_not_allowed(client: "zmq.Socket[bytes]", keys: Path) -> None:
    client.curve_serverkey = load_certificate(keys / "server.key")[0]
    client.curve_publickey, client.curve_secretkey = zmq.curve_keypair()


def an_allowed_key_for_another_server(client: "zmq.Socket[bytes]", keys: Path) -> None:
    client.curve_serverkey = zmq.curve_keypair()[0]
    client.curve_publickey, secret = load_certificate(keys / "client.key_secret")
    client.curve_secretkey = secret or b""


def an_allowed_public_key_without_its_secret(client: "zmq.Socket[bytes]", keys: Path) -> None:
    client.curve_serverkey = load_certificate(keys / "server.key")[0]
    client.curve_publickey, client.curve_secretkey = load_certificate(keys / "client.key_secret")[0], b"0" * 40


STRANGERS = [
    no_keys, a_password, a_key_that_is_not_allowed, an_allowed_key_for_another_server,
    an_allowed_public_key_without_its_secret,
]  # fmt: skip


@pytest.mark.parametrize("introduce", STRANGERS, ids=lambda stranger: stranger.__name__)
def test_a_stranger_is_not_heard_and_counted_while_the_client_with_its_key_goes_on(
    line: Bench, keys: Path, address: str, introduce: Callable[["zmq.Socket[bytes]", Path], None]
) -> None:
    worker = listen(line, address, secret_key=keys / "server.key_secret", clients=keys / "clients")
    for number, name in enumerate(("a.bmp", "b.bmp"), 1):
        # Given a stranger who hands in what would be a good frame
        with zmq.Context() as context, context.socket(zmq.DEALER) as stranger:
            stranger.linger = 0
            introduce(stranger, keys)
            stranger.connect(address)
            stranger.send_multipart(FRAME)
            # When the client hands in meanwhile, then it is on record, and nothing else is
            assert hand_in(line, worker, address, name, PUSH_KEYS=str(keys)) == f"{name} on record ok\n"
            wanted = number
            line.wait_for(lambda account: bool(account.tally and account.tally.refused >= wanted))  # noqa: B023
            assert not stranger.poll(0)
    assert worker.seen == 2
    assert [record.name for record in line.records()] == ["a.bmp", "b.bmp"]
    assert line.account().listed == 0


def test_a_client_that_is_allowed_or_struck_off_the_list_is_so_from_its_next_connection_on(
    line: Bench, keys: Path, address: str
) -> None:
    worker = listen(line, address, secret_key=keys / "server.key_secret", clients=keys / "clients")
    curve.make(keys, "second")
    (keys / "clients" / "client.key").unlink()
    here = line.sockets / "here"
    here.mkdir()
    (here / "server.key").symlink_to(keys / "server.key")
    (here / "client.key_secret").symlink_to(keys / "second.key_secret")
    assert hand_in(line, worker, address, "a.bmp", PUSH_KEYS=str(here)) == "a.bmp on record ok\n"

    with zmq.Context() as context, context.socket(zmq.DEALER) as struck_off:
        struck_off.linger = 0
        struck_off.curve_serverkey = load_certificate(keys / "server.key")[0]
        struck_off.curve_publickey, secret = load_certificate(keys / "client.key_secret")
        struck_off.curve_secretkey = secret or b""
        struck_off.connect(address)
        struck_off.send_multipart(FRAME)
        line.wait_for(lambda account: bool(account.tally and account.tally.refused > 0))
    assert worker.seen == 1


def push_line(folder: Path, **source: object) -> Line:
    """A line with one push source."""
    return Line(folder, [{"name": "in", "type": "push", **source}])


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ({"address": "tcp://10.0.0.7:5560"}, ["tcp://10.0.0.7:5560 is not loopback", "secret_key and clients", "keys"]),
        ({"address": "tcp://0.0.0.0:5560"}, ["not loopback", "secret_key and clients"]),
        ({"address": "tcp://*:5560"}, ["tcp://IP:PORT"]),
        ({"address": "tcp://eth0:5560"}, ["tcp://IP:PORT"]),
        ({"address": "tcp://127.0.0.1:0"}, ["tcp://IP:PORT"]),
        ({"address": "udp://127.0.0.1:5560"}, ["tcp://IP:PORT"]),
        ({"address": "tcp://127.0.0.1:5560", "path": "/run/x"}, ["path or address", "one of them"]),
        ({}, ["path or address", "one of them"]),
        ({"address": "tcp://10.0.0.7:5560", "secret_key": "/k"}, ["both are needed"]),
        ({"address": "tcp://127.0.0.1:5560", "clients": "/k"}, ["both are needed"]),
        ({"path": "/run/x", "clients": "/k", "secret_key": "/k"}, ["with address only"]),
    ],
)  # fmt: skip
def test_an_address_that_is_not_safe_is_refused_with_what_would_be_right(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], source: dict[str, object], parts: list[str]
) -> None:
    line = push_line(tmp_path, **source)
    for command in ("check", "run"):
        assert main.main([command, "-c", str(line.config)]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert all(part in error for part in ["sources.0", *parts]), error


def lost(path: Path) -> None:
    path.unlink()


def no_key(path: Path) -> None:
    path.write_text("curve\n    public-key = nonsense\n")


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def the_public_one(path: Path) -> None:
    path.write_bytes(path.with_suffix(".key").read_bytes())


@pytest.mark.parametrize(
    ("name", "spoil", "message"),
    [
        ("server.key_secret", lost, "No such file"),
        ("server.key_secret", a_folder, "Is a directory"),
        ("server.key_secret", no_key, "no key file"),
        ("server.key_secret", the_public_one, "server.key_secret of `inspector keys` is right"),
        ("clients/client.key", no_key, "no key file"),
        ("clients/client.key", a_folder, "Is a directory"),
        ("clients/client.key", lost, "no public key (*.key)"),
    ],
)
def test_keys_that_cannot_be_used_are_named_by_check_and_run(
    tmp_path: Path,
    keys: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    spoil: Callable[[Path], None],
    message: str,
) -> None:
    source = {"secret_key": str(keys / "server.key_secret"), "clients": str(keys / "clients")}
    line = push_line(tmp_path, address="tcp://10.0.0.7:5560", **source)
    assert main.main(["check", "-c", str(line.config)]) == 0
    spoil(keys / name)
    capsys.readouterr()
    for command in ("check", "run"):
        assert main.main([command, "-c", str(line.config)]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert str(keys / name if "*.key" not in message else keys / "clients") in error
        assert error.count("\n") == 1


def test_keys_are_made_private_never_overwritten_and_told_where_they_go(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "keys"
    assert main.main(["keys", str(folder)]) == 0
    told = capsys.readouterr().out
    source = yaml.safe_load("\n".join(line for line in told.splitlines() if line.startswith(("  secret", "  clients"))))
    assert source == {"secret_key": str(folder / "server.key_secret"), "clients": str(folder / "clients")}
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert {str(path.relative_to(folder)) for path in files} == {
        "server.key", "server.key_secret", "client.key_secret", "clients/client.key",
    }  # fmt: skip
    secret = [path for path in files if path.suffix == ".key_secret"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in secret] == [0o600, 0o600]
    assert not any(load_certificate(path)[1] for path in files if path.suffix == ".key")

    assert main.main(["keys", str(folder)]) == 2
    assert "client.key_secret: is there, and keys are never overwritten" in capsys.readouterr().err
    assert main.main(["keys", str(folder), "--client", "second"]) == 0
    assert {path: path.read_bytes() for path in files} == files
    assert len([path for path in folder.rglob("*") if path.is_file()]) == 6


def test_a_folder_in_which_no_keys_can_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="file/keys: keys cannot be written: Not a directory"):
        curve.make(tmp_path / "file" / "keys", "client")
