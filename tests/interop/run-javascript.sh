#!/usr/bin/env bash
# Has AWS's JavaScript client read messages, those in the repository and some that the library writes now, and the
# library read what that client writes now. Exit code 0 if they agree on each.
# Needs node with npm, and cargo; what it installs goes under target/interop.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
place=target/interop/javascript
client=@aws-crypto/client-node
version=5.0.2
mkdir -p "$place"
if [[ ! -d $place/node_modules/$client ]]; then
    npm install --silent --no-audit --no-fund --prefix "$place" "$client@$version"
fi
export NODE_PATH=$PWD/$place/node_modules

ours=$(mktemp "$place/ours-XXXXXX")
theirs=$(mktemp "$place/theirs-XXXXXX")
trap 'rm -f "$ours" "$theirs"' EXIT
cargo run --quiet --example make_messages -- "$ours"
node tests/interop/messages.js read tests/vectors/esdk/generated.json "$ours"
node tests/interop/messages.js write "$theirs"
cargo run --quiet --example check_vectors -- "$theirs"
