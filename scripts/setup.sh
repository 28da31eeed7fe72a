#!/bin/sh
# Make .venv match requirements/dev.lock and install the project into it, editable. Does nothing when it already does.
set -eu
cd "$(dirname "$0")/.."
. scripts/python.sh

# Settings of the caller that would send packages elsewhere than .venv, or let code from elsewhere in.
unset PYTHONHOME PYTHONPATH PIP_CONSTRAINT PIP_PREFIX PIP_REQUIRE_HASHES PIP_TARGET VIRTUAL_ENV
export PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

# The folder is part of it: a copied or moved .venv still points at the code it was made for.
fingerprint() {
    cat pyproject.toml requirements/dev.lock scripts/setup.sh | cksum
    pwd -P
}

ready() {
    [ -x .venv/bin/reconciler ] && [ "$(cat .venv/.fingerprint 2>/dev/null)" = "$(fingerprint)" ] && runs_asked_python
}

runs_asked_python() {
    [ -z "${PYTHON:-}" ] && return
    asked=$("$PYTHON" -c 'import sys; print(sys.version_info[:3])' 2>/dev/null) || find_python
    [ "$asked" = "$(.venv/bin/python -c 'import sys; print(sys.version_info[:3])' 2>/dev/null)" ]
}

# One that another Python, another folder or an interrupted run left behind is made anew; otherwise only what changed is installed.
reusable() {
    [ "$(sed -n 2p .venv/.fingerprint 2>/dev/null)" = "$(pwd -P)" ] && .venv/bin/python -m pip --version >/dev/null 2>&1 &&
        runs_asked_python
}

install() {
    if reusable; then
        echo "setup: bringing .venv up to date with the lock ..."
    else
        python=$(find_python)
        echo "setup: making .venv with $("$python" --version) and the locked packages (about a minute) ..."
        rm -rf .venv
        "$python" -m venv .venv
    fi
    rm -f .venv/.fingerprint
    .venv/bin/python -m pip install -qq --require-hashes -r requirements/dev.lock
    .venv/bin/python -m pip install -qq --no-build-isolation --no-deps -e .
    fingerprint >.venv/.fingerprint
}

ready && exit
[ -w . ] || fail "cannot write to $(pwd); clone the repository into a folder of your own"
# Two at once would break each other's .venv; the second waits, and then finds it ready.
if command -v flock >/dev/null; then
    exec 9>.venv.lock
    flock 9
    ready && exit
fi
install
