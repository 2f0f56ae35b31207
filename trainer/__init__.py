"""The trainer: from labelled pictures of strip to the model bundle that the inspector runs.

    folders, or lists of whatever form             simulated images (drawn, never stored)
                  │                                              │
               prepare ── manifest.tsv: path, label, split, source, group (a person can edit it)
                                    │
    images once in memory ──▶ train ── last.npz, best.npz (weights, recipe, labels, figures)
       dataset ▶ augment          or fit: a head on frozen ImageNet features (frozen, lite0, head), in seconds
                                    │
       ▶ inspector.preprocess     eval ── k of n, calibration, thresholds; faults, suspects ──▶ eval/report.html
                                    │
                                 export ── bundle (program, weights, golden images), reloaded through
                                    │       the inspector's own predictor and refused if scores differ
                                 predict, inspector

Every command takes one recipe, `-c configs/train/….yaml` or a PaddleClas 1.x config (paddleclas.py), and writes under
its `run_dir`; `folds` goes from prepare to eval for every fold of the data. Training may start from PaddleClas weights
(pretrained.py, over the readers pdparams.py and pickles.py); `import` makes a bundle of what PaddleClas or PaddleX
exported (importing.py, inference_yml.py, pdiparams.py).
"""
