//! `policy`: checks, explains and compares policies.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use privet::mask::{KeyedHash, Masks};
use privet::policy::plan::{Explanation, Plan};
use privet::{ClassificationSet, Policy, Principal};
use serde_json::json;

use super::{print, print_json};
use crate::exit::{Exit, Failure, Outcome};
use crate::opt::PolicyCommand;
use crate::session::Session;
use crate::table::{list, table};

pub(super) fn run(session: &Session, command: &PolicyCommand) -> Outcome {
    match command {
        PolicyCommand::Check { file } => check(session, file.as_deref()),
        PolicyCommand::Explain { field, resource } => explain(session, field, resource.as_deref()),
        PolicyCommand::Schema => {
            print(serde_json::to_string_pretty(&Policy::json_schema()).unwrap_or_default()).map(|()| Exit::Done)
        }
        PolicyCommand::Diff { old, new, resource, field } => diff(session, old, new, resource.as_deref(), field),
    }
}

fn check(session: &Session, file: Option<&Path>) -> Outcome {
    let path = file.map(Path::to_owned).or_else(|| session.policy_path());
    let path = path.ok_or_else(|| Failure::usage("name the policy: `privet policy check policy.toml`"))?;
    let policy = Policy::from_file(&path)?;
    let names: Vec<String> = policy.resources().map(|resource| resource.name.clone()).collect();
    // What contradicts itself for one resource only shows when the policy is resolved for it.
    for name in names.iter().map(String::as_str).chain(names.is_empty().then_some("records")) {
        plan_of(name, &policy)?;
    }
    let (rules, fields) = (policy.name_rules().len(), policy.field_paths().count());
    if session.is_json() {
        print_json(
            &json!({ "policy": path.display().to_string(), "patterns": rules, "fields": fields, "resources": names }),
        )?;
    } else {
        print(format!(
            "{}: {rules} patterns, {fields} fields, {} resources: nothing is wrong",
            path.display(),
            names.len()
        ))?;
    }
    Ok(Exit::Done)
}

/// What a policy makes of the fields of a resource. Nothing is masked by it, so that the mask `hash` needs no key.
pub(super) fn plan_of(resource: &str, policy: &Policy) -> privet::Result<Plan> {
    Plan::for_resource(resource, policy, &Masks::default().with_hash(Arc::new(NoHash)))
}

/// Stands for the hash of whoever masks.
#[derive(Debug)]
struct NoHash;

impl KeyedHash for NoHash {
    fn hash(&self, _tenant: &str, _field: &str, _text: &str) -> String {
        String::new()
    }
}

fn explain(session: &Session, field: &str, resource: Option<&str>) -> Outcome {
    let policy = session.policy()?;
    let resource =
        resource.map(str::to_owned).or_else(|| policy.resources().next().map(|resource| resource.name.clone()));
    let plan = plan_of(resource.as_deref().unwrap_or("records"), &policy)?;
    let explained = plan.explain(field);
    let roles = disclosures(&plan, field);
    if session.is_json() {
        let roles: serde_json::Map<_, _> = roles.into_iter().map(|(role, seen)| (role, json!(seen))).collect();
        print_json(&json!({ "resource": resource, "field": explained, "roles": roles }))?;
        return Ok(Exit::Done);
    }
    print(format!("{field} is {}", list(&explained.classes)))?;
    for said in &explained.names {
        let adds =
            if said.adds.is_empty() { "says nothing more".to_owned() } else { format!("says {}", list(&said.adds)) };
        print(format!("  {:<20} {adds}", said.name))?;
    }
    if explained.is_default {
        print("  no rule speaks of it, so it has the default class")?;
    }
    print(format!("at rest   {}", at_rest(&explained)))?;
    print(format!("mask      {}", explained.mask))?;
    print(format!("audited   {}", if explained.audit { "yes" } else { "no" }))?;
    let mut shown = table(&["role", "sees"]);
    for (role, seen) in roles {
        shown.add_row([role, seen]);
    }
    print(shown)?;
    Ok(Exit::Done)
}

fn at_rest(explained: &Explanation) -> String {
    match explained.sealed_under {
        Some(class) => format!("sealed under the key of class {class}"),
        None if explained.is_clear => "in clear: part of the key, or left out of the signature".to_owned(),
        None => "in clear, and signed".to_owned(),
    }
}

