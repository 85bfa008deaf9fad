//! `gradle.lockfile`: `group:artifact:version=configuration,…`, a line a module
//! (Gradle User Manual, "Locking dependency versions").

use super::bounds::Found;
use super::{Entry, ListError, lines};
use crate::artifact::Coordinates;

const EXPECTED: &str = "group:artifact:version=configuration,…, as Gradle writes it";

pub(super) fn read(text: &str, found: &mut Found) -> Result<(), ListError> {
    for (line, text) in lines(text) {
        let (module, _configurations) = text.split_once('=').unwrap_or((text, ""));
        // The configurations that have no dependencies.
        if module == "empty" {
            continue;
        }
        let module = Coordinates::parse(module).map_err(|error| ListError::Line {
            line,
            problem: error.to_string(),
            expected: EXPECTED,
        })?;
        found.push(Entry::Module(module))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::lists::{Format, OurHosts, read};

    #[test]
    fn each_line_is_a_module() {
        let text = "# This is a Gradle generated file for dependency locking.\n\
                    com.google.guava:guava:31.1-jre=compileClasspath,runtimeClasspath\n\
                    junit:junit:4.13.2=testCompileClasspath\nempty=annotationProcessor\n";
        let list = read(text, None, &OurHosts::default()).expect("a list");
        assert_eq!(
            (list.format, list.entries.len()),
            (Format::GradleLockfile, 2)
        );
        let format = Some(Format::GradleLockfile);
        let error = read("g:a:1=x\nb=y", format, &OurHosts::default()).expect_err("a fault");
        assert!(
            error.to_string().starts_with("line 2: `b` is not"),
            "{error}"
        );
    }
}
