//! The way of a request: parse, authenticate, impersonate, authorize, dispatch.
use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::Ordering},
};

use bytes::Bytes;
use futures::FutureExt as _;
use grange_apimachinery::{
    Object, Reason, Status, Value,
    apply::manager_of_user_agent,
    definition::Scale,
    patch::{self, PatchError},
};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};

use crate::{
    Body, UserInfo, apply, authentication,
    authorization::{Attributes, Authorized},
    decode, delete,
    delete::{DeleteOptions, Deleted},
    discovery,
    fairness::{Cost, OwnRequest, keep_seat},
    impersonation,
    limits::MAX_BODY_BYTES,
    negotiate::{self, BodyForm, Form},
    options,
    read::{self, ListError, Selection},
    registry::{Endpoint, Served},
    request::{FieldValidation, Query, RequestInfo},
    resource::VirtualResource,
    response, scale,
    server::Inner,
    table::IncludeObject,
    watch,
    write::{self, Part, Target, Wanted, WriteOptions, Written},
};

/// Answers a request, whatever happens.
pub(crate) async fn call(inner: &Arc<Inner>, request: Request<Body>) -> Response<Body> {
    let head = request.method() == Method::HEAD;
    let path = request.uri().path().to_owned();
    let yaml = negotiate::prefers_yaml(request.headers());
    let mut response = match AssertUnwindSafe(handle(inner, request)).catch_unwind().await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => list_error(&error),
        Err(_) => {
            inner.panics.fetch_add(1, Ordering::Relaxed);
            tracing::error!(%path, "a request handler panicked");
            response::status(&Status::internal("an unexpected failure; see the server's log"))
        }
    };
    if yaml {
        response = response::as_yaml(response).await;
    }
    if head {
        *response.body_mut() = Body::Empty;
    }
    response
}

fn list_error(error: &ListError) -> Response<Body> {
    let Some(fresh) = &error.fresh_continue else { return response::status(&error.status) };
    let mut value: Value = serde_json::from_slice(&error.status.to_json()).unwrap_or_default();
    value["metadata"] = serde_json::json!({ "continue": fresh });
    response::json(
        StatusCode::from_u16(error.status.code).unwrap_or(StatusCode::GONE),
        value.to_string().into_bytes(),
    )
}

/// Paths that load balancers ask without an identity.
const ALWAYS_ALLOWED: &[&str] = &["/healthz", "/livez", "/readyz"];

async fn handle(inner: &Arc<Inner>, mut request: Request<Body>) -> Result<Response<Body>, ListError> {
    let query = Query::parse(request.uri().query().unwrap_or(""))?;
    let info = RequestInfo::parse(request.method(), request.uri().path(), &query)?;
    if ALWAYS_ALLOWED.contains(&info.path.as_str()) {
        return Ok(discovery::health(inner));
    }
    let user = authentication::authenticate(inner, &mut request).await?;
    let user = impersonation::impersonate(inner, user, request.headers_mut())?;
    let mut attributes = Attributes::of_request(&user, &info);
    if info.name.is_empty() && matches!(info.verb.as_str(), "list" | "watch") {
        // A list of one name can be granted by resourceNames.
        attributes.name = query
            .field_selector
            .requirements
            .iter()
            .find(|(path, equal, _)| *equal && path == "metadata.name")
            .map_or("", |(_, _, name)| name.as_str());
    }
    let authorized = Authorized::check(inner.authorizer.as_ref(), attributes)?;
    if !info.is_resource {
        return Ok(discovery::answer(inner, &authorized, &request)?);
    }
    resource(inner, &authorized, &info, &query, request).await
}

fn unknown() -> Status {
    Status::about_nothing(404, Reason::NotFound, "the server could not find the requested resource")
}

fn method_not_allowed() -> Status {
    Status::about_nothing(
        405,
        Reason::MethodNotAllowed,
        "the server does not allow this method on the requested resource",
    )
}

