"""Holds the sockets: real ones, two ends in one process; nothing blocks, and an unknown peer is no silence."""

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector.errors import BusyError
from inspector.host.instance import socket_folder
from inspector.protocol import sockets
from inspector.protocol.sockets import Dealer, Poller, Router, sink_address, source_address
from tests.fakes import wait_until


@pytest.fixture
def router(tmp_path: Path) -> Iterator[Router]:
    """Bound as the source called drop."""
    bound = Router()
    bound.bind(source_address(tmp_path, "drop"))
    yield bound
    bound.close()


@pytest.fixture
def dealer(tmp_path: Path) -> Iterator[Dealer]:
    """Connected to it."""
    connected = Dealer("worker-0.1")
    connected.connect(source_address(tmp_path, "drop"))
    yield connected
    connected.close()


@pytest.fixture
def near() -> Iterator[Path]:
    """A data folder with a path short enough to hold its sockets."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


def receive(socket: Router | Dealer) -> tuple[bytes, list[bytes]] | list[bytes]:
    """The next message."""
    assert Poller([socket]).wait(5000)
    message = socket.receive()
    assert message is not None
    return message


def test_a_question_and_its_answer_with_pixels(router: Router, dealer: Dealer) -> None:
    # Given a worker that asks
    assert dealer.send(b"credit")
    peer, parts = receive(router)
    assert (peer, parts) == (b"worker-0.1", [b"credit"])
    # When it is sent a header and a view of pixels
    pixels = memoryview(bytes(range(256)) * 4096)
    assert router.send(peer, b"frame", pixels)
    # Then both parts arrive
    assert receive(dealer) == [b"frame", bytes(pixels)]
    assert dealer.receive() is None
    assert router.receive() is None


def test_sending_to_one_who_never_spoke_is_false(router: Router) -> None:
    assert not router.send(b"nobody", b"frame")


def test_sending_to_one_who_left_becomes_false(router: Router, tmp_path: Path) -> None:
    gone = Dealer("worker-0.1")
    gone.connect(source_address(tmp_path, "drop"))
    gone.send(b"credit")
    peer, _ = receive(router)
    gone.close()

    wait_until(lambda: not router.send(peer, b"frame"))


def test_a_dealer_may_connect_before_anyone_listens_and_finds_the_next_one(tmp_path: Path) -> None:
    dealer, address = Dealer("drop.1f"), sink_address(tmp_path)
    dealer.connect(address)
    assert dealer.send(b"hello")
    for _ in range(2):  # the sink, and the sink restarted
        router = Router()
        router.bind(address)
        wait_until(lambda: dealer.send(b"tally") and Poller([router]).wait(100))  # noqa: B023
        router.close()
    dealer.close()


def test_a_full_queue_is_false_and_never_blocks(tmp_path: Path) -> None:
    dealer = Dealer("worker-0.1")
    dealer.connect(sink_address(tmp_path))

    sent = 0
    while dealer.send(b"x") and sent <= 2 * sockets.HIGH_WATER_MARK:
        sent += 1

    assert sent <= sockets.HIGH_WATER_MARK
    dealer.socket.setsockopt(sockets.zmq.LINGER, 0)
    dealer.close()


def test_a_message_beyond_the_limit_never_reaches_the_reader(router: Router, dealer: Dealer, tmp_path: Path) -> None:
    dealer.send(bytes(sockets.MAX_REQUEST_BYTES + 1))
    other = Dealer("worker-1.1")
    other.connect(source_address(tmp_path, "drop"))
    other.send(b"credit")

    assert receive(router) == (b"worker-1.1", [b"credit"])
    assert router.receive() is None
    other.close()


def test_an_address_that_cannot_be_bound_is_named(tmp_path: Path) -> None:
    router = Router()
    with pytest.raises(BusyError, match="none/sink: cannot listen"):
        router.bind(f"ipc://{tmp_path}/none/sink")
    router.close()


def test_a_poller_wakes_for_a_file_descriptor_too(router: Router) -> None:
    reader, writer = os.pipe()
    poller = Poller([router], [reader])

    assert not poller.wait(0)
    os.write(writer, b"x")
    assert poller.wait(5000)
    os.close(reader)
    os.close(writer)


def test_a_negative_timeout_does_not_wait_for_ever(router: Router) -> None:
    assert not Poller([router]).wait(-5)


def test_the_sockets_lie_in_a_private_folder_of_the_data_folder(near: Path) -> None:
    (near / "run").mkdir(mode=0o777)

    folder = socket_folder(near)

    assert folder == near / "run"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_only_its_user_may_connect_to_a_socket_whatever_the_umask(near: Path) -> None:
    before = os.umask(0)
    try:
        router = Router()
        router.bind(source_address(near, "drop"))
    finally:
        os.umask(before)

    assert stat.S_IMODE((near / "src-drop").stat().st_mode) == 0o600
    router.close()


@pytest.mark.parametrize("temporary", ["t", "t" * 100], ids=["", "the temporary folder's path is too long, too"])
def test_a_data_folder_too_deep_for_a_socket_has_them_elsewhere_and_always_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, temporary: str
) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    if len(temporary) > 1:
        (tmp_path / temporary).mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / temporary))

    folder = socket_folder(deep)
    longest = source_address(folder, "s" * 63)

    try:
        assert folder == socket_folder(deep) != socket_folder(tmp_path)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        router = Router()
        router.bind(longest)
        router.close()
    finally:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


@pytest.mark.parametrize("length", range(1, 40, 3))
def test_the_longest_source_name_fits_wherever_the_data_folder_lies(near: Path, length: int) -> None:
    data = near / ("d" * length)
    data.mkdir()
    folder = socket_folder(data)

    router = Router()
    router.bind(source_address(folder, "s" * 63))
    router.close()

    if folder.parent != data:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def test_two_lines_started_in_different_folders_never_share_sockets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    relative, folders = Path("d" * 50), set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        folders.add(socket_folder(relative))

    assert len(folders) == 2
    for folder in folders:
        folder.rmdir()


def test_a_folder_that_is_a_link_to_elsewhere_is_refused(near: Path) -> None:
    (near / "elsewhere").mkdir()
    (near / "run").symlink_to(near / "elsewhere")

    with pytest.raises(BusyError, match="sockets need a private one"):
        socket_folder(near)
