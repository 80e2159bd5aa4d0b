//! The import law: which room may use what, checked over the sources and Cargo's own view of the dependencies.

// What the tests share fails as loudly as the tests do; Clippy knows only functions marked `#[test]` as tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

mod scan;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

/// What a room of the core uses of the others.
enum Ours {
    Only(&'static [&'static str]),
    Never(&'static [&'static str]),
}

/// A room of the core and what it may use.
struct Room {
    name: &'static str,
    ours: Ours,
    /// Names of crates, or of what else a room must not name.
    never: &'static [&'static str],
}

const PURE: &[&str] =
    &["tokio", "futures_util", "Instant", "SystemTime", "fs", "net", "aws_sdk_kms", "aws_sdk_dynamodb", "aws_sdk_s3"];
/// As `PURE`, but reads texts as addresses with `std::net`.
const OFFLINE: &[&str] =
    &["tokio", "futures_util", "Instant", "SystemTime", "fs", "TcpStream", "UdpSocket", "ToSocketAddrs"];
const KEYLESS: Ours = Ours::Never(&["crypto", "keyring", "cache", "record", "protector", "edk", "encryption_context"]);
const FORMAT: Ours =
    Ours::Never(&["policy", "mask", "view", "protector", "keyring", "cache", "audit", "principal", "schema", "time"]);

const ROOMS: &[Room] = &[
    Room { name: "crypto", ours: Ours::Only(&["error"]), never: PURE },
    Room { name: "error", ours: Ours::Only(&[]), never: PURE },
    Room { name: "classification", ours: Ours::Only(&["error"]), never: PURE },
    Room { name: "edk", ours: Ours::Only(&["error", "encryption_context"]), never: PURE },
    Room { name: "encryption_context", ours: Ours::Only(&["error"]), never: PURE },
    // Canonical bytes need no key.
    Room { name: "value", ours: Ours::Only(&["error"]), never: PURE },
    Room { name: "beacon", ours: FORMAT, never: PURE },
    Room { name: "record", ours: FORMAT, never: PURE },
    Room { name: "message", ours: FORMAT, never: PURE },
    Room { name: "s3ec", ours: FORMAT, never: PURE },
    Room { name: "dbesdk", ours: Ours::Only(&["crypto", "edk", "encryption_context", "error", "value"]), never: PURE },
    // Masking works without any key.
    Room { name: "mask", ours: KEYLESS, never: PURE },
    Room { name: "policy", ours: KEYLESS, never: &["tokio", "aws_sdk_kms", "aws_sdk_dynamodb", "SystemTime"] },
    Room { name: "view", ours: KEYLESS, never: PURE },
    Room { name: "detect", ours: Ours::Only(&["classification", "principal", "spelling"]), never: OFFLINE },
    Room { name: "spelling", ours: Ours::Only(&[]), never: PURE },
    Room { name: "principal", ours: KEYLESS, never: PURE },
    Room { name: "schema", ours: KEYLESS, never: PURE },
    // Keyrings and their cache know nothing of what is sealed, or for whom.
    Room {
        name: "keyring",
        ours: Ours::Never(&["record", "policy", "mask", "view", "protector", "cache"]),
        never: &[],
    },
    Room { name: "cache", ours: Ours::Never(&["record", "policy", "mask", "view", "protector"]), never: &[] },
];

/// A crate, and the one place of the library that names it.
/// The command line, which is no library, may name the SDKs' clients too: it makes them.
const HOMES: &[(&str, &str)] = &[
    ("aws_lc_rs", "core/src/crypto"),
    ("ghash", "core/src/crypto"),
    ("hmac", "core/src/crypto"),
    ("sha2", "core/src/crypto"),
    ("aws_sdk_kms", "core/src/keyring/kms"),
    ("aws_sdk_dynamodb", "dynamo-adapter/src"),
    ("regex", "core/src/detect"),
    ("aws_sdk_s3", "s3-adapter/src"),
    ("clap", "cli/src"),
];

