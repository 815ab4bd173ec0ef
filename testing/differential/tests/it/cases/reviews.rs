//! Questions: who am I, may they, what may I, who is this token.
use grange_differential::{Case, Person, Step};
use serde_json::{Value, json};

const AUTHORIZATION: &str = "/apis/authorization.k8s.io/v1";
const AUTHENTICATION: &str = "/apis/authentication.k8s.io/v1";

fn review(kind: &str, spec: &Value) -> Value {
    json!({"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec})
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let specs = [
        json!({"resourceAttributes": {"verb": "get", "resource": "configmaps", "namespace": "{ns}"}}),
        json!({"resourceAttributes": {"verb": "*", "resource": "*", "group": "*"}}),
        json!({"resourceAttributes": {"verb": "get", "resource": "configmaps", "subresource": "status", "name": "x"}}),
        // One role grants this path: which of several is named depends on the order of a map in Kubernetes.
        json!({"nonResourceAttributes": {"path": "/apis", "verb": "get"}}),
        json!({"nonResourceAttributes": {"path": "/metrics", "verb": "get"}}),
        json!({"nonResourceAttributes": {"path": "/x", "verb": "get"}, "resourceAttributes": {"verb": "get"}}),
        json!({}),
        json!(null),
        json!({"resourceAttributes": "x"}),
        json!({"resourceAttributes": {"verb": "list", "resource": "configmaps", "labelSelector": {"requirements": [{"key": "a", "operator": "In", "values": ["b"]}]}}}),
        json!({"resourceAttributes": {"verb": "list", "resource": "configmaps", "labelSelector": {"rawSelector": "a=b", "requirements": [{"key": "a", "operator": "Exists"}]}}}),
        json!({"resourceAttributes": {"verb": "list", "resource": "configmaps", "fieldSelector": {"rawSelector": "a=b"}}}),
    ];
    for (index, spec) in specs.iter().enumerate() {
        for (who, person) in
            [("admin", Person::Admin), ("user", Person::User), ("anonymous", Person::Anonymous)]
        {
            cases.push(Case::new(
                format!("reviews/self {index} {who}"),
                vec![
                    Step::post(
                        format!("{AUTHORIZATION}/selfsubjectaccessreviews"),
                        &review("SelfSubjectAccessReview", spec),
                    )
                    .by(person),
                ],
            ));
        }
        for (what, subject) in [
            ("user", json!({"user": "jane", "groups": ["tenants"]})),
            ("masters", json!({"user": "x", "groups": ["system:masters"]})),
            ("groups only", json!({"groups": ["system:authenticated"]})),
            ("nobody", json!({})),
            ("extra", json!({"user": "jane", "extra": {"a": ["b"]}, "uid": "5"})),
        ] {
            let mut spec = spec.clone();
            if let (Value::Object(spec), Value::Object(subject)) = (&mut spec, subject) {
                spec.extend(subject);
            }
            cases.push(Case::new(
                format!("reviews/subject {index} {what}"),
                vec![
                    Step::post(
                        format!("{AUTHORIZATION}/subjectaccessreviews"),
                        &review("SubjectAccessReview", &spec),
                    ),
                    Step::post(
                        format!("{AUTHORIZATION}/namespaces/{{ns}}/localsubjectaccessreviews"),
                        &review("LocalSubjectAccessReview", &spec),
                    ),
                ],
            ));
        }
    }
    for (who, person) in [
        ("admin", Person::Admin),
        ("user", Person::User),
        ("anonymous", Person::Anonymous),
        ("unknown", Person::Unknown),
    ] {
        let me = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
        cases.push(Case::new(
            format!("reviews/me {who}"),
            vec![
                Step::post(format!("{AUTHENTICATION}/selfsubjectreviews"), &me).by(person),
                Step::post(
                    format!("{AUTHORIZATION}/selfsubjectrulesreviews"),
                    &review("SelfSubjectRulesReview", &json!({"namespace": "{ns}"})),
                )
                .by(person),
                Step::post(
                    format!("{AUTHORIZATION}/selfsubjectrulesreviews"),
                    &review("SelfSubjectRulesReview", &json!({})),
                )
                .by(person),
                Step::get(format!("{AUTHENTICATION}/selfsubjectreviews")).by(person),
            ],
        ));
    }
    for (index, spec) in [
        json!({"token": "odd"}),
        json!({"token": ""}),
        json!({}),
        json!({"token": "odd", "audiences": ["x"]}),
    ]
    .iter()
    .enumerate()
    {
        let mut object = review("TokenReview", spec);
        object["apiVersion"] = json!("authentication.k8s.io/v1");
        cases.push(Case::new(
            format!("reviews/token {index}"),
            vec![Step::post(format!("{AUTHENTICATION}/tokenreviews"), &object)],
        ));
    }
    let accounts = "/api/v1/namespaces/{ns}/serviceaccounts";
    let request =
        |spec: Value| json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec});
    for (index, spec) in [
        json!({}),
        json!({"audiences": ["a", "b"]}),
        json!({"expirationSeconds": 600}),
        json!({"expirationSeconds": 599}),
        json!({"expirationSeconds": 0}),
        json!({"expirationSeconds": 5_000_000_000_i64}),
        json!({"expirationSeconds": "x"}),
        json!({"boundObjectRef": {"kind": "Secret", "apiVersion": "v1", "name": "missing"}}),
        json!({"boundObjectRef": {"kind": "Odd", "apiVersion": "v1", "name": "missing"}}),
        json!({"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "missing"}}),
    ]
    .into_iter()
    .enumerate()
    {
        cases.push(Case::new(
            format!("reviews/token request {index}"),
            vec![
                Step::post(
                    accounts,
                    &json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "x"}}),
                )
                .silent(),
                Step::post(format!("{accounts}/x/token"), &request(spec.clone())),
                Step::post(format!("{accounts}/missing/token"), &request(spec)),
            ],
        ));
    }
    cases
}
