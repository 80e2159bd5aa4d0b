"""Runs the state machine of deploy/reencrypt with the worker as a function of MiniStack, and checks what came of it.

Called by run-state-machine.sh, which starts the engines. What the state machine is for a service is what the template says:
the definition is read from there, and the function has the template's runtime and variables.
"""

import collections
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import zipfile

import boto3
from botocore.config import Config

REGION = "eu-west-1"
POLICY = 'version = 1\n[resources.customers]\nkey = ["id"]\n'
RECORDS = 1200
SEGMENTS = 3
ROLE = "arn:aws:iam::000000000000:role/engine"

checks = {"passed": 0, "failed": 0}


def check(what, holds, detail=""):
    checks["passed" if holds else "failed"] += 1
    print(f"{'ok' if holds else 'FAILED'}: {what}{f' ({detail})' if detail else ''}", flush=True)


def client(service, endpoint):
    # An answer may take as long as a function does.
    return boto3.client(service, endpoint_url=endpoint, region_name=REGION, config=Config(read_timeout=120))


class Site:
    """The services, one table and one job."""

    def __init__(self, engine, kms, worker, test, program):
        self.program, self.folder = os.path.abspath(program), tempfile.mkdtemp()
        self.engine, self.kms_endpoint, self.test = engine, kms, test
        self.kms = client("kms", kms)
        self.functions, self.machines = client("lambda", engine), client("stepfunctions", engine)
        self.objects, self.streams = client("s3", engine), client("dynamodbstreams", engine)
        self.dynamodb = client("dynamodb", engine)
        self.code = io.BytesIO()
        with zipfile.ZipFile(self.code, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            info = zipfile.ZipInfo("bootstrap")
            info.external_attr = 0o755 << 16
            archive.writestr(info, open(worker, "rb").read(), zipfile.ZIP_DEFLATED, 1)
        self.old, self.new = (self.kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
        self.variables = {
            "PRIVET_JOB": "new-key",
            "PRIVET_RESOURCE": "customers",
            "PRIVET_SEGMENTS": str(SEGMENTS),
            "PRIVET_OLD_KEY": self.old,
            "PRIVET_NEW_KEY": self.new,
            "PRIVET_POLICY": POLICY,
            "PRIVET_CONTEXT": "application=shop",
            "PRIVET_CHECKPOINTS": "checkpoints",
        }
        self.run_test("fill")
        self.objects.create_bucket(Bucket="segments", CreateBucketConfiguration={"LocationConstraint": REGION})

    def run_test(self, name):
        """A test of lambda/tests/state_machine.rs, in an environment like the worker's."""
        environment = os.environ | self.variables | {
            "PRIVET_TEST_RECORDS": str(RECORDS),
            "AWS_ENDPOINT_URL": self.engine,
            "AWS_ENDPOINT_URL_KMS": self.kms_endpoint,
        }
        run = subprocess.run([self.test, "--ignored", "--exact", name], env=environment, capture_output=True, text=True)
        if run.returncode:
            print(run.stdout[-3000:], run.stderr[-3000:], sep="\n", file=sys.stderr)
        return run.returncode == 0

    def deploy(self, timeout, **variables):
        """The function, anew: with this timeout in seconds, and these variables besides."""
        variables = self.variables | {"AWS_ENDPOINT_URL_KMS": self.kms_endpoint, "RUST_BACKTRACE": "0"} | variables
        try:
            self.functions.delete_function(FunctionName="worker")
        except self.functions.exceptions.ResourceNotFoundException:
            pass
        made = self.functions.create_function(
            FunctionName="worker",
            Runtime="provided.al2023",
            Handler="bootstrap",
            Role=ROLE,
            Code={"ZipFile": self.code.getvalue()},
            Timeout=timeout,
            MemorySize=512,
            Environment={"Variables": variables},
        )
        definition = open("deploy/reencrypt/statemachine.asl.json").read().replace("${WorkerArn}", made["FunctionArn"])
        for machine in self.machines.list_state_machines()["stateMachines"]:
            self.machines.update_state_machine(stateMachineArn=machine["stateMachineArn"], definition=definition)
            return machine["stateMachineArn"]
        made = self.machines.create_state_machine(name="reencrypt", definition=definition, roleArn=ROLE)
        return made["stateMachineArn"]

    def privet(self, machine, *more):
        """`privet reencrypt` with this state machine, running."""
        with open(f"{self.folder}/policy.toml", "w") as policy:
            policy.write(POLICY)
        command = [self.program, "reencrypt", "dynamodb://customers", "--policy", "policy.toml"]
        command += ["--context", "application=shop", "--kms-key", self.new, "--old-key", self.old, "--json"]
        command += ["--engine", "stepfunctions", "--state-machine", machine, "--segments-bucket", "segments"]
        command += ["--segments", str(SEGMENTS), "--job", "new-key", *more]
        environment = os.environ | {"AWS_ENDPOINT_URL": self.engine, "AWS_ENDPOINT_URL_KMS": self.kms_endpoint}
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=environment, cwd=self.folder, stdout=pipe, stderr=pipe, text=True)

    def last(self, machine):
        return self.machines.list_executions(stateMachineArn=machine, maxResults=1)["executions"][0]["executionArn"]

    def children(self, execution):
        """The executions of its segments."""
        for run in self.machines.list_map_runs(executionArn=execution)["mapRuns"]:
            yield from self.machines.list_executions(mapRunArn=run["mapRunArn"])["executions"]

    def rounds(self, execution):
        """How often the worker answered for each segment: once more than it said `continue`."""
        history = self.machines.get_execution_history
        for child in self.children(execution):
            events = history(executionArn=child["executionArn"], maxResults=1000)["events"]
            yield sum(event["type"] == "TaskSucceeded" for event in events)

    def writes(self):
        """How often each record was written after it was put there, as the table's stream has it."""
        stream = self.streams.list_streams(TableName="customers")["Streams"][0]["StreamArn"]
        written = collections.Counter()
        for shard in self.streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]:
            at = self.streams.get_shard_iterator(
                StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            while at:
                page = self.streams.get_records(ShardIterator=at)
                for record in page["Records"]:
                    written[record["dynamodb"]["Keys"]["id"]["S"]] += record["eventName"] == "MODIFY"
                at = page.get("NextShardIterator") if page["Records"] else None
        return written


def processes(group):
    """The functions' processes that run now."""
    found = subprocess.run(["pgrep", "-g", group, "-x", "bootstrap"], capture_output=True, text=True)
    return [int(pid) for pid in found.stdout.split()]


def main(engine, kms, worker, test, program, group):
    site = Site(engine, kms, worker, test, program)

    # A key that nobody has: every segment fails, for good, and so does the execution.
    unknown = site.new.rsplit("/", 1)[0] + "/00000000-0000-0000-0000-000000000000"
    ran = site.privet(site.deploy(30, PRIVET_JOB="no-key", PRIVET_NEW_KEY=unknown), "--yes")
    out, err = ran.communicate()
    check("a key that nobody has fails the execution", ran.returncode == 1 and "FAILED" in out, err.splitlines()[-1:])
    check("its reason is told", "there is no such key" in err)
    check("and writes nothing", not any(site.writes().values()))

    # One second of work for each call, and so few writes that it does not do: it loops. The person at the terminal leaves,
    # it goes on; then it is stopped, and what runs is killed, as it were by a sandbox that ends.
    slow = site.deploy(6, PRIVET_WRITE_UNITS="30")
    ran = site.privet(slow, "--yes")
    time.sleep(3)
    ran.send_signal(signal.SIGINT)
    out, err = ran.communicate()
    first = site.last(slow)
    check("Ctrl-C ends the command", ran.returncode == 130 and "--resume --yes" in err, err.splitlines()[-1:])
    status = site.machines.describe_execution(executionArn=first)["status"]
    check("and leaves the execution running", status == "RUNNING", status)
    ran = site.privet(slow, "--yes")
    check("a second one is not started beside it", "is running" in ran.communicate()[1] and ran.returncode == 1)
    site.machines.stop_execution(executionArn=first, cause="to go on later")
    killed = processes(group)
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    # Step Functions stops the segments too. MiniStack does not, but without their function they cannot go on.
    site.functions.delete_function(FunctionName="worker")
    for _ in range(240):
        if all(child["status"] != "RUNNING" for child in site.children(first)):
            break
        time.sleep(0.5)
    done = sum(site.writes().values())
    check("stopped, it is not done", 0 < done < RECORDS, f"{done} of {RECORDS} records, {len(killed)} processes killed")
    ran = site.privet(site.deploy(6, PRIVET_WRITE_UNITS="30"), "--resume")
    check("how far it has got is told", first in ran.communicate()[0] and ran.returncode == 1)

    ran = site.privet(slow, "--resume", "--yes", "--verify", "--checkpoints", "dynamodb://checkpoints")
    out, err = ran.communicate()
    told = {name: value for line in out.splitlines() for name, value in json.loads(line).items()}
    check("the next execution goes on to the end", ran.returncode == 0, err if ran.returncode else "")
    counts = told.get("execution", {}).get("segments")
    check("its segments are counted", counts == {"total": SEGMENTS, "succeeded": SEGMENTS, "failed": 0}, counts)
    check("report and verification are told", "report" in told and "verification" in told)
    rounds = list(site.rounds(site.last(slow)))
    check("near the deadline it loops", max(rounds, default=0) > 1, f"answers by segment: {rounds}")
    check("all records are readable under the new key alone", site.run_test("all_is_on_target"))
    written = site.writes()
    once = len(written) == RECORDS and set(written.values()) == {1}
    check("each record was rewritten once", once, f"{len(written)} records, writes of each: {sorted(set(written.values()))}")

    # Once more: nothing is left to do.
    ran = site.privet(site.deploy(30), "--yes")
    ran.communicate()
    check("once more is harmless", ran.returncode == 0 and site.writes() == written)

    print(f"{checks['passed']} passed, {checks['failed']} failed")
    return checks["failed"] > 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