/// The sources of the library; `testkit` is equipment.
const LIBRARY: &[&str] = &["src", "core/src", "derive/src", "dynamo-adapter/src", "s3-adapter/src", "bulk/src"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Path from the root and code of every source file below `folder` that is no test.
fn sources(folder: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let mut files = Vec::new();
    walk(&root().join(folder), &mut files);
    let mut sources = Vec::new();
    for file in files {
        let path = file.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
        let is_test = path.ends_with("/tests.rs") || path.contains("/tests/");
        if path.ends_with(".rs") && !is_test {
            sources.push((path, scan::code_of(&std::fs::read_to_string(&file).unwrap())));
        }
    }
    assert!(!sources.is_empty(), "{folder} has no sources");
    sources
}

/// What the core's root re-exports, and from which room: `crate::Secret` is `crypto`'s.
fn homes_of_re_exports(lib: &str) -> BTreeMap<String, String> {
    let mut homes = BTreeMap::new();
    for statement in lib.split(';').filter_map(|statement| statement.split_once("pub use ").map(|(_, path)| path)) {
        let (room, names) = statement.split_once("::").unwrap();
        for name in names.split(['{', '}', ',']).map(str::trim).filter(|name| !name.is_empty()) {
            homes.insert(name.to_owned(), room.to_owned());
        }
    }
    homes
}

/// How the code of a file in this room breaks the law.
fn violations(room: &Room, path: &str, code: &str, re_exports: &BTreeMap<String, String>) -> Vec<String> {
    let module = path.trim_start_matches("core/src/").trim_end_matches(".rs");
    let depth = module.split('/').count();
    let mut broken = Vec::new();
    for name in scan::from_root(code, depth) {
        let used = re_exports.get(&name).unwrap_or(&name);
        let allowed = used == room.name
            || match room.ours {
                Ours::Only(rooms) => rooms.contains(&used.as_str()),
                Ours::Never(rooms) => !rooms.contains(&used.as_str()),
            };
        if !allowed {
            broken.push(format!("{path}: `{}` must not use `{used}`", room.name));
        }
    }
    for name in room.never.iter().filter(|name| scan::names(code, name)) {
        broken.push(format!("{path}: `{}` must not name `{name}`", room.name));
    }
    broken
}

fn is_in(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || rest == ".rs")
}

