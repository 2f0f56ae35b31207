"""Owns unpacking a zip or tar of pictures and lists: nothing is written outside the folder, nothing grows unbounded."""

import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from inspector.vision import image
from trainer.data.manifest import DataError
from trainer.progress.callback import Progress, silent

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
#: What is unpacked: pictures and lists. All else in an archive is left in it.
_KEPT = image.SUFFIXES | {".txt", ".csv", ".tsv", ".json", ".xml", ".yaml", ".yml", ".names"}
_MEMBERS = 2_000_000
_FREE_BYTES = 1 << 30  # are left on the disk
#: Strip compresses some 2 times, blank BMP some 1,000 times; a bomb more, and it fills the disk.
_RATIO, _RATIO_FROM_BYTES = 200, 1 << 30
_CHUNK = 1 << 20
#: RuntimeError: a zip with a password. NotImplementedError: a compression nobody uses.
_DAMAGED = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, RuntimeError, NotImplementedError,
)  # fmt: skip


def is_archive(path: Path) -> bool:
    """Return whether the name is that of a file that `unpack` opens."""
    return path.name.lower().endswith(SUFFIXES) and not path.is_dir()


def unpack(path: Path, folder: Path, progress: Progress = silent) -> Path:
    """Unpack pictures and lists into `folder`, which is replaced; return the folder in it that holds more than one.

    Only plain files are written, and only below `folder`. On an error `folder` is as it was.

    Raises:
        DataError: no such archive, damaged, encrypted, a path that leads out of it, or more than the disk can take.
    """
    scratch = folder.with_name(f".{folder.name}.unpacking")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        _write(path, scratch, progress)
        shutil.rmtree(folder, ignore_errors=True)
        scratch.rename(folder)  # not synced: what a power cut takes is unpacked again
    except _DAMAGED as error:
        raise DataError(f"{path}: cannot be unpacked: {str(error) or type(error).__name__}") from None
    except OSError as error:
        if error.errno is not None:  # of the disk
            raise
        raise DataError(f"{path}: cannot be unpacked: {error}") from None  # gzip and bz2 say so that it is damaged
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return innermost(folder)


def _write(path: Path, folder: Path, progress: Progress) -> None:
    """Write every kept member, counting bytes as they are written: headers are not believed."""
    try:
        packed = path.stat().st_size
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; is data.root right?") from None
    room = shutil.disk_usage(folder).free - _FREE_BYTES
    most = min(room, max(_RATIO_FROM_BYTES, _RATIO * packed))
    written = files = 0
    for number, (name, data, total) in enumerate(_members(path), 1):
        if number > _MEMBERS:
            raise DataError(f"{path}: more than {_MEMBERS:,} files")
        progress("unpacking", number, max(number, total))
        target = folder / _inside(path, name)
        if target.suffix.lower() not in _KEPT or "__MACOSX" in target.parts:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with target.open("xb") as file:
                while chunk := data.read(_CHUNK):
                    written += len(chunk)
                    if written > most:
                        raise DataError(f"{path}: unpacks to more than {most:,} bytes, too much for {packed:,} packed")
                    file.write(chunk)
        except FileExistsError:
            raise DataError(f"{path}: {name!r} is in it twice") from None
        files += 1
    if not files:
        raise DataError(f"{path}: no pictures in it: {', '.join(sorted(_KEPT))} are unpacked")


def _members(path: Path) -> Iterator[tuple[str, IO[bytes], int]]:
    """Yield name and content of each plain file, and how many there are: of a tar by the share of it that was read.

    Links, devices and folders are passed over.
    """
    if path.name.lower().endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            # 8 is S_IFREG >> 12; 0 where the maker had no Unix modes.
            plain = [one for one in archive.infolist() if not one.is_dir() and one.external_attr >> 28 in (0, 8)]
            for entry in plain:
                with archive.open(entry) as data:
                    yield entry.filename, data, len(plain)
        return
    packed = path.stat().st_size
    with path.open("rb") as file, tarfile.open(fileobj=file, mode="r|*") as stream:
        for number, member in enumerate(stream, 1):
            content = stream.extractfile(member) if member.isreg() else None
            if content is not None:
                yield member.name, content, round(number * packed / max(file.tell(), 1))


def _inside(path: Path, name: str) -> PurePosixPath:
    inner = PurePosixPath(name.replace("\\", "/"))
    if inner.is_absolute() or ".." in inner.parts or ":" in name or "\0" in name or not inner.parts:
        raise DataError(f"{path}: {name!r} leads out of the archive: nothing of it is used")
    return inner


def innermost(folder: Path) -> Path:
    """Return the folder that holds more than one thing: this one, or the only folder in it, and so on."""
    while True:
        inside = [path for path in folder.iterdir() if not path.name.startswith(".")]
        if len(inside) != 1 or not inside[0].is_dir():
            return folder
        folder = inside[0]
