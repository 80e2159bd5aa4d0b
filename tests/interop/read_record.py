"""A second reader of the privet record format, written from its description alone: it shares no code with the library.

Usage: python3 read_record.py FILE...   (needs the package `cryptography`)

Prints a line for each vector that fails and ends with `N passed, N failed`.
"""

import base64
import hmac
import json
import re
import struct
import sys

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

CLASSES = {1: "public", 2: "pii", 3: "sensitive", 4: "confidential"}
TYPE_IDS = {"NULL": "0000", "S": "0001", "N": "0002", "B": "ffff", "BOOL": "0004", "SS": "0101", "NS": "0102",
            "BS": "01ff", "M": "0200", "L": "0300"}
TYPES = {bytes.fromhex(code): name for name, code in TYPE_IDS.items()}


class Refused(Exception):
    """The record is not what its writer sealed."""


def need(condition, why):
    if not condition:
        raise Refused(why)


def lp(width, data):
    need(len(data) < 1 << width, "too long")
    return len(data).to_bytes(width // 8, "big") + data


class Reader:
    def __init__(self, data):
        self.data = data

    def take(self, length):
        need(length <= len(self.data), "too short")
        taken, self.data = self.data[:length], self.data[length:]
        return taken

    def number(self, length):
        return int.from_bytes(self.take(length), "big")

    def block(self, width):
        return self.take(self.number(width // 8))


# Values are pairs (type name, content): text of numbers as stored, bytes as bytes, members and elements as pairs.

def normalise(text):
    """Exact: digits are moved as text and never become a number of some precision."""
    match = re.fullmatch(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?", text)
    need(match and (match[2] or match[3]), "not a number")
    whole, fraction = match[2], match[3] or ""
    digits = (whole + fraction).lstrip("0")
    point = len(whole) - (len(whole + fraction) - len(digits)) + int(match[4] or 0)
    digits = digits.rstrip("0")
    if not digits:
        return "0"
    need(len(digits) <= 38 and -129 <= point <= 126, "a number DynamoDB cannot hold")
    if point <= 0:
        plain = "0." + "0" * -point + digits
    elif point >= len(digits):
        plain = digits + "0" * (point - len(digits))
    else:
        plain = digits[:point] + "." + digits[point:]
    return ("-" if match[1] == "-" else "") + plain


def utf16(text):
    return text.encode("utf-16-be")


def serialise(value, depth=1):
    kind, content = value
    need(depth <= 32, "too deep")
    if kind == "NULL":
        return b""
    if kind == "BOOL":
        return bytes([content])
    if kind in ("S", "N"):
        return (content if kind == "S" else normalise(content)).encode()
    if kind == "B":
        return content
    if kind in ("SS", "NS", "BS"):
        members = [normalise(member) if kind == "NS" else member for member in content]
        need(len(set(members)) == len(members), "a member twice")
        members.sort(key=utf16 if kind == "SS" else None)
        encoded = [member if kind == "BS" else member.encode() for member in members]
        return struct.pack(">I", len(encoded)) + b"".join(lp(32, member) for member in encoded)
    out = struct.pack(">I", len(content))
    if kind == "L":
        return out + b"".join(typed(element, depth + 1) for element in content)
    for name in sorted(content, key=utf16):
        need(0 < len(name.encode()) <= 0xFFFF, "a member's name")
        out += bytes.fromhex(TYPE_IDS["S"]) + lp(32, name.encode()) + typed(content[name], depth + 1)
    return out


def typed(value, depth=1):
    return bytes.fromhex(TYPE_IDS[value[0]]) + lp(32, serialise(value, depth))


def deserialise(type_id, data):
    need(type_id in TYPES, "no such type")
    kind, reader = TYPES[type_id], Reader(data)
    try:
        if kind == "NULL":
            value = (kind, None)
        elif kind == "BOOL":
            value = (kind, data == b"\x01")
        elif kind in ("S", "N"):
            value = (kind, data.decode())
        elif kind == "B":
            value = (kind, data)
        elif kind == "L":
            value = (kind, [deserialise(reader.take(2), reader.block(32)) for _ in range(reader.number(4))])
        elif kind == "M":
            value = (kind, {})
            for _ in range(reader.number(4)):
                need(reader.take(2).hex() == TYPE_IDS["S"], "a name is text")
                name = reader.block(32).decode()
                value[1][name] = deserialise(reader.take(2), reader.block(32))
        else:
            members = [reader.block(32) for _ in range(reader.number(4))]
            value = (kind, members if kind == "BS" else [member.decode() for member in members])
    except UnicodeDecodeError as error:
        raise Refused("not UTF-8") from error
    # There is one serialisation of a value: any other spelling, order or length was not written by anyone.
    need(serialise(value) == data, "not canonical")
    return value


def from_item(attribute):
    (kind, content), = attribute.items()
    if kind == "B":
        return kind, base64.b64decode(content, validate=True)
    if kind == "BS":
        return kind, [base64.b64decode(member, validate=True) for member in content]
    if kind == "L":
        return kind, [from_item(element) for element in content]
    if kind == "M":
        return kind, {name: from_item(member) for name, member in content.items()}
    return kind, content


class JsonNumber(str):
    """A number of a JSON document, as it is spelt."""


def unbase64url(text):
    need(re.fullmatch(r"[A-Za-z0-9_-]*", text), "not base64url")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise Refused("not base64url") from error
    need(base64.urlsafe_b64encode(data).decode().rstrip("=") == text, "not canonical base64url")
    return data


def from_json(json_value, marks=True):
    """`marks`: whether `$sealed` and `$clear` mean something; `expected` has none, nor has the inside of a `$clear`."""
    if json_value is None or isinstance(json_value, bool):
        return ("NULL", None) if json_value is None else ("BOOL", json_value)
    if isinstance(json_value, str):
        return ("N" if isinstance(json_value, JsonNumber) else "S", str(json_value))
    if isinstance(json_value, list):
        return "L", [from_json(element, marks) for element in json_value]
    if marks and list(json_value) == ["$sealed"] and type(json_value["$sealed"]) is str:
        sealed = unbase64url(json_value["$sealed"])
        need(len(sealed) > 1 and sealed[0] == 0xE1 and sealed[1] in CLASSES, "not a sealed value")
        return "B", sealed
    if marks and list(json_value) == ["$clear"] and isinstance(json_value["$clear"], dict):
        inside = {name: from_json(member) for name, member in json_value["$clear"].items()}
        return "M", {"$clear": ("M", inside)}
    return "M", {name: from_json(member, marks) for name, member in json_value.items()}


def parse_header(data):
    need(len(data) <= 8192, "the header is too long")
    reader = Reader(data)
    need(reader.take(2) == b"\x01\x01", "unknown version or suite")
    flags = reader.number(1)
    need(flags in (0, 1, 3), "undefined flags")
    salt = reader.take(16)
    version = reader.number(8) if flags & 2 else None
    need(version != 0, "versions start at 1")
    count = reader.number(1)
    need(1 <= count <= 16, "section count")
    sections, untagged = [], data[:len(data) - len(reader.data)]
    for _ in range(count):
        rest = reader.data
        code, edk_count = reader.number(1), reader.number(1)
        need(code in CLASSES and 1 <= edk_count <= 16, "class or number of wrapped keys")
        need(not sections or sections[-1]["code"] < code, "sections out of order")
        edks = [(reader.block(8), reader.block(16), reader.block(16)) for _ in range(edk_count)]
        commitment = reader.take(32)
        untagged += rest[:len(rest) - len(reader.data)]
        tag = reader.take(32) if flags & 1 else b""
        untagged += bytes(len(tag))
        sections.append({"code": code, "edks": edks, "commitment": commitment, "tag": tag})
    need(not reader.data, "bytes after the last section")
    return salt, version, bool(flags & 1), sections, untagged


def unwrap(vectors, keyring, edks, context):
    """The data key, from the first wrapped key that this keyring can unwrap."""
    key = vectors["keys"][keyring]
    if key["kind"] == "multi":
        return next(filter(None, (unwrap(vectors, child, edks, context) for child in key["children"])), None)
    pairs = sorted((name.encode(), value.encode()) for name, value in context.items())
    serialised = struct.pack(">H", len(pairs)) + b"".join(lp(16, name) + lp(16, value) for name, value in pairs)
    for provider, info, ciphertext in edks:
        if key["kind"] == "kms":
            known = vectors["kms_plaintexts"].get(base64.b64encode(ciphertext).decode())
            if (provider == b"aws-kms" and info == key["key_arn"].encode() and known
                    and known["key_arn"] == key["key_arn"] and known["encryption_context"] == context):
                return bytes.fromhex(known["plaintext_hex"])
            continue
        prefix = key.get("name", keyring).encode() + struct.pack(">II", 128, 12)
        if provider == key["namespace"].encode() and info[:-12] == prefix and len(info) == len(prefix) + 12:
            try:
                return AESGCM(bytes.fromhex(key["key_hex"])).decrypt(info[-12:], ciphertext, serialised)
            except InvalidTag:
                continue
    return None


def encode_path(path):
    steps = (b"\x00" + lp(16, step.encode()) if isinstance(step, str) else struct.pack(">BI", 1, step) for step in path)
    need(len(path) <= 32, "too deep")
    return bytes([len(path)]) + b"".join(steps)


def open_value(value, path, keys, sealed, is_json):
    kind, content = value
    if kind == "B" and content[:1] == b"\xe1":
        need(len(content) > 1, "a marker alone")
        code = content[1]
        if code == 0:
            return kind, content[2:]
        need(code in keys and len(content) >= 32, "no section for this class, or too short")
        sealed.append([path, CLASSES[code]])
        try:
            plaintext = AESGCM(keys[code]).decrypt(content[2:14], content[14:], content[:2] + encode_path(path))
        except InvalidTag as error:
            raise Refused("a field does not authenticate") from error
        return deserialise(plaintext[:2], plaintext[2:])
    if kind == "L":
        return kind, [open_value(each, path + [at], keys, sealed, is_json) for at, each in enumerate(content)]
    if kind == "M":
        if is_json and list(content) == ["$clear"] and content["$clear"][0] == "M":
            content = content["$clear"][1]
        return kind, {name: open_value(each, path + [name], keys, sealed, is_json) for name, each in content.items()}
    return value


def open_record(vectors, vector):
    """The opened record, what was sealed in it, and its version."""
    is_json = vector.get("form") == "json"
    name_of_header = vector["header_name"]
    if is_json:
        stored = {name: from_json(each) for name, each in vector["document"].items()}
        header = vector["document"].get(name_of_header)
        need(type(header) is str, "no header")
        header = unbase64url(header)
    else:
        stored = {name: from_item(each) for name, each in vector["item"].items()}
        need(stored.get(name_of_header, ("", b""))[0] == "B", "no header")
        header = stored[name_of_header][1]
    salt, version, has_tags, sections, untagged = parse_header(header)
    need(has_tags or not vector["integrity"], "the tags were stripped")

    names = sorted(vector["key_attributes"], key=str.encode)
    need(all(name in stored for name in names), "a key attribute is missing")
    context = lp(16, b"privet/record/1") + lp(16, vector["resource"].encode()) + lp(16, vector["tenant"].encode())
    context += bytes([len(names)]) + b"".join(lp(16, name.encode()) + typed(stored[name]) for name in names)

    signed = lp(16, untagged)
    if has_tags:
        for name in sorted(stored, key=str.encode):
            if name != name_of_header and name not in vector["unsigned"]:
                signed += lp(16, name.encode()) + typed(stored[name])
    keys = {}
    for section in sections:
        pairs = {"privet:class": CLASSES[section["code"]], **vector["application_context"]}
        if vector["tenant"]:
            pairs["privet:tenant"] = vector["tenant"]
        data_key = unwrap(vectors, vector["keyring"], section["edks"], pairs)
        need(data_key is not None and len(data_key) == 32, "no data key")
        okm = HKDF(SHA256(), 96, salt, bytes([section["code"]]) + context).derive(data_key)
        need(hmac.compare_digest(okm[32:64], section["commitment"]), "commitment")
        if has_tags:
            need(hmac.compare_digest(hmac.digest(okm[64:], signed, "sha256"), section["tag"]), "tag")
        keys[section["code"]] = okm[:32]

    sealed, record = [], {}
    for name, value in stored.items():
        if name != name_of_header:
            record[name] = value if name in names else open_value(value, [name], keys, sealed, is_json)
    return record, sealed, version


def check(vectors, vector, good):
    """Why the vector fails, or nothing."""
    try:
        record, sealed, version = open_record(vectors, vector)
    except Refused as why:
        return f"does not open: {why}" if good else None
    if not good:
        return f"opens although it is damaged ({vector['why']})"
    if vector.get("form") == "json":
        expected = {name: from_json(each, marks=False) for name, each in vector["expected"].items()}
    else:
        expected = {name: from_item(each) for name, each in vector["expected"].items()}
    if {name: typed(value) for name, value in record.items()} != {name: typed(value) for name, value in expected.items()}:
        return "opens to another record than expected"
    # A path of JSON holds numbers as they are spelt.
    wanted = [[[int(s) if isinstance(s, JsonNumber) else s for s in path], of] for path, of in vector["sealed"]]
    if sorted(sealed, key=repr) != sorted(wanted, key=repr):
        return "other values are sealed than expected"
    wanted = vector["version"]
    return None if version == (wanted and int(wanted)) else "another version than expected"


def main(files):
    passed, failed = 0, 0
    for file in files:
        with open(file, encoding="utf-8") as stream:
            vectors = json.load(stream, parse_int=JsonNumber, parse_float=JsonNumber)
        if vectors.get("format") != "privet-record-1":
            sys.exit(f"{file}: not a file of vectors of the privet record format")
        for kind in ("records", "negative"):
            for vector in vectors[kind]:
                why = check(vectors, vector, kind == "records")
                passed, failed = passed + (why is None), failed + (why is not None)
                if why:
                    print(f"{file}: {vector['name']}: {why}")
    print(f"{passed} passed, {failed} failed")
    return failed > 0 or passed == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) if sys.argv[1:] else __doc__)
