# make chat [STATEMENTS=folder]   set everything up, index the statements, open the chat on http://127.0.0.1:7860
# make test                       set everything up, run every test and check
# make bench [SIZES="1000 10000"] quality and speed beside other systems
PYTHON ?= python3.11
VENV := .venv
BAYAN := $(VENV)/bin/bayan
READY := $(VENV)/.ready
STATEMENTS ?= ingest/samples
SIZES ?= 1000 10000 100000
# One index for each folder of statements, so that looking at another never mixes them; and for each version of the text processing, of
# the vectors and of how they are kept, so that a checkout brought up to date starts without further ado.
MAKING := $(shell grep -h -e '^TEXT_VERSION' -e '^EIGHT_BITS' -e '^FORMAT' rag/language/__init__.py rag/embedding/local.py rag/index/manifest.py | cksum)
INDEX ?= index/$(shell printf '%s' "$(STATEMENTS) $(MAKING)" | cksum | cut -d' ' -f1)
POOLS := index/pools-$(firstword $(MAKING))
# Containers often tell Python not to keep what it compiles; then every start compiles 1,400 modules again, which doubles it.
export PYTHONDONTWRITEBYTECODE :=
CHROMIUM := /usr/bin/chromium
TESSERACT := /usr/share/tesseract-ocr/5/tessdata/ara.traineddata

.PHONY: chat index test programs check bench load eval baseline learn learn-reader docs lock clean

chat: index
	$(BAYAN) serve --index $(INDEX)

index: $(READY)
	@echo "indexing $(STATEMENTS) …"
	$(BAYAN) ingest "$(STATEMENTS)" --prune --index $(INDEX)

# pip's resolver is told every version; the lock is written by `make lock`. Python compiles what is used when it is used first: compiling all
# of it takes as long as fetching it.
$(READY): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Bayan needs Python 3.11 or newer: install it, or name it with make PYTHON=…"; exit 1; }
	@echo "setting up $(VENV) (the first time takes a few minutes) …"
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --no-compile --disable-pip-version-check --progress-bar on -r requirements.lock
	$(VENV)/bin/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

test: $(READY) programs check
	$(BAYAN) models pull multilingual-e5-small
	$(BAYAN) models pull smollm2-135m-instruct
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

check: $(READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

# What tests call beside Python; `.ci/run` makes sure of it. LibreOffice is not worth its half a gigabyte: its tests are skipped without it.
programs: $(CHROMIUM) $(TESSERACT)

# The browser tests drive the system's Chromium; where it cannot be installed they are skipped with the reason.
$(CHROMIUM):
	@if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium || \
	  echo "Chromium cannot be installed: the browser tests will be skipped"; \
	else echo "no Chromium in $(CHROMIUM): the browser tests will be skipped; install the package chromium to run them"; fi

# Likewise the tests of scans, which need Tesseract and its Arabic.
$(TESSERACT):
	@if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get update -qq && apt-get install -qq -y --no-install-recommends tesseract-ocr tesseract-ocr-ara || \
	  echo "Tesseract cannot be installed: the tests of scans will be skipped"; \
	else echo "no $(TESSERACT): the tests of scans will be skipped; install tesseract-ocr and tesseract-ocr-ara to run them"; fi

# Beside the peers, which the extra brings; about an hour on 2 cores, with make bench SIZES="1000 10000" a quarter of that.
bench: $(VENV)/.bench
	$(VENV)/bin/python -m evals.benchmarks.bench --sizes $(SIZES)
	$(VENV)/bin/python -m evals.benchmarks.ingest $(SIZES)
	$(VENV)/bin/python -m evals.benchmarks.window

# Twenty readers at once over 5,000 passages: make load MINUTES=2 READERS=50
MINUTES ?= 10
READERS ?= 20
load: $(READY)
	$(VENV)/bin/python -u -m evals.benchmarks.load --minutes $(MINUTES) --readers $(READERS)

$(VENV)/.bench: $(READY)
	$(VENV)/bin/python -m pip install --no-compile --disable-pip-version-check -c requirements.lock -e '.[bench]'
	touch $@

eval: index
	$(BAYAN) eval evals/sets/samples.jsonl --index $(INDEX) --runs index/runs --report index/eval.html \
	  --compare evals/baseline.json --no-worse
	@echo "the report, with every question that went wrong, is in index/eval.html"

# What later runs are held against, and the README's tables: after a change for the better, or to the questions. The public sets are
# read from beside the checkout; where they are not, their figures stay.
baseline: index
	rm -rf index/baseline
	$(BAYAN) eval evals/sets/samples.jsonl --index $(INDEX) --runs index/baseline
	cp index/baseline/*/summary.json evals/baseline.json
	$(VENV)/bin/python -m evals.measuring.public ../shared/evalsets evals/baseline-public.json
	PYTHONPATH=. $(VENV)/bin/python tests/test_docs.py

# How signals make a score and when to answer, from the public sets beside the checkout: after a change to vectors, words or signals.
learn: $(READY)
	$(VENV)/bin/python -m evals.learning.fusion ../shared/evalsets --pools $(POOLS)
	$(VENV)/bin/python -m evals.learning.calibrate ../shared/evalsets --pools $(POOLS)

# The reader, from the public sets beside the checkout, then from the authored statements: hours on 2 cores (a night without AMX), minutes
# on a GPU. It goes on from its last checkpoint; MINUTES_PUBLIC and MINUTES_OWN end a stage for today.
READER ?= index/reader
PUBLIC_EXAMPLES ?= 200000
OWN_EXAMPLES ?= 40000
learn-reader: $(READY)
	$(BAYAN) models pull multilingual-e5-small
	$(VENV)/bin/python -u -m evals.learning.train public ../shared --examples $(PUBLIC_EXAMPLES) --minutes $(or $(MINUTES_PUBLIC),0) --folder $(READER)
	$(VENV)/bin/python -u -m evals.learning.train own ../shared --examples $(OWN_EXAMPLES) --minutes $(or $(MINUTES_OWN),0) --folder $(READER)

docs: $(READY)
	PYTHONPATH=. $(VENV)/bin/python tests/test_docs.py

lock: $(READY)
	@test ! -e $(VENV)/.bench || { echo "the peers of make bench would be locked too: make clean first"; exit 1; }
	$(VENV)/bin/python -m pip freeze --all --exclude-editable | sed 's/+cpu$$//' | grep -v '^pip==' > requirements.lock

clean:
	rm -rf $(VENV) index build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
