//! STS's XML: answers and errors.

use http::{Response, StatusCode};
use jiff::Timestamp;

use crate::principal::Principal;
use crate::role_credentials::RoleCredentials;
use crate::service::{ErrorAnswer, PlainBody, RequestId, reply};
use crate::xml::escape;

use super::request::AssumeRole;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

pub(super) fn caller_identity(caller: &Principal, id: &RequestId) -> Response<PlainBody> {
    let result = [
        element("Arn", &caller.arn),
        element("UserId", &caller.user_id),
        element("Account", &caller.account),
    ];
    answer("GetCallerIdentity", &result.concat(), id)
}

pub(super) fn assumed_role(
    role: &Principal,
    asked: &AssumeRole,
    credentials: &RoleCredentials,
    id: &RequestId,
) -> Response<PlainBody> {
    let user = [
        element("AssumedRoleId", &role.user_id),
        element("Arn", &role.arn),
    ];
    let (user, keys) = (user.concat(), keys(credentials));
    let packed = element("PackedPolicySize", &asked.packed.to_string());
    let identity = asked.source_identity.as_ref();
    let identity = identity.map_or_else(String::new, |name| element("SourceIdentity", name));
    let result = format!("<AssumedRoleUser>{user}</AssumedRoleUser>{keys}{packed}{identity}");
    answer("AssumeRole", &result, id)
}

pub(super) fn session_token(credentials: &RoleCredentials, id: &RequestId) -> Response<PlainBody> {
    answer("GetSessionToken", &keys(credentials), id)
}

fn keys(credentials: &RoleCredentials) -> String {
    let expiration = Timestamp::try_from(credentials.expires)
        .map(|time| time.to_string())
        .unwrap_or_default();
    let keys = [
        element("AccessKeyId", &credentials.access_key_id),
        element("SecretAccessKey", &credentials.secret_access_key),
        element("SessionToken", &credentials.session_token),
        element("Expiration", &expiration),
    ];
    format!("<Credentials>{}</Credentials>", keys.concat())
}

pub(super) fn error(error: &ErrorAnswer, RequestId(id): &RequestId) -> Response<PlainBody> {
    let code = element("Code", &error.code);
    let message = element("Message", &error.message);
    let xml = format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>Sender</Type>{code}{message}</Error>\
         {}</ErrorResponse>",
        element("RequestId", id),
    );
    reply(error.status(), "text/xml", xml)
}

fn answer(operation: &str, result: &str, RequestId(id): &RequestId) -> Response<PlainBody> {
    let id = element("RequestId", id);
    let xml = format!(
        "<{operation}Response xmlns=\"{NAMESPACE}\"><{operation}Result>{result}\
         </{operation}Result><ResponseMetadata>{id}</ResponseMetadata></{operation}Response>"
    );
    reply(StatusCode::OK, "text/xml", xml)
}

fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escape(text))
}
