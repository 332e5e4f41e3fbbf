//! Which path leads to which handler: one table.

use super::call::Call;
use super::handlers::{
    account, change_feed, conflict, container, database, delete_by_key, execution, item, items,
    offer, permission, pkranges, script, user,
};
use super::refusal::Refusal;
use super::request::Request;
use super::response::Answer;

/// What answers a call.
pub(crate) type Handler = fn(&Call<'_>) -> Result<Answer, Refusal>;

/// A path and what can be done with it.
pub(crate) struct Route {
    /// Segments; `*` stands for an id.
    path: &'static str,
    /// The word that is signed.
    pub(crate) resource_type: &'static str,
    /// Whether the path names something to do with the container, and is signed as the container.
    pub(crate) is_operation: bool,
    get: Option<Handler>,
    /// A POST with a query for its body, where that is told from other POSTs by the route.
    query: Option<Handler>,
    post: Option<Handler>,
    put: Option<Handler>,
    patch: Option<Handler>,
    delete: Option<Handler>,
}

const fn path(path: &'static str, resource_type: &'static str) -> Route {
    Route {
        path,
        resource_type,
        is_operation: false,
        get: None,
        query: None,
        post: None,
        put: None,
        patch: None,
        delete: None,
    }
}

impl Route {
    const fn get(self, handler: Handler) -> Self {
        Self { get: Some(handler), ..self }
    }

    /// A feed, whole or by a query.
    const fn list(self, handler: Handler) -> Self {
        Self { get: Some(handler), query: Some(handler), ..self }
    }

    const fn post(self, handler: Handler) -> Self {
        Self { post: Some(handler), ..self }
    }

    const fn put(self, handler: Handler) -> Self {
        Self { put: Some(handler), ..self }
    }

    const fn patch(self, handler: Handler) -> Self {
        Self { patch: Some(handler), ..self }
    }

    const fn delete(self, handler: Handler) -> Self {
        Self { delete: Some(handler), ..self }
    }

    const fn operation(self) -> Self {
        Self { is_operation: true, ..self }
    }

    /// What answers the request.
    pub(crate) fn handler(&self, request: &Request<'_>) -> Option<Handler> {
        match request.method.as_str() {
            "GET" | "HEAD" => self.get,
            "POST" if self.query.is_some() && request.is_query() => self.query,
            "POST" => self.post,
            "PUT" => self.put,
            "PATCH" => self.patch,
            "DELETE" => self.delete,
            _ => None,
        }
    }

    fn matches(&self, segments: &[String]) -> bool {
        let mut own = self.path.split('/').filter(|it| !it.is_empty());
        segments.iter().all(|it| own.next().is_some_and(|pattern| pattern == "*" || pattern == it))
            && own.next().is_none()
    }
}

static ROUTES: [Route; 23] = [
    path("", "").get(account::read),
    path("dbs", "dbs").list(database::list).post(database::create),
    path("dbs/*", "dbs").get(database::read).delete(database::delete),
    path("dbs/*/colls", "colls").list(container::list).post(container::create),
    path("dbs/*/colls/*", "colls")
        .get(container::read)
        .put(container::replace)
        .delete(container::delete),
    path("dbs/*/colls/*/docs", "docs").get(change_feed::list_or_changes).post(items::post),
    path("dbs/*/colls/*/docs/*", "docs")
        .get(item::read)
        .put(item::replace)
        .patch(item::patch)
        .delete(item::delete),
    path("dbs/*/colls/*/pkranges", "pkranges").get(pkranges::list),
    path("dbs/*/colls/*/operations/partitionkeydelete", "colls")
        .operation()
        .post(delete_by_key::delete),
    path("dbs/*/colls/*/conflicts", "conflicts").list(conflict::list),
    path("dbs/*/colls/*/conflicts/*", "conflicts").get(conflict::read).delete(conflict::delete),
    path("dbs/*/colls/*/sprocs", "sprocs").list(script::list).post(script::create),
    path("dbs/*/colls/*/sprocs/*", "sprocs")
        .get(script::read)
        .post(execution::procedure::execute)
        .put(script::replace)
        .delete(script::delete),
    path("dbs/*/colls/*/triggers", "triggers").list(script::list).post(script::create),
    path("dbs/*/colls/*/triggers/*", "triggers")
        .get(script::read)
        .put(script::replace)
        .delete(script::delete),
    path("dbs/*/colls/*/udfs", "udfs").list(script::list).post(script::create),
    path("dbs/*/colls/*/udfs/*", "udfs")
        .get(script::read)
        .put(script::replace)
        .delete(script::delete),
    path("dbs/*/users", "users").list(user::list).post(user::create),
    path("dbs/*/users/*", "users").get(user::read).put(user::replace).delete(user::delete),
    path("dbs/*/users/*/permissions", "permissions")
        .list(permission::list)
        .post(permission::create),
    path("dbs/*/users/*/permissions/*", "permissions")
        .get(permission::read)
        .put(permission::replace)
        .delete(permission::delete),
    path("offers", "offers").list(offer::list),
    path("offers/*", "offers").get(offer::read).put(offer::replace),
];

/// The route of a path.
pub(crate) fn route(segments: &[String]) -> Option<&'static Route> {
    ROUTES.iter().find(|it| it.matches(segments))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_routes() {
        for (path, expected) in [
            ("", Some("")),
            ("dbs/a/colls/b/docs/c", Some("dbs/*/colls/*/docs/*")),
            (
                "dbs/a/colls/b/operations/partitionkeydelete",
                Some("dbs/*/colls/*/operations/partitionkeydelete"),
            ),
            ("offers/x", Some("offers/*")),
            ("dbs/a/views", None),
            ("dbs/a/colls/b/docs/_apis/batch", None),
        ] {
            let segments: Vec<String> =
                path.split('/').filter(|it| !it.is_empty()).map(str::to_owned).collect();
            assert_eq!(route(&segments).map(|it| it.path), expected, "{path}");
        }
    }
}
