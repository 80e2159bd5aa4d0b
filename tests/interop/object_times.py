"""What bodies of objects cost with AWS's S3 encryption client in Python: format V3, without key provider and network.

The best of a few runs of each, beside the bare AES-256-GCM that the client uses. `run-object-times.sh` starts it.
"""

import io
import os
import time

from botocore.response import StreamingBody
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from s3_encryption.materials.encrypted_data_key import EncryptedDataKey
from s3_encryption.materials.materials import AlgorithmSuite, CommitmentPolicy
from s3_encryption.pipelines import GetEncryptedObjectPipeline, PutEncryptedObjectPipeline

KEY = bytes([7]) * 32


class SameKey:
    """Stands for a keyring that costs nothing."""

    def get_encryption_materials(self, materials):
        materials.plaintext_data_key = KEY
        materials.encrypted_data_key = EncryptedDataKey("S3Keyring", b"kms+context", bytes(60))
        return materials

    def decrypt_materials(self, materials):
        materials.plaintext_data_key = KEY
        return materials


def best(runs, work):
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def main():
    suite = AlgorithmSuite.ALG_AES_256_GCM_HKDF_SHA512_COMMIT_KEY
    put = PutEncryptedObjectPipeline(SameKey(), suite)
    get = GetEncryptedObjectPipeline(SameKey(), CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)
    for size, length, runs in (("1 MiB", 1 << 20, 200), ("64 MiB", 64 << 20, 10), ("1 GiB", 1 << 30, 2)):
        content = os.urandom(1 << 20) * (length >> 20)
        show = lambda what, seconds: print(f"{size:>7} {what:36} {length / seconds / (1 << 30):7.2f} GiB/s", flush=True)
        show("bare AEAD of the Python client", best(runs, lambda: AESGCM(KEY).encrypt(bytes(12), content, None)))
        body, metadata = put.encrypt(content)
        show("Python client, put", best(runs, lambda: put.encrypt(content)))
        del content

        def read():
            stream = StreamingBody(io.BytesIO(body), len(body))
            response = {"Body": stream, "ContentLength": len(body), "Metadata": metadata}
            return get.decrypt(response, ".instruction", False).read()

        show("Python client, get", best(runs, read))


main()
