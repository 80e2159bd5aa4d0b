#!/usr/bin/env bash
# Has AWS's own key store client (Python) and privet read, use and rotate each other's branch keys, over one simulated AWS.
# Needs python3 with pip, and cargo; what it installs goes under target/interop. Exit code 0 if both agree on everything.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
place=target/interop
packages=(aws-cryptographic-material-providers==1.11.3 'moto[server,dynamodb]==5.2.1')
mkdir -p "$place"

# Debian splits `venv` off python3; pip alone does as well.
if [[ ! -x $place/peer-venv/bin/python ]] && ! python3 -m venv "$place/peer-venv" >/dev/null 2>&1; then
    rm -rf "$place/peer-venv"
fi
check='import aws_cryptographic_material_providers, moto.server'
if [[ -x $place/peer-venv/bin/python ]]; then
    python=$place/peer-venv/bin/python
    "$python" -c "$check" 2>/dev/null || "$python" -m pip install --quiet "${packages[@]}"
else
    python=python3
    export PYTHONPATH=$PWD/$place/peer-packages
    "$python" -c "$check" 2>/dev/null || "$python" -m pip install --quiet --target "$place/peer-packages" "${packages[@]}"
fi

cargo build --quiet --example branch_key_peer
"$python" tests/interop/branch_keys.py target/debug/examples/branch_key_peer 2> >(grep -v ' HTTP/1.1' >&2)
