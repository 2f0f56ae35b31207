"""Owns the choice of the canary among a bundle's golden images: the one with the highest score."""

import numpy as np

from inspector.protocol.canary import Canary
from inspector.vision.bundle import Bundle
from inspector.vision.decision import decide_tiles, rules
from inspector.vision.preprocess import contrast


def choose(bundle: Bundle, engine: str) -> Canary:
    """Return the golden image with the highest score as the canary, with its answer.

    Defects come before ok images: a model that calls everything ok must fail. The image is cut to one view. If that
    cuts something off, or the engine is fake, the answer is not known: then it is enough that the canary comes back.
    Raise BundleError if the golden images cannot be read.
    """
    golden, view = bundle.golden(), bundle.manifest.input.view_px
    contrasts = [contrast(bundle.preprocess.resize(image)) for image in golden.images]
    answers = decide_tiles(golden.logits, contrasts, rules(bundle.labels, bundle.manifest.decision))
    kinds = {label.name: label.kind for label in bundle.labels}
    answer, image = max(
        zip(answers, golden.images, strict=True), key=lambda one: (kinds.get(one[0].label) == "defect", one[0].score)
    )
    pixels = np.ascontiguousarray(image[:view, :view])
    if engine == "fake" or pixels.shape != image.shape:
        return Canary(pixels, bundle.id)
    return Canary(pixels, bundle.id, answer.label, answer.score)
