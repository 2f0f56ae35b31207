"""The trainer: from labelled pictures of strip to the model bundle that the inspector runs.

    folders, or lists of whatever form             simulated images (drawn, never stored)
                  │                                              │
               prepare ── manifest.tsv: path, label, split, source, group (a person can edit it)
                                    │
    images once in memory ──▶ train ── last.npz, best.npz (weights, recipe, labels, figures)
       dataset ▶ augment          or fit: a head on frozen ImageNet features, in seconds
                                    │
       ▶ vision.preprocess        eval ── k of n, calibration, thresholds; faults, suspects ──▶ eval/report.html
                                    │
                                 export ── bundle (program, weights, golden images), reloaded through
                                    │       the inspector's own predictor and refused if scores differ
                                 predict, inspector

Every command takes one recipe, `-c configs/train/….yaml` or a PaddleClas 1.x config (recipe/paddleclas.py), and writes
under its `run_dir`; `folds` goes from prepare to eval for every fold of the data. steps.py has each as a function.
Training may start from PaddleClas weights (weights/initial.py, over the readers pdparams.py and restricted_pickle.py);
`import` makes a bundle of what PaddleClas or PaddleX exported (bundles/import_model.py, over inference_yml.py).
"""
