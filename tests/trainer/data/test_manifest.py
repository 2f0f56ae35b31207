"""The manifest: written and read back the same, and every bad line named."""

import resource
from pathlib import Path

import pytest

from inspector.vision.bundle import Label
from trainer.data import manifest
from trainer.data.manifest import DataError, Manifest, Row

LABELS = (Label(name="ok", kind="ok", severity="none"), Label(name="crazing", kind="defect", severity="critical"))
ROWS = (
    Row("Cr/Cr 1.bmp", "crazing", "train", "train.txt", "Cr/Cr 1.bmp"),
    Row("Cr/Cr_\udcff.bmp", "crazing", "val", "train.txt"),  # a name that is not UTF-8
    Row("simulated:ok:17", "ok", "eval", "simulated"),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "run" / "manifest.tsv"
    manifest.write(path, Manifest(Path("/data/strip"), LABELS, ROWS))
    return path


def test_what_is_written_is_read_back(path: Path) -> None:
    assert manifest.read(path) == Manifest(Path("/data/strip"), LABELS, ROWS)
    assert manifest.read(path).split("eval") == ROWS[2:]
    assert [file.name for file in path.parent.iterdir()] == ["manifest.tsv"]


def test_a_person_may_add_comments_blank_lines_and_rows(path: Path) -> None:
    with path.open("a") as file:
        file.write("\n# a remark of mine\nCr/new.bmp\tcrazing\ttrain\tme\n")
    assert manifest.read(path).rows[-1] == Row("Cr/new.bmp", "crazing", "train", "me")
    with path.open("a") as file:
        file.write("Cr/newer.bmp\tcrazing\ttrain\tme\tcoil 7\n")
    assert manifest.read(path).rows[-1].group == "coil 7"


def test_a_manifest_from_before_there_were_groups_is_read(path: Path) -> None:
    lines = [line if line.startswith("#") else line.rpartition("\t")[0] for line in path.read_bytes().decode(
        errors="surrogateescape").splitlines()]  # fmt: skip
    path.write_bytes("\n".join(lines).encode(errors="surrogateescape"))

    assert [row.group for row in manifest.read(path).rows] == ["", "", ""]
    assert len(manifest.read(path).split("val")) == 1


def test_groups_count_as_trained_on_where_training_or_validation_has_them() -> None:
    rows = [Row(f"{n}.bmp", "ok", split, "me", group) for n, (split, group) in enumerate(
        [("train", "coil 1"), ("val", "coil 2"), ("eval", "coil 3"), ("eval", "coil 1"), ("train", "")])]  # fmt: skip
    assert Manifest(Path(), LABELS, tuple(rows)).trained_groups() == {"coil 1", "coil 2"}


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("a.bmp\tcrazing\ttrain", "line 9: 4 or 5 cells"),
        ("a.bmp\tcracks\ttrain\tme", "line 9: label 'cracks' is none of crazing, ok"),
        ("a.bmp\tok\ttest\tme", "line 9: split 'test' is none of train, val, eval"),
        ("Cr/Cr 1.bmp\tcrazing\teval\tme", "line 9: Cr/Cr 1.bmp stands on line 6 already"),
        ("# label: dent broken", "line 9: `# label: name ok|defect"),
    ],
)
def test_a_bad_line_is_named(path: Path, line: str, named: str) -> None:
    with path.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(DataError) as caught:
        manifest.read(path)
    assert named in str(caught.value)


def test_another_file_is_not_taken_for_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("Cr/Cr_1.bmp 0\n")
    with pytest.raises(DataError, match="trainer prepare"):
        manifest.read(tmp_path / "list.txt")


def test_a_disk_that_takes_no_more_leaves_the_older_manifest(path: Path) -> None:
    before = path.read_bytes()
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, unlimited[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            manifest.write(path, Manifest(Path("/data/strip"), LABELS, ROWS * 1000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["manifest.tsv"]
