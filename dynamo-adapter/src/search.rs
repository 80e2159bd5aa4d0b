//! Searching typed tables by beacons, and the indexes that this needs.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::marker::PhantomData;

use aws_sdk_dynamodb::types::AttributeValue;
use privet_core::beacon::Comparison;
pub use privet_core::policy::plan::BeaconIndex;
use privet_core::protector::{Ask, BeaconQuery, Condition, Resource};
use privet_core::schema::{Field, Protect};
use privet_core::value::{Map, Path, Step, Value, from_record, serialise_into, to_record};
use privet_core::{Error as CoreError, ErrorKind};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::convert::from_item;
use crate::error::{Error, Result};
use crate::table::Table;

/// The indexes that a table needs for the searches of a resource: of records in all versions that are written or asked
/// for, of items in DB-ESDK format one for each beacon that is a text. Each has texts as keys and holds whole items.
#[must_use]
pub fn beacon_indexes(resource: &Resource) -> Vec<BeaconIndex> {
    resource.beacon_indexes()
}

/// What to find in a table of the model `M`.
#[derive(Clone)]
pub struct Find<M> {
    condition: Result<Condition, CoreError>,
    model: PhantomData<fn() -> M>,
}

impl<M> Find<M> {
    /// Records whose value at this path is this one: for fields inside of others, `address.city`.
    pub fn equals(path: &str, value: impl Serialize) -> Self {
        Self::of(to_value(value).map(|value| Condition::Equals(parse(path), value)))
    }

    /// Records whose set or list at this path has this member.
    pub fn contains(path: &str, member: impl Serialize) -> Self {
        Self::of(to_value(member).map(|value| Condition::Contains(parse(path), value)))
    }

    /// Records whose fields in this compound beacon have these values, from the first on. See [`Find::and`] and
    /// [`Find::starts_with`].
    pub fn compound(name: &str, first: impl Serialize) -> Self {
        let condition = to_value(first).map(|first| Condition::Compound {
            name: name.to_owned(),
            values: vec![first],
            starts: None,
        });
        Self::of(condition)
    }

    /// Items in DB-ESDK format for which this beacon stands for this value: a standard beacon of what it is over (or, over
    /// a virtual field, of its text), a compound or signed one of its text as it would be with nothing hidden, such as
    /// `N-Ada.C-London`.
    pub fn beacon(name: &str, value: impl Serialize) -> Self {
        Self::by_beacon(name, Comparison::Equals, value)
    }

    /// Items in DB-ESDK format whose compound beacon, with nothing hidden, begins with this text. It must end before the
    /// first hidden part, or with its prefix. There is no index for that: it reads the whole table.
    pub fn beacon_starts_with(name: &str, text: impl Into<String>) -> Self {
        Self::by_beacon(name, Comparison::BeginsWith, text.into())
    }

    /// Items in DB-ESDK format for which this beacon, of the members of a set, has this one.
    pub fn beacon_contains(name: &str, member: impl Serialize) -> Self {
        Self::by_beacon(name, Comparison::Contains, member)
    }

    /// Only items that name this beacon key: has to be said for tables in DB-ESDK format with a `key_field`.
    /// A protector for a tenant finds under the key of its tenant only.
    #[must_use]
    pub fn of_key(mut self, id: impl Into<String>) -> Self {
        let keyed = |condition| Condition::Keyed { key: id.into(), condition: Box::new(condition) };
        self.condition = self.condition.map(keyed);
        self
    }

    fn by_beacon(name: &str, comparison: Comparison, value: impl Serialize) -> Self {
        Self::of(to_value(value).map(|value| Condition::Beacon { name: name.to_owned(), comparison, value }))
    }

    /// With the value of the next field of a compound beacon.
    #[must_use]
    pub fn and(mut self, next: impl Serialize) -> Self {
        match (&mut self.condition, to_value(next)) {
            (Ok(Condition::Compound { values, .. }), Ok(value)) => values.push(value),
            (Ok(_), Ok(_)) => self.condition = Err(only_compound()),
            (_, Err(error)) => self.condition = Err(error),
            (Err(_), _) => {}
        }
        self
    }

