#!/usr/bin/env python3
"""Writes customers.jsonl beside itself: 1,000 made-up customers, the same bytes at every run.

Nobody in it exists: given and family names are common ones of many languages, put together at random. What could reach
or harm someone is taken from ranges that are kept free for this:

- Mail: example.com, example.org, example.net and the top-level domain .example (RFC 2606, RFC 6761).
- Phone numbers for fiction: 555-0100 to 555-0199 (NANPA), 020 7946 0xxx and 07700 900xxx (Ofcom), 01 99 00 xx xx and
  06 39 98 xx xx (ARCEP), 030 23125 xxx and 089 99998 xxx (Bundesnetzagentur), 08-465 004 xx (PTS), (02) 5550 xxxx
  (ACMA).
- Social security numbers: areas 666 and 900 to 999 are never issued (SSA). In 900 to 999 the groups from 50 up are left
  out, because the IRS issues taxpayer numbers with them.
- Card numbers: the test numbers that payment providers publish. IBANs: the examples of the SWIFT IBAN registry.
- API keys: random letters behind the word `example`, of the length of a real one.
"""

import json
import pathlib
import random

COUNT = 1000
SEED = 20261101  # Any number; another one gives other customers.

# Script or language, given names, family names, places as (city, country, streets, postal code), family name first.
PEOPLE = [
    ("en", "Ada Grace Oliver Amelia Noah Ruby Liam", "Hughes Turner Okafor Whitfield O’Connell Baker",
     [("Bristol", "GB", "Harbour Lane|Mill Road", "BS1 0##"), ("Portland", "US", "Cedar Street|NE 42nd Avenue", "9720#")],
     False),
    ("de", "Jürgen Zoë Käthe Björn Anneliese Florian", "Müller Groß Schäfer Lindqvist Weiß Krüger",
     [("Köln", "DE", "Große Straße|Am Mühlbach", "506##"), ("Zürich", "CH", "Höschgasse|Seestraße", "80##")], False),
    ("fr", "Chloé François Anaïs Noël Maëlle Gaëtan", "Lefèvre Dubois Château Garçon Besançon",
     [("Besançon", "FR", "rue de l’Église|quai des Célestins", "250##")], False),
    ("pl", "Łukasz Małgorzata Wojciech Żaneta", "Wójcik Dąbrowska Kamiński Źrebiec",
     [("Łódź", "PL", "ulica Piotrkowska|aleja Kościuszki", "90-0##")], False),
    ("vi", "Thị Hồng Đức Anh Ngọc Quỳnh", "Nguyễn Trần Phạm Đặng", [("Huế", "VN", "đường Lê Lợi", "5300##")], True),
    ("ru", "Анна Михаил Ольга Дмитрий Светлана", "Иванова Кузнецов Соколова Ёлкин",
     [("Томск", "RU", "улица Гагарина|проспект Мира", "6340##")], False),
    ("el", "Ελένη Γιώργος Μαρία Κωνσταντίνος", "Παπαδοπούλου Νικολάου Βλάχος Δημητρίου",
     [("Θεσσαλονίκη", "GR", "οδός Τσιμισκή", "546 ##")], False),
    ("ar", "محمد فاطمة ليلى يوسف", "الحداد النجار منصور خليل", [("عمّان", "JO", "شارع الرينبو", "111##")], False),
    ("he", "נועה אורי תמר דוד", "כהן מזרחי פרידמן ביטון", [("חיפה", "IL", "רחוב הנביאים", "31###")], False),
    ("hi", "आदित्य प्रिया अनिल सुनीता", "शर्मा वर्मा गुप्ता पटेल", [("जयपुर", "IN", "महात्मा गांधी मार्ग", "3020##")], False),
    ("zh", "伟 秀英 敏 静 志强", "王 李 张 欧阳 陈", [("杭州", "CN", "文三路|解放路", "3100##")], True),
    ("ja", "さくら 大輔 ひなた 健太 ミカ", "佐藤 鈴木 髙橋 ヤマモト", [("札幌", "JP", "北一条西|すすきの通り", "060-00##")], True),
    ("ko", "민준 서연 지우 하은", "김 이 박 남궁", [("부산", "KR", "해운대로", "480##")], True),
    ("th", "สมชาย กมลวรรณ ณัฐพล พิมพ์ใจ", "แสงทอง ศรีสุข ใจดี", [("เชียงใหม่", "TH", "ถนนนิมมานเหมินท์", "502##")], False),
]

PHONES = ["+1 303-555-01##", "(415) 555-01##", "+44 20 7946 0###", "07700 900###", "+33 1 99 00 ## ##", "06 39 98 ## ##",
          "+49 30 23125 ###", "089 99998 ###", "+46 8 465 004 ##", "(02) 5550 ####"]
DOMAINS = ["example.com", "example.org", "example.net", "mail.example", "kunden.example"]
CARDS = ["4111111111111111", "4242424242424242", "4012888888881881", "5555555555554444", "5105105105105100",
         "378282246310005", "6011111111111117", "3530111333300000", "30569309025904"]
IBANS = ["DE89370400440532013000", "GB33BUKB20201555555555", "FR1420041010050500013M02606", "ES9121000418450200051332",
         "NL91ABNA0417164300", "CH9300762011623852957", "SE4550000000058398257466", "GR1601101250000000012300695",
         "SA0380000000608010167519", "IL620108000000099999999", "BE68539007547034"]
