# Everything a checkout needs is Python 3.10 to 3.12 with venv, and make. The environment is .venv in the checkout.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help demo test lint bench records coil screenshots overload soak fuzz long loop chaos powercuts model settings clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

demo: $(READY)  ## inspect simulated strip, live; SECONDS=30 ends that long after it is ready
	$(BIN)/inspector demo $(if $(SECONDS),--seconds $(SECONDS))

test: $(READY)  ## every test; ARGS="-k folder" passes arguments to pytest
	$(BIN)/python -m pytest -n 4 --dist loadfile $(ARGS)

lint: $(READY)  ## formatting, style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY)  ## drop folder to record against the bare predictor
	$(BIN)/python -m tests.measure.bench

records: $(READY)  ## 10 million records: how quick are the questions? ARGS="--rows 1000000" for fewer
	$(BIN)/python -m tests.measure.many_records $(ARGS)

coil: $(READY)  ## a simulated coil with known defects: how many are found? ARGS="--metres 100 --defects 200"
	$(BIN)/python -m tests.measure.coil $(ARGS)

screenshots: $(READY)  ## draw the pictures of the pages again; the report's needs Chromium
	$(BIN)/python -m tests.measure.screenshots $(ARGS)

overload: $(READY)  ## a camera three times as fast as the workers, for a minute; ARGS="--seconds 20 --times 5"
	$(BIN)/python -m tests.stress.overload $(ARGS)

soak: $(READY)  ## a million small frames: does anything grow? ARGS="--frames 100000 --minutes 20"; draws soak.png
	$(BIN)/python -m tests.stress.soak $(ARGS)

fuzz: $(READY)  ## nonsense at every socket, damaged pictures; ARGS="--messages 5000 --pictures 500 --seed 7"
	$(BIN)/python -m tests.stress.fuzz $(ARGS)

long: $(READY)  ## faults at their full length: 100,000 files waiting, a sink down for a minute
	$(BIN)/python -m pytest -m long --timeout 3600 -s $(ARGS)

loop: $(READY)  ## 300 NEU frames, 30 wrong verdicts labelled, retrained: is the candidate better?
	$(BIN)/python -m pytest -n0 -m long -s tests/trainer/retrain $(ARGS)

chaos: $(READY)  ## kill random processes at full speed, KILLS=200 of them, or all at once: is anything lost?
	$(BIN)/python -m tests.stress.chaos --kills $(or $(KILLS),200) $(ARGS)

powercuts: $(READY)  ## cut the power CUTS=20 times on ext4 and on XFS, as root: is anything lost or recorded twice?
	$(BIN)/python -m tests.stress.power_cuts --cuts $(or $(CUTS),20) $(ARGS)

MODEL := configs/train/default_model.yaml
model: $(READY)  ## make the bundled model again from NEU-CLS (STRIP_NEU_CLS=folder) and simulated strip
	$(BIN)/trainer prepare -c $(MODEL)
	$(BIN)/trainer fit -c $(MODEL)
	$(BIN)/trainer eval -c $(MODEL)
	$(BIN)/trainer export -c $(MODEL) --to inspector/vision/models/default

settings: $(READY)  ## write configs/settings.md and trainer/recipe.md from the code
	$(BIN)/python -c 'from inspector.settings.reference import page; print(page(), end="")' > configs/settings.md
	$(BIN)/python -c 'from trainer.recipe.reference import page; print(page(), end="")' > trainer/recipe.md

clean:  ## remove the environment and the demo's data
	rm -rf $(VENV) demo

$(READY): pyproject.toml
	@echo "setting up $(VENV): once, some minutes; about 90 packages, 2 GB, Paddle being 720 MB of them"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --disable-pip-version-check -e '.[dev]'
	@touch $@
