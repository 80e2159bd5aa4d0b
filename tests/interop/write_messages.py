#!/usr/bin/env python3
"""Has AWS's own Python client write ESDK messages that nobody has seen: write_messages.py FILE [COUNT]

The file has the layout of tests/vectors/esdk/generated.json, for `check_vectors` to read: random plaintexts, contexts and
frame lengths (0 is one whole), both suites with commitment and some without, and up to three raw AES keys a message.
"""

import base64
import json
import os
import random
import sys

import aws_encryption_sdk
from aws_encryption_sdk.identifiers import Algorithm, CommitmentPolicy

from read_messages import provider_of

SUITES = [
    Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY,
    Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384,
    Algorithm.AES_256_GCM_IV12_TAG16_HKDF_SHA256,
    Algorithm.AES_192_GCM_IV12_TAG16_HKDF_SHA384_ECDSA_P384,
    Algorithm.AES_128_GCM_IV12_TAG16,
]
SIZES = [0, 1, 127, 128, 129, 255, 256, 257, 1000, 4095, 4096, 4097, 70_000]


def key(name, length):
    return {"type": "raw-aes", "namespace": "python", "name": name, "key_hex": os.urandom(length).hex()}


def text():
    return "".join(random.choice("aZ0 -_ä語𐀂") for _ in range(random.randrange(1, 12)))


def client_of(algorithm):
    """A client whose policy lets it write under this suite."""
    commits = algorithm in SUITES[:2]
    policy = CommitmentPolicy.REQUIRE_ENCRYPT_ALLOW_DECRYPT if commits else CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT
    return aws_encryption_sdk.EncryptionSDKClient(commitment_policy=policy)


def write(number, keys):
    """One message, and what is known of it."""
    algorithm = random.choice(SUITES)
    chosen = random.sample(sorted(keys), random.randrange(1, len(keys) + 1))
    generator, *others = [provider_of(keys[name]) for name in chosen]
    for other in others:
        generator.add_master_key_provider(other)
    context = {text(): text() for _ in range(random.randrange(4))}
    plaintext = os.urandom(random.choice(SIZES))
    frame_length = random.choice([0, 128, 256, 4096])
    message, _ = client_of(algorithm).encrypt(
        source=plaintext,
        key_provider=generator,
        encryption_context=context,
        algorithm=algorithm,
        frame_length=frame_length,
    )
    return {
        "name": f"python-{number}",
        "suite": f"{algorithm.algorithm_id:04x}",
        "keys": chosen,
        "encryption_context": context,
        "required_context_keys": [],
        "frame_length": frame_length,
        "plaintext_b64": base64.b64encode(plaintext).decode(),
        "message_b64": base64.b64encode(message).decode(),
    }


def main(file, count=100):
    keys = {"a": key("a", 32), "b": key("b", 24), "c": key("c", 16)}
    messages = [write(number, keys) for number in range(int(count))]
    with open(file, "w", encoding="utf-8") as out:
        json.dump({"about": "ESDK messages", "keys": keys, "messages": messages, "negative": []}, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
