//! What a permission lets its bearer do: something with one resource and with what is in it.

use http::Method;

use crate::emulator::call::Call;
use crate::emulator::refusal::Refusal;
use crate::emulator::request::Request;
use crate::emulator::sql::value::{Object, Value};
use crate::emulator::store::container::Container;
use crate::emulator::store::rid::Kind;
use crate::emulator::store::user::Permission;
use crate::emulator::store::{Account, rid};
use crate::partition_key::PartitionKey;
use crate::wire::header;

/// Lets a request pass that the permission with this rid covers as it is now.
///
/// Beyond the permitted resource the account itself can be read, as other SDKs do before anything else. What belongs
/// to the owner of the account is refused: databases, users, permissions and offers.
pub(crate) fn check(call: &Call<'_>, permission_rid: &str) -> Result<(), Refusal> {
    let request = call.request;
    if request.segments.is_empty() {
        return Ok(());
    }
    let account = call.read();
    let permission = find(&account, permission_rid).ok_or_else(Refusal::not_permitted)?;
    let grant = Grant::of(permission);
    let granted: Vec<&str> = permission.resource.split('/').collect();
    let asked: Vec<&str> = request.segments.iter().map(String::as_str).collect();
    let (Some((container, granted)), Some((other, asked))) =
        (container_of(&account, &granted), container_of(&account, &asked))
    else {
        return Err(Refusal::not_permitted());
    };
    let is_covered =
        container.rules.rid == other.rules.rid && grant.covers(container, granted, asked, request);
    if is_covered && grant.allows(asked, request) { Ok(()) } else { Err(Refusal::not_permitted()) }
}

fn find<'a>(account: &'a Account, permission_rid: &str) -> Option<&'a Permission> {
    let users = account.databases.iter().flat_map(|it| &it.users);
    users.flat_map(|it| &it.permissions).find(|it| it.rid == permission_rid)
}

/// The container that a path leads into, and the rest of the path.
fn container_of<'a, 'p>(
    account: &'a Account,
    path: &'p [&'p str],
) -> Option<(&'a Container, &'p [&'p str])> {
    let ["dbs", database, "colls", container, rest @ ..] = path else { return None };
    Some((account.database(database)?.container(container)?, rest))
}

/// A permission, as it bears on requests.
struct Grant {
    may_write: bool,
    /// The partition key that it is confined to, or the prefix of one.
    key: Option<PartitionKey>,
}

impl Grant {
    fn of(permission: &Permission) -> Self {
        let mode = permission.properties.get("permissionMode").and_then(Value::as_str);
        Self {
            may_write: mode.is_some_and(|it| it.eq_ignore_ascii_case("all")),
            key: key_of(&permission.properties),
        }
    }

    /// Whether what is asked for is the permitted resource or in it. Both paths begin below the container.
    fn covers(
        &self,
        container: &Container,
        granted: &[&str],
        asked: &[&str],
        request: &Request<'_>,
    ) -> bool {
        match (granted, asked) {
            ([], _) => true,
            (["docs", own], ["docs", id]) => is_same_item(container, (own, id), request),
            ([kind, own], [other, id]) if kind == other => script_rid(container, kind, own)
                .is_some_and(|it| script_rid(container, other, id) == Some(it)),
            _ => false,
        }
    }

    /// Whether the mode and the partition key allow it.
    fn allows(&self, asked: &[&str], request: &Request<'_>) -> bool {
        let is_read = is_read(asked, request);
        if !self.may_write && !is_read {
            return false;
        }
        let Some(key) = &self.key else { return true };
        match asked {
            // What describes the container is not of any one key, and not changed by who has only one.
            [] | ["pkranges"] | ["sprocs" | "triggers" | "udfs"] => is_read,
            ["triggers" | "udfs", _] => is_read,
            ["sprocs", _] if *request.method != Method::POST => is_read,
            ["docs"] if is_plan(asked, request) => true,
            ["docs"] if request.is_set(&header::IS_BATCH_REQUEST) => {
                has_key(request, key) && operations_have_key(request, key)
            }
            _ => has_key(request, key),
        }
    }
}

/// The key that a permission is confined to: a list of values, of which some clients give the only one as it is.
fn key_of(properties: &Object) -> Option<PartitionKey> {
    let value = properties.get("resourcePartitionKey")?;
    let json = match value.as_array() {
        Some(_) => value.to_json(),
        None => format!("[{}]", value.to_json()),
    };
    PartitionKey::from_header_value(&json).ok()
}

/// Whether nothing is changed. Only feeds are queried: elsewhere the headers of a query change nothing of what a
/// request does.
fn is_read(asked: &[&str], request: &Request<'_>) -> bool {
    let is_query = *request.method == Method::POST && asked.len() == 1 && request.is_query();
    matches!(*request.method, Method::GET | Method::HEAD) || is_query || is_plan(asked, request)
}

fn is_plan(asked: &[&str], request: &Request<'_>) -> bool {
    *request.method == Method::POST
        && *asked == ["docs"]
        && request.is_set(&header::IS_QUERY_PLAN_REQUEST)
}

/// Whether the request names this partition key, or one that it is the prefix of.
fn has_key(request: &Request<'_>, key: &PartitionKey) -> bool {
    request.header(&header::PARTITION_KEY).is_some_and(|it| is_within(it, key))
}

fn is_within(text: &str, key: &PartitionKey) -> bool {
    let asked = PartitionKey::from_header_value(text);
    asked.is_ok_and(|it| it.components().starts_with(key.components()))
}

/// Whether no operation of a batch names another key for itself.
fn operations_have_key(request: &Request<'_>, key: &PartitionKey) -> bool {
    let Ok(body) = Value::from_json(request.body) else { return true };
    let operations = body.as_array().unwrap_or_default();
    operations.iter().all(|it| match it.get("partitionKey").as_str() {
        Some(own) => is_within(own, key),
        None => true,
    })
}

/// Whether two texts, each an id or a rid, are of one item. A rid is of one item; an id may be of one in every
/// partition key.
fn is_same_item(container: &Container, (own, id): (&str, &str), request: &Request<'_>) -> bool {
    let by_rid = |text: &str| {
        let number = container.rules.rid.item_number(text)?;
        container.partitions.iter().find_map(|it| it.items().get(&number))
    };
    let key = request
        .header(&header::PARTITION_KEY)
        .and_then(|it| PartitionKey::from_header_value(it).ok().map(|it| it.header_value()));
    match (by_rid(own), by_rid(id)) {
        (Some(own), Some(other)) => own.number == other.number,
        (Some(own), None) => *own.id == *id && key.as_deref().is_none_or(|it| *own.key == *it),
        (None, Some(other)) => *other.id == *own,
        (None, None) => own == id,
    }
}

/// The rid of a stored procedure, trigger or function that is named by its id or rid.
fn script_rid<'c>(container: &'c Container, segment: &str, text: &str) -> Option<&'c str> {
    let kind = match segment {
        "sprocs" => Kind::StoredProcedure,
        "triggers" => Kind::Trigger,
        "udfs" => Kind::UserFunction,
        _ => return None,
    };
    let scripts = container.scripts.of(kind);
    let script = scripts.iter().find(|it| it.id == text).or_else(|| {
        let is_rid = rid::bytes(text).is_some();
        scripts.iter().find(|it| is_rid && it.rid == text)
    });
    script.map(|it| it.rid.as_str())
}
