"""Owns the recipe: every setting of a training run, its default and bounds, and the paths of what a run writes."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from inspector.errors import ConfigError
from trainer.recipe.bundle import DecisionChoice, Export
from trainer.recipe.data import Data, LabelSpec, Name, Simulated
from trainer.recipe.learning import Augment, Fit, Network, Novelty, Training
from trainer.recipe.section import Section


class Recipe(Section):
    """One YAML file under configs/train/. Relative paths start at the working directory."""

    name: Name
    """Name of the model, with which the id of its bundle begins."""
    run_dir: Path
    """Folder for everything that a run writes: manifest, checkpoints, report and bundle."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    """Seed of everything random: splits, first weights and augmentation."""
    labels: Annotated[tuple[LabelSpec, ...], Field(min_length=2, max_length=1024)]
    """List of the labels, in the order of the network's outputs."""
    data: Data | None = None
    simulated: Simulated | None = None
    network: Network = Network()
    training: Training = Training()
    augment: Augment = Augment()
    fit: Fit = Fit()
    novelty: Novelty = Novelty()
    decision: DecisionChoice = DecisionChoice()
    export: Export = Export()

    @model_validator(mode="after")
    def _agrees(self) -> "Recipe":
        names = [name for label in self.labels for name in {label.name, *label.aliases}]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"labels: {', '.join(twice)} names more than one label")
        if self.labels and not any(label.kind == "defect" for label in self.labels):
            raise ValueError("labels: none of them is of kind defect: the model could find nothing")
        weights, known = self.training.class_weights, {label.name for label in self.labels}
        weighted = weights if isinstance(weights, dict) else {}
        by_label = {"training.class_weights": weighted, "augment.turn": self.augment.turn}
        for key, values in by_label.items():
            if unknown := sorted(set(values) - known):
                raise ValueError(f"{key}: no label is called {', '.join(unknown)}")
        if self.decision.place_threshold is not None and not any(label.kind == "ok" for label in self.labels):
            raise ValueError("decision.place_threshold: without a label of kind ok, all is a defect")
        if self.fit.hidden and self.network.backbone != "lite0":
            raise ValueError(
                "fit.hidden: ResNet_vd ends in one layer, fc, as in PaddleClas; lite0 may have a hidden one"
            )
        if self.data is None and self.simulated is None:
            raise ValueError("data or simulated: one of the two must be there, or nothing can be learned")
        return self

    @property
    def shown(self) -> dict[str, str]:
        """What people call each label."""
        return {label.name: label.shown for label in self.labels}

    @property
    def folder(self) -> Path:
        """Where everything is written: run_dir, or its folder of the chosen fold. ConfigError if none is chosen."""
        if self.data is None or self.data.folds is None:
            return self.run_dir
        if self.data.fold is None:
            raise ConfigError(f"data.fold: which of the {self.data.folds} folds? For example -o data.fold=1")
        return self.run_dir / f"fold-{self.data.fold}"

    def of_folds(self) -> "tuple[Recipe, ...]":
        """Return the recipe of each fold in turn, or this one where there are none."""
        if self.data is None or self.data.folds is None:
            return (self,)
        parts = [self.data.model_copy(update={"fold": fold}) for fold in range(1, self.data.folds + 1)]
        return tuple(self.model_copy(update={"data": data}) for data in parts)

    @property
    def judged_augment(self) -> Augment:
        """The changes at the size that the network is judged at: its crops show steel as large as those of training."""
        grown = self.network.size_px / (self.training.size_px or self.network.size_px)
        shares = {key: min(1.0, getattr(self.augment, key) * grown) for key in ("crop_min_share", "crop_max_share")}
        return self.augment.model_copy(update=shares)

    @property
    def manifest_path(self) -> Path:
        """What prepare writes and train reads."""
        return self.folder / "manifest.tsv"

    @property
    def corrections_path(self) -> Path:
        """What a person changed in the manifests: beside the run folder, which can be deleted without it."""
        run_dir = self.run_dir.absolute()
        return run_dir.parent / f"{run_dir.name}.corrections.csv"

    @property
    def last_checkpoint(self) -> Path:
        """The weights after the last finished epoch."""
        return self.folder / "last.npz"

    @property
    def best_checkpoint(self) -> Path:
        """The weights that were best on the validation part."""
        return self.folder / "best.npz"

    @property
    def report_dir(self) -> Path:
        """Where eval writes report.json and its pictures, of this recipe's model on this recipe's eval part."""
        return self.report_of()

    def report_of(self, *others: str) -> Path:
        """Return the folder of another model's or list's report: beside the recipe's own, which export reads."""
        return self.folder / "-".join(("eval", *others))

    @property
    def bundle_dir(self) -> Path:
        """Where export writes by default."""
        return self.folder / "bundle"
