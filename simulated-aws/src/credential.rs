//! What a request says about its signer, before anything is verified.

use http::request::Parts;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use percent_encoding::percent_decode_str;

/// The claims of a Signature Version 4, in the `Authorization` header or in the query.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credential {
    pub(crate) access_key_id: String,
    pub(crate) region: String,
    pub(crate) service: String,
    pub(crate) token: Option<String>,
    /// When the request was signed, as the client wrote it.
    pub(crate) signed_at: Option<String>,
    /// Signed in the query: such a URL has a lifetime of its own instead of a skew.
    pub(crate) presigned: bool,
}

impl Credential {
    /// The claims of a request, or `None` if it is not signed.
    pub(crate) fn of(head: &Parts) -> Option<Self> {
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        let query = |name: &str| query_value(head.uri.query()?, name);
        let (scope, presigned) = match header("authorization") {
            Some(authorization) => (scope_of(authorization)?.to_owned(), false),
            None => (query("X-Amz-Credential")?, true),
        };
        // From the right: <key>/<date>/<region>/<service>/aws4_request.
        let mut fields = scope.rsplitn(5, '/');
        let service = fields.nth(1)?.to_owned();
        let region = fields.next()?.to_owned();
        let access_key_id = fields.nth(1)?.to_owned();
        let token = header("x-amz-security-token").map(str::to_owned);
        let signed_at = header("x-amz-date").map(str::to_owned);
        Some(Self {
            access_key_id,
            region,
            service,
            token: token.or_else(|| query("X-Amz-Security-Token")),
            signed_at: signed_at.or_else(|| query("X-Amz-Date")),
            presigned,
        })
    }

    /// Seconds since 1970 of the signature, if it is dated properly.
    pub(crate) fn signed_at_seconds(&self) -> Option<i64> {
        let civil = DateTime::strptime("%Y%m%dT%H%M%SZ", self.signed_at.as_deref()?).ok()?;
        Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
    }
}

fn scope_of(authorization: &str) -> Option<&str> {
    let fields = authorization.strip_prefix("AWS4-HMAC-SHA256")?;
    fields
        .split(',')
        .find_map(|field| field.trim().strip_prefix("Credential="))
}

/// The decoded value of a query parameter; the empty string for one without a value.
pub(crate) fn query_value(query: &str, name: &str) -> Option<String> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key == name).then(|| percent_decode_str(value).decode_utf8_lossy().into_owned())
    })
}

/// The decoded value of a form's field.
pub(crate) fn form_value(form: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(form)
        .find_map(|(field, value)| (field == name).then(|| value.into_owned()))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn a_header_and_a_query_say_the_same() {
        let header = Request::get("/b/k")
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIA1/20260102/eu-west-1/s3/aws4_request, \
                 SignedHeaders=host, Signature=00",
            )
            .header("x-amz-date", "20260102T030405Z")
            .header("x-amz-security-token", "to/ken")
            .body(())
            .expect("a request");
        let query = Request::get(
            "/b/k?X-Amz-Credential=AKIA1%2F20260102%2Feu-west-1%2Fs3%2Faws4_request\
             &X-Amz-Date=20260102T030405Z&X-Amz-Security-Token=to%2Fken",
        )
        .body(())
        .expect("a request");
        let header = Credential::of(&header.into_parts().0).expect("signed");
        let query = Credential::of(&query.into_parts().0).expect("signed");
        assert_eq!(header.signed_at_seconds(), Some(1_767_323_045));
        assert_eq!(header.region, "eu-west-1");
        assert_eq!(header.service, "s3");
        assert_eq!(header.access_key_id, "AKIA1");
        assert_eq!(
            header,
            Credential {
                presigned: false,
                ..query
            }
        );
    }
}