async fn resource(
    inner: &Arc<Inner>,
    authorized: &Authorized<'_>,
    info: &RequestInfo,
    query: &Query,
    request: Request<Body>,
) -> Result<Response<Body>, ListError> {
    let registry = inner.registry.load_full();
    if !info.subresource.is_empty()
        && let Some(handler) =
            registry.subresource(&info.group, &info.version, &info.resource, &info.subresource)
    {
        if !handler.verbs().contains(&info.verb.as_str()) {
            return Err(method_not_allowed().into());
        }
        return Ok(handler.handle(authorized, request).await?);
    }
    let endpoint = registry.endpoint(&info.group, &info.version, &info.resource).ok_or_else(unknown)?;
    if (endpoint.resource().scope == crate::Scope::Cluster
        && !info.namespace.is_empty()
        && !(info.resource == "namespaces" && info.namespace == info.name))
        || !info.rest.is_empty()
    {
        return Err(unknown().into());
    }
    match endpoint {
        Endpoint::Virtual(handler, _) if info.subresource.is_empty() && info.name.is_empty() => {
            if info.verb != "create" {
                return Err(method_not_allowed().into());
            }
            Ok(create_virtual(handler.as_ref(), authorized, info, request).await?)
        }
        Endpoint::Virtual(..) => Err(unknown().into()),
        Endpoint::Stored(served) => {
            let user = authorized.attributes.user;
            let query = &*served.stored_query(query);
            let call = Call { inner, user, served, info, query };
            let mut response = if request.extensions().get::<OwnRequest>().is_some() {
                call.dispatch(request).await?
            } else {
                let seat = inner.fairness.seat(&user.username, Cost::of(info, query)).await?;
                keep_seat(call.dispatch(request).await?, seat)
            };
            response::add_warnings(response.headers_mut(), served.resource.deprecation.as_slice());
            Ok(response)
        }
    }
}

/// Reads a body whole, up to the limit.
pub(crate) async fn collect(body: Body) -> Result<Bytes, Status> {
    match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(Status::new(
            413,
            Reason::RequestEntityTooLarge,
            format!("Request entity too large: limit is {MAX_BODY_BYTES}"),
        )),
        Err(error) => Err(Status::bad_request(format!("the body of the request could not be read: {error}"))),
    }
}

async fn create_virtual(
    handler: &dyn VirtualResource,
    authorized: &Authorized<'_>,
    info: &RequestInfo,
    request: Request<Body>,
) -> Result<Response<Body>, Status> {
    negotiate::require_document(request.headers())?;
    let form = negotiate::object_form(request.headers())?;
    let body = collect(request.into_body()).await?;
    let resource = handler.resource();
    let (mut object, _) =
        decode::parse_object_as(&body, form, &resource.api_version(), &resource.kind, true)?;
    if !info.namespace.is_empty() {
        match object.namespace() {
            "" => object.set(&["metadata", "namespace"], info.namespace.as_str()),
            own if own == info.namespace => {}
            _ => {
                return Err(Status::bad_request(
                    "the namespace of the provided object does not match the namespace sent on the request",
                ));
            }
        }
    }
    let answer = handler.create(authorized, object).await?;
    Ok(response::json(StatusCode::CREATED, answer.to_bytes()))
}

/// One authorized request for a stored resource.
struct Call<'a> {
    inner: &'a Arc<Inner>,
    user: &'a UserInfo,
    served: &'a Arc<Served>,
    info: &'a RequestInfo,
    query: &'a Query,
}