    /// With how the text begins that a compound beacon sorts by.
    #[must_use]
    pub fn starts_with(mut self, text: impl Into<String>) -> Self {
        match &mut self.condition {
            Ok(Condition::Compound { starts, .. }) => *starts = Some(text.into()),
            Ok(_) => self.condition = Err(only_compound()),
            Err(_) => {}
        }
        self
    }

    fn of(condition: Result<Condition, CoreError>) -> Self {
        Self { condition, model: PhantomData }
    }
}

/// Prints the kind of condition and no value.
impl<M> fmt::Debug for Find<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Find").finish_non_exhaustive()
    }
}

/// What the typed names of fields can be searched for: `Customer::email().eq("ada@example.com")`.
pub trait Searchable<M, T> {
    /// Records in which the field has this value.
    fn eq<V: Serialize>(self, value: V) -> Find<M>
    where
        T: PartialEq<V>;

    /// Records in which the field, a list or set, has this member.
    fn contains<V: Serialize>(self, member: V) -> Find<M>;
}

impl<M, T> Searchable<M, T> for Field<M, T> {
    fn eq<V: Serialize>(self, value: V) -> Find<M>
    where
        T: PartialEq<V>,
    {
        Find::of(to_value(value).map(|value| Condition::Equals(Path::attribute(self.name()), value)))
    }

    fn contains<V: Serialize>(self, member: V) -> Find<M> {
        Find::of(to_value(member).map(|value| Condition::Contains(Path::attribute(self.name()), value)))
    }
}

impl<T: Protect + DeserializeOwned + 'static> Table<T> {
    /// Searches by beacons: asks the index of each version of the policy's `query`, opens what it finds, and gives what
    /// is meant. What members contain is not indexed: that reads the whole table.
    ///
    /// ```
    /// # use privet_core::schema::{Field, Protect};
    /// # use privet_dynamodb::{Result, Searchable as _, Table};
    /// # async fn example<Customer: Protect + serde::de::DeserializeOwned + 'static>(
    /// #     customers: Table<Customer>, email: Field<Customer, String>,
    /// # ) -> Result<()> {
    /// let mut found = customers.find(email.eq("ada@example.com")).await?;
    /// while let Some(customer) = found.next().await? {
    ///     // ...
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `Config` if what is searched for has no beacon, or there is no key for it; `Input` if the value is null or cannot
    /// be serialised; the key source's.
    pub async fn find(&self, find: Find<T>) -> Result<Found<'_, T>> {
        let condition = find.condition?;
        let queries = self.protector().search(self.resource(), &condition).await?;
        Ok(Found {
            table: self,
            condition,
            queries: queries.into(),
            start: None,
            page: VecDeque::new(),
            seen: BTreeSet::new(),
        })
    }
}

/// The records that a search finds, page by page.
///
/// An index follows its table with a delay: what was written a moment ago may not be found yet.
#[must_use = "nothing is read before `next` or `collect`"]
pub struct Found<'a, T> {
    table: &'a Table<T>,
    condition: Condition,
    queries: VecDeque<BeaconQuery>,
    start: Option<HashMap<String, AttributeValue>>,
    page: VecDeque<T>,
    // The keys of the records that were given already: versions find the same ones.
    seen: BTreeSet<Vec<u8>>,
}

impl<T: Protect + DeserializeOwned + 'static> Found<'_, T> {
    /// The next record; `None` if there are no more.
    ///
    /// # Errors
    ///
    /// `Integrity` if a record that has the beacon does not authenticate; `Denied` if this process may not unwrap one of
    /// its classes; `Input` if the table lacks the index; the protector's and DynamoDB's errors.
    pub async fn next(&mut self) -> Result<Option<T>> {
        loop {
            if let Some(record) = self.page.pop_front() {
                return Ok(Some(record));
            }
            let Some(query) = self.queries.front() else { return Ok(None) };
            let (items, next) = self.read(query).await?;
            for item in items {
                self.take(from_item(item)?).await?;
            }
            self.start = next;
            if self.start.is_none() {
                self.queries.pop_front();
            }
        }
    }

