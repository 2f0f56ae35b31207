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

    name: Annotated[Name, Field(description="of the class, as the record and the bundle call it")]
    kind: Annotated[Literal["ok", "defect"], Field(description="what it means for the strip")] = "defect"
    severity: Annotated[Severity, Field(description="how bad it is, unless a line says otherwise")] = "major"
    aliases: Annotated[tuple[str, ...], Field(description="folder names or label file names that mean this class")] = ()

    def label(self) -> Label:
        """The class as the bundle states it."""
        return Label(name=self.name, kind=self.kind, severity=self.severity)

    @property
    def shown(self) -> str:
        """For people: with what the data calls it in brackets, where that is no label name."""
        other = next((alias for alias in self.aliases if not is_label_name(alias)), "")
        return f"{self.name} ({other})" if other else self.name


class RecordFile(Section):
    """What `inspector defects --json` printed."""

    path: Annotated[Path, Field(description="the file")]
    root: Annotated[
        Path | None,
        Field(description="where its frames lie by name, the drop folder's done/; none: data.root"),
    ] = None


def _record_files(value: Any) -> Any:
    """One file or several, each its path or with its root."""
    several = value if isinstance(value, list | tuple) else [] if value is None else [value]
    return [{"path": one} if isinstance(one, str | Path) else one for one in several]


class Data(Section):
    """Where real pictures are: `train_list`, `records`, or both, or else one folder a class, say what is in `root`."""

    root: Annotated[
        Path, Field(description="folder of the pictures, or an archive of them; the lists' paths start there")
    ]
    train_list: Annotated[
        str | None,
        Field(
            description="lines of `path label`, a table, COCO's JSON, a folder of VOC's or YOLO's files, or a "
            "data.yaml; relative to root; none: one folder a class"
        ),
    ] = None
    eval_list: Annotated[str | None, Field(description="the same for the eval part, which is never trained on")] = None
    label_file: Annotated[
        str | None, Field(description="file of lines of `id name`; needed where the lists give numbers")
    ] = None
    records: Annotated[
        tuple[RecordFile, ...],
        BeforeValidator(_record_files),
        Field(
            description="what `inspector defects --json` printed, one file or several: `a.jsonl`, or "
            "`{path: a.jsonl, root: line-2/done}`"
        ),
    ] = ()
    group_file: Annotated[
        str | None,
        Field(description="file of lines of `path group`: what is of one coil or part stays on one side of a split"),
    ] = None
    val_share: Annotated[
        float,
        Field(
            ge=0,
            lt=1,
            description="share of the train part that is never trained on: it chooses best epoch, temperature, "
            "thresholds",
        ),
    ] = 0.1
    eval_share: Annotated[
        float,
        Field(
            ge=0,
            lt=1,
            description="share held out to evaluate; of class folders and records only: lists bring their own",
        ),
    ] = 0.2
    bit_depth: Annotated[
        int | None,
        Field(ge=8, le=16, description="bits the camera fills in a 16-bit picture; none: what the file says, else 16"),
    ] = None
    folds: Annotated[
        int | None,
        Field(ge=2, le=100, description="so many parts: every picture, whatever list has it, is in eval once"),
    ] = None
    fold: Annotated[
        int | None, Field(ge=1, description="which of the folds to train and evaluate, from 1; prepare writes all")
    ] = None

    @model_validator(mode="after")
    def _agrees(self) -> "Data":
        if self.train_list is None and (self.eval_list or self.label_file):
            raise ValueError("eval_list and label_file go with train_list; class folders need none of the three")
        if self.fold is not None and self.fold > (self.folds or 0):
            raise ValueError(f"fold is {self.fold}, but folds is {self.folds}: set folds to how many there are")
        return self


class Simulated(Section):
    """How many images to draw for each split: of `ok`, and of each defect the renderer knows.

    Cut: as the tiles of a wide frame show it, of a defect often a part, or its rim.
    """

    first_seed: Annotated[int, Field(ge=0, le=2**31, description="of the first drawn picture; each has the next")] = (
        1_000_000
    )
    train_ok: Annotated[int, Field(ge=0, le=1_000_000, description="drawn pictures of clean strip to learn from")] = 0
    train_per_defect: Annotated[
        int, Field(ge=0, le=1_000_000, description="drawn pictures of each defect the renderer knows to learn from")
    ] = 0
    train_cut_ok: Annotated[
        int,
        Field(
            ge=0,
            le=1_000_000,
            description="drawn pictures of clean strip to learn from, as tiles of wide frames",
        ),
    ] = 0
    train_cut_per_defect: Annotated[
        int,
        Field(
            ge=0,
            le=1_000_000,
            description="drawn pictures of each defect the renderer knows to learn from, as tiles of wide frames",
        ),
    ] = 0
    val_ok: Annotated[int, Field(ge=0, le=1_000_000, description="drawn pictures of clean strip for validation")] = 0
    val_per_defect: Annotated[
        int, Field(ge=0, le=1_000_000, description="drawn pictures of each defect the renderer knows for validation")
    ] = 0
    val_cut_ok: Annotated[
        int,
        Field(
            ge=0,
            le=1_000_000,
            description="drawn pictures of clean strip for validation, as tiles of wide frames",
        ),
    ] = 0
    val_cut_per_defect: Annotated[
        int,
        Field(
            ge=0,
            le=1_000_000,
            description="drawn pictures of each defect the renderer knows for validation, as tiles of wide frames",
        ),
    ] = 0
    eval_ok: Annotated[int, Field(ge=0, le=1_000_000, description="drawn pictures of clean strip to evaluate on")] = 0
    eval_per_defect: Annotated[
        int, Field(ge=0, le=1_000_000, description="drawn pictures of each defect the renderer knows to evaluate on")
    ] = 0
    eval_cut_ok: Annotated[
        int,
        Field(
            ge=0,
            le=1_000_000,
            description="drawn pictures of clean strip to evaluate on, as tiles of wide frames",
        ),
    ] = 0
    eval_cut_per_defect: Annotated[
        int,
        Field(
            ge=0,
            le=1_000_000,
            description="drawn pictures of each defect the renderer knows to evaluate on, as tiles of wide frames",
        ),
    ] = 0