/// What each role of the policy sees of a field, and who has none of them.
pub(super) fn disclosures(plan: &Plan, field: &str) -> Vec<(String, String)> {
    let seen = |role: &str| plan.disclosure(field, &Principal::new("").role(role)).to_string();
    let roles = plan.policy().roles().map(|role| (role.to_owned(), seen(role)));
    roles.chain([("everyone else".to_owned(), plan.disclosure(field, &Principal::new("")).to_string())]).collect()
}

fn diff(session: &Session, old: &Path, new: &Path, resource: Option<&str>, fields: &[String]) -> Outcome {
    let (old, new) = (Policy::from_file(old)?, Policy::from_file(new)?);
    let named = |policy: &Policy| policy.resources().map(|resource| resource.name.clone()).collect::<BTreeSet<_>>();
    let mut resources: BTreeSet<String> = named(&old).union(&named(&new)).cloned().collect();
    if let Some(resource) = resource {
        resources = BTreeSet::from([resource.to_owned()]);
    } else if resources.is_empty() {
        resources.insert("records".to_owned());
    }
    let mut changes = Vec::new();
    for resource in &resources {
        let plan = |policy: &Policy| plan_of(resource, policy);
        let (before, after) = (plan(&old)?, plan(&new)?);
        for field in candidates(&[&old, &new], resource, fields) {
            let (was, is) = (before.explain(&field), after.explain(&field));
            let mut differs = |what: &str, was: String, is: String, rewrite: bool| {
                if was != is {
                    changes.push(Change {
                        resource: resource.clone(),
                        field: field.clone(),
                        what: what.to_owned(),
                        was,
                        is,
                        rewrite,
                    });
                }
            };
            differs("at rest", at_rest(&was), at_rest(&is), true);
            differs("classes", list(&was.classes), list(&is.classes), false);
            differs("mask", was.mask.clone(), is.mask.clone(), false);
            differs("audited", was.audit.to_string(), is.audit.to_string(), false);
            let roles: BTreeSet<&str> = old.roles().chain(new.roles()).collect();
            for role in roles.into_iter().map(Some).chain([None]) {
                let principal = role.iter().fold(Principal::new(""), |principal, role| principal.role(*role));
                let seen = |plan: &Plan| plan.disclosure(&field, &principal).to_string();
                differs(&format!("seen by {}", role.unwrap_or("everyone else")), seen(&before), seen(&after), false);
            }
        }
    }
    let rewrites = changes.iter().filter(|change| change.rewrite).count();
    if session.is_json() {
        changes.iter().try_for_each(print_json)?;
    } else if changes.is_empty() {
        print("nothing differs")?;
    } else {
        let mut shown = table(&["resource", "field", "what", "was", "is"]);
        for change in &changes {
            shown.add_row([&change.resource, &change.field, &change.what, &change.was, &change.is]);
        }
        print(shown)?;
        print(match rewrites {
            0 => "stored records stay as they are".to_owned(),
            count => format!("{count} fields are stored in another way: records that have them need to be rewritten"),
        })?;
    }
    Ok(if changes.is_empty() { Exit::Done } else { Exit::Items })
}

#[derive(serde::Serialize)]
struct Change {
    resource: String,
    field: String,
    what: String,
    was: String,
    is: String,
    /// Whether stored records need to be rewritten.
    rewrite: bool,
}

/// Fields that the policies speak of, those that were asked for, and one that nothing speaks of. A pattern with stars
/// is compared by a name that it matches.
pub(super) fn candidates(policies: &[&Policy], resource: &str, fields: &[String]) -> BTreeSet<String> {
    let mut all: BTreeSet<String> = fields.iter().cloned().collect();
    for policy in policies {
        all.extend(
            policy
                .name_rules()
                .into_iter()
                .map(|(pattern, _): (String, ClassificationSet)| pattern.replace("**", "any").replace('*', "any")),
        );
        let of_resource = policy.field_paths().filter(|(of, _)| of.is_none_or(|of| of == resource));
        all.extend(of_resource.map(|(_, path)| path));
        all.extend(policy.resource(resource).into_iter().flat_map(|resource| resource.key.clone()));
    }
    all.insert("(any other)".to_owned());
    all
}
