//! A permission of a user.

use super::{User, child, on, replace};
use crate::error::Result;
use crate::link::Link;
use crate::models::PermissionProperties;
use crate::operation::{DeletePermission, Operation, ReadPermission, ReplacePermission};
use crate::pipeline::{Action, ResourceType};

/// A permission of a user. A handle: cheap to clone, and it sends nothing by itself.
#[derive(Clone, Debug)]
pub struct Permission {
    user: User,
    id: String,
}

impl Permission {
    pub(super) fn new(user: User, id: String) -> Self {
        Self { user, id }
    }

    /// The id that the handle was made with.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The user who has it.
    pub fn user(&self) -> &User {
        &self.user
    }

    /// Reads the permission. The answer has a new resource token: [`PermissionProperties::token`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use cosmosdb::models::{PermissionMode, PermissionProperties};
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # let shop = client.database("shop");
    /// # shop.create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # shop.create_user("ana").send()?;
    /// # let all = PermissionProperties::new("all", PermissionMode::All, "dbs/shop/colls/orders");
    /// # shop.user("ana").create_permission(all).send()?;
    /// let permission = shop.user("ana").permission("all");
    /// let read = permission.read().token_expiry(Duration::from_secs(60)).send()?.properties()?;
    /// assert_eq!(read.permission_mode, PermissionMode::All);
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn read(&self) -> Operation<ReadPermission> {
        self.user.operation(on(Action::Read, ResourceType::Permission, self.link()))
    }

    /// Replaces the permission. The answer has a new resource token.
    ///
    /// The service lets tokens that were given out before be as they were until they expire; in the emulator they allow
    /// no more than the permission as it is now.
    ///
    /// ```
    /// use cosmosdb::models::{PermissionMode, PermissionProperties};
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # let shop = client.database("shop");
    /// # shop.create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # shop.create_user("ana").send()?;
    /// # let all = PermissionProperties::new("orders", PermissionMode::All, "dbs/shop/colls/orders");
    /// # shop.user("ana").create_permission(all).send()?;
    /// let permission = shop.user("ana").permission("orders");
    /// let mut properties = permission.read().send()?.properties()?;
    /// properties.permission_mode = PermissionMode::Read;
    /// let replaced = permission.replace(&properties).send()?.properties()?;
    /// assert_eq!(replaced.permission_mode, PermissionMode::Read);
    /// assert!(replaced.token.is_some());
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn replace(&self, properties: &PermissionProperties) -> Operation<ReplacePermission> {
        self.user.operation(replace(self.link(), properties))
    }

    /// Deletes the permission.
    ///
    /// The service lets tokens that were given out be until they expire; the emulator refuses them at once.
    ///
    /// ```
    /// use cosmosdb::models::{PermissionMode, PermissionProperties};
    /// # use cosmosdb::{ContainerProperties, Emulator};
    /// # let client = Emulator::new().client();
    /// # client.create_database("shop").send()?;
    /// # let shop = client.database("shop");
    /// # shop.create_container(ContainerProperties::new("orders", "/city")).send()?;
    /// # shop.create_user("ana").send()?;
    /// # let all = PermissionProperties::new("orders", PermissionMode::All, "dbs/shop/colls/orders");
    /// # shop.user("ana").create_permission(all).send()?;
    /// let permission = shop.user("ana").permission("orders");
    /// permission.delete().send()?;
    /// assert!(permission.read().send().unwrap_err().is_not_found());
    /// # Ok::<(), cosmosdb::Error>(())
    /// ```
    pub fn delete(&self) -> Operation<DeletePermission> {
        self.user.operation(on(Action::Delete, ResourceType::Permission, self.link()))
    }

    fn link(&self) -> Result<Link> {
        child(ResourceType::Permission, self.user.link(), &self.id)
    }
}