#[test]
fn rooms_use_what_they_may() {
    let core = sources("core/src");
    let (_, lib) = core.iter().find(|(path, _)| path == "core/src/lib.rs").unwrap();
    let re_exports = homes_of_re_exports(lib);
    assert_eq!(re_exports["Secret"], "crypto");
    let mut broken = Vec::new();
    for room in ROOMS {
        let place = format!("core/src/{}", room.name);
        let files: Vec<_> = core.iter().filter(|(path, _)| is_in(path, &place)).collect();
        assert!(!files.is_empty(), "there is no room `{}`", room.name);
        broken.extend(files.iter().flat_map(|(path, code)| violations(room, path, code, &re_exports)));
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn each_foreign_crate_has_one_home() {
    let mut seen = Vec::new();
    for (path, code) in LIBRARY.iter().flat_map(|folder| sources(folder)) {
        for (name, home) in HOMES.iter().filter(|(name, _)| scan::names(&code, name)) {
            assert!(is_in(&path, home), "{path}: only {home} may name `{name}`");
            seen.push(*name);
        }
    }
    for name in ["aws_lc_rs", "aws_sdk_kms", "aws_sdk_dynamodb", "aws_sdk_s3"] {
        assert!(seen.contains(&name), "`{name}` was not found where it is at home: does the scan work?");
    }
}

/// What `#[derive(Protect)]` writes must mean the same wherever it is written.
fn bare_names(code: &str) -> Vec<String> {
    let paths = scan::quoted(code).into_iter().flat_map(scan::paths);
    paths.filter(|path| if path.contains("::") { !is_stable(path) } else { PRELUDE.contains(&path.as_str()) }).collect()
}

fn is_stable(path: &str) -> bool {
    path.starts_with("::privet::__private::") || path.starts_with("Self::") || path == "Self" || path.ends_with("::")
}

const PRELUDE: &[&str] = &[
    "Option",
    "Some",
    "None",
    "Result",
    "Ok",
    "Err",
    "Vec",
    "String",
    "Box",
    "Default",
    "From",
    "Into",
    "Clone",
    "Copy",
    "Debug",
    "Iterator",
    "IntoIterator",
    "ToString",
    "ToOwned",
    "AsRef",
    "Drop",
    "Fn",
    "Send",
    "Sync",
    "Sized",
    "format",
    "vec",
    "panic",
    "matches",
    "std",
    "core",
    "alloc",
];

#[test]
fn the_derive_writes_no_bare_names() {
    let derive = sources("derive/src");
    assert!(derive.iter().map(|(_, code)| scan::quoted(code).len()).sum::<usize>() > 20, "does the scan work?");
    for (path, code) in derive {
        assert_eq!(bare_names(&code), [""; 0], "{path}: write `::privet::__private::...` instead");
    }
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Every package that this one is built from, features of its own left out.
fn built_from(package: &str) -> Vec<String> {
    let tree = cargo(&[
        "tree",
        "--offline",
        "--package",
        package,
        "--edges",
        "normal",
        "--no-default-features",
        "--prefix",
        "none",
    ]);
    tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn the_core_alone_pulls_no_sdk() {
    let packages = built_from("privet-core");
    assert!(packages.iter().any(|name| name == "aws-lc-rs"), "{packages:?}");
    let sdk: Vec<_> =
        packages.iter().filter(|name| name.starts_with("aws-s") || name.starts_with("aws-config")).collect();
    assert!(sdk.is_empty(), "{sdk:?}");
}

#[test]
fn adapters_know_neither_each_other_nor_the_command_line() {
    for (adapter, other) in [("privet-dynamodb", "privet-s3"), ("privet-s3", "privet-dynamodb")] {
        let packages = built_from(adapter);
        assert!(packages.iter().any(|name| name == "privet-core"), "{packages:?}");
        for stranger in [other, "privet", "privet-bulk", "privet-cli", "privet-lambda", "privet-testkit", "clap"] {
            assert!(!packages.iter().any(|name| name == stranger), "{adapter} must not depend on {stranger}");
        }
    }
}

#[test]
fn bulk_knows_no_sdk() {
    let packages = built_from("privet-bulk");
    assert!(packages.iter().any(|name| name == "privet-core"), "{packages:?}");
    for stranger in ["privet", "privet-dynamodb", "privet-s3", "privet-cli", "privet-lambda", "clap"] {
        assert!(!packages.iter().any(|name| name == stranger), "privet-bulk must not depend on {stranger}");
    }
    let sdk: Vec<_> = packages.iter().filter(|name| name.starts_with("aws-s") || *name == "aws-config").collect();
    assert!(sdk.is_empty(), "{sdk:?}");
}

#[test]
fn nothing_is_built_on_the_command_line() {
    let metadata: Json =
        serde_json::from_str(&cargo(&["metadata", "--offline", "--no-deps", "--format-version", "1"])).unwrap();
    for package in metadata["packages"].as_array().unwrap() {
        let mut dependencies = package["dependencies"].as_array().unwrap().iter();
        assert!(!dependencies.any(|dependency| dependency["name"] == "privet-cli"), "{}", package["name"]);
    }
}

/// Which packages of this workspace have the testkit for more than tests.
fn built_with_the_testkit(metadata: &Json) -> Vec<&str> {
    let packages = metadata["packages"].as_array().unwrap().iter();
    let wrong = packages.filter(|package| {
        let mut dependencies = package["dependencies"].as_array().unwrap().iter();
        dependencies.any(|dependency| dependency["name"] == "privet-testkit" && dependency["kind"] != "dev")
    });
    wrong.map(|package| package["name"].as_str().unwrap()).collect()
}

#[test]
fn the_testkit_is_for_tests_only() {
    let metadata =
        serde_json::from_str(&cargo(&["metadata", "--offline", "--no-deps", "--format-version", "1"])).unwrap();
    assert_eq!(built_with_the_testkit(&metadata), [""; 0]);
}

mod the_law_can_be_broken {
    use super::*;

    fn broken(room: &str, path: &str, source: &str) -> Vec<String> {
        let room = ROOMS.iter().find(|candidate| candidate.name == room).unwrap();
        let re_exports = homes_of_re_exports("pub use crypto::{Secret};\npub use error::{Error, Result};");
        violations(room, path, &scan::code_of(source), &re_exports)
    }

    #[test]
    fn by_each_way_to_name_a_room() {
        for source in [
            "use crate::keyring::Keyring;",
            "use crate::{error::Error, keyring::{Keyring, DataKey}};",
            "fn f() { crate::keyring::f() }",
            "use super::super::keyring::Keyring;",
            "use super::super::{value, keyring};",
            "pub(crate) use crate::keyring;",
        ] {
            let expected = ["core/src/mask/text.rs: `mask` must not use `keyring`"];
            assert_eq!(broken("mask", "core/src/mask/text.rs", source), expected, "{source}");
        }
        assert_eq!(
            broken("view", "core/src/view.rs", "use crate::Secret;"),
            ["core/src/view.rs: `view` must not use `crypto`"]
        );
        assert_eq!(broken("value", "core/src/value.rs", "use super::classification;").len(), 1);
        assert_eq!(broken("crypto", "core/src/crypto/kdf.rs", "use crate::value::Value; use crate::error;").len(), 1);
    }

    #[test]
    fn by_naming_clocks_and_runtimes() {
        assert_eq!(broken("record", "core/src/record.rs", "fn f() { std::time::Instant::now() }").len(), 1);
        assert_eq!(broken("record", "core/src/record/open.rs", "async fn f() { tokio::spawn(g()) }").len(), 1);
    }

    #[test]
    fn but_not_in_comments_texts_and_tests() {
        for source in [
            "// crate::keyring\n/* crate::keyring */ /// [`crate::keyring`]",
            r##"const A: &str = "use crate::keyring"; const B: &str = r#"" crate::keyring"#; const C: char = '"';"##,
            "#[cfg(test)]\nmod tests { use crate::keyring::Keyring; fn f() { { } } }\n use crate::error;",
            "#[cfg(test)]\nuse crate::keyring::Keyring;\nuse crate::value::Value;",
            "use super::keyring; use crate::mask::keyring; fn my_crate() -> &'static str { supercrate::keyring() }",
        ] {
            assert_eq!(broken("mask", "core/src/mask/text.rs", source), [""; 0], "{source}");
        }
        // What follows a string, a lifetime, a character or a test still counts.
        for before in ["'\"'", "\"\\\"\"", "'a, 'b", "r\"\\\"", "'\\''", "\"// \"", "#[cfg(test)] mod tests { }"] {
            let source = format!("{before} crate::keyring::x");
            assert_eq!(broken("mask", "core/src/mask/text.rs", &source).len(), 1, "{source}");
        }
    }

    #[test]
    fn by_a_crate_outside_of_its_home() {
        assert!(is_in("core/src/crypto.rs", "core/src/crypto") && is_in("core/src/crypto/mac.rs", "core/src/crypto"));
        assert!(
            !is_in("core/src/cryptography.rs", "core/src/crypto") && !is_in("core/src/cache.rs", "core/src/crypto")
        );
        assert!(
            scan::names("let key = aws_lc_rs::hmac::Key;", "aws_lc_rs") && !scan::names("my_aws_lc_rs", "aws_lc_rs")
        );
    }

    #[test]
    fn by_a_derive_that_writes_bare_names() {
        for (source, bare) in [
            ("quote!(Some(#text))", "Some"),
            ("quote! { fn f() -> ::std::fmt::Result { #body } }", "::std::fmt::Result"),
            ("quote_spanned!(x.span()=> Option::None)", "Option::None"),
            ("quote!(::privet::Classification::Pii)", "::privet::Classification::Pii"),
            ("quote!(fn f()->::std::fmt::Result {})", "::std::fmt::Result"),
            ("quote!(<#ty as Into>::into())", "Into"),
            ("quote!(impl privet::__private::Protect for X {})", "privet::__private::Protect"),
        ] {
            assert_eq!(bare_names(source), [bare], "{source}");
        }
        let fine =
            "let x = Some(1); quote!(Self::Some { #x } => ::privet::__private::Option::Some(#Some).f::<'static>())";
        assert_eq!(bare_names(fine), [""; 0]);
    }

    #[test]
    fn by_a_library_that_is_built_with_the_testkit() {
        let package = |kind: Option<&str>| serde_json::json!({"packages": [{"name": "x", "dependencies": [{"name": "privet-testkit", "kind": kind}]}]});
        assert_eq!(built_with_the_testkit(&package(None)), ["x"]);
        assert_eq!(built_with_the_testkit(&package(Some("build"))), ["x"]);
        assert_eq!(built_with_the_testkit(&package(Some("dev"))), [""; 0]);
    }
}