    /// All records.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    pub async fn collect(mut self) -> Result<Vec<T>> {
        let mut all = Vec::new();
        while let Some(record) = self.next().await? {
            all.push(record);
        }
        Ok(all)
    }

    /// Opens a stored record, and keeps it if it is meant and new.
    async fn take(&mut self, stored: Map) -> Result<()> {
        let resource = self.table.resource();
        let key = key_of(resource, &stored)?;
        if self.seen.contains(&key) || self.table.protector().is_of_another_tenant(resource, &stored) {
            return Ok(());
        }
        let record = self.table.protector().unprotect_record(resource, stored).await?.complete()?;
        if resource.matches(&self.condition, &record)? {
            self.seen.insert(key);
            self.page.push_back(from_record(record)?);
        }
        Ok(())
    }

    async fn read(&self, query: &BeaconQuery) -> Result<Page> {
        let (client, table) = (self.table.client(), self.table.resource().table());
        match &query.ask {
            Ask::Index { name, partition: (partition, value), begins_with } => {
                let mut call = client
                    .query()
                    .table_name(table)
                    .index_name(name)
                    .expression_attribute_names("#p", partition)
                    .expression_attribute_values(":p", AttributeValue::S(value.clone()))
                    .set_exclusive_start_key(self.start.clone());
                call = match begins_with {
                    Some((sort, start)) => call
                        .key_condition_expression("#p = :p AND begins_with(#s, :s)")
                        .expression_attribute_names("#s", sort)
                        .expression_attribute_values(":s", AttributeValue::S(start.clone())),
                    None => call.key_condition_expression("#p = :p"),
                };
                let output = call.send().await.map_err(|error| Error::from_sdk("Query", &error))?;
                Ok((output.items.unwrap_or_default(), output.last_evaluated_key))
            }
            Ask::Filter { attribute, contains } => self.scan("contains(#a, :a)", attribute, contains).await,
            Ask::Beginning { attribute, begins_with } => self.scan("begins_with(#a, :a)", attribute, begins_with).await,
        }
    }

    async fn scan(&self, filter: &str, attribute: &str, text: &str) -> Result<Page> {
        let call = self
            .table
            .client()
            .scan()
            .table_name(self.table.resource().table())
            .filter_expression(filter)
            .expression_attribute_names("#a", attribute)
            .expression_attribute_values(":a", AttributeValue::S(text.to_owned()))
            .set_exclusive_start_key(self.start.clone());
        let output = call.send().await.map_err(|error| Error::from_sdk("Scan", &error))?;
        Ok((output.items.unwrap_or_default(), output.last_evaluated_key))
    }
}

impl<T> fmt::Debug for Found<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found").field("questions_left", &self.queries.len()).finish_non_exhaustive()
    }
}

/// Items, and where to go on.
type Page = (Vec<HashMap<String, AttributeValue>>, Option<HashMap<String, AttributeValue>>);

/// The bytes of a record's key attributes, in order.
fn key_of(resource: &Resource, stored: &Map) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    for name in resource.key() {
        let mut value = Vec::new();
        let stored = stored.get(name).ok_or_else(CoreError::integrity)?;
        serialise_into(stored, &mut value)?;
        all.extend_from_slice(&(value.len() as u64).to_be_bytes());
        all.append(&mut value);
    }
    Ok(all)
}

fn to_value(value: impl Serialize) -> Result<Value, CoreError> {
    let mut record = to_record(&One { value })?;
    Ok(record.remove("value").unwrap_or(Value::Null))
}

/// A value as a record of one member, since models are what is made value trees of.
#[derive(Serialize)]
struct One<V> {
    value: V,
}

fn parse(path: &str) -> Path {
    path.split('.').map(|name| Step::Key(name.to_owned())).collect::<Vec<_>>().into()
}

fn only_compound() -> CoreError {
    CoreError::new(ErrorKind::Config, "only compound beacons are searched by several values or a beginning")
}
