#!/usr/bin/env bash
# Has a Python reader of our own read the record vectors, and AWS's Python client messages; those in the repository,
# and some that the library seals now; and reads messages that AWS's client writes now. Exit code 0 if all agree.
# Needs python3 with pip, and cargo; what it installs goes under target/interop.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
place=target/interop
packages=(cryptography aws-encryption-sdk)
wanted='import cryptography, aws_encryption_sdk'
mkdir -p "$place"

# Debian splits `venv` off python3; pip alone does as well.
if [[ ! -x $place/venv/bin/python ]] && ! python3 -m venv "$place/venv" >/dev/null 2>&1; then
    rm -rf "$place/venv"
fi
if [[ -x $place/venv/bin/python ]]; then
    python=$place/venv/bin/python
    "$python" -c "$wanted" 2>/dev/null || "$python" -m pip install --quiet "${packages[@]}"
else
    python=python3
    export PYTHONPATH=$PWD/$place/packages
    "$python" -c "$wanted" 2>/dev/null ||
        "$python" -m pip install --quiet --target "$place/packages" "${packages[@]}"
fi

fresh=$(mktemp "$place/fresh-XXXXXX")
messages=$(mktemp "$place/messages-XXXXXX")
theirs=$(mktemp "$place/theirs-XXXXXX")
trap 'rm -f "$fresh" "$messages" "$theirs"' EXIT
cargo run --quiet --example make_vectors -- "$fresh"
"$python" tests/interop/read_record.py tests/vectors/record/own.json "$fresh"
cargo run --quiet --example make_messages -- "$messages"
"$python" tests/interop/read_messages.py tests/vectors/esdk/generated.json "$messages"
"$python" tests/interop/write_messages.py "$theirs"
cargo run --quiet --example check_vectors -- "$theirs"
