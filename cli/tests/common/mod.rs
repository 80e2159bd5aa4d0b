//! Running the program in a directory of its own.

#![allow(dead_code, reason = "not every test needs all of it")]

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value as Json;
use tempfile::TempDir;

/// A directory with a policy; the program runs in it, with an environment of its own.
pub struct Home {
    folder: TempDir,
    environment: Vec<(String, String)>,
}

/// What came of a run.
pub struct Ran {
    pub exit: Option<i32>,
    pub out: String,
    pub error: String,
}

impl Home {
    /// With a local key.
    pub fn local() -> Self {
        let home = Self::with(Vec::new());
        home.run(&["init", "--local", "keys"], 0);
        home
    }

    /// With an environment, and without a key.
    pub fn with(environment: Vec<(String, String)>) -> Self {
        Self { folder: TempDir::new().unwrap(), environment }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The program, ready to be run.
    pub fn command(&self, arguments: &[&str]) -> std::process::Command {
        let program: OsString = assert_cmd::cargo::cargo_bin("privet").into();
        let mut command = std::process::Command::new(program);
        command.current_dir(self.root()).env_clear().env("USER", "u-1").env("HOME", self.root()).args(arguments);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the program, however it ends.
    pub fn try_run(&self, arguments: &[&str], input: impl Into<Vec<u8>>) -> Ran {
        let output = Command::from_std(self.command(arguments)).write_stdin(input).output().unwrap();
        Ran {
            exit: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            error: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs the program, which must end like this.
    pub fn run(&self, arguments: &[&str], exit: i32) -> Ran {
        self.run_with(arguments, "", exit)
    }

    /// The same with something on standard input.
    pub fn run_with(&self, arguments: &[&str], input: impl Into<Vec<u8>>, exit: i32) -> Ran {
        let ran = self.try_run(arguments, input);
        assert_eq!(ran.exit, Some(exit), "{arguments:?}: {}{}", ran.out, ran.error);
        ran
    }
}

impl Ran {
    /// The lines of standard output as JSON.
    pub fn json(&self) -> Vec<Json> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}