impl Call<'_> {
    async fn dispatch(self, request: Request<Body>) -> Result<Response<Body>, ListError> {
        let info = self.info;
        if let Some(scale) = self.served.resource.scale.as_ref().filter(|_| info.subresource == "scale") {
            return Ok(self.scale(scale, request).await?);
        }
        let part = match info.subresource.as_str() {
            "" => Part::Main,
            "status" if self.served.resource.status_subresource => Part::Status,
            "finalize" if self.served.is_namespaces() => Part::Finalize,
            _ => return Err(unknown().into()),
        };
        // The namespace of a namespace is only for authorization.
        let namespace = if self.served.namespaced() { info.namespace.as_str() } else { "" };
        if self.served.namespaced() && namespace.is_empty() && !info.name.is_empty() {
            return Err(unknown().into());
        }
        match (info.verb.as_str(), part) {
            ("get", Part::Main | Part::Status) => {
                let form = negotiate::form(request.headers())?;
                Ok(read::get(self.inner, self.served, self.user, namespace, &info.name, self.query, form)
                    .await?)
            }
            ("list", Part::Main) => {
                let form = negotiate::list_form(request.headers())?;
                let gzip = takes_gzip(request.headers());
                read::list(self.inner, self.served.clone(), self.user, namespace, self.query, form, gzip)
                    .await
            }
            ("watch", Part::Main) => {
                negotiate::require_json(request.headers())?;
                let form = negotiate::form(request.headers())?;
                Ok(watch::watch(self.inner, self.served.clone(), self.user, namespace, self.query, form)
                    .await?)
            }
            ("create", Part::Main) if info.name.is_empty() => Ok(self.create(namespace, request).await?),
            ("update", _) if !info.name.is_empty() => Ok(self.update(namespace, part, request).await?),
            ("patch", Part::Main | Part::Status) if !info.name.is_empty() => {
                Ok(self.patch(namespace, part, request).await?)
            }
            ("delete", Part::Main) => Ok(self.delete(namespace, request).await?),
            ("deletecollection", Part::Main) if !self.served.is_namespaces() => {
                Ok(self.delete_collection(namespace, request).await?)
            }
            _ => Err(method_not_allowed().into()),
        }
    }

    /// How to write.
    fn options(&self, headers: &HeaderMap) -> WriteOptions {
        let manager = match self.query.field_manager.as_str() {
            "" => {
                let agent = headers.get(http::header::USER_AGENT).and_then(|value| value.to_str().ok());
                manager_of_user_agent(agent.unwrap_or_default())
            }
            named => named.to_owned(),
        };
        WriteOptions {
            dry_run: self.query.dry_run,
            field_validation: self.query.field_validation,
            manager: manager.into(),
            patches: self.info.verb == "patch",
            applies: false,
            is_read: false,
        }
    }

    fn target<'a>(&'a self, namespace: &'a str, part: Part) -> Target<'a> {
        Target { served: self.served, user: self.user, namespace, name: &self.info.name, part }
    }

    async fn create(&self, namespace: &str, request: Request<Body>) -> Result<Response<Body>, Status> {
        let form = negotiate::form(request.headers())?;
        let (parts, body) = request.into_parts();
        let body = collect(body).await?;
        options::check_write(self.query, "create", false)?;
        let options = WriteOptions { is_read: true, ..self.options(&parts.headers) };
        let body_form = negotiate::object_form(&parts.headers)?;
        let (object, duplicates) = decode::parse_object(&body, body_form, self.served)?;
        let written =
            write::create(self.inner, self.served, self.user, namespace, object, &duplicates, &options)
                .await?;
        self.written(written, form)
    }

    async fn update(
        &self,
        namespace: &str,
        part: Part,
        request: Request<Body>,
    ) -> Result<Response<Body>, Status> {
        let form = negotiate::form(request.headers())?;
        let (parts, body) = request.into_parts();
        let body = collect(body).await?;
        options::check_write(self.query, "update", false)?;
        let options = WriteOptions { is_read: true, ..self.options(&parts.headers) };
        let body_form = negotiate::object_form(&parts.headers)?;
        let (object, problems) = decode::parse_object(&body, body_form, self.served)?;
        let make = |_: &Object| Ok(Wanted::new(object.clone(), problems.clone()));
        let target = self.target(namespace, part);
        let written = match write::update(self.inner, &target, &options, make).await {
            // Some kinds are created like this, too, by who may do that.
            Err(missing) if missing.code == 404 && self.served.resource.is_created_by_update() => {
                let attributes =
                    Attributes { verb: "create", ..Attributes::of_request(self.user, self.info) };
                Authorized::check(self.inner.authorizer.as_ref(), attributes)?;
                let mut object = object;
                write::match_name(&self.info.name, &object)?;
                object.remove(&["metadata", "resourceVersion"]);
                write::create(self.inner, self.served, self.user, namespace, object, &problems, &options)
                    .await?
            }
            other => other?,
        };
        self.written(written, form)
    }

    async fn patch(
        &self,
        namespace: &str,
        part: Part,
        request: Request<Body>,
    ) -> Result<Response<Body>, Status> {
        let body_form = negotiate::patch_form(request.headers(), self.served.builtin)?;
        let form = negotiate::form(request.headers())?;
        let applies = body_form == BodyForm::ApplyPatch;
        let options = WriteOptions { applies, ..self.options(request.headers()) };
        let body = collect(request.into_body()).await?;
        options::check_write(self.query, "patch", applies)?;
        let target = self.target(namespace, part);
        if applies {
            let configuration = apply::Configuration::parse(&body, self.query.force == Some(true))?;
            let may_create = || {
                let attributes =
                    Attributes { verb: "create", ..Attributes::of_request(self.user, self.info) };
                Authorized::check(self.inner.authorizer.as_ref(), attributes).map(drop)
            };
            let written = apply::apply(self.inner, &target, &options, &configuration, may_create).await?;
            return self.written(written, form);
        }
        // A patch that cannot be read is told of only where there is something to patch.
        let parsed = decode::parse_body(&body, body_form);
        let name = &self.info.name;
        let make = |old: &Object| {
            let (patch, problems) = parsed.as_ref().map_err(|status| {
                let mut status = status.clone();
                status.message = format!("error decoding patch: {}", status.message);
                status
            })?;
            let object = apply_patch(self.served, old, body_form, patch, name, self.query.field_validation)?;
            Ok(Wanted::new(object, problems.clone()))
        };
        let written = write::update(self.inner, &target, &options, make).await?;
        self.written(written, form)
    }

    /// Shows an object as a Scale, or changes it through one.
    async fn scale(&self, paths: &Scale, request: Request<Body>) -> Result<Response<Body>, Status> {
        negotiate::require_json(request.headers())?;
        let namespace = if self.served.namespaced() { self.info.namespace.as_str() } else { "" };
        let name = &self.info.name;
        let object = match self.info.verb.as_str() {
            "get" => {
                let key = self.served.key(namespace, name);
                let entry = self.inner.store.get(&key).await.map_err(response::store_error)?;
                self.served.entry_object(&entry.ok_or_else(|| self.served.not_found(name))?)?
            }
            "update" | "patch" => {
                options::check_write(self.query, &self.info.verb, false)?;
                let options = self.options(request.headers());
                let change = self.scale_change(request).await?;
                let make = |old: &Object| {
                    let (mut wanted, _) = scale::read(paths, old)?;
                    match &change {
                        ScaleChange::Replace(scale) => wanted = scale.clone(),
                        ScaleChange::Patch(form, patch) => {
                            let validation = self.query.field_validation;
                            wanted = apply_patch(self.served, &wanted, *form, patch, name, validation)?;
                        }
                    }
                    Ok(Wanted::new(scale::apply(paths, old, &wanted)?, Vec::new()))
                };
                let target = self.target(namespace, Part::Scale);
                let written = write::update(self.inner, &target, &options, make).await?;
                self.served.object(&written.stored, written.revision.unwrap_or_default())?
            }
            _ => return Err(method_not_allowed()),
        };
        match scale::read(paths, &object)? {
            (_, false) => Err(scale::missing(paths)),
            (shown, true) => Ok(response::json(StatusCode::OK, shown.to_bytes())),
        }
    }

    async fn scale_change(&self, request: Request<Body>) -> Result<ScaleChange, Status> {
        if self.info.verb == "update" {
            let form = negotiate::object_form(request.headers())?;
            let body = collect(request.into_body()).await?;
            let (scale, _) = decode::parse_object_as(&body, form, scale::API_VERSION, scale::KIND, true)?;
            return Ok(ScaleChange::Replace(scale));
        }
        let form = match negotiate::patch_form(request.headers(), true)? {
            BodyForm::ApplyPatch => return Err(negotiate::no_apply()),
            // A Scale holds no lists, so that merging is the same either way.
            BodyForm::StrategicMergePatch => BodyForm::MergePatch,
            form => form,
        };
        let body = collect(request.into_body()).await?;
        Ok(ScaleChange::Patch(form, decode::parse_body(&body, form)?.0))
    }

    async fn delete(&self, namespace: &str, request: Request<Body>) -> Result<Response<Body>, Status> {
        let form = negotiate::form(request.headers())?;
        let options = self.delete_options(request).await?;
        let name = &self.info.name;
        let key = self.served.key(namespace, name);
        match delete::delete(self.inner, self.served, self.user, &key, name, &options).await? {
            Deleted::Gone(object) if self.served.resource.returns_deleted() => {
                read::unstored(self.served, self.user, object, self.query, form, StatusCode::OK)
            }
            Deleted::Gone(object) => {
                Ok(response::json(StatusCode::OK, delete::success(self.served, &object)))
            }
            Deleted::Pending(written) => {
                let mut response = self.written(written, form)?;
                // Who asks in the old way to let dependents go learns that this goes on.
                if options.orphan_dependents == Some(false) {
                    *response.status_mut() = StatusCode::ACCEPTED;
                }
                Ok(response)
            }
        }
    }

    async fn delete_collection(
        &self,
        namespace: &str,
        request: Request<Body>,
    ) -> Result<Response<Body>, ListError> {
        let form = negotiate::form(request.headers())?;
        let gzip = takes_gzip(request.headers());
        let options = self.delete_options(request).await?;
        options::check_list(self.query, false)?;
        let selection = Selection::new(self.query, self.served)?;
        let entries =
            delete::delete_collection(self.inner, self.served, self.user, namespace, &selection, &options)
                .await?;
        let revision = self.inner.store.revision().await.map_err(response::store_error)?;
        let page = read::Page { entries, revision, next: None, remaining: None };
        Ok(read::list_response(self.served.clone(), self.user, page, form, IncludeObject::Metadata, gzip))
    }

    async fn delete_options(&self, request: Request<Body>) -> Result<DeleteOptions, Status> {
        let (parts, body) = request.into_parts();
        let body = collect(body).await?;
        let form = if body.is_empty() { BodyForm::Json } else { negotiate::object_form(&parts.headers)? };
        options::delete_options(&body, form, self.query)
    }

    fn written(&self, written: Written, form: Form) -> Result<Response<Body>, Status> {
        let code = if written.created { StatusCode::CREATED } else { StatusCode::OK };
        let mut response = match written.revision {
            Some(revision) => {
                read::single(self.served, self.user, &written.stored, revision, self.query, form, code)?
            }
            None => {
                let mut object = self.served.object(&written.stored, 0)?;
                object.remove(&["metadata", "resourceVersion"]);
                read::unstored(self.served, self.user, object, self.query, form, code)?
            }
        };
        response::add_warnings(response.headers_mut(), &written.warnings);
        Ok(response)
    }
}

