# Sourced by what stands beside it: installs MiniStack and moto under target/engines, and starts them on loopback and on
# ports of their own, to be stopped when the shell ends.

place=target/engines
python=$place/bin/python

install_engines() {
    [[ -x $place/bin/python ]] || python3 -m venv "$place"
    "$python" -c 'import ministack, moto.server' 2>/dev/null ||
        "$python" -m pip install --quiet ministack==1.5.33 'moto[server]==5.2.5'
}

# start_engines SERVICES [NAME=VALUE ...]: MiniStack with these services on port $engine, in an environment with these
# variables, and moto, of which KMS is asked, on port $kms. The process group of MiniStack is $ministack.
start_engines() {
    local services=$1 moto port try
    shift
    read -r engine kms < <("$python" - <<'PY'
import socket
sockets = [socket.socket() for _ in range(2)]
for each in sockets:
    each.bind(("127.0.0.1", 0))
print(*(each.getsockname()[1] for each in sockets))
PY
    )
    # Each in a process group of its own, so that what they start ends with them.
    set -m
    env BIND_HOST=127.0.0.1 GATEWAY_PORT="$engine" AWS_ENDPOINT_URL="http://127.0.0.1:$engine" SERVICES="$services" "$@" \
        "$place/bin/ministack" >"$place/ministack.log" 2>&1 </dev/null &
    ministack=$!
    "$place/bin/moto_server" -H 127.0.0.1 -p "$kms" >"$place/moto.log" 2>&1 </dev/null &
    moto=$!
    set +m
    trap "kill -- -$ministack -$moto 2>/dev/null || true" EXIT

    for port in "$engine" "$kms"; do
        for try in {1..120}; do
            (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
            ((try < 120)) || { echo "nothing listens on port $port: see $place/*.log" >&2; exit 1; }
            sleep 0.5
        done
    done
}
