#!/usr/bin/env python3
"""Has AWS's own Python client read ESDK messages: read_messages.py FILE...

The files have the layout of tests/vectors/esdk/generated.json; only messages under raw AES keys are read, with each of
their keys alone. Ends with `N passed, N failed`; exit code 1 if any failed.
"""

import base64
import json
import logging
import sys

import aws_encryption_sdk
from aws_encryption_sdk.identifiers import CommitmentPolicy, EncryptionKeyType, WrappingAlgorithm
from aws_encryption_sdk.internal.crypto.wrapping_keys import WrappingKey
from aws_encryption_sdk.key_providers.raw import RawMasterKeyProvider

WRAPPING = {
    16: WrappingAlgorithm.AES_128_GCM_IV12_TAG16_NO_PADDING,
    24: WrappingAlgorithm.AES_192_GCM_IV12_TAG16_NO_PADDING,
    32: WrappingAlgorithm.AES_256_GCM_IV12_TAG16_NO_PADDING,
}


def provider_of(key):
    """The master key provider of one key of the file."""

    class Provider(RawMasterKeyProvider):
        provider_id = key["namespace"]

        def _get_raw_key(self, key_id):
            secret = bytes.fromhex(key["key_hex"])
            return WrappingKey(WRAPPING[len(secret)], secret, EncryptionKeyType.SYMMETRIC)

    provider = Provider()
    provider.add_master_key(key["name"])
    return provider


def check(client, message, key):
    """Why the message is not read as it must be; None if it is."""
    plaintext, header = client.decrypt(source=base64.b64decode(message["message_b64"]), key_provider=provider_of(key))
    if plaintext != base64.b64decode(message["plaintext_b64"]):
        return "another plaintext"
    context = {name: value for name, value in header.encryption_context.items() if name != "aws-crypto-public-key"}
    if context != message["encryption_context"]:
        return "another context"
    if header.algorithm.algorithm_id != int(message["suite"], 16):
        return "another suite"
    return None


def main(files):
    # The client logs each failure with its stack; they are told apart below.
    logging.disable(logging.CRITICAL)
    client = aws_encryption_sdk.EncryptionSDKClient(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_ALLOW_DECRYPT)
    passed = failed = 0
    for file in files:
        with open(file, encoding="utf-8") as content:
            vectors = json.load(content)
        for message in vectors["messages"]:
            if message["required_context_keys"]:
                continue  # this API cannot be told what is not stored
            for name in message["keys"]:
                key = vectors["keys"][name]
                if key["type"] != "raw-aes":
                    continue
                try:
                    why = check(client, message, key)
                except Exception as error:  # pylint: disable=broad-except
                    why = f"refused: {error!r}"
                if why is None:
                    passed += 1
                else:
                    failed += 1
                    print(f"{file}: {message['name']} with {name}: {why}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
