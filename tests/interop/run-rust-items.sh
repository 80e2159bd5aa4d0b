#!/usr/bin/env bash
# Has the library and AWS's Rust client for DynamoDB read each other's items, random ones, new each time, and find each
# other's by their beacons. Exit code 0 if they agree on each. Takes the seed of an earlier run, to repeat it.
# Needs cargo, and half an hour when it builds that client for the first time.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/db-esdk-peer"
cargo run --quiet --locked --release --bin live -- "$@"
cargo run --quiet --locked --release --bin beacons
