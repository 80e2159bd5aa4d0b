#!/usr/bin/env bash
# Has the Python reader read our vectors, and records that the library seals now. Exit code 0 if it agrees on each.
# Needs python3 with pip, and cargo; what it installs goes under target/interop.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
place=target/interop
mkdir -p "$place"

# Debian splits `venv` off python3; pip alone does as well.
if [[ ! -x $place/venv/bin/python ]] && ! python3 -m venv "$place/venv" >/dev/null 2>&1; then
    rm -rf "$place/venv"
fi
if [[ -x $place/venv/bin/python ]]; then
    python=$place/venv/bin/python
    "$python" -c 'import cryptography' 2>/dev/null || "$python" -m pip install --quiet cryptography
else
    python=python3
    export PYTHONPATH=$PWD/$place/packages
    "$python" -c 'import cryptography' 2>/dev/null ||
        "$python" -m pip install --quiet --target "$place/packages" cryptography
fi

fresh=$(mktemp "$place/fresh-XXXXXX")
trap 'rm -f "$fresh"' EXIT
cargo run --quiet --example make_vectors -- "$fresh"
"$python" tests/interop/read_record.py tests/vectors/record/own.json "$fresh"
