# The daily commands. `./dev` sets a fresh machine up; afterwards these are enough.

set positional-arguments

uv := ".venv/bin/uv run --no-sync"

# list the recipes
default:
    @just --list

# everything that CI runs
test *args:
    ./dev test "$@"

# the unit tests
unit *args:
    {{ uv }} pytest tests/unit plugins -q "$@"

# the tests on real containers
integration *args:
    {{ uv }} pytest tests/integration -q "$@"

# the built wheels, in a clean environment
e2e *args:
    {{ uv }} pytest tests/e2e -q "$@"

# ruff, mypy, import-linter
lint:
    {{ uv }} ruff check .
    {{ uv }} ruff format --check .
    {{ uv }} mypy
    {{ uv }} lint-imports

# mend what ruff can mend
fmt:
    {{ uv }} ruff check --fix .
    {{ uv }} ruff format .

# write the generated pages of docs/ again
docs:
    {{ uv }} python -m docs.generate

# the golden files of the tests, written again
golden:
    FLOE_UPDATE_GOLDEN=1 {{ uv }} pytest tests/unit -q

# measured against plain docker compose, alternating; prints the table for the closing note
bench *args:
    {{ uv }} python -m bench "$@"

# what is too long for CI, such as a thousand canaries
nightly *args:
    {{ uv }} pytest tests/nightly -q -m nightly "$@"

# a stand-in beside the server that it stands in for, over random event sequences
compare *args:
    {{ uv }} python -m bench.compare_marquez "$@"
