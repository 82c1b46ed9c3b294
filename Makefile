# `make demo` and `make test` do all their own set-up in .venv. See CONTRIBUTING.md.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

BIN := .venv/bin
READY := .venv/.ready
DEMO := build/demo/lif-room-temperature.eer
RUN := build/demo/run

.PHONY: help demo test lint types contracts kernels unit long bench campaign watch fuzz kill soak lock lowest newest dist stages clean

help:
	@echo "make demo    simulate a movie, say when its lattice changed, open it where there is a display"
	@echo "make test    lint, types, import contracts and tests, windows included"
	@echo "make long    tests that ask many draws or whole movies; some minutes"
	@echo "make bench   the benchmarks, as ratios within one run; some ten minutes"
	@echo "make campaign   onsets of thousands of simulated traces, movies and campaigns; hours"
	@echo "make watch   how often the alarm at the microscope is false, and how late it is"
	@echo "make fuzz, make kill, make soak   damaged files, killed processes, five hundred analyses"
	@echo "make lock    refresh constraints.txt      make stages   redo the multislice pictures"
	@echo "make lowest, make newest   install at either end of the dependencies, use everything once"
	@echo "make dist    build what is released, look into it, test what was unpacked"

$(READY): pyproject.toml constraints.txt
	@tools/make_venv.sh .venv
	@touch $@

demo: $(READY)
	@mkdir -p $(dir $(DEMO))
	@$(BIN)/beamwatch simulate $(DEMO) --case lif-room-temperature --force
	@$(BIN)/beamwatch info $(DEMO)
	@$(BIN)/beamwatch demo
	@echo "The movie is $(DEMO), the truth about it stands beside it (.truth.json)."
	@if [ "$$(uname)" = Darwin ] || [ -n "$${DISPLAY:-}$${WAYLAND_DISPLAY:-}" ]; \
	 then $(BIN)/beamwatch analyze $(DEMO) --out $(RUN) --force && $(BIN)/beamwatch view $(RUN); \
	 else echo "No display: no window."; fi

# What keeps one processor busy goes side by side, each with its output in one piece.
test: $(READY)
	@$(MAKE) --no-print-directory --jobs 2 $(filter --output-sync,$(.FEATURES:%=--%)) \
	  lint types contracts kernels
	@$(MAKE) --no-print-directory unit

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

contracts: $(READY)
	$(BIN)/lint-imports --no-cache
	$(BIN)/npe2 validate src/napari_beamwatch/napari.yaml

kernels: $(READY)
	@$(BIN)/python tools/compile_kernels.py

unit: $(READY)
	@tools/tests.sh -m "not long"

long: $(READY)
	@tools/tests.sh -m long

bench: $(READY)
	$(BIN)/python benchmarks/eer_reading.py
	$(BIN)/python benchmarks/opening.py
	$(BIN)/python benchmarks/analysis.py
	$(BIN)/python benchmarks/region.py
	$(BIN)/python benchmarks/memory.py
	$(BIN)/python benchmarks/kernels.py
	$(BIN)/python benchmarks/cluster.py
	$(BIN)/python benchmarks/batch.py
	@tools/with_display.sh $(BIN)/python benchmarks/playback.py
	@tools/with_display.sh $(BIN)/python benchmarks/fluency.py

campaign: $(READY)
	@mkdir -p build
	$(BIN)/python benchmarks/accuracy.py
	OPENBLAS_NUM_THREADS=1 $(BIN)/python benchmarks/summary_campaign.py
	OPENBLAS_NUM_THREADS=1 $(BIN)/python benchmarks/sum_campaign.py
	$(BIN)/python benchmarks/onset_campaign.py --seed 1234 --fades 400 --stable 1000 --lasting 300
	@$(MAKE) --no-print-directory watch
	$(BIN)/python benchmarks/movie_campaign.py --out build/movies.jsonl --jobs 2
	$(BIN)/python benchmarks/mosaic_campaign.py --out build/mosaics.jsonl --jobs 2
	OPENBLAS_NUM_THREADS=1 $(BIN)/python benchmarks/sensitivity.py --out build/sensitivity.jsonl --kinds few-grains,mosaic --seeds 0:8
	$(BIN)/python benchmarks/phase_area_campaign.py --out build/areas.jsonl --jobs 2
	$(BIN)/python benchmarks/pattern_campaign.py --out build/patterns.jsonl --seeds 0:20 --jobs 2
	$(BIN)/python benchmarks/ring_naming.py --out build/rings.jsonl --seeds 0:10 --jobs 2
	$(BIN)/python benchmarks/uneven_campaign.py --out build/uneven.jsonl --seeds 0:20 --jobs 2
	$(BIN)/python benchmarks/view_movies.py --out build/views.jsonl --seeds 0:3
	$(BIN)/python benchmarks/drift_campaign.py --jobs 2
	$(BIN)/python benchmarks/nanocrystals.py --out build/nanocrystals.jsonl --jobs 2
	OPENBLAS_NUM_THREADS=1 $(BIN)/python benchmarks/unforeseen.py --out build/unforeseen.jsonl --seeds 0:3 --jobs 2

# Steady movies, what looks like damage and is none, and damage: an hour or two.
watch: $(READY)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python benchmarks/watch_campaign.py --seed 77 --jobs 2
	OPENBLAS_NUM_THREADS=1 $(BIN)/python benchmarks/watch_movies.py --seeds 100:200 --kinds steady --jobs 2
	OPENBLAS_NUM_THREADS=1 $(BIN)/python benchmarks/watch_movies.py --seeds 100:110 --jobs 2

fuzz: $(READY)
	$(BIN)/python -m tools.fuzz --inputs 100000 --jobs 2

kill: $(READY)
	$(BIN)/python tools/kill.py
	$(BIN)/python benchmarks/batch_kill.py

soak: $(READY)
	$(BIN)/python benchmarks/soak.py

# From an environment of its own: what else was put into .venv is nobody's dependency.
lock:
	@UNPINNED=1 tools/make_venv.sh build/lock
	build/lock/bin/pip freeze --exclude-editable --exclude napari-beamwatch --exclude uv > build/constraints.txt
	mv build/constraints.txt constraints.txt

lowest newest:
	@tools/smoke.sh $@

dist: $(READY)
	@tools/check_dist.sh $(BIN)/python

stages:
	@tools/make_venv.sh .venv-stages stages
	.venv-stages/bin/python tools/make_stages.py

clean:
	rm -rf build dist .venv .venv-stages
