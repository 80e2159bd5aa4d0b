#!/usr/bin/env bash
# What bodies of S3 objects cost with privet, with AWS's Rust client (aws-esdk) and with AWS's S3 encryption client in Python,
# one after the other. Needs what run-s3.sh needs, some minutes to build aws-esdk, and 4 GiB of memory.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
[[ -x ../../target/interop/s3-venv/bin/python ]] || { echo "run run-s3.sh first: it sets the Python client up" >&2; exit 1; }
(cd esdk-peer && cargo build --quiet --release --bin objects)
esdk-peer/target/release/objects
../../target/interop/s3-venv/bin/python object_times.py
