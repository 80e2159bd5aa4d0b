#!/usr/bin/env bash
# Has the library and AWS's Rust client read each other's messages, random ones, new each time. Exit code 0 if they
# agree on each. Takes the seed of an earlier run, to repeat it.
# Needs cargo, and some minutes when it builds that client for the first time.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/esdk-peer"
cargo run --quiet --locked --release --bin live -- "$@"
