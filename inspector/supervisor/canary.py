"""Owns which picture is the canary: of a bundle's golden images the one whose answer is the surest."""

import numpy as np

from inspector.protocol.canary import Canary
from inspector.vision.bundle import Bundle
from inspector.vision.decision import decide_tiles, rules
from inspector.vision.preprocess import contrast


def choose(bundle: Bundle, engine: str) -> Canary:
    """The golden image whose answer is the surest: a defect, as a model that calls everything ok must not pass.

    One larger than a view is cut to it, and an engine without a model knows no answers: then only its coming back
    counts. BundleError where there are no golden images to read.
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
