#!/bin/sh
# Builds .venv in the current folder from requirements.lock, with nothing but python3 and its venv.
set -eu
here=$(pwd -P) # as make writes it in CURDIR, also below a symbolic link

find_python() {
    for name in python3.14 python3.13 python3.12 python3.11 python3; do
        if "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
            >/dev/null 2>&1; then
            command -v "$name"
            return
        fi
    done
    echo "paygate needs Python 3.11 or newer with venv. Debian, Ubuntu: apt-get install python3 python3-venv" >&2
    return 1
}

build() {
    if [ "$(cat .venv/ready 2>/dev/null)" != "$here" ] || ! .venv/bin/python -c '' 2>/dev/null; then
        python=$(find_python)
        echo "Setting up .venv with $python (once; a minute or so)" >&2
        rm -rf .venv
        "$python" -m venv .venv
    fi
    rm -f .venv/ready # an interruption from here on is mended by starting over
    .venv/bin/python -m pip install --quiet --disable-pip-version-check \
        --require-hashes --requirement requirements.lock
    # Its build tools came with the lock: nothing is fetched here.
    .venv/bin/python -m pip install --quiet --disable-pip-version-check \
        --no-deps --no-build-isolation --editable .
    printf '%s' "$here" >.venv/ready
}

# Two makes at once take turns; the second finds the work done.
if command -v flock >/dev/null 2>&1; then
    exec 9>.venv.lock
    flock 9
fi
newest=$(ls -t .venv/ready requirements.lock pyproject.toml scripts/bootstrap.sh 2>/dev/null | head -n 1)
[ "$newest" = .venv/ready ] && [ "$(cat .venv/ready)" = "$here" ] && .venv/bin/python -c '' && exit 0
build
