"""AWS's S3 encryption clients in Python and, where it is installed, in Ruby against privet, over one simulated AWS.

Each side writes objects, the other side reads all of them; an upload is killed half-way. Arguments: the program `s3_peer`,
and a command that is run with the simulated S3 as its endpoint.
"""

import base64
import json
import os
import pathlib
import subprocess
import sys
import time

import boto3
from moto.server import ThreadedMotoServer
from s3_encryption import S3EncryptionClient, S3EncryptionClientConfig
from s3_encryption.materials.kms_keyring import KmsKeyring
from s3_encryption.materials.materials import AlgorithmSuite, CommitmentPolicy

BUCKET = "shared"
SUITES = {
    "v2": (AlgorithmSuite.ALG_AES_256_GCM_IV12_TAG16_NO_KDF, CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT),
    "v3": (AlgorithmSuite.ALG_AES_256_GCM_HKDF_SHA512_COMMIT_KEY, CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT),
}


class Site:
    """One simulated AWS with a KMS key and a bucket."""

    def __init__(self, endpoint):
        self.place = {"endpoint_url": endpoint, "region_name": "eu-west-1"}
        self.endpoint = endpoint
        self.kms = boto3.client("kms", **self.place)
        self.arn = self.kms.create_key()["KeyMetadata"]["Arn"]
        self.s3 = boto3.client("s3", **self.place)
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})

    def client(self, version):
        suite, policy = SUITES[version]
        config = S3EncryptionClientConfig(
            keyring=KmsKeyring(self.kms, self.arn), encryption_algorithm=suite, commitment_policy=policy
        )
        return S3EncryptionClient(boto3.client("s3", **self.place), config)

    def privet(self, program, mode, found=None):
        command = [program, mode, self.endpoint, self.arn, BUCKET]
        given = None if found is None else json.dumps(found)
        return subprocess.run(command, input=given, check=True, stdout=subprocess.PIPE, text=True).stdout

    def write(self):
        objects = []
        for version in SUITES:
            client = self.client(version)
            for context in ({}, {"department": "finance", "b": 'with "quotes" and \\'}):
                for length in (0, 1, 16, 1000, 100_000):
                    content = os.urandom(length)
                    key = f"python/{version}-{length}-{len(context)}"
                    extra = {"EncryptionContext": dict(context)} if context else {}
                    client.put_object(Bucket=BUCKET, Key=key, Body=content, Metadata={"owner": "alice"}, **extra)
                    text = base64.b64encode(content).decode()
                    objects.append({"key": key, "context": context, "version": version, "content": text})
        return objects

    def read(self, objects):
        for written in objects:
            context = written["context"]
            extra = {"EncryptionContext": dict(context)} if context else {}
            got = self.client(written["version"]).get_object(Bucket=BUCKET, Key=written["key"], **extra)
            assert got["Body"].read() == base64.b64decode(written["content"]), written["key"]

    def kill(self, program):
        """Kills an upload in parts over an object: what was there is what there is."""
        self.client("v3").put_object(Bucket=BUCKET, Key="killed", Body=b"before")
        upload = subprocess.Popen([program, "endless", self.endpoint, self.arn, BUCKET])
        parts = 0
        for _ in range(600):
            for found in self.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []):
                listed = self.s3.list_parts(Bucket=BUCKET, Key=found["Key"], UploadId=found["UploadId"])
                parts = len(listed.get("Parts", []))
            if parts > 1:
                break
            time.sleep(0.1)
        upload.kill()
        assert upload.wait() == -9 and parts > 1, f"not killed half-way: {parts} parts"
        assert self.client("v3").get_object(Bucket=BUCKET, Key="killed")["Body"].read() == b"before"
        print(f"an upload was killed after {parts} parts: the object is the one from before")

    def ruby(self, program):
        """Ruby's client, if there is one."""
        try:
            subprocess.run(["ruby", "-raws-sdk-s3", "-raws-sdk-kms", "-e", ""], check=True, stderr=subprocess.DEVNULL)
        except (OSError, subprocess.CalledProcessError):
            print("left out, no Ruby with aws-sdk-s3 and aws-sdk-kms (Debian: ruby-aws-sdk-s3, ruby-aws-sdk-kms)")
            return
        script = str(pathlib.Path(__file__).with_suffix(".rb"))
        subprocess.run(["ruby", script, program, self.endpoint, self.arn, BUCKET], check=True)


def main():
    program, suite = sys.argv[1], sys.argv[2:]
    os.environ.update(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x")
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    try:
        site = Site(f"http://{host}:{port}")
        written = json.loads(site.privet(program, "write"))
        site.read(written)
        print(f"the Python client read {len(written)} objects of privet")
        print(site.privet(program, "read", site.write()).strip())
        sys.stdout.flush()
        site.ruby(program)
        site.kill(program)
        sys.stdout.flush()
        if suite:
            subprocess.run(suite, check=True, env={**os.environ, "AWS_ENDPOINT_URL_S3": site.endpoint})
    finally:
        server.stop()


main()
