//! What another program said, made fit for a log, a status and an error text.

/// One line without control characters, of at most `max_chars` (its beginning and its end, if it is
/// longer). URLs lose what may be secret in them: user and password of a proxy, and everything from the
/// `?` on, where a sign-in has its codes.
#[must_use]
pub fn fit(text: &str, max_chars: usize) -> String {
    let spaced: String = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect();
    let words: Vec<_> = spaced.split_whitespace().map(without_secrets).collect();
    cut(&words.join(" "), max_chars)
}

fn without_secrets(word: &str) -> String {
    let Some(scheme_end) = word.find("://") else {
        return word.to_owned();
    };
    let (scheme, rest) = word.split_at(scheme_end + "://".len());
    let url_end = rest.find(['"', '\'', '>', ')', ',']);
    let (url, after) = rest.split_at(url_end.unwrap_or(rest.len()));
    let address_end = url.find(['/', '?', '#']).unwrap_or(url.len());
    let (address, path) = url.split_at(address_end);
    let address = address.rsplit_once('@').map_or_else(
        || address.to_owned(),
        |(_password, host)| format!("…@{host}"),
    );
    let path = path
        .find(['?', '#'])
        .map_or_else(|| path.to_owned(), |query| format!("{}?…", &path[..query]));
    format!("{scheme}{address}{path}{after}")
}

/// The beginning names the error, the end what it came from.
fn cut(line: &str, max_chars: usize) -> String {
    let length = line.chars().count();
    if length <= max_chars {
        return line.to_owned();
    }
    let kept = max_chars.saturating_sub(" … ".chars().count());
    let beginning = line.chars().take(kept - kept / 2);
    let end = line.chars().skip(length - kept / 2);
    beginning.chain(" … ".chars()).chain(end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_line_without_control_characters() {
        let text = "\n\x1b[31maws: [ERROR]:\x1b[0m An error\r\noccurred\u{7}\n\n";
        assert_eq!(fit(text, 600), "[31maws: [ERROR]: [0m An error occurred");
    }

    #[test]
    fn a_url_keeps_its_place_and_loses_its_secrets() {
        for (text, fitted) in [
            (
                "open http://127.0.0.1:4701/authorize?response_type=code&state=3f20 now",
                "open http://127.0.0.1:4701/authorize?… now",
            ),
            (
                "https://device.sso.us-west-2.amazonaws.com/?user_code=ABCD-EFGH",
                "https://device.sso.us-west-2.amazonaws.com/?…",
            ),
            (
                "https://x.awsapps.com/start/#/device?user_code=ABCD-EFGH",
                "https://x.awsapps.com/start/?…",
            ),
            (
                "Failed to connect to proxy URL: \"http://me:p@ss@proxy.corp:3128\"",
                "Failed to connect to proxy URL: \"http://…@proxy.corp:3128\"",
            ),
            (
                "Could not connect to the endpoint URL: \"http://127.0.0.1:1/client/register\"",
                "Could not connect to the endpoint URL: \"http://127.0.0.1:1/client/register\"",
            ),
        ] {
            assert_eq!(fit(text, 600), fitted);
        }
    }

    #[test]
    fn of_a_long_text_beginning_and_end_are_kept() {
        assert_eq!(fit("0123456789abcdef", 9), "012 … def");
        assert_eq!(fit("ééééééééééé", 6), "éé … é");
        assert_eq!(fit("0123456789", 10), "0123456789");
        assert_eq!(fit("0123456789", 1), " … ");
    }
}
