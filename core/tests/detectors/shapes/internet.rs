//! Addresses of hosts and passwords in URLs, and what looks like them.

use privet_core::detect::Kind::{FreeText, Ipv4, Ipv6, UrlPassword};

use super::{Shape, is, not};
use crate::random::Random;

pub(super) fn shapes() -> Vec<Shape> {
    vec![
        is(Ipv4, "IPv4 address", &["ip", "value", "peer"], v4),
        is(Ipv4, "private IPv4 address", &["client_ip", "source"], |r| {
            let (pattern, last) = (r.pick(&["192.168.#", "10.2#.1##", "172.16.4#"]), r.number(1, 254));
            format!("{}.{last}", r.fill(pattern))
        }),
        is(Ipv4, "IPv4 address and port", &["remote", "value"], |r| format!("{}:{}", v4(r), r.number(1024, 65535))),
        is(Ipv4, "forwarded IPv4 addresses", &["x_forwarded_for", "value"], |r| format!("{}, {}", v4(r), v4(r))),
        Shape {
            holds: &[Ipv4],
            ..is(FreeText, "IPv4 address in a line of a log", &["line", "value"], |r| {
                format!(
                    "{} - - [10/Oct/2024:13:55:36 +0000] \"GET /{} HTTP/1.1\" 200 {}",
                    v4(r),
                    r.word(),
                    r.fill("2###")
                )
            })
        },
        is(Ipv4, "IPv4 address in a URL", &["url", "value"], |r| format!("http://{}/{}", v4(r), r.word())),
        is(Ipv4, "IPv4 address as a host network", &["source", "value"], |r| format!("{}/32", v4(r))),
        not("version of four parts", &["version", "driver_version"], |r| {
            format!("{}.{}.{}.{}", r.number(1, 40), r.number(0, 40), r.number(0, 99), r.number(0, 200))
        })
        .by_name(),
        not("version with its word", &["value", "release_notes"], |r| {
            format!(
                "{} {}.{}.{}.{}",
                r.pick(&["version", "v", "Release"]),
                r.number(1, 20),
                r.number(0, 20),
                r.number(0, 20),
                r.number(0, 99)
            )
        }),
        not("version of a file", &["value", "file_version"], |r| r.fill("6.1.7###.1####")),
        not("object identifier", &["oid", "value"], |r| format!("1.3.6.1.4.1.{}.{}", r.fill("4####"), r.number(1, 9))),
        not("network mask", &["netmask", "value"], |r| {
            r.pick(&["255.255.255.0", "255.255.0.0", "255.255.254.0"]).into()
        }),
        not("network", &["cidr", "value"], |r| format!("10.{}.0.0/16", r.number(0, 255))),
        not("loopback", &["bind", "value"], |r| format!("127.0.0.1:{}", r.number(1024, 65535))),
        not("section of a document", &["section", "chapter"], |r| {
            format!("{}.{}.{}.{}", r.number(1, 9), r.number(1, 9), r.number(1, 9), r.number(1, 9))
        })
        .by_name(),
        is(Ipv6, "IPv6 address", &["ip", "value"], |r| format!("2001:db8:{}::{}", r.fill("$$$$"), r.fill("$$"))),
        is(Ipv6, "IPv6 address in full", &["ip_address", "value"], |r| {
            format!("2001:0db8:{}", r.fill("$$$$:$$$$:$$$$:$$$$:$$$$:$$$$"))
        }),
        is(Ipv6, "IPv6 address and port", &["peer", "value"], |r| format!("[2001:db8::{}]:443", r.fill("$$$$"))),
        is(Ipv6, "link local address with its zone", &["peer", "value"], |r| r.fill("fe80::1$$$:$$ff:fe$$:$$$$%eth0")),
        is(Ipv6, "IPv4 address as IPv6", &["peer", "value"], |r| format!("::ffff:{}", v4(r))),
        not("MAC address", &["mac", "value"], |r| r.fill("02:$$:$$:$$:$$:$$")),
        not("time of day", &["time", "value"], |r| {
            format!("{:02}:{:02}:{:02}", r.number(0, 23), r.number(0, 59), r.number(0, 59))
        }),
        not("path of a program", &["symbol", "value"], |r| {
            format!("{}::{}::add", r.pick(&["std", "face", "cafe"]), r.word())
        }),
        not("IPv6 network", &["prefix", "value"], |r| r.fill("2001:db8:$$$$::/48")),
        not("fingerprint", &["fingerprint", "value"], |r| (0..16).map(|_| r.fill("$$")).collect::<Vec<_>>().join(":")),
        not("ratio", &["ratio", "value"], |r| format!("{}:{}:{}", r.number(1, 9), r.number(1, 9), r.number(1, 9))),
        is(UrlPassword, "connection string", &["dsn", "value", "database_url"], |r| {
            let scheme = r.pick(&["postgres", "mysql", "mongodb+srv", "redis", "amqp"]);
            format!("{scheme}://{}:fake{}@db.example.com/{}", r.word(), r.mixed(8), r.word())
        }),
        is(UrlPassword, "URL with a user and password", &["webhook", "value"], |r| {
            format!("https://{}:fake{}@{}.example.org/hook", r.word(), r.mixed(10), r.word())
        }),
        is(UrlPassword, "URL with a password that is escaped", &["proxy", "value"], |r| {
            format!("http://proxy:fake%40{}@proxy.example.net:3128", r.mixed(6))
        }),
        is(UrlPassword, "URL with a password and no user", &["redis_url", "value"], |r| {
            format!("redis://:fake{}@cache.example.com:6379/0", r.mixed(12))
        }),
        is(UrlPassword, "password in a query", &["callback", "value"], |r| {
            format!("https://{}.example.com/login?user=app&password=fake{}", r.word(), r.mixed(8))
        }),
        not("URL with a port", &["url", "value"], |r| {
            format!("https://{}.example.com:8443/{}@latest", r.word(), r.word())
        }),
        not("connection string with a blank", &["dsn", "value"], |r| {
            let blank = r.pick(&["${DB_PASSWORD}", "<password>", "********", "password", "{{ password }}"]);
            format!("mysql://app:{blank}@db.example.com/{}", r.word())
        }),
        not("URL with a query", &["url", "value"], |r| {
            format!("https://www.example.com/{}?page={}&sort={}", r.word(), r.fill("#"), r.word())
        }),
        not("name of a host", &["host", "value"], |r| format!("{}-{}.internal.example.com", r.word(), r.fill("##"))),
        not("address of an object", &["location", "value"], |r| {
            format!("s3://{}-bucket/{}/{}.parquet", r.word(), r.fill("2024"), r.hex(8))
        }),
    ]
}

/// An address of the networks that documentation may use (RFC 5737).
pub(super) fn v4(r: &mut Random) -> String {
    format!("{}.{}", r.pick(&["192.0.2", "198.51.100", "203.0.113"]), r.number(1, 254))
}
