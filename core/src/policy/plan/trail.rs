//! Where a walk is, without allocating: the names and positions are borrowed until somebody wants the path.

use crate::value::{MAX_DEPTH, Path, Step};

/// The way from the root to a value.
#[derive(Clone, Copy)]
pub(super) struct Trail<'a> {
    up: Option<&'a Trail<'a>>,
    last: Last<'a>,
    depth: usize,
}

#[derive(Clone, Copy)]
enum Last<'a> {
    Root,
    Key(&'a str),
    Index(u32),
}

impl<'a> Trail<'a> {
    pub(super) const ROOT: Self = Trail { up: None, last: Last::Root, depth: 0 };

    pub(super) fn key<'b>(&'b self, name: &'b str) -> Trail<'b>
    where
        'a: 'b,
    {
        Trail { up: Some(self), last: Last::Key(name), depth: self.depth + 1 }
    }

    pub(super) fn index<'b>(&'b self, index: u32) -> Trail<'b>
    where
        'a: 'b,
    {
        Trail { up: Some(self), last: Last::Index(index), depth: self.depth + 1 }
    }

    pub(super) fn step<'b>(&'b self, step: &'b Step) -> Trail<'b>
    where
        'a: 'b,
    {
        match step {
            Step::Key(name) => self.key(name),
            Step::Index(index) => self.index(*index),
        }
    }

    /// Whether a path this long cannot be stored.
    pub(super) fn is_too_deep(&self) -> bool {
        self.depth > MAX_DEPTH
    }

    pub(super) fn path(&self) -> Path {
        let mut steps = Vec::with_capacity(self.depth);
        self.each(&mut |last| match last {
            Last::Root => {}
            Last::Key(name) => steps.push(Step::Key(name.to_owned())),
            Last::Index(index) => steps.push(Step::Index(index)),
        });
        Path::from(steps)
    }

    /// The names joined by dots: the elements of a list are all of one field.
    pub(super) fn field(&self) -> String {
        let mut names = Vec::new();
        self.each(&mut |last| {
            if let Last::Key(name) = last {
                names.push(name.to_owned());
            }
        });
        names.join(".")
    }

    fn each(&self, visit: &mut dyn FnMut(Last<'_>)) {
        if let Some(up) = self.up {
            up.each(visit);
        }
        visit(self.last);
    }
}
