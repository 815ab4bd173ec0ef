//! `grange login`: who the server is comes before who the person is.
use serde_json::json;

use crate::{
    command::Login,
    config::{self, Connection},
    error::Error,
    prompt,
    remote::{Remote, Trust, ca_checksum},
};

pub(crate) async fn run(arguments: Login) -> Result<(), Error> {
    let server = normalize(&arguments.url)?;
    let checksum = arguments.ca_checksum.as_deref().map(normalize_checksum).transpose()?;
    let ca_pem = match arguments.insecure_skip_tls_verify {
        true => {
            eprintln!("warning: the server's certificate is not checked");
            String::new()
        }
        false => authenticate_server(&server, checksum.as_deref()).await?,
    };
    let password = if arguments.password_stdin {
        prompt::line()?
    } else if prompt::is_interactive() {
        prompt::password(&format!("Password of {}", arguments.username))?
    } else {
        return Err(Error::Usage("no terminal to ask for the password: use --password-stdin".into()));
    };
    let trust = match (arguments.insecure_skip_tls_verify, ca_pem.as_str()) {
        (true, _) => Trust::Nothing,
        (false, "") => Trust::Public,
        (false, pem) => Trust::Pinned(pem),
    };
    let body = json!({
        "type": "localProvider",
        "username": arguments.username,
        "password": password,
        "description": "grange login",
        "responseType": "json",
    });
    let answer =
        Remote::new(&server, trust, "")?.post("/v3-public/localProviders/local?action=login", &body).await?;
    let Some(token) = answer["token"].as_str() else {
        return Err(Error::Unexpected { server, reason: "a login without a token".into() });
    };
    config::write(&Connection {
        server: server.clone(),
        token: token.to_owned(),
        username: arguments.username.clone(),
        ca_pem,
        insecure_skip_tls_verify: arguments.insecure_skip_tls_verify,
    })?;
    let until = answer["expiresAt"].as_str().unwrap_or("its end");
    eprintln!("Logged in to {server} as {} until {until}.", arguments.username);
    eprintln!("hint: grange cluster list");
    Ok(())
}

/// Finds out how the server can be trusted; gives its own CA, or nothing when the machine trusts it anyway.
async fn authenticate_server(server: &str, checksum: Option<&str>) -> Result<String, Error> {
    let public = Remote::new(server, Trust::Public, "")?.get("/v3/settings/cacerts").await;
    let pem = match public {
        // Publicly valid; a CA that was named must match all the same.
        Ok(setting) if checksum.is_none() || setting["value"] == "" => return Ok(String::new()),
        Ok(setting) => setting,
        Err(error @ Error::Refused { .. }) => return Err(error),
        Err(_) => Remote::new(server, Trust::Nothing, "")?.get("/v3/settings/cacerts").await?,
    };
    let pem = pem["value"].as_str().unwrap_or_default().trim().to_owned();
    if pem.is_empty() {
        return Err(Error::Untrusted(format!(
            "{server} has a certificate that is not publicly valid and offers no CA of its own"
        )));
    }
    let found = ca_checksum(&pem);
    let remembered = config::read().ok().flatten().filter(|known| known.server == server);
    match (checksum, remembered) {
        (Some(wanted), _) if wanted == found => {}
        (Some(wanted), _) => {
            return Err(Error::Untrusted(format!(
                "the CA of {server} has the checksum {found}, not {wanted}: somebody may be in between"
            )));
        }
        (None, Some(known)) if ca_checksum(&known.ca_pem) == found => {}
        (None, known) => {
            if known.is_some_and(|known| !known.ca_pem.is_empty()) {
                eprintln!("warning: the CA of {server} is not the one of the last login");
            }
            if !prompt::is_interactive() {
                return Err(Error::UnknownCa { server: server.to_owned(), checksum: found });
            }
            eprintln!("The server has a CA of its own. Its SHA-256 is\n\n    {found}\n");
            if !prompt::confirm("Is it the right one?")? {
                return Err(Error::Untrusted(format!("the CA of {server} was not accepted")));
            }
        }
    }
    // The CA was asked for without any check; now it has to stand behind the connection.
    Remote::new(server, Trust::Pinned(&pem), "")?.get("/v3/settings/cacerts").await?;
    Ok(pem)
}

fn normalize(url: &str) -> Result<String, Error> {
    let url = if url.contains("://") { url.to_owned() } else { format!("https://{url}") };
    let parsed = reqwest::Url::parse(&url).map_err(|error| Error::Usage(format!("{url:?}: {error}")))?;
    if parsed.scheme() != "https" {
        return Err(Error::Usage(format!("{url:?}: only https is spoken")));
    }
    if !matches!(parsed.path(), "/" | "") || parsed.query().is_some() || !parsed.username().is_empty() {
        return Err(Error::Usage(format!("{url:?}: give scheme, host and port only")));
    }
    Ok(parsed.origin().ascii_serialization())
}

fn normalize_checksum(text: &str) -> Result<String, Error> {
    let plain: String = text.chars().filter(|symbol| *symbol != ':').collect::<String>().to_lowercase();
    let is_checksum = plain.len() == 64 && plain.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_checksum { Ok(plain) } else { Err(Error::Usage("--ca-checksum: 64 hexadecimal digits".into())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_normalized() {
        for (given, wanted) in [
            ("https://a:8443/", Some("https://a:8443")),
            ("a:8443", Some("https://a:8443")),
            ("https://a", Some("https://a")),
            ("http://a", None),
            ("https://a/dashboard", None),
            ("https://u:p@a", None),
        ] {
            assert_eq!(normalize(given).ok().as_deref(), wanted, "{given}");
        }
    }

    #[test]
    fn checksums_are_normalized() {
        let plain = "ab".repeat(32);
        assert_eq!(normalize_checksum(&plain.to_uppercase()).ok(), Some(plain.clone()));
        assert!(normalize_checksum("ab").is_err());
    }
}
