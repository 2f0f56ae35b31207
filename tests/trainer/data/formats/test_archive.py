"""Archives as a source: pictures come out, and nothing else ever does, nor anywhere else."""

import io
import os
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.trainer.conftest import tiny_recipe, write_folders
from trainer.data.formats import archive
from trainer.data.formats.archive import unpack
from trainer.data.manifest import DataError
from trainer.data.prepare import prepare, rows_of_list
from trainer.recipe.recipe import Recipe


def tar_of(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as file:
        for member, data in members:
            member.size = len(data)
            file.addfile(member, io.BytesIO(data))
    return path


def zip_of(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


@pytest.mark.parametrize(("kind", "suffix"), [("zip", ".zip"), ("tar", ".tar"), ("gztar", ".tar.gz")])
def test_a_packed_folder_is_prepared_like_the_folder(tmp_path: Path, kind: str, suffix: str) -> None:
    # Given class folders and a list within one more folder, packed
    root = write_folders(tmp_path / "packed/strip", per_class=6)
    (root / "mine.txt").write_text("Sc/Sc_0.png Sc\n")
    shutil.make_archive(str(tmp_path / "strip"), kind, tmp_path / "packed")
    packed = Recipe.model_validate(tiny_recipe(tmp_path, data={"root": str(tmp_path / f"strip{suffix}")}))
    folder = Recipe.model_validate(tiny_recipe(tmp_path, data={"root": str(root)}))

    # When
    prepared = prepare(packed)

    # Then the rows are the same, and the pictures lie in the run folder
    assert prepared.manifest.rows == prepare(folder).manifest.rows
    assert prepared.manifest.root == tmp_path / "run/unpacked/strip"
    assert (prepared.manifest.root / prepared.manifest.rows[0].path).is_file()
    assert [row.path for row in rows_of_list(packed, root / "mine.txt")] == ["Sc/Sc_0.png"]


@pytest.mark.parametrize("name", ["../out.png", "a/../../out.png", "/out.png", "..\\out.png", "C:\\out.png"])
def test_a_path_that_leads_out_is_refused_and_what_was_unpacked_before_stays(tmp_path: Path, name: str) -> None:
    unpack(zip_of(tmp_path / "good.zip", **{"a.png": b"a"}), tmp_path / "in/to")
    evil = [zip_of(tmp_path / "evil.zip", **{"b.png": b"b", name: b"x"}),
            tar_of(tmp_path / "evil.tgz", (tarfile.TarInfo("b.png"), b"b"), (tarfile.TarInfo(name), b"x"))]  # fmt: skip

    for path in evil:
        with pytest.raises(DataError, match="leads out of the archive"):
            unpack(path, tmp_path / "in/to")

    assert files(tmp_path) == {"good.zip", "evil.zip", "evil.tgz", "in/to/a.png"}
    assert os.listdir(tmp_path / "in") == ["to"]


def test_links_devices_and_other_files_stay_in_the_archive(tmp_path: Path) -> None:
    link, device, twin = tarfile.TarInfo("link.png"), tarfile.TarInfo("null.png"), tarfile.TarInfo("twin.png")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    twin.type, twin.linkname = tarfile.LNKTYPE, "a.png"
    device.type = tarfile.CHRTYPE
    plain = [(tarfile.TarInfo(name), b"data") for name in ("a.png", "setup.py", "list.TXT", "__MACOSX/a.png")]
    path = tar_of(tmp_path / "mixed.tar", (link, b""), *plain, (device, b""), (twin, b""))

    assert files(unpack(path, tmp_path / "out")) == {"a.png", "list.TXT"}

    entry = zipfile.ZipInfo("link.png")
    entry.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "linked.zip", "w") as file:
        file.writestr(entry, "/etc/passwd")
        file.writestr("a.png", b"data")
    assert files(unpack(tmp_path / "linked.zip", tmp_path / "out")) == {"a.png"}


def test_a_bomb_is_stopped_while_it_goes_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_RATIO_FROM_BYTES", 1 << 16)
    bomb = zip_of(tmp_path / "bomb.zip", **{"a.png": bytes(50_000_000)})

    with pytest.raises(DataError, match="unpacks to more than"):
        unpack(bomb, tmp_path / "out")

    assert os.listdir(tmp_path) == ["bomb.zip"]


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar"])
def test_a_damaged_archive_is_named(tmp_path: Path, suffix: str) -> None:
    kind = {".zip": "zip", ".tar": "tar", ".tar.gz": "gztar", ".tar.bz2": "bztar", ".tar.xz": "xztar"}[suffix]
    shutil.make_archive(str(tmp_path / "strip"), kind, write_folders(tmp_path / "data", per_class=3))
    path = tmp_path / f"strip{suffix}"
    whole = path.read_bytes()

    for damaged in (whole[: len(whole) // 2], b"no archive at all"):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="cannot be unpacked"):
            unpack(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_archive_without_pictures_twice_the_same_or_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no pictures in it"):
        unpack(zip_of(tmp_path / "code.zip", **{"a.py": b"a"}), tmp_path / "out")
    twice = tar_of(tmp_path / "twice.tar", (tarfile.TarInfo("a.png"), b"a"), (tarfile.TarInfo("a.png"), b"b"))
    with pytest.raises(DataError, match=r"'a\.png' is in it twice"):
        unpack(twice, tmp_path / "out")
    with pytest.raises(DataError, match=r"none\.zip: No such file or directory"):
        unpack(tmp_path / "none.zip", tmp_path / "out")
