//! `inventory`: which fields there are, of which class, how they are stored and who sees them.

use std::collections::{BTreeMap, BTreeSet};

use privet::policy::plan::Plan;
use privet::{Classification, ClassificationSet, Policy};
use serde::Serialize;

use super::policy::{candidates, disclosures, plan_of};
use super::sample::Sample;
use crate::exit::{Exit, Failure, Outcome};
use crate::opt::Inventory;
use crate::output::Output;
use crate::session::Session;
use crate::uri::Source;

mod schema;
mod sheet;

pub(super) async fn run(session: &Session, args: &Inventory) -> Outcome {
    let policy = session.policy()?;
    let mut found: BTreeMap<(String, String), Found> = BTreeMap::new();
    for resource in policy.resources().filter(|resource| is_wanted(args, &resource.name)) {
        for path in candidates(&[&policy], &resource.name, &[]) {
            found.entry((resource.name.clone(), path)).or_default().sources.insert("policy".to_owned());
        }
    }
    for path in &args.schema {
        let resource = session.resource(args.resource.as_deref(), &policy)?;
        for field in schema::read(path)? {
            let entry = found.entry((resource.clone(), field.path)).or_default();
            entry.sources.insert(path.display().to_string());
            entry.model.extend(field.class);
            entry.categories.extend(field.categories);
        }
    }
    for source in sources(args, &policy) {
        let resource = match &source {
            Source::Table(table) => of_table(table, args, &policy),
            _ => None,
        };
        let resource = match resource {
            Some(resource) => resource,
            None => session.resource(args.resource.as_deref(), &policy)?,
        };
        let mut sample = Sample::of(args.sample);
        sample.read(session, &source, None).await?;
        for (path, class) in &sample.stored {
            let entry = found.entry((resource.clone(), path.clone())).or_default();
            entry.sources.insert(source.to_string());
            entry.stored.insert(format!("sealed as {class}"));
        }
        for proposal in sample.survey.proposals() {
            let entry = found.entry((resource.clone(), proposal.path)).or_default();
            entry.sources.insert(source.to_string());
            entry.stored.insert("in clear".to_owned());
            entry.looks_like.extend(proposal.evidence.iter().map(|evidence| evidence.kind.to_string()));
        }
    }
    let mut plans: BTreeMap<String, Plan> = BTreeMap::new();
    let mut rows = Vec::new();
    for ((resource, path), found) in found {
        if !plans.contains_key(&resource) {
            plans.insert(resource.clone(), plan_of(&resource, &policy)?);
        }
        let Some(plan) = plans.get(&resource) else { continue };
        rows.push(Row::new(resource, path, found, plan));
    }
    if rows.is_empty() {
        return Err(Failure::usage(
            "there is nothing to list: name a policy with resources, a schema file, or data to look at",
        ));
    }
    let mut out = Output::to(args.output.as_deref())?;
    sheet::write(&rows, sheet::of(session, args), &mut out)?;
    out.finish()?;
    Ok(Exit::Done)
}

fn is_wanted(args: &Inventory, resource: &str) -> bool {
    args.resource.as_ref().is_none_or(|wanted| wanted == resource)
}

fn sources(args: &Inventory, policy: &Policy) -> Vec<Source> {
    let live = policy.resources().filter(|resource| args.live && is_wanted(args, &resource.name));
    args.sources.iter().cloned().chain(live.map(|resource| Source::Table(resource.table.clone()))).collect()
}

fn of_table(table: &str, args: &Inventory, policy: &Policy) -> Option<String> {
    let mut all = policy.resources().filter(|resource| resource.table == table && is_wanted(args, &resource.name));
    all.next().map(|resource| resource.name.clone())
}

/// What is known of a field beside what the policy says.
#[derive(Clone, Default)]
struct Found {
    sources: BTreeSet<String>,
    model: BTreeSet<Classification>,
    categories: BTreeSet<String>,
    stored: BTreeSet<String>,
    looks_like: BTreeSet<String>,
}

/// A line of the inventory.
#[derive(Serialize)]
struct Row {
    resource: String,
    field: String,
    classes: Vec<Classification>,
    categories: Vec<String>,
    /// What the policy wants: `encrypt` or `sign`.
    at_rest: &'static str,
    /// How it was found stored.
    stored: Vec<String>,
    /// What its values look like.
    looks_like: Vec<String>,
    mask: String,
    audited: bool,
    roles: BTreeMap<String, String>,
    /// Where the field is known from.
    sources: Vec<String>,
}

impl Row {
    fn new(resource: String, path: String, found: Found, plan: &Plan) -> Self {
        let explained = plan.explain(&path);
        // What a model says and what names say both hold; the default class is for what nothing speaks of.
        let is_said = !explained.is_default || found.model.is_empty();
        let of_policy = explained.classes.iter().copied().filter(|_| is_said);
        let classes: BTreeSet<Classification> = of_policy.chain(found.model).collect();
        let is_sealed = |class: &Classification| plan.policy().sealed_under(ClassificationSet::of(*class)).is_some();
        let at_rest = if !explained.is_clear && classes.iter().any(is_sealed) { "encrypt" } else { "sign" };
        let categories: BTreeSet<String> = explained.categories.into_iter().chain(found.categories).collect();
        let audited =
            explained.audit || classes.iter().any(|class| plan.policy().is_audited(ClassificationSet::of(*class)));
        Self {
            roles: disclosures(plan, &path).into_iter().collect(),
            resource,
            field: path,
            classes: classes.into_iter().collect(),
            categories: categories.into_iter().collect(),
            at_rest,
            stored: found.stored.into_iter().collect(),
            looks_like: found.looks_like.into_iter().collect(),
            mask: explained.mask,
            audited,
            sources: found.sources.into_iter().collect(),
        }
    }
}
