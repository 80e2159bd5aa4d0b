"""AWS's own key store client and hierarchical keyring against privet's, over one simulated AWS.

Each side makes branch keys, rotates them and wraps data keys; the other side reads all of it. Argument: the program
`branch_key_peer`.
"""

import base64
import json
import os
import subprocess
import sys

import boto3
from aws_cryptographic_material_providers.keystore.client import KeyStore
from aws_cryptographic_material_providers.keystore.config import KeyStoreConfig
from aws_cryptographic_material_providers.keystore.models import (
    CreateKeyInput,
    CreateKeyStoreInput,
    GetActiveBranchKeyInput,
    GetBeaconKeyInput,
    GetBranchKeyVersionInput,
    KMSConfigurationKmsKeyArn,
    VersionKeyInput,
)
from aws_cryptographic_material_providers.mpl import AwsCryptographicMaterialProviders
from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig
from aws_cryptographic_material_providers.mpl.models import (
    AlgorithmSuiteIdESDK,
    CommitmentPolicyESDK,
    CreateAwsKmsHierarchicalKeyringInput,
    CreateDefaultCryptographicMaterialsManagerInput,
    DecryptMaterialsInput,
    EncryptedDataKey,
    GetEncryptionMaterialsInput,
)
from moto.server import ThreadedMotoServer

CONTEXT = {"purpose": "interop", "é": ""}
SUITE = AlgorithmSuiteIdESDK("0x0478")
POLICY = CommitmentPolicyESDK("REQUIRE_ENCRYPT_REQUIRE_DECRYPT")


def text(data):
    return base64.b64encode(bytes(data)).decode()


class Site:
    """One simulated AWS with a KMS key."""

    def __init__(self, endpoint):
        place = {"endpoint_url": endpoint, "region_name": "eu-west-1"}
        self.endpoint = endpoint
        self.kms = boto3.client("kms", **place)
        self.dynamodb = boto3.client("dynamodb", **place)
        self.arn = self.kms.create_key()["KeyMetadata"]["Arn"]
        self.providers = AwsCryptographicMaterialProviders(MaterialProvidersConfig())

    def store(self, table, logical_name):
        return KeyStore(
            KeyStoreConfig(
                ddb_client=self.dynamodb,
                ddb_table_name=table,
                logical_key_store_name=logical_name,
                kms_configuration=KMSConfigurationKmsKeyArn(self.arn),
                kms_client=self.kms,
            )
        )

    def manager(self, store, branch_key_id):
        """A keyring without memory of earlier versions, behind AWS's default materials manager."""
        keyring = self.providers.create_aws_kms_hierarchical_keyring(
            CreateAwsKmsHierarchicalKeyringInput(key_store=store, branch_key_id=branch_key_id, ttl_seconds=60)
        )
        return self.providers.create_default_cryptographic_materials_manager(
            CreateDefaultCryptographicMaterialsManagerInput(keyring=keyring)
        )

    def privet(self, program, mode, table, logical_name, found=None):
        command = [program, mode, self.endpoint, self.arn, table, logical_name]
        given = None if found is None else json.dumps(found)
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(done.stderr)
        return done.stdout


def check(site, store, entry):
    """What privet has made is what it says."""
    branch_key_id = entry["id"]
    version = store.get_branch_key_version(
        GetBranchKeyVersionInput(branch_key_identifier=branch_key_id, branch_key_version=entry["version"])
    ).branch_key_materials
    assert text(version.branch_key) == entry["branch_key"]
    beacon = store.get_beacon_key(GetBeaconKeyInput(branch_key_identifier=branch_key_id)).beacon_key_materials
    assert text(beacon.beacon_key) == entry["beacon_key"]
    if branch_key_id == "tenant-privet":
        assert version.encryption_context == {"team": "blue", "région": "eu"}
    wrapped = EncryptedDataKey(
        key_provider_id="aws-kms-hierarchy",
        key_provider_info=branch_key_id.encode(),
        ciphertext=base64.b64decode(entry["ciphertext"]),
    )
    answer = site.manager(store, branch_key_id).decrypt_materials(
        DecryptMaterialsInput(
            algorithm_suite_id=SUITE,
            commitment_policy=POLICY,
            encrypted_data_keys=[wrapped],
            encryption_context=entry["context"],
        )
    )
    assert text(answer.decryption_materials.plaintext_data_key) == entry["data_key"]


def make(site, store):
    """Branch keys of AWS's client, and data keys wrapped before and after a rotation."""
    store.create_key_store(CreateKeyStoreInput())
    own = store.create_key(CreateKeyInput(branch_key_identifier="tenant-aws", encryption_context={"team": "red"}))
    random = store.create_key(CreateKeyInput(branch_key_identifier=None, encryption_context=None))
    found = []
    for branch_key_id in [own.branch_key_identifier, random.branch_key_identifier]:
        for rotation in range(2):
            if rotation:
                store.version_key(VersionKeyInput(branch_key_identifier=branch_key_id))
            active = store.get_active_branch_key(GetActiveBranchKeyInput(branch_key_identifier=branch_key_id))
            beacon = store.get_beacon_key(GetBeaconKeyInput(branch_key_identifier=branch_key_id))
            materials = (
                site.manager(store, branch_key_id)
                .get_encryption_materials(
                    GetEncryptionMaterialsInput(
                        encryption_context=CONTEXT, commitment_policy=POLICY, algorithm_suite_id=SUITE
                    )
                )
                .encryption_materials
            )
            found.append(
                {
                    "id": branch_key_id,
                    "version": active.branch_key_materials.branch_key_version,
                    "branch_key": text(active.branch_key_materials.branch_key),
                    "beacon_key": text(beacon.beacon_key_materials.beacon_key),
                    "context": materials.encryption_context,
                    "ciphertext": text(materials.encrypted_data_keys[0].ciphertext),
                    "data_key": text(materials.plaintext_data_key),
                }
            )
    return found


def main(program):
    os.environ.update(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x")
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    site = Site(f"http://{host}:{port}")
    try:
        store = site.store("keys-privet", "logical-privet")
        written = json.loads(site.privet(program, "write", "keys-privet", "logical-privet"))
        for entry in written:
            check(site, store, entry)
            # AWS's client rotates what privet has made.
            store.version_key(VersionKeyInput(branch_key_identifier=entry["id"]))
        print(f"{len(written)} data keys of privet read by AWS's client, its branch keys rotated")
        found = make(site, site.store("keys-aws", "logical-aws"))
        print(site.privet(program, "read", "keys-aws", "logical-aws", found), end="")
    finally:
        server.stop()


if __name__ == "__main__":
    main(sys.argv[1])
