//! `Impersonate-*` headers: acting as somebody else, where that is granted.
use std::collections::BTreeMap;

use grange_apimachinery::Status;
use http::{HeaderMap, HeaderName};

use crate::{
    UserInfo,
    authentication::{AUTHENTICATED, UNAUTHENTICATED, service_account_groups, split_service_account},
    authorization::{Attributes, Authorized},
    limits::MAX_IMPERSONATED_VALUES,
    server::Inner,
};

const USER: &str = "impersonate-user";
const UID: &str = "impersonate-uid";
const GROUP: &str = "impersonate-group";
const EXTRA: &str = "impersonate-extra-";
const AUTHENTICATION_GROUP: &str = "authentication.k8s.io";

/// The identity to act as; the headers are removed, so that nobody further down can mistake them for fresh ones.
pub(crate) fn impersonate(
    inner: &Inner,
    user: UserInfo,
    headers: &mut HeaderMap,
) -> Result<UserInfo, Status> {
    let names: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with("impersonate-")).cloned().collect();
    if names.is_empty() {
        return Ok(user);
    }
    let wanted = read(headers, &names)?;
    for name in names {
        headers.remove(name);
    }
    if wanted.username.is_empty() {
        return Err(Status::bad_request(
            "requested impersonation of groups, uid or extras without impersonating a user",
        ));
    }
    authorize(inner, &user, &wanted)?;
    Ok(complete(wanted))
}

fn read(headers: &HeaderMap, names: &[HeaderName]) -> Result<UserInfo, Status> {
    let mut wanted = UserInfo::default();
    let mut count = 0;
    for name in names {
        for value in headers.get_all(name) {
            count += 1;
            if count > MAX_IMPERSONATED_VALUES {
                return Err(Status::bad_request("too many impersonated values"));
            }
            let value =
                value.to_str().map_err(|_| Status::bad_request(format!("{name}: not text")))?.to_owned();
            match name.as_str() {
                USER => wanted.username = value,
                UID => wanted.uid = value,
                GROUP => wanted.groups.push(value),
                other => match other.strip_prefix(EXTRA) {
                    Some(key) => wanted.extra.entry(unescape(key)).or_default().push(value),
                    None => {
                        return Err(Status::bad_request(format!("unknown impersonation header {other:?}")));
                    }
                },
            }
        }
    }
    Ok(wanted)
}

/// Extra keys are percent-encoded in header names; what does not decode stays as it is.
fn unescape(key: &str) -> String {
    let decode = || {
        let mut out = Vec::new();
        let mut bytes = key.bytes();
        while let Some(byte) = bytes.next() {
            if byte == b'%' {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                out.push((high * 16 + low) as u8);
            } else {
                out.push(byte);
            }
        }
        String::from_utf8(out).ok()
    };
    decode().unwrap_or_else(|| key.to_owned())
}

fn authorize(inner: &Inner, user: &UserInfo, wanted: &UserInfo) -> Result<(), Status> {
    let check =
        |attributes: Attributes<'_>| Authorized::check(inner.authorizer.as_ref(), attributes).map(|_| ());
    let plain = |group, resource| Attributes::of_resource(user, "impersonate", group, resource);
    match split_service_account(&wanted.username) {
        Some((namespace, name)) => check(Attributes { namespace, name, ..plain("", "serviceaccounts") })?,
        None => check(Attributes { name: &wanted.username, ..plain("", "users") })?,
    }
    for name in &wanted.groups {
        check(Attributes { name, ..plain("", "groups") })?;
    }
    for (key, values) in &wanted.extra {
        for name in values {
            check(Attributes { subresource: key, name, ..plain(AUTHENTICATION_GROUP, "userextras") })?;
        }
    }
    if !wanted.uid.is_empty() {
        check(Attributes { name: &wanted.uid, ..plain(AUTHENTICATION_GROUP, "uids") })?;
    }
    Ok(())
}

fn complete(mut wanted: UserInfo) -> UserInfo {
    if let Some((namespace, _)) = split_service_account(&wanted.username)
        && wanted.groups.is_empty()
    {
        wanted.groups = service_account_groups(namespace);
    }
    let anonymous = wanted.username == UserInfo::anonymous().username;
    let group = if anonymous { UNAUTHENTICATED } else { AUTHENTICATED };
    if !wanted.groups.iter().any(|present| present == AUTHENTICATED || present == UNAUTHENTICATED) {
        wanted.groups.push(group.to_owned());
    }
    wanted.extra = std::mem::take(&mut wanted.extra).into_iter().collect::<BTreeMap<_, _>>();
    wanted
}
