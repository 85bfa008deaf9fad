//! `ListObjectsV2`.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::{
    CommonPrefix, ETag, EncodingType, ListObjectsV2Input, ListObjectsV2Output, Object,
    ObjectStorageClass,
};
use s3s::{S3Error, S3ErrorCode, S3Result};

use super::keys::{Floor, Keys};
use super::store::Store;

/// The largest page, whatever the client asks for.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>
const MAX_KEYS: i32 = 1_000;

/// What `encoding-type=url` leaves as it is, as S3 does.
const UNENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'*')
    .remove(b'/');

/// One line of a page.
enum Line {
    Key(String),
    Prefix(String),
}

/// One page of a listing.
pub(super) fn list(store: &Store, input: ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
    let prefix = input.prefix.clone().unwrap_or_default();
    let delimiter = input.delimiter.as_deref().unwrap_or_default();
    let max_keys = input.max_keys.unwrap_or(MAX_KEYS);
    if max_keys < 0 {
        return Err(invalid("max-keys must not be negative"));
    }
    let limit = usize::try_from(max_keys.min(MAX_KEYS)).unwrap_or(0);
    let mut keys = store
        .keys(&input.bucket, &prefix)
        .map_err(S3Error::internal_error)?;
    if let Some(floor) = floor(&input, &prefix, delimiter)? {
        keys.skip_to(floor);
    }
    let (lines, more) =
        page(&mut keys, &prefix, delimiter, limit).map_err(S3Error::internal_error)?;
    let last = lines.last().map(|line| match line {
        Line::Key(key) | Line::Prefix(key) => URL_SAFE.encode(key),
    });
    let encode = encoder(input.encoding_type.as_ref());
    let mut contents = Vec::new();
    let mut common_prefixes = Vec::new();
    for line in lines {
        match line {
            Line::Prefix(prefix) => {
                common_prefixes.push(CommonPrefix {
                    prefix: Some(encode(&prefix)),
                });
            }
            Line::Key(key) => contents.extend(describe(store, &input.bucket, &key, &encode)?),
        }
    }
    let count = contents.len() + common_prefixes.len();
    Ok(ListObjectsV2Output {
        key_count: i32::try_from(count).ok(),
        max_keys: Some(max_keys.min(MAX_KEYS)),
        is_truncated: Some(more),
        next_continuation_token: last.filter(|_| more),
        contents: Some(contents),
        common_prefixes: Some(common_prefixes),
        prefix: Some(encode(&prefix)),
        delimiter: input.delimiter.as_deref().map(&encode),
        start_after: input.start_after.as_deref().map(&encode),
        continuation_token: input.continuation_token,
        encoding_type: input.encoding_type,
        name: Some(input.bucket),
        request_charged: None,
    })
}

/// Where the page begins. A token outranks `start-after`, and names the last line of the page before.
fn floor(input: &ListObjectsV2Input, prefix: &str, delimiter: &str) -> S3Result<Option<Floor>> {
    let last = match &input.continuation_token {
        None => return Ok(input.start_after.clone().map(Floor::Key)),
        Some(token) => {
            let bytes = URL_SAFE.decode(token).ok();
            let last = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
            last.ok_or_else(|| invalid("The continuation token provided is incorrect"))?
        }
    };
    let folded = common_prefix(&last, prefix, delimiter) == Some(&last);
    Ok(Some(if folded {
        Floor::Prefix(last)
    } else {
        Floor::Key(last)
    }))
}

/// At most `limit` lines, and whether there are more. A page of none is not truncated, as in S3.
fn page(
    keys: &mut Keys,
    prefix: &str,
    delimiter: &str,
    limit: usize,
) -> io::Result<(Vec<Line>, bool)> {
    let mut lines = Vec::new();
    if limit == 0 {
        return Ok((lines, false));
    }
    while let Some(key) = keys.next_key()? {
        if lines.len() == limit {
            return Ok((lines, true));
        }
        match common_prefix(&key, prefix, delimiter) {
            Some(common) => {
                keys.skip_to(Floor::Prefix(common.to_owned()));
                lines.push(Line::Prefix(common.to_owned()));
            }
            None => lines.push(Line::Key(key)),
        }
    }
    Ok((lines, false))
}

/// The key up to and with the first delimiter behind the prefix.
fn common_prefix<'a>(key: &'a str, prefix: &str, delimiter: &str) -> Option<&'a str> {
    if delimiter.is_empty() {
        return None;
    }
    let found = key.get(prefix.len()..)?.find(delimiter)?;
    key.get(..prefix.len() + found + delimiter.len())
}

/// A key's line; none if it was deleted meanwhile.
fn describe(
    store: &Store,
    bucket: &str,
    key: &str,
    encode: &impl Fn(&str) -> String,
) -> S3Result<Option<Object>> {
    let opened = store
        .open_object(bucket, key)
        .map_err(S3Error::internal_error)?;
    Ok(opened.map(|object| Object {
        key: Some(encode(key)),
        e_tag: Some(ETag::Strong(object.etag().to_owned())),
        last_modified: Some(object.modified.into()),
        size: i64::try_from(object.len).ok(),
        storage_class: Some(ObjectStorageClass::from_static(
            ObjectStorageClass::STANDARD,
        )),
        ..Object::default()
    }))
}

fn encoder(encoding: Option<&EncodingType>) -> impl Fn(&str) -> String + use<> {
    let url = encoding.is_some_and(|encoding| encoding.as_str() == EncodingType::URL);
    move |text| {
        if url {
            utf8_percent_encode(text, UNENCODED).to_string()
        } else {
            text.to_owned()
        }
    }
}

fn invalid(message: &'static str) -> S3Error {
    S3Error::with_message(S3ErrorCode::InvalidArgument, message)
}