/// What a request wants of a Scale.
enum ScaleChange {
    Replace(Object),
    Patch(BodyForm, Value),
}

/// YAML is made of the plain text.
fn takes_gzip(headers: &HeaderMap) -> bool {
    negotiate::takes_gzip(headers) && !negotiate::prefers_yaml(headers)
}

/// The present object with a patch applied.
fn apply_patch(
    served: &Served,
    old: &Object,
    form: BodyForm,
    patch: &Value,
    name: &str,
    validation: FieldValidation,
) -> Result<Object, Status> {
    let mut target = Value::Object(old.0.clone());
    let result = match form {
        BodyForm::JsonPatch => patch::json_patch(&mut target, patch),
        BodyForm::StrategicMergePatch => {
            patch::strategic_merge_patch(&served.resource.kind, &mut target, patch)
        }
        _ if patch.is_object() => {
            patch::merge_patch(&mut target, patch);
            Ok(())
        }
        _ => Err(PatchError::Malformed("Invalid JSON Patch".into())),
    };
    result.map_err(|error| match error {
        PatchError::Malformed(why) => Status::bad_request(why),
        // Kubernetes says no more than the first half.
        PatchError::NotApplicable(why) => Status::about_nothing(
            422,
            Reason::Invalid,
            format!("the server rejected our request due to an error in our request: {why}"),
        ),
        PatchError::Contradictory(why) => Status::unexplained(why),
        PatchError::TooLarge(why) => Status::new(413, Reason::RequestEntityTooLarge, why),
    })?;
    if served.builtin && form != BodyForm::StrategicMergePatch && !target["apiVersion"].is_string() {
        return unversioned(target, name, validation);
    }
    match target {
        Value::Object(map) => Ok(Object(map)),
        _ => Err(Status::bad_request("the patched document is not an object")),
    }
}

/// Of an object without a version Kubernetes knows no field, and so finds no name.
fn unversioned(target: Value, name: &str, validation: FieldValidation) -> Result<Object, Status> {
    let object = match target {
        Value::Object(map) => Object(map),
        _ => Object::default(),
    };
    let fields: Vec<String> = object.0.keys().filter(|field| *field != "kind").cloned().collect();
    let warnings: Vec<String> = decode::unknown_fields(&fields).collect();
    if validation == FieldValidation::Strict {
        let why = format!("strict decoding error: {}", warnings.join(", "));
        return Err(decode::unreadable_patch(&object, &why));
    }
    let told = if validation == FieldValidation::Warn { warnings } else { Vec::new() };
    write::match_name(name, &Object::default())
        .map(|()| Object::default())
        .map_err(|status| Status { warnings: told, ..status })
}
