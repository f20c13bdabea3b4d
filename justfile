# The daily commands. `./dev` sets a fresh machine up; afterwards these are enough.

set positional-arguments

bin := ".venv/bin/"

# list the recipes
default:
    @just --list

# everything that CI runs
test *args:
    ./dev test "$@"

# the unit tests
unit *args:
    {{ bin }}pytest tests/unit -q "$@"

# the tests of the plugins, the stand-in and the recorder, and those that start processes
plugins *args:
    {{ bin }}pytest plugins standins tests/plugins tests/commands -q "$@"

# the tests on real containers
integration *args:
    {{ bin }}pytest tests/integration -q "$@"

# real clients, given what `floe-local env` prints
clients *args:
    {{ bin }}pytest tests/clients -q "$@"

# the built wheels, in a clean environment
e2e *args:
    {{ bin }}pytest tests/e2e -q "$@"

# ruff, mypy, import-linter
lint:
    {{ bin }}ruff check .
    {{ bin }}ruff format --check .
    {{ bin }}mypy
    {{ bin }}lint-imports

# mend what ruff can mend
fmt:
    {{ bin }}ruff check --fix .
    {{ bin }}ruff format .

# write the generated pages of docs/ again
docs:
    {{ bin }}python -m docs.generate

# the golden files of the tests, written again
golden:
    FLOE_UPDATE_GOLDEN=1 {{ bin }}pytest tests/unit -q

# what a stack of this version leaves, for the tests of later ones: `just upgrade-data 0.2.0`
upgrade-data version:
    {{ bin }}python -m tests.integration.stack.upgrade_data "$@"

# measured against plain docker compose, alternating; prints a table
bench *args:
    {{ bin }}python -m bench "$@"

# what is too long for CI, such as a thousand canaries
nightly *args:
    {{ bin }}pytest tests/nightly tests/clients -q -m nightly "$@"
    HYPOTHESIS_PROFILE=thorough {{ bin }}pytest tests/unit standins -q

# the README's two commands on a machine that has nothing: own engine, no images, empty caches
cold *args:
    .ci/cold "$@"

# what the code is made of, to compare commits
house *args:
    {{ bin }}python -m bench.house "$@"

# a stand-in beside the server that it stands in for, over random event sequences
compare *args:
    {{ bin }}python -m bench.compare_marquez "$@"