# One is spelt with a combining accent, one is a family of emoji put together with zero-width joiners, one is empty.
NICKNAMES = ["Sunny 🌻", "Zo", "🦊", "Ace", "Mimi ✨", "e\u0301toile", "👩‍👩‍👧 mum of 2", "محظوظ", "みかん", ""]
HEALTH = [("J45.2", "Mild asthma; salbutamol when needed"), ("E11.9", "Type 2 diabetes, metformin 500 mg"),
          ("M54.5", "Low back pain, six sessions of physiotherapy"), ("F41.1", "Anxiety; therapy every two weeks"),
          ("Z88.0", "Penicillin allergy: hives within the hour"), ("G43.1", "Migraine with aura, three days a month"),
          ("I10", "Blood pressure 152/95, follow up in spring"), ("O09.9", "Pregnant, week 14")]
SENTENCES = ["Called about the invoice and asked for a copy.", "Prefers to be written to, not phoned.",
             "Moved house; the old address is void.", "Complained about a late delivery and was refunded 12.50.",
             "Is on holiday until the end of the month.", "Bittet um Rückruf auf Deutsch.", "Préfère le matin."]


def digits(rng, pattern):
    return "".join(str(rng.randrange(10)) if c == "#" else c for c in pattern)


def day(rng, first, last):
    return f"{rng.randint(first, last)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"


def ssn(rng):
    if rng.random() < 0.2:
        return f"666-{rng.randint(1, 99):02}-{rng.randint(1, 9999):04}"
    return f"{rng.randint(900, 999)}-{rng.randint(1, 49):02}-{rng.randint(1, 9999):04}"


def api_key(rng):
    return "pk_example_" + "".join(rng.choices("abcdefghijkmnpqrstuvwxyz23456789", k=32))


def first():
    """The customer that the quickstart shows unless it is asked for another: a bit of everything, and short."""
    return {
        "id": "c-0001",
        "name": "Zoë Lindqvist",
        "nickname": "Zo 🦊",
        "email": "zoe@example.com",
        "phone": "+46 8 465 004 17",
        "ssn": "901-23-4567",
        "birth_date": "1984-02-29",
        "address": {"street": "Höschgasse 7", "city": "Zürich", "postal_code": "8008", "country": "CH"},
        "api_key": "pk_example_h7w3k9v2q8m4x6n5b3t7r2c9d4f8g6s2",
        "financial_data": {"iban": "BE68539007547034", "card_number": "4111111111111111", "balance": -120.5},
        "health_records": [{"date": "2026-03-14", "code": "Z88.0", "note": "Penicillin allergy: hives within the hour"}],
        "plan": "gold",
        "loyalty_points": 1250,
        "newsletter": True,
        "remarks": "Prefers to be written to, not phoned.",
        "created_at": "2024-05-01T09:30Z",
    }


def customer(rng, number):
    _, given, family, places, family_first = rng.choice(PEOPLE)
    given, family = rng.choice(given.split()), rng.choice(family.split())
    city, country, streets, postal_code = rng.choice(places)
    record = {"id": f"c-{number:04}", "name": f"{family} {given}" if family_first else f"{given} {family}"}
    if rng.random() < 0.3:
        record["nickname"] = rng.choice(NICKNAMES)
    # The local part is plain ASCII for most names and internationalised (RFC 6531) for some.
    local = f"{given}.{family}".lower() if rng.random() < 0.1 else f"customer.{number}"
    record["email"] = f"{local}@{rng.choice(DOMAINS)}"
    record["phone"] = digits(rng, rng.choice(PHONES))
    record["ssn"] = ssn(rng)
    record["birth_date"] = day(rng, 1930, 2008)
    record["address"] = {"street": f"{rng.choice(streets.split('|'))} {rng.randint(1, 250)}", "city": city,
                         "postal_code": digits(rng, postal_code), "country": country}
    if rng.random() < 0.1:
        record["address"]["street2"] = rng.choice(["", None, "c/o Verein für Völkerverständigung", "Apt. 4b"])
    record["api_key"] = api_key(rng)
    record["financial_data"] = {"iban": rng.choice(IBANS), "card_number": rng.choice(CARDS),
                                "balance": rng.randint(-500_000, 2_500_000) / 100}
    record["health_records"] = [
        {"date": day(rng, 2015, 2026), "code": code, "note": note}
        for code, note in rng.sample(HEALTH, rng.choice([0, 0, 1, 1, 2, 3]))
    ]
    record["plan"] = rng.choice(["free", "silver", "gold"])
    record["loyalty_points"] = rng.choice([0, rng.randint(1, 99_999), -rng.randint(1, 50)])
    record["newsletter"] = rng.random() < 0.5
    if rng.random() < 0.4:
        record["remarks"] = " ".join(rng.choices(SENTENCES, k=rng.choice([1, 1, 2, 3])))
    if number % 50 == 0:  # Long ones, up to 8 KB.
        record["remarks"] = " ".join(rng.choices(SENTENCES, k=rng.randint(40, 150)))
    record["created_at"] = f"{day(rng, 2018, 2026)}T{rng.randint(0, 23):02}:{rng.randint(0, 59):02}Z"
    # What real tables are full of: empty, null and missing values.
    for name in ["email", "phone", "ssn", "birth_date", "address", "api_key", "financial_data", "health_records"]:
        chance = rng.random()
        if chance < 0.02:
            del record[name]
        elif chance < 0.04:
            record[name] = None
        elif chance < 0.05 and isinstance(record[name], str):
            record[name] = ""
    return record


def main():
    rng = random.Random(SEED)
    customers = [first()] + [customer(rng, number) for number in range(2, COUNT + 1)]
    lines = [json.dumps(customer, ensure_ascii=False, separators=(",", ":")) + "\n" for customer in customers]
    pathlib.Path(__file__).with_name("customers.jsonl").write_bytes("".join(lines).encode())


if __name__ == "__main__":
    main()
