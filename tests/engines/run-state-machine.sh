#!/usr/bin/env bash
# Runs deploy/reencrypt's state machine with privet-worker as a function of runtime provided.al2023: MiniStack has Step
# Functions, Lambda, DynamoDB and S3, moto has KMS, both on loopback and on ports of their own, stopped at the end.
# Needs python3 with pip, and cargo; what it installs goes under target/engines. Ends with `N passed, N failed`.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/engines/start.sh
install_engines

# Both programs are built with tests of theirs, as all tests are, so that nothing is built twice.
test=$(${CARGO:-cargo} test --quiet --workspace --test state_machine --test help --no-run --message-format=json |
    "$python" -c 'import json, sys
for line in sys.stdin:
    made = json.loads(line)
    if made.get("executable") and made["target"]["name"] == "state_machine": print(made["executable"])')
worker=$place/bootstrap
strip -o "$worker" target/debug/privet-worker

# Pauses between tries are cut short, but all of them together are longer than the lease of a worker that was killed.
start_engines dynamodb,dynamodbstreams,lambda,s3,stepfunctions SFN_WAIT_SCALE=0.2

export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1
"$python" tests/engines/state_machine.py "http://127.0.0.1:$engine" "http://127.0.0.1:$kms" "$worker" "$test" \
    target/debug/privet "$ministack"
