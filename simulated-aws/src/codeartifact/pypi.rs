//! Python packages: what a repository has, and what it answers.

mod accept;
pub(crate) mod page;
pub(super) mod upload;
mod wheel_metadata;

use http::header::ACCEPT;
use http::{Method, Response, StatusCode};

use super::Shared;
use super::asset::{Asset, Digests};
use super::data::{Asked, blocked, conflict, moved, not_allowed, not_found};
use super::options::{Feature, Links, Options};
use super::page::Page;
use super::place::Format;
use super::state::State;
use crate::service::{ErrorAnswer, PlainBody, full};

pub(crate) use accept::{Form, chosen};
use page::Telling;
use upload::Upload;

/// A project: its files in the order of their arrival.
#[derive(Clone, Debug, Default)]
pub(crate) struct Project {
    pub(crate) files: Vec<ProjectFile>,
}

/// One file of a project.
#[derive(Clone, Debug)]
pub(crate) struct ProjectFile {
    pub(crate) version: String,
    pub(crate) name: String,
    pub(crate) asset: Asset,
    /// The METADATA of a wheel, for PEP 658.
    pub(crate) metadata: Option<Asset>,
    pub(crate) requires_python: Option<String>,
}

impl ProjectFile {
    /// A file. What a wheel says of itself is read from it, where its bytes are at hand.
    pub(crate) fn new(version: &str, name: &str, asset: Asset) -> Self {
        let metadata = asset.bytes();
        let metadata = metadata.and_then(|bytes| wheel_metadata::read(name, bytes));
        let requires_python = metadata
            .as_deref()
            .and_then(wheel_metadata::requires_python);
        Self {
            version: version.to_owned(),
            name: name.to_owned(),
            metadata: metadata.map(|bytes| Asset::new(bytes, asset.stored)),
            requires_python,
            asset,
        }
    }

    pub(crate) fn digests(&self) -> &Digests {
        &self.asset.digests
    }
}

impl Project {
    pub(crate) fn file(&self, name: &str) -> Option<&ProjectFile> {
        self.files.iter().find(|file| file.name == name)
    }

    /// Puts a file in, in place of one of that name.
    pub(crate) fn put(&mut self, file: ProjectFile) {
        self.files.retain(|other| other.name != file.name);
        self.files.push(file);
    }

    /// What is at `<version>/<file>`, also the `.metadata` beside a wheel.
    pub(crate) fn asset(&self, version: &str, name: &str) -> Option<&Asset> {
        let of_version = |name: &str| self.file(name).filter(|file| file.version == version);
        match of_version(name) {
            Some(file) => Some(&file.asset),
            None => of_version(name.strip_suffix(".metadata")?)?
                .metadata
                .as_ref(),
        }
    }
}

/// Answers what is asked of a repository.
pub(super) async fn serve(
    shared: &Shared,
    asked: &Asked,
    body: PlainBody,
) -> Result<Response<PlainBody>, ErrorAnswer> {
    if asked.method == Method::POST && asked.path.is_empty() {
        let upload = Upload::read(&asked.headers, body).await?;
        return store(shared, asked, upload);
    }
    if asked.method != Method::GET && asked.method != Method::HEAD {
        return Err(not_allowed());
    }
    let path = asked.path.strip_prefix("simple/");
    let path = path.filter(|path| !path.is_empty());
    let path = path.ok_or_else(|| not_found("The index as a whole is not served"))?;
    let Some((name, rest)) = path.split_once('/') else {
        return moved(StatusCode::MOVED_PERMANENTLY, &format!("{}/", asked.url()));
    };
    let name = normalised(name);
    let options = shared.options();
    let state = shared.lock();
    if !rest.is_empty() {
        let is_there = state.find(asked).is_some();
        drop(state);
        return if is_there {
            shared.redirect(asked)
        } else {
            Err(not_found("No such file"))
        };
    }
    let project = state.repositories.get(&asked.place);
    let project = project.and_then(|packages| packages.pypi.get(&name));
    let project = project.filter(|project| !project.files.is_empty());
    let project = project.ok_or_else(|| not_found("No such project"))?;
    let page = tell(asked, &options, &name, project)?;
    drop(state);
    Ok(page.answer(&options, &asked.headers))
}

fn tell(
    asked: &Asked,
    options: &Options,
    name: &str,
    project: &Project,
) -> Result<Page, ErrorAnswer> {
    let base = match options.links {
        Links::Relative => String::new(),
        Links::Absolute => format!("{}simple/{name}/", asked.base),
    };
    let telling = Telling {
        base: &base,
        has_metadata: options.has(Feature::Metadata),
        has_hashes: true,
    };
    let form = chosen(asked.header(ACCEPT)).ok_or_else(|| {
        ErrorAnswer::new(
            406,
            "NotAcceptable",
            "None of the types that are accepted is served",
        )
    })?;
    Ok(Page {
        bytes: telling.page(name, project, form).into(),
        content_type: form.content_type(),
        modified: project.files.iter().map(|file| file.asset.stored).max(),
    })
}

/// Stores an upload, unless there is one of that name.
fn store(
    shared: &Shared,
    asked: &Asked,
    mut upload: Upload,
) -> Result<Response<PlainBody>, ErrorAnswer> {
    let bad = |message: &str| ErrorAnswer::new(400, "BadRequest", message);
    if upload.field(":action")? != "file_upload" {
        return Err(bad("The action is not supported"));
    }
    let file = upload.file.take();
    let (file_name, received) = file.ok_or_else(|| bad("The upload has no file"))?;
    let (name, version) = (normalised(upload.field("name")?), upload.field("version")?);
    if [&name, version, &file_name]
        .iter()
        .any(|text| text.is_empty() || text.contains('/'))
    {
        return Err(bad("A name or the version is none"));
    }
    let asset = received.finish(shared.clock.now());
    let promised = upload.optional("sha256_digest");
    if promised.is_some_and(|digest| digest != asset.digests.sha256) {
        return Err(bad("The file is not the one that its sha256_digest is of"));
    }
    let mut file = ProjectFile::new(version, &file_name, asset);
    let requires = upload.optional("requires_python").map(str::to_owned);
    file.requires_python = file.requires_python.or(requires);
    let mut state = shared.lock();
    let packages = state.repositories.get_mut(&asked.place);
    let packages = packages.ok_or_else(|| not_found("The repository does not exist"))?;
    if !packages.takes(Format::Pypi, &name) {
        return Err(blocked(&name));
    }
    let project = packages.pypi.entry(name).or_default();
    if project.file(&file_name).is_some() {
        return Err(conflict(&format!("The file {file_name} already exists")));
    }
    project.put(file);
    Ok(Response::new(full("")))
}

impl State {
    /// The file that is asked for.
    pub(super) fn find(&self, asked: &Asked) -> Option<&Asset> {
        let packages = self.repositories.get(&asked.place)?;
        packages.asset(asked.format, &asked.path)
    }
}

/// A project's name as the index has it.
/// <https://packaging.python.org/en/latest/specifications/name-normalization/>
pub(crate) fn normalised(name: &str) -> String {
    let mut normalised = String::with_capacity(name.len());
    let mut in_run = false;
    for letter in name.chars() {
        let separates = matches!(letter, '-' | '_' | '.');
        if separates && !in_run {
            normalised.push('-');
        } else if !separates {
            normalised.push(letter.to_ascii_lowercase());
        }
        in_run = separates;
    }
    normalised
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_separators_are_one_hyphen() {
        assert_eq!(normalised("Acme__Tool.-x"), "acme-tool-x");
    }
}
