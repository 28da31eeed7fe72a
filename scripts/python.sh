# Sourced by setup.sh and lock.sh: find_python prints a Python >= 3.11 that can make virtual environments.
# PYTHON, when set, is the only candidate.

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        set -- "$PYTHON"
    else
        set -- python3.14 python3.13 python3.12 python3.11 python3
    fi
    problem="looked for $*"
    for candidate; do
        # Run it: a version manager's shim may be on PATH for a version that is not installed.
        version=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
        case $version in
            3.1[1-9] | 3.[2-9][0-9]) ;;
            *)
                problem="$candidate is Python $version"
                continue
                ;;
        esac
        if "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
            echo "$candidate"
            return
        fi
        problem="$candidate lacks the venv module; on Debian or Ubuntu: apt install python$version-venv"
    done
    fail "needs Python 3.11 or newer with venv ($problem), or say which: make setup PYTHON=/path/to/python3"
}

fail() {
    echo "error: $1" >&2
    exit 1
}
