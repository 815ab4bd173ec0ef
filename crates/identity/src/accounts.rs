//! Local users and their passwords.
use std::{net::IpAddr, time::Instant};

use base64::Engine as _;
use grange_resources::management::Setting;
use grange_settings::definition::FIRST_LOGIN;
use k8s_openapi::{ByteString, api::core::v1::Secret as SecretObject};
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::json;

use crate::{
    Error, Handle, Secret, UserProfile,
    objects::{self, UserRecord},
    password,
    service::{dynamic, is_status, owner},
};

impl Handle {
    /// Changes one's own password: the present one has to be given, and guessing it is throttled like a login. Every
    /// session but `token`, with which this is asked, ends.
    pub async fn change_password(
        &self,
        user_id: &str,
        current: Secret,
        new: Secret,
        address: IpAddr,
        token: &str,
    ) -> Result<(), Error> {
        let user = self.user(user_id).ok_or_else(|| Error::NoSuchUser(user_id.to_owned()))?;
        password::check_rules(&user.username, &new)?;
        if current == new {
            return Err(Error::PasswordRule("The new password must not be the same as the current password"));
        }
        {
            let mut throttle = self.throttle();
            let now = Instant::now();
            throttle.check(&user.username, address, now).map_err(|wait| Error::Throttled {
                retry_after_seconds: u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1),
            })?;
            throttle.failed(&user.username, address, now);
        }
        if !self.verify_password(Some(user_id), current).await? {
            return Err(Error::Refused);
        }
        self.throttle().succeeded(&user.username, address, Instant::now());
        self.set_password(user_id, new, token).await
    }
    /// Sets a password without asking for the present one; the caller has authorized it. Every session of the user but
    /// `token` ends: whoever knew the old password is out. Tokens for scripts stay.
    pub async fn set_password(&self, user_id: &str, new: Secret, token: &str) -> Result<(), Error> {
        let user = self.user(user_id).ok_or_else(|| Error::NoSuchUser(user_id.to_owned()))?;
        password::check_rules(&user.username, &new)?;
        self.store_password(&user, new).await?;
        let patch = Patch::Merge(json!({"mustChangePassword": false}));
        let changed = self.users().patch(user_id, &PatchParams::default(), &patch).await?;
        if let Some(record) = UserRecord::read(&changed) {
            self.index().apply_user(record);
        }
        for session in self.index().sessions_of(user_id).iter().filter(|session| *session != token) {
            self.revoke(session).await?;
        }
        if user.is_bootstrap_admin {
            self.tell_first_login().await;
        }
        Ok(())
    }
    /// Makes a local user with a password.
    pub async fn create_user(
        &self,
        username: &str,
        display_name: &str,
        password: Secret,
        must_change_password: bool,
    ) -> Result<UserProfile, Error> {
        password::check_rules(username, &password)?;
        let user = self
            .create_user_object(json!({
                "metadata": {"generateName": "u-"},
                "username": username,
                "displayName": display_name,
                "mustChangePassword": must_change_password,
                "enabled": true,
            }))
            .await?;
        if let Err(error) = self.store_password(&user, password).await {
            // Nothing half done: a user without password would only keep the login name.
            let _ = self.users().delete(&user.id, &DeleteParams::default()).await;
            return Err(error);
        }
        Ok(user)
    }

    /// Creates a User and takes it into the index.
    pub(crate) async fn create_user_object(
        &self,
        mut object: serde_json::Value,
    ) -> Result<UserProfile, Error> {
        object["apiVersion"] = json!("management.cattle.io/v3");
        object["kind"] = json!("User");
        let mut created = self.users().create(&PostParams::default(), &dynamic(object)?).await?;
        let id = created.metadata.name.clone().unwrap_or_default();
        if created.data.get("principalIds").and_then(|ids| ids.as_array()).is_none_or(Vec::is_empty) {
            let patch = Patch::Merge(json!({"principalIds": [format!("local://{id}")]}));
            created = self.users().patch(&id, &PatchParams::default(), &patch).await?;
        }
        if let Some(record) = UserRecord::read(&created) {
            self.index().apply_user(record);
        }
        self.user(&id).ok_or(Error::NoSuchUser(id))
    }
    /// Writes the password Secret, over an older one if there is one.
    pub(crate) async fn store_password(&self, user: &UserProfile, password: Secret) -> Result<(), Error> {
        let hash = self.passwords().hash(password).await?;
        let encoded = base64::engine::general_purpose::STANDARD.encode(hash);
        let object: SecretObject = serde_json::from_value(json!({
            "metadata": {
                "name": user.id,
                "namespace": objects::PASSWORD_NAMESPACE,
                "annotations": {objects::PASSWORD_HASH_ANNOTATION: objects::PASSWORD_HASH_KIND},
                "ownerReferences": owner(user),
            },
            "type": "Opaque",
            "data": {objects::PASSWORD_KEY: encoded},
        }))
        .map_err(|error| Error::PasswordHash(error.to_string()))?;
        let api = self.password_secrets();
        match api.create(&PostParams::default(), &object).await {
            Err(error) if is_status(&error, 409) => {
                let patch = Patch::Merge(json!({
                    "metadata": {"annotations": {objects::PASSWORD_HASH_ANNOTATION: objects::PASSWORD_HASH_KIND}},
                    "data": {objects::PASSWORD_KEY: encoded},
                }));
                api.patch(&user.id, &PatchParams::default(), &patch).await?;
                Ok(())
            }
            other => other.map(drop).map_err(Error::from),
        }
    }
    pub(crate) async fn verify_password(
        &self,
        user_id: Option<&str>,
        password: Secret,
    ) -> Result<bool, Error> {
        // The read is made for unknown users too: equal work.
        let name = user_id.unwrap_or("unknown-user");
        let secret = self.password_secrets().get_opt(name).await?;
        let stored = secret
            .filter(|_| user_id.is_some())
            .and_then(|secret| secret.data)
            .and_then(|mut data| data.remove(objects::PASSWORD_KEY))
            .and_then(|ByteString(bytes)| String::from_utf8(bytes).ok());
        match self.passwords().verify(password, stored).await {
            // A Secret that somebody wrote by hand and that holds no hash opens nothing.
            Err(Error::PasswordHash(reason)) => {
                tracing::warn!(user = name, reason, "the stored password hash cannot be read");
                Ok(false)
            }
            other => other,
        }
    }
    /// Keeps the setting `first-login` true to what is so. It only tells: what it tells of is done, and must not look
    /// failed because of it.
    pub(crate) async fn tell_first_login(&self) {
        let api: Api<Setting> = Api::all(self.client().clone());
        let value = self.is_first_login().to_string();
        let patch = Patch::Merge(json!({"value": value, "source": "db"}));
        match api.patch(FIRST_LOGIN, &PatchParams::default(), &patch).await {
            Ok(object) => self.settings().apply(&object),
            Err(error) => {
                tracing::warn!(setting = FIRST_LOGIN, %error, "cannot be written now; the next start does");
            }
        }
    }
}
