#!/usr/bin/env node
// Has AWS's own JavaScript client read and write ESDK messages: messages.js read FILE... | write FILE
//
// The files have the layout of tests/vectors/esdk/generated.json. Reading takes messages under raw AES keys, with each
// of their keys alone, and ends with `N passed, N failed`; exit code 1 if any failed. Writing makes new keys each time.

'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');

const {
  AlgorithmSuiteIdentifier,
  CommitmentPolicy,
  MultiKeyringNode,
  RawAesKeyringNode,
  RawAesWrappingSuiteIdentifier,
  buildClient,
} = require('@aws-crypto/client-node');

const WRAPPING = {
  16: RawAesWrappingSuiteIdentifier.AES128_GCM_IV12_TAG16_NO_PADDING,
  24: RawAesWrappingSuiteIdentifier.AES192_GCM_IV12_TAG16_NO_PADDING,
  32: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
};

function keyringOf(key) {
  // A copy: the client takes no view of a larger buffer.
  const unencryptedMasterKey = new Uint8Array(Buffer.from(key.key_hex, 'hex'));
  return new RawAesKeyringNode({
    keyNamespace: key.namespace,
    keyName: key.name,
    unencryptedMasterKey,
    wrappingSuite: WRAPPING[unencryptedMasterKey.length],
    // Sorts the encryption context as the specification says. Without it the order is that of the locale.
    utf8Sorting: true,
  });
}

/** Why the message is not read as it must be; null if it is. */
async function check(client, message, key) {
  const { plaintext, messageHeader } = await client.decrypt(keyringOf(key), Buffer.from(message.message_b64, 'base64'));
  if (!plaintext.equals(Buffer.from(message.plaintext_b64, 'base64'))) return 'another plaintext';
  const context = { ...messageHeader.encryptionContext };
  delete context['aws-crypto-public-key'];
  const names = Object.keys(context);
  const wanted = message.encryption_context;
  if (names.length !== Object.keys(wanted).length || names.some((name) => context[name] !== wanted[name])) {
    return 'another context';
  }
  if (messageHeader.suiteId !== parseInt(message.suite, 16)) return 'another suite';
  return null;
}

async function read(files) {
  const client = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_ALLOW_DECRYPT);
  let [passed, failed] = [0, 0];
  for (const file of files) {
    const vectors = JSON.parse(fs.readFileSync(file, 'utf8'));
    for (const message of vectors.messages) {
      // This client cannot be told what is not stored.
      if (message.required_context_keys.length > 0) continue;
      for (const name of message.keys) {
        const key = vectors.keys[name];
        if (key.type !== 'raw-aes') continue;
        const why = await check(client, message, key).catch((error) => `refused: ${error}`);
        if (why === null) {
          passed += 1;
        } else {
          failed += 1;
          console.log(`${file}: ${message.name} with ${name}: ${why}`);
        }
      }
    }
  }
  console.log(`${passed} passed, ${failed} failed`);
  return failed || !passed ? 1 : 0;
}

async function write(file) {
  const keys = {};
  for (const bytes of [32, 24, 16]) {
    const name = `aes-${bytes * 8}`;
    const key_hex = crypto.randomBytes(bytes).toString('hex');
    keys[name] = { type: 'raw-aes', namespace: 'privet-interop', name, key_hex };
  }
  const [generator, ...children] = Object.values(keys).map(keyringOf);
  const all = new MultiKeyringNode({ generator, children });

  const messages = [];
  for (const id of Object.values(AlgorithmSuiteIdentifier).filter(Number.isInteger)) {
    const suite = id.toString(16).padStart(4, '0');
    const commits = (id & 0xff00) === 0x0400 || (id & 0xff00) === 0x0500;
    const policy = commits
      ? CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
      : CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT;
    const client = buildClient(policy);
    for (const [frameLength, length] of [[4096, 0], [4096, 5000], [1, 3], [16, 15], [16, 16], [16, 17], [100, 1000]]) {
      const plaintext = crypto.randomBytes(length);
      const encryptionContext = { purpose: 'interop', größe: `${length}`, B: 'b' };
      const { result } = await client.encrypt(all, plaintext, { suiteId: id, encryptionContext, frameLength });
      messages.push({
        name: `js-${suite}-frame-${frameLength}-length-${length}`,
        suite,
        keys: Object.keys(keys),
        encryption_context: encryptionContext,
        required_context_keys: [],
        frame_length: frameLength,
        plaintext_b64: plaintext.toString('base64'),
        message_b64: result.toString('base64'),
      });
    }
  }
  fs.writeFileSync(file, `${JSON.stringify({ keys, messages, negative: [] }, null, 2)}\n`);
  console.log(`${messages.length} messages`);
  return 0;
}

async function main([command, ...files]) {
  if (command === 'read' && files.length > 0) return read(files);
  if (command === 'write' && files.length === 1) return write(files[0]);
  console.error('usage: messages.js read FILE... | write FILE');
  return 2;
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error) => {
    console.error(error);
    process.exitCode = 1;
  },
);
