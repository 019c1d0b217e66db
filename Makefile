# Two commands matter: `make demo` runs the main job on real input, `make test` passes the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: recording screenshots help demo demo-cross test rebuild faults readers tried-locks tried-sdists tried-crates fuzz check docs keys bench bench-variants lock packages system-packages clean

include docker/Makefile.inc

help:  ## show this list
	@grep -hE '^[a-z%-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Wheelyard needs Python 3.11 or newer; try: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes -r requirements/dev.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY)  ## build a wheelhouse of requirements/demo.in for this machine's Python
	$(BIN)/wheelyard build requirements/demo.in --into wheelhouse

# Where arm64 is emulated, its wheels are proven in Debian's images; elsewhere they are checked without being run.
demo-cross: $(READY)  ## compile for macOS, arm64, musl and an old glibc (needs Python 3.9, 3.12 and 3.13)
	$(BIN)/python -m tests.support.cross_example examples/cross
	if [ -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ]; then \
	  for suite in bullseye trixie; do ENGINE="$(ENGINE)" docker/debian.sh host $$suite arm64 || exit; done; fi
	$(BIN)/wheelyard build examples/cross/wheelyard.toml

# One worker more than there are cores in CI: tests wait for containers, servers and the network. Slow files come first.
test: $(READY)  ## pass the tests
	$(BIN)/python -m pytest -n $(or $(WORKERS),3) --dist loadfile --no-loadscope-reorder

rebuild:  ## carry the demo's sources into a container without a network and build them again (takes minutes; Debian)
	docker/rebuild.sh requirements/demo.in

faults: $(READY)  ## kill and starve every command at each of its calls (takes minutes; see docs/faults.md)
	$(BIN)/python -m tests.faults $(COMMANDS)

readers: $(READY)  ## read by pip, install.py and check in loops while 50 builds publish (takes 15 minutes)
	READER_LOOP=50 READER_LOOP_GRACE=10 $(BIN)/python -m pytest -q -s tests/main_job/test_readers.py

# TOOLS: a folder that keeps the tools from one time to the next.
tried-locks: $(READY)  ## install locks of other tools by them and by pip from a wheelhouse (takes minutes; see docs/tried.md)
	$(BIN)/python -m tests.tried.locks $(NAMES)

tried-sdists: $(READY)  ## build sdists of every backend and era (takes a quarter of an hour; see docs/tried.md)
	$(BIN)/python -m tests.tried.sdists $(NAMES)

tried-crates: $(READY)  ## compile Rust projects with PyO3 and thirty crates twice, without network (needs librust-pyo3-dev)
	$(BIN)/python -m tests.tried.crates

# At random: the seed is printed, and SEED=… tries the same cases again. TIMES: how many times as many as `make test`.
fuzz: $(READY)  ## try the readers of what comes from outside with many more cases (takes an hour)
	seed=$(SEED); seed=$${seed:-$$(date +%s)}; echo "SEED=$$seed"; \
	  WHEELYARD_FUZZ=$(or $(TIMES),100) $(BIN)/python -m pytest -n 2 tests/fuzz --hypothesis-seed=$$seed

check: $(READY)  ## ruff, mypy in strict mode, and the floors of docs/architecture.md
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

docs: $(READY)  ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

keys: $(READY)  ## write the lists of wheelyard.toml's keys and of all commands again
	sed -i '/^<!-- wheelyard schema/q' docs/keys.md
	$(BIN)/wheelyard schema --markdown >> docs/keys.md
	$(BIN)/python -m wheelyard.cli.reference docs

packages: $(READY)  ## ask Debian's apt again which package has which header, library and program (on Debian, as root)
	$(BIN)/python -m tests.support.debian_files src/wheelyard/build/advice/debian.txt

bench: $(READY)  ## measure against peers (takes minutes; see bench/README.md)
	for script in bench/*.py; do $(BIN)/python "$$script" || exit 1; done

screenshots: $(READY)  ## take the pictures of docs/pages.md (WHEELHOUSE=...)
	$(BIN)/python -m tests.support.screenshots $(WHEELHOUSE)

recording: $(READY)  ## take the picture of the live view in README.md, while the scientific list is built (a minute)
	$(BIN)/python -m tests.support.recording

bench-variants: $(READY)  ## what BLAS and instruction levels are worth on this CPU (needs `make system-packages`)
	$(BIN)/python bench/variants.py $(WHEELHOUSE) --plot docs/images/variants.svg

lock: $(READY)  ## lock our own development environment again, by pip-tools
	$(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-header --no-emit-index-url \
	  --no-emit-find-links --no-emit-trusted-host --output-file requirements/dev.txt requirements/dev.in

system-packages:  ## install the Debian packages that the whole test suite uses (as root)
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends \
	  $$(grep -v '^#' tests/system-packages.txt) >/dev/null

clean:  ## remove what make made, but not the wheelhouse
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build dist site
