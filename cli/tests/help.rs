//! What the program says of itself: help, completions, the manual. The snapshots are read by people.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::Home;

/// All commands, as the help of each lists those below it.
fn commands(home: &Home, above: &[&str]) -> Vec<Vec<String>> {
    let help = home.run(&[above, &["--help"]].concat(), 0).out;
    let listed = help.split_once("Commands:\n").map_or("", |(_, list)| list.split("\n\n").next().unwrap());
    // Deeper indentation is the rest of a description.
    let names = listed.lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
    let mut found = vec![above.iter().map(ToString::to_string).collect()];
    for name in names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help") {
        found.extend(commands(home, &[above, &[name]].concat()));
    }
    found
}

#[test]
fn the_help_of_every_command_has_examples_and_says_what_it_said() {
    let home = Home::with(Vec::new());
    let commands = commands(&home, &[]);
    assert!(commands.len() > 20, "{commands:?}");
    for command in commands {
        let arguments: Vec<&str> = command.iter().map(String::as_str).chain(["--help"]).collect();
        let help = home.run(&arguments, 0).out;
        let has_commands = help.contains("Commands:\n") && !command.is_empty();
        assert!(has_commands || (help.contains("Examples:\n  privet ")), "{command:?}: {help}");
        assert!(help.lines().all(|line| line.chars().count() <= 120), "{command:?}: {help}");
        // Options that all commands have are in the help of the program.
        let own = match help.split_once("\nGlobal options:\n") {
            Some((own, rest)) if !command.is_empty() => {
                format!("{own}\n(global options)\n\n{}", rest.split_once("\n\nExamples:").map_or("", |(_, rest)| rest))
            }
            _ => help.clone(),
        };
        let name = std::iter::once("privet").chain(command.iter().map(String::as_str)).collect::<Vec<_>>().join("-");
        insta::assert_snapshot!(name, own);
    }
}

#[test]
fn completions_and_the_manual_know_all_commands() {
    let home = Home::with(Vec::new());
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(home.run(&["completions", shell], 0).out.contains("reencrypt"));
    }
    assert!(home.run(&["man"], 0).out.contains(".TH privet"));
    std::fs::create_dir(home.path("man")).unwrap();
    home.run(&["man", "--dir", "man"], 0);
    assert!(home.read("man/privet-keys-stragglers.1").contains("Only headers are read"));
    assert!(home.run(&["man", "--dir", "nowhere"], 1).error.contains("nowhere"));
}
