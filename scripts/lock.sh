#!/bin/sh
# Pin what pyproject.toml allows, with hashes, for every platform and Python we support. Pins that still fit are kept;
# `make lock ARGS=--upgrade` takes the newest, `make lock ARGS='--upgrade-package celery'` one of them.
#
# Needs uv. It is fetched into a scratch environment and forgotten: nobody else has to have it.
set -eu
cd "$(dirname "$0")/.."
. scripts/python.sh

python=$(find_python)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$python" -m venv "$scratch/venv"
"$scratch/venv/bin/python" -m pip install -qq uv

# Where the packages came from is the business of the machine that fetches them: the lock names no index.
compile() {
    output=$1
    shift
    echo "lock: $output ..."
    "$scratch/venv/bin/uv" pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
        --no-header --no-emit-index-url --no-emit-find-links --output-file "$output" "$@"
}

compile requirements/runtime.lock "$@"
compile requirements/dev.lock --extra embedded --group dev "$@"
