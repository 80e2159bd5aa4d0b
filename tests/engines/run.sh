#!/usr/bin/env bash
# Runs the behaviour tests on DynamoDB and KMS against engines that share no code with the embedded ones: MiniStack's
# DynamoDB and moto's KMS, on loopback and on ports of their own, stopped at the end. Exit code 0 if all hold.
# Tests that inject faults, deny or look at calls need the embedded engines; they are named and left out.
# Needs python3 with pip, and cargo; what it installs goes under target/engines. Arguments name other test programs.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/engines/start.sh
programs=("$@")
((${#programs[@]})) || programs=(dynamodb migration evolution streams key_store search dbesdk_tables table_definition bulk item_properties)

install_engines
start_engines dynamodb

# The tests of a program that say something to the embedded engines.
embedded_only() {
    awk '/^(async )?fn / { name = $0; sub(/^(async )?fn /, "", name); sub(/[(<].*/, "", name); is_test = wanted; wanted = 0 }
        /^#\[(tokio::)?test/ { wanted = 1 }
        is_test && /site\.aws[^_a-z0-9]|aws\.(fault|deny|calls|clear_)|kms_calls\(|EmbeddedAws|Scripted/ && !seen[name]++ { print name }
    ' "$1"
}

# The sources of a program, each with the module that its tests are in.
sources() {
    if [[ -f tests/$1.rs ]]; then
        echo "tests/$1.rs"
        return
    fi
    for file in "tests/$1"/*.rs; do
        module=$(basename "$file" .rs)::
        echo "$file ${module#main::}"
    done
}

export AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:$engine AWS_ENDPOINT_URL_KMS=http://127.0.0.1:$kms
failed=()
for program in "${programs[@]}"; do
    left_out=()
    while read -r source module; do
        for name in $(embedded_only "$source"); do
            echo "left out, needs the embedded engines: $program::$module$name"
            left_out+=(--skip "$module$name")
        done
    done < <(sources "$program")
    cargo test --quiet --test "$program" -- --exact "${left_out[@]}" || failed+=("$program")
done
if ((${#failed[@]})); then
    echo "failed: ${failed[*]}" >&2
    exit 1
fi
