//! `init`: a policy, a model and a configuration file to begin with.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use super::print;
use crate::config;
use crate::exit::{Exit, Failure, Outcome};
use crate::opt::Init;
use crate::session::Session;

pub(super) fn run(session: &Session, args: &Init) -> Outcome {
    let key = match (session.local(), session.kms_key()) {
        (Some(local), _) => {
            let path = fs::canonicalize(local.path()).unwrap_or_else(|_| local.path().to_owned());
            format!(
                "local = {:?}",
                if local.path().is_absolute() {
                    path.display().to_string()
                } else {
                    local.path().display().to_string()
                }
            )
        }
        (None, Some(arn)) => format!("kms_key = {arn:?}"),
        (None, None) => {
            "# kms_key = \"arn:aws:kms:eu-west-1:111122223333:key/1234abcd\"\n# local = \".privet\"".to_owned()
        }
    };
    let config = format!(
        "# What the commands of privet read in this directory. Paths are relative to this file.\npolicy = \"policy.toml\"\n{key}\n\n\
         # Pairs for the encryption context of every data key; readers need the same.\n[context]\n# application = \"shop\"\n"
    );
    fs::create_dir_all(&args.dir).map_err(|error| Failure::io(args.dir.display(), &error))?;
    let files = [("policy.toml", POLICY), ("model.rs", MODEL), (config::FILE, config.as_str())];
    // All or none: what is half of it would be taken for all of it.
    if !args.force
        && let Some((name, _)) = files.iter().find(|(name, _)| args.dir.join(name).exists())
    {
        let path = args.dir.join(name);
        return Err(Failure::failed(format!("`{}` is there already: give `--force` to replace it", path.display())));
    }
    for (name, text) in files {
        write(&args.dir.join(name), text, args.force)?;
    }
    if let Some(local) = session.local()
        && local.keys()?.is_empty()
    {
        let name = local.add_key()?;
        print(format!("key {name} in {}", local.path().display()))?;
    }
    for (name, _) in files {
        print(args.dir.join(name).display())?;
    }
    Ok(Exit::Done)
}

fn write(path: &Path, text: &str, force: bool) -> Outcome<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(force).create_new(!force);
    let file = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    file.map_err(|error| Failure::io(path.display(), &error))
}

const POLICY: &str = include_str!("../../templates/policy.toml");
const MODEL: &str = include_str!("../../templates/model.rs");
