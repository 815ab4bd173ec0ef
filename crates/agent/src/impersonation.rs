//! The agent's own look at whom a request acts as. The server decides; this is the second lock: whatever happens
//! there, nobody acts as the agent, as a service account, or as one of Kubernetes' own groups.

use http::{HeaderMap, HeaderName};

const USER: HeaderName = HeaderName::from_static("impersonate-user");
const GROUP: HeaderName = HeaderName::from_static("impersonate-group");
/// Names that begin like this are Kubernetes' own.
const SYSTEM_PREFIX: &[u8] = b"system:";
/// The only such groups a person may carry.
const ALLOWED_SYSTEM_GROUPS: [&[u8]; 2] = [b"system:authenticated", b"system:cattle:authenticated"];

/// Why a request is not passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the request names no user to act as")]
    NoUser,
    #[error("the request names more than one user to act as")]
    SeveralUsers,
    #[error("the request would act as a user whose name begins with \"system:\"")]
    SystemUser,
    #[error("the request would act as a member of a group whose name begins with \"system:\"")]
    SystemGroup,
}

/// Checks the `Impersonate-*` headers of a request.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), Refused> {
    let mut users = headers.get_all(USER).iter();
    let user = users.next().map(|user| user.as_bytes().trim_ascii()).filter(|user| !user.is_empty());
    let user = user.ok_or(Refused::NoUser)?;
    if users.next().is_some() {
        return Err(Refused::SeveralUsers);
    }
    if is_system(user) {
        return Err(Refused::SystemUser);
    }
    for group in headers.get_all(GROUP) {
        let group = group.as_bytes().trim_ascii();
        if is_system(group) && !ALLOWED_SYSTEM_GROUPS.contains(&group) {
            return Err(Refused::SystemGroup);
        }
    }
    Ok(())
}

fn is_system(name: &[u8]) -> bool {
    name.get(..SYSTEM_PREFIX.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(SYSTEM_PREFIX))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn who_may_be_acted_as() {
        let check = |pairs: &[(HeaderName, &str)], expect: Result<(), Refused>| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(name, HeaderValue::from_str(value).unwrap());
            }
            assert_eq!(super::check(&headers), expect, "{pairs:?}");
        };
        check(&[(USER, "u-abcde")], Ok(()));
        check(&[(USER, "u"), (GROUP, "system:authenticated"), (GROUP, "grange:cluster:owner")], Ok(()));
        check(&[(USER, "u"), (GROUP, "system:cattle:authenticated")], Ok(()));
        check(&[], Err(Refused::NoUser));
        check(&[(USER, " ")], Err(Refused::NoUser));
        check(&[(GROUP, "system:authenticated")], Err(Refused::NoUser));
        check(&[(USER, "u"), (USER, "v")], Err(Refused::SeveralUsers));
        check(&[(USER, "system:admin")], Err(Refused::SystemUser));
        check(&[(USER, "System:admin")], Err(Refused::SystemUser));
        check(&[(USER, " system:serviceaccount:kube-system:x")], Err(Refused::SystemUser));
        check(&[(USER, "u"), (GROUP, "system:masters")], Err(Refused::SystemGroup));
        check(&[(USER, "u"), (GROUP, "ok"), (GROUP, "system:nodes")], Err(Refused::SystemGroup));
        check(&[(USER, "u"), (GROUP, "system:serviceaccounts")], Err(Refused::SystemGroup));
    }
}
