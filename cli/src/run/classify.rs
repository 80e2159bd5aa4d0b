//! `classify`: what fields hold, the class that is proposed for each, and what the policy misses.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use privet::detect::{Kind, Proposal};
use privet::policy::plan::Plan;
use privet::{Classification, Policy};
use serde::Serialize;

use super::policy::plan_of;
use super::sample::Sample;
use super::{print, print_json};
use crate::exit::{Exit, Failure, Outcome};
use crate::opt::Classify;
use crate::output::{Pending, tell};
use crate::session::Session;
use crate::table::{list, table};
use crate::uri::Source;

pub(super) async fn run(session: &Session, args: &Classify) -> Outcome {
    let policy = session.policy()?;
    let mut sample = Sample::of(args.sample);
    sample.read(session, &args.source, args.format).await?;
    let resource = resource(args, &policy);
    let plan = plan_of(&resource, &policy)?;
    let rows: Vec<Row> = sample.survey.proposals().into_iter().map(|proposal| Row::new(proposal, &plan)).collect();
    let found: Vec<&Row> = rows.iter().filter(|row| row.proposal.class.is_some()).collect();
    let missed = found.iter().filter(|row| row.coverage.is_missed()).count();
    if let Some(path) = &args.propose {
        let mut file = Pending::new(path)?;
        let text = proposed_policy(&found);
        std::io::Write::write_all(&mut file, text.as_bytes()).map_err(|error| Failure::io(path.display(), &error))?;
        file.keep()?;
    }
    if session.is_json() {
        rows.iter().filter(|row| args.all || row.proposal.class.is_some()).try_for_each(print_json)?;
    } else {
        let mut shown = table(&["field", "proposed", "sure", "evidence", "policy says", ""]);
        for row in rows.iter().filter(|row| args.all || row.proposal.class.is_some()) {
            shown.add_row(row.cells());
        }
        print(shown)?;
        let sealed = if sample.sealed > 0 {
            format!(", {} of them sealed and passed over", sample.sealed)
        } else {
            String::new()
        };
        let wrong = if missed == 0 {
            "the policy speaks of all that was found".to_owned()
        } else {
            format!("{missed} fields that the policy misses")
        };
        print(format!(
            "{} records{sealed}; {} fields, {} with findings; {wrong}",
            sample.records,
            rows.len(),
            found.len()
        ))?;
    }
    if sample.survey.is_truncated() {
        tell(session.is_quiet(), "there are more than 10,000 names: those after them were passed over");
    }
    Ok(if missed == 0 { Exit::Done } else { Exit::Items })
}

fn resource(args: &Classify, policy: &Policy) -> String {
    let of_table =
        |table: &str| policy.resources().find(|resource| resource.table == table).map(|resource| resource.name.clone());
    let only = || {
        let mut all = policy.resources();
        all.next().filter(|_| all.next().is_none()).map(|resource| resource.name.clone())
    };
    let by_source = || match &args.source {
        Source::Table(table) => of_table(table),
        _ => None,
    };
    args.resource.clone().or_else(by_source).or_else(only).unwrap_or_else(|| "records".to_owned())
}

/// A field with what is proposed for it and what the policy says.
#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    proposal: Proposal,
    policy: Vec<Classification>,
    coverage: Coverage,
}

/// How a policy meets what was found.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Coverage {
    /// Nothing was found.
    Nothing,
    /// The policy has the field in a class that is as strict.
    Covered,
    /// It seals the field, but in a lesser class.
    Weaker,
    /// No rule speaks of the field: it has the default class.
    Unclassified,
    /// It stores the field in clear.
    InClear,
}

impl Coverage {
    fn is_missed(self) -> bool {
        matches!(self, Self::Unclassified | Self::InClear)
    }

    fn words(self) -> &'static str {
        match self {
            Self::Nothing | Self::Covered => "",
            Self::Weaker => "a lesser class",
            Self::Unclassified => "no rule",
            Self::InClear => "IN CLEAR",
        }
    }
}

impl Row {
    fn new(proposal: Proposal, plan: &Plan) -> Self {
        let explained = plan.explain(&proposal.path);
        let coverage = match proposal.class {
            None => Coverage::Nothing,
            Some(_) if explained.sealed_under.is_none() => Coverage::InClear,
            Some(_) if explained.is_default => Coverage::Unclassified,
            Some(class) if explained.sealed_under < Some(class) => Coverage::Weaker,
            Some(_) => Coverage::Covered,
        };
        Self { proposal, policy: explained.classes, coverage }
    }

    fn cells(&self) -> [String; 6] {
        let Proposal { path, class, confidence, seen, name, evidence, .. } = &self.proposal;
        let found = evidence.iter().map(|evidence| match (evidence.values, evidence.in_text) {
            (values, 0) => format!("{} {values}/{seen}", evidence.kind),
            (0, within) => format!("{} in text {within}/{seen}", evidence.kind),
            (values, within) => format!("{} {values}/{seen}, in text {within}", evidence.kind),
        });
        let name = name.map(|kind: Kind| format!("name: {kind}"));
        let class = class.map_or("-".to_owned(), |class| class.to_string());
        let sure = if self.proposal.class.is_some() { confidence.to_string() } else { String::new() };
        [path.clone(), class, sure, list(found.chain(name)), list(&self.policy), self.coverage.words().to_owned()]
    }
}

/// A policy document with what was found, for people to go over.
fn proposed_policy(found: &[&Row]) -> String {
    let mut text = String::from(
        "# Proposed by `privet classify` from samples: go over each line before you use it.\nversion = 1\n",
    );
    let mut by_class: BTreeMap<Classification, Vec<&str>> = BTreeMap::new();
    for row in found {
        // A field that is found within a list is named through it.
        by_class
            .entry(row.proposal.class.unwrap_or(Classification::Confidential))
            .or_default()
            .push(&row.proposal.path);
    }
    for (class, paths) in by_class {
        let names: Vec<String> = paths.iter().map(|path| format!("{:?}", path.replace("[]", ""))).collect();
        let _ = write!(text, "\n[[rules]]\nclass = \"{class}\"\nnames = [{}]\n", names.join(", "));
    }
    for row in found.iter().filter(|row| row.proposal.mask.is_some() || !row.proposal.categories.is_empty()) {
        let _ = write!(
            text,
            "\n[[fields]] # {} sure\npath = {:?}\n",
            row.proposal.confidence,
            row.proposal.path.replace("[]", "")
        );
        if let Some(mask) = row.proposal.mask {
            let _ = writeln!(text, "mask = \"{mask}\"");
        }
        let categories: Vec<String> = row.proposal.categories.iter().map(|category| format!("{category:?}")).collect();
        let _ = writeln!(text, "categories = [{}]", categories.join(", "));
    }
    text
}
