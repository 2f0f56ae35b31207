"""Owns the recipe's settings of the data: the labels, where real pictures are, and what is drawn."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from inspector.vision.bundle import Label, Severity
from trainer.data.formats.label_names import LABEL_NAME, is_label_name
from trainer.recipe.section import Section

Name = Annotated[str, Field(pattern=LABEL_NAME)]


class LabelSpec(Section):
    """One class: its name on the record, what it means for the strip, and what the data calls it."""

    name: Name
    """Name of the label on the record and in the bundle."""
    kind: Literal["ok", "defect"] = "defect"
    """Meaning of the label for the strip: ok is clean strip, defect is not."""
    severity: Severity = "major"
    """Severity of the defect, unless a line's config replaces it."""
    aliases: tuple[str, ...] = ()
    """Names of this label in the data, such as its folder or its name in a label file."""

    def label(self) -> Label:
        """Return the class as the bundle states it."""
        return Label(name=self.name, kind=self.kind, severity=self.severity)

    @property
    def shown(self) -> str:
        """For people: with what the data calls it in brackets, where that is no label name."""
        other = next((alias for alias in self.aliases if not is_label_name(alias)), "")
        return f"{self.name} ({other})" if other else self.name


class RecordFile(Section):
    """What `inspector defects --json` printed."""

    path: Path
    """File that `inspector defects --json` printed."""
    root: Path | None = None
    """Folder of the record's frames, the `done/` of its drop folder; data.root if not set."""


def _several(value: Any) -> Any:
    """Return one value or several as several."""
    return value if isinstance(value, list | tuple) else [] if value is None else [value]


def _record_files(value: Any) -> Any:
    """Return one file or several, each its path or with its root."""
    return [{"path": one} if isinstance(one, str | Path) else one for one in _several(value)]


class Data(Section):
    """Where real pictures are: `train_list`, `records`, or both, or else one folder a class, say what is in `root`.

    `lines` adds what people labelled on lines to any of them, or stands alone.
    """

    root: Path
    """Folder of the pictures, or an archive of them; paths in the lists start there. Not needed where `lines` stands
    alone."""
    train_list: str | None = None
    """List to learn from, relative to root: lines of `path label`, a table, COCO's JSON, a folder of VOC or YOLO
    files, or a data.yaml. One folder a class if not set."""
    eval_list: str | None = None
    """List to evaluate on, in any of the forms of train_list; its pictures are never trained on."""
    label_file: str | None = None
    """File of lines `id name`, needed where the lists give labels as numbers."""
    records: Annotated[tuple[RecordFile, ...], BeforeValidator(_record_files)] = ()
    """Files that `inspector defects --json` printed, one or several: `a.jsonl`, or `{path: a.jsonl, root:
    line-2/done}`."""
    lines: Annotated[tuple[Path, ...], BeforeValidator(_several)] = ()
    """Data folders of lines, such as /var/lib/inspector, one or several: what people said of their frames with
    `inspector label`. They are only read, and a line may run meanwhile."""
    group_file: str | None = None
    """File of lines `path group`; pictures of one group, such as a coil, stay on one side of a split."""
    val_share: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the training pictures that is held back to choose the best epoch, the temperature and the
    thresholds."""
    eval_share: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Share of the pictures that is held out to evaluate on; class folders and records only, as lists bring their
    own."""
    bit_depth: Annotated[int | None, Field(ge=8, le=16)] = None
    """Number of bits that the camera fills in a 16-bit picture; what the file states, else 16, if not set."""
    folds: Annotated[int | None, Field(ge=2, le=100)] = None
    """Number of folds for cross-validation: each picture, whatever list names it, is evaluated in one of them."""
    fold: Annotated[int | None, Field(ge=1)] = None
    """Fold to train and evaluate, counted from 1; `trainer prepare` writes all of them."""

    @model_validator(mode="before")
    @classmethod
    def _of_lines_alone(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("lines") and values.get("root") is None:
            return {**values, "root": _several(values["lines"])[0]}
        return values

    @model_validator(mode="after")
    def _agrees(self) -> "Data":
        if self.train_list is None and (self.eval_list or self.label_file):
            raise ValueError("eval_list and label_file go with train_list; class folders need none of the three")
        if self.fold is not None and self.fold > (self.folds or 0):
            raise ValueError(f"fold is {self.fold}, but folds is {self.folds}: set folds to how many there are")
        return self

    @property
    def lines_alone(self) -> bool:
        """Whether nothing but labels of lines is learned from."""
        return self.root in self.lines and not (self.train_list or self.records)


class Simulated(Section):
    """How many images to draw for each split: of `ok`, and of each defect the renderer knows.

    Cut: as the tiles of a wide frame show it, of a defect often a part, or its rim.
    """

    first_seed: Annotated[int, Field(ge=0, le=2**31)] = 1_000_000
    """Seed of the first drawn picture; each further one has the next number."""
    train_ok: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Number of drawn pictures of clean strip to learn from."""
    train_per_defect: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Number of drawn pictures to learn from, of each defect that the renderer knows."""
    train_cut_ok: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Number of drawn pictures of clean strip to learn from, cut as tiles of wide frames."""
    train_cut_per_defect: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Number of drawn pictures to learn from, of each defect that the renderer knows, cut as tiles of wide
    frames."""
    val_ok: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Number of drawn pictures of clean strip for validation."""
    val_per_defect: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Number of drawn pictures for validation, of each defect that the renderer knows."""
    val_cut_ok: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Number of drawn pictures of clean strip for validation, cut as tiles of wide frames."""
    val_cut_per_defect: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Number of drawn pictures for validation, of each defect that the renderer knows, cut as tiles of wide
    frames."""
    eval_ok: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Number of drawn pictures of clean strip to evaluate on."""
    eval_per_defect: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Number of drawn pictures to evaluate on, of each defect that the renderer knows."""
    eval_cut_ok: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Number of drawn pictures of clean strip to evaluate on, cut as tiles of wide frames."""
    eval_cut_per_defect: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Number of drawn pictures to evaluate on, of each defect that the renderer knows, cut as tiles of wide
    frames."""
