"""AWS's S3 encryption client in Python against privet, over one simulated AWS.

Each side writes objects of formats V2 and V3, the other side reads all of them. Arguments: the program `s3_peer`, and
a command that is run with the simulated S3 as its endpoint.
"""

import base64
import json
import os
import subprocess
import sys

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
        if suite:
            subprocess.run(suite, check=True, env={**os.environ, "AWS_ENDPOINT_URL_S3": site.endpoint})
    finally:
        server.stop()


main()
