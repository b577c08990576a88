# Two commands do all the set-up on a machine with Python 3.11 and make: `make run` and `make test`.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
REPORT := attnspec-report
# What released kernels are known to do otherwise.
KNOWN := --baseline baselines/torch.yaml --baseline baselines/jax.yaml
# What a run and the gallery try.
TRIED := numpy torch triton jax --budget standard $(KNOWN)
# One thread a worker: two workers on two cores are faster, and timings repeat better.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
# What pages quote runs of, beside the backends.
PUBLISHED := performer-pytorch==1.1.4 linear-attention-transformer==0.19.1 local-attention==1.11.2
# On how many threads a BLAS adds in `make processors`.
THREADS ?= 1 2

.PHONY: run test test-fast test-all processors browser lint docs quotes newcomer published faults gallery bench clean

run: $(VENV)/installed ## Run the suite on NumPy, PyTorch, Triton and JAX, and say where the report lies.
	$(ONE_THREAD) $(BIN)/attnspec run $(TRIED) --out $(REPORT)

test: $(VENV)/installed ## Run the tests of the kit itself.
	$(ONE_THREAD) $(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not study"

test-fast: $(VENV)/installed ## Run those that take no more than a few seconds a file, for who works on the kit.
	$(ONE_THREAD) $(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not study and not long"

test-all: $(VENV)/installed ## Run them and the studies: more problems, more seeds, every textbook mistake.
	$(ONE_THREAD) $(BIN)/python -m pytest -q -n 2 --dist loadfile

processors: $(VENV)/installed ## Run the numeric tests under the kernels of OpenBLAS that this processor runs, on one thread and on two.
	$(BIN)/python tests/processors.py --threads $(THREADS) -n 2 --dist loadfile

browser: $(VENV)/installed ## Open the page of a report in chromium and check layout, filter, drill-down and keyboard.
	$(ONE_THREAD) $(BIN)/python tests/reports/html/browser.py

lint: $(VENV)/installed ## Style and types.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/installed ## Write what the pages say about the spec, and the JSON Schemas of reports.
	$(ONE_THREAD) $(BIN)/python docs/generate.py
	$(BIN)/python -m attnspec.reports.schema

quotes: $(VENV)/installed ## Write what commands print into README and docs, where it has changed.
	ATTNSPEC_QUOTES=write $(ONE_THREAD) $(BIN)/python -m pytest -q tests/docs/test_blocks.py

newcomer: $(VENV)/installed ## Build a wheel, install it where there is NumPy alone, and follow the tutorial there.
	rm -rf build/newcomer
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir build/newcomer/wheel .
	$(PYTHON) -m venv build/newcomer/venv
	build/newcomer/venv/bin/python -m pip install --quiet --constraint constraints.txt build/newcomer/wheel/*.whl
	ATTNSPEC_QUOTES_BIN=$(CURDIR)/build/newcomer/venv/bin $(BIN)/python -m pytest -q tests/docs/test_blocks.py -k tutorial

published: ## Follow the pages that quote runs of published packages, in an environment that has these.
	test -d build/published || $(PYTHON) -m venv build/published
	build/published/bin/python -m pip install --quiet --constraint constraints.txt --editable ".[torch,dev]" $(PUBLISHED)
	$(ONE_THREAD) build/published/bin/python -m pytest -q tests/docs/test_blocks.py -k "linear or approximations or sparse"

faults: $(VENV)/installed ## Try every law on every known mistake, and write what docs/faults.md is made of.
	mkdir -p docs/data
	for budget in quick standard; do \
	  $(ONE_THREAD) $(BIN)/attnspec faults --budget $$budget --out build/faults-$$budget || test $$? -eq 1 || exit 2; \
	  cp build/faults-$$budget/faults-summary.json docs/data/faults-$$budget.json || exit 2; \
	done
	$(ONE_THREAD) $(BIN)/python docs/generate.py

gallery: $(VENV)/installed ## Run the suite on all shipped implementations, and keep page, summary and report in reports/gallery.
	$(ONE_THREAD) $(BIN)/attnspec run $(TRIED) --out build/gallery || test $$? -eq 1
	$(BIN)/attnspec report build/gallery --format html --faults docs/data/faults-quick.json --out reports/gallery/report.html
	$(BIN)/attnspec report build/gallery --format markdown --out reports/gallery/README.md
	$(BIN)/attnspec report build/gallery --format badge --out reports/gallery/badge.svg
	gzip -9nc build/gallery/report.json > reports/gallery/report.json.gz

bench: $(VENV)/installed ## Time the standard budget on numpy/flash.
	$(ONE_THREAD) $(BIN)/python benchmarks/standard_budget.py

$(VENV)/installed: pyproject.toml constraints.txt
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[torch,jax,triton,dev]"
	touch $@

clean:
	rm -rf $(VENV) $(REPORT) build dist *.egg-info
