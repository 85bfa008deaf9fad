//! Which form of a page a client gets. <https://packaging.python.org/en/latest/specifications/simple-repository-api/>

/// The forms of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// PEP 691.
    Json,
    /// PEP 503, under its own type.
    Html,
    /// PEP 503, as browsers know it.
    PlainHtml,
}

impl Form {
    /// The best first.
    const ALL: [Self; 3] = [Self::Json, Self::Html, Self::PlainHtml];

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/vnd.pypi.simple.v1+json",
            Self::Html => "application/vnd.pypi.simple.v1+html",
            Self::PlainHtml => "text/html",
        }
    }

    fn is_called(self, media_type: &str) -> bool {
        let latest = match self {
            Self::Json => "application/vnd.pypi.simple.latest+json",
            Self::Html => "application/vnd.pypi.simple.latest+html",
            Self::PlainHtml => "text/*",
        };
        media_type.eq_ignore_ascii_case(self.content_type())
            || media_type.eq_ignore_ascii_case(latest)
    }
}

/// The form that an `Accept` likes best; `None` if it likes none. Who takes anything gets what browsers know.
pub(crate) fn chosen(accept: Option<&str>) -> Option<Form> {
    let accept = accept.map(str::trim).filter(|accept| !accept.is_empty());
    let Some(accept) = accept else {
        return Some(Form::PlainHtml);
    };
    let mut best: Option<(Form, f32)> = None;
    for (media_type, weight) in accept.split(',').map(weighted) {
        let form = if media_type == "*/*" {
            Some(Form::PlainHtml)
        } else if media_type == "application/*" {
            Some(Form::Json)
        } else {
            Form::ALL
                .into_iter()
                .find(|form| form.is_called(media_type))
        };
        if let Some(form) = form.filter(|_| weight > 0.0)
            && best.is_none_or(|(_, so_far)| weight > so_far)
        {
            best = Some((form, weight));
        }
    }
    best.map(|(form, _)| form)
}

fn weighted(range: &str) -> (&str, f32) {
    let mut fields = range.split(';').map(str::trim);
    let media_type = fields.next().unwrap_or_default();
    let weight = fields.find_map(|field| field.strip_prefix("q=")?.trim().parse().ok());
    (media_type, weight.unwrap_or(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_get_what_they_like_best() {
        let pip = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, \
                   text/html; q=0.01";
        assert_eq!(chosen(Some(pip)), Some(Form::Json));
        let old = "text/html, application/vnd.pypi.simple.v1+json;q=0.2";
        assert_eq!(chosen(Some(old)), Some(Form::PlainHtml));
        assert_eq!(chosen(Some("*/*")), Some(Form::PlainHtml));
        assert_eq!(chosen(None), Some(Form::PlainHtml));
        assert_eq!(
            chosen(Some("application/vnd.pypi.simple.v1+html")),
            Some(Form::Html)
        );
        assert_eq!(chosen(Some("application/json")), None);
        assert_eq!(chosen(Some("text/html;q=0")), None);
    }
}
