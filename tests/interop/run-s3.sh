#!/usr/bin/env bash
# Has AWS's S3 encryption client (Python) and privet read each other's objects over one simulated AWS (moto), and runs the
# behaviour tests of the S3 adapter, jobs over versions and the contract of the embedded S3 on that one, too.
# Needs python3 with pip, and cargo; what it installs goes under target/interop. Exit code 0 if all agree.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
place=target/interop
packages=(amazon-s3-encryption-client-python==4.0.0 'moto[server,s3,kms]==5.2.5')
mkdir -p "$place"

# Debian splits `venv` off python3; pip alone does as well.
if [[ ! -x $place/s3-venv/bin/python ]] && ! python3 -m venv "$place/s3-venv" >/dev/null 2>&1; then
    rm -rf "$place/s3-venv"
fi
check='import s3_encryption, moto.server'
if [[ -x $place/s3-venv/bin/python ]]; then
    python=$place/s3-venv/bin/python
    "$python" -c "$check" 2>/dev/null || "$python" -m pip install --quiet "${packages[@]}"
else
    python=python3
    export PYTHONPATH=$PWD/$place/s3-packages
    "$python" -c "$check" 2>/dev/null || "$python" -m pip install --quiet --target "$place/s3-packages" "${packages[@]}"
fi

cargo build --quiet --example s3_peer
# moto knows no condition on the source of a copy.
"$python" tests/interop/s3_objects.py target/debug/examples/s3_peer \
    bash -c 'cargo test --quiet --test s3 && cargo test --quiet --test bulk versions:: &&
        cargo test --quiet -p privet-testkit --test contract s3:: -- --skip a_copy_is_refused_if_the_source' \
    2> >(grep -v ' HTTP/1.1' >&2)
