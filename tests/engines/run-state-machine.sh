#!/usr/bin/env bash
# Runs deploy/reencrypt's state machine with privet-worker as a function of runtime provided.al2023: MiniStack has Step
# Functions, Lambda, DynamoDB and S3, moto has KMS, both on loopback and on ports of their own, stopped at the end.
# Needs python3 with pip, and cargo; what it installs goes under target/engines. Ends with `N passed, N failed`.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
place=target/engines
[[ -x $place/bin/python ]] || python3 -m venv "$place"
python=$place/bin/python
"$python" -c 'import ministack, moto.server' 2>/dev/null ||
    "$python" -m pip install --quiet ministack==1.5.33 'moto[server]==5.2.5'

${CARGO:-cargo} build --quiet -p privet-lambda --bin privet-worker -p privet-cli --bin privet
worker=$place/bootstrap
strip -o "$worker" target/debug/privet-worker
test=$(${CARGO:-cargo} test --quiet -p privet-lambda --test state_machine --no-run --message-format=json |
    "$python" -c 'import json, sys
for line in sys.stdin:
    made = json.loads(line)
    if made.get("executable") and made["target"]["name"] == "state_machine": print(made["executable"])')

read -r engine kms < <("$python" - <<'PY'
import socket
sockets = [socket.socket() for _ in range(2)]
for each in sockets:
    each.bind(("127.0.0.1", 0))
print(*(each.getsockname()[1] for each in sockets))
PY
)

# Each in a process group of its own, so that the functions that MiniStack starts end with it.
set -m
pids=()
trap 'for pid in "${pids[@]}"; do kill -- "-$pid" 2>/dev/null || true; done' EXIT
# Pauses between tries are cut short; nothing in the state machine waits otherwise.
BIND_HOST=127.0.0.1 GATEWAY_PORT=$engine AWS_ENDPOINT_URL=http://127.0.0.1:$engine SFN_WAIT_SCALE=0.05 SERVICES=dynamodb,dynamodbstreams,lambda,s3,stepfunctions \
    "$place/bin/ministack" >"$place/ministack.log" 2>&1 </dev/null &
pids+=($!)
"$place/bin/moto_server" -H 127.0.0.1 -p "$kms" >"$place/moto.log" 2>&1 </dev/null &
pids+=($!)
set +m

for port in "$engine" "$kms"; do
    for try in {1..120}; do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
        ((try < 120)) || { echo "nothing listens on port $port: see $place/*.log" >&2; exit 1; }
        sleep 0.5
    done
done

export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1
"$python" tests/engines/state_machine.py "http://127.0.0.1:$engine" "http://127.0.0.1:$kms" "$worker" "$test" \
    target/debug/privet "${pids[0]}"
