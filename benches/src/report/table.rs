//! The rows as a table: aligned for a terminal, or in Markdown for a document.

use super::numbers::written;
use super::{Goal, Row, Section};

/// For whom a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Aligned columns.
    Text,
    /// A table of Markdown.
    Markdown,
}

const HEAD: [&str; 7] = [
    "what",
    "unit",
    "of / by",
    "values",
    "ratio (least–most)",
    "goal",
    "",
];

/// Prints a section to standard output.
pub(crate) fn print(section: &Section, style: Style) {
    print!("{}", written_out(section, style));
}

fn written_out(section: &Section, style: Style) -> String {
    let rows: Vec<[String; 7]> = section.rows.iter().map(cells).collect();
    let head = HEAD.map(str::to_owned);
    let all = || std::iter::once(&head).chain(&rows);
    match style {
        Style::Text => {
            let widths: [usize; 7] = std::array::from_fn(|column| {
                all().map(|row| width(&row[column])).max().unwrap_or(0)
            });
            let lines = all().map(|row| line(row, &widths));
            let lines: Vec<_> = lines.collect();
            format!("\n{}\n{}\n", section.title, lines.join("\n"))
        }
        Style::Markdown => {
            let mut lines: Vec<_> = all()
                .map(|row| format!("| {} |", row.join(" | ")))
                .collect();
            lines.insert(1, "|---|---|---|---|---|---|---|".to_owned());
            format!("\n{}\n\n{}\n", section.title, lines.join("\n"))
        }
    }
}

fn line(row: &[String; 7], widths: &[usize; 7]) -> String {
    let cells = row.iter().zip(widths).map(|(cell, wanted)| {
        let missing = wanted.saturating_sub(width(cell));
        format!("{cell}{}", " ".repeat(missing))
    });
    let cells: Vec<_> = cells.collect();
    cells.join("  ").trim_end().to_owned()
}

fn width(text: &str) -> usize {
    text.chars().count()
}

fn cells(row: &Row) -> [String; 7] {
    let values = match (row.own(), row.others()) {
        (Some(own), Some(other)) => format!("{} / {}", written(own), written(other)),
        (Some(own), None) => match row.own_between() {
            Some((least, most)) if least < most => {
                let (least, most) = (written(least), written(most));
                format!("{} ({least}–{most})", written(own))
            }
            _ => written(own),
        },
        (None, _) => "none".to_owned(),
    };
    let compared = if row.others().is_some() {
        format!("{} / {}", row.subject, row.other)
    } else {
        row.subject.to_owned()
    };
    let ratio = match (row.ratio(), row.ratios_between()) {
        (Some(ratio), Some((least, most))) => format!("{ratio:.2} ({least:.2}–{most:.2})"),
        _ => String::new(),
    };
    let goal = row.goal.map(|goal| match goal {
        Goal::RatioAtLeast(least) => format!("ratio ≥ {least}"),
        Goal::RatioAtMost(most) => format!("ratio ≤ {most}"),
        Goal::AtMost(most) => format!("≤ {}", written(most)),
        Goal::DifferenceAtMost(most) => format!("+ {} at most", written(most)),
    });
    let verdict = match (row.is_met(), row.is_ahead()) {
        (Some(true), _) => "met",
        (Some(false), _) => "MISSED",
        (None, Some(true)) => "ahead",
        (None, Some(false)) => "behind",
        (None, None) => "",
    };
    [
        row.name.clone(),
        row.unit.to_owned(),
        compared,
        values,
        ratio,
        goal.unwrap_or_default(),
        verdict.to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::Better;
    use super::*;

    fn section() -> Section {
        let goal = Goal::RatioAtLeast(1.0);
        let mut hits = Row::new("hits", "1/s", Better::Higher).goal(goal);
        hits.round(900.0, 1000.0);
        let mut rest = Row::new("memory at rest", "MiB", Better::Lower).goal(Goal::AtMost(32.0));
        rest.alone(21.5);
        rest.alone(21.7);
        let rows = vec![hits, rest];
        let title = "Both.".to_owned();
        Section { title, rows }
    }

    #[test]
    fn columns_are_aligned() {
        let expected = "\n\
            Both.\n\
            what            unit  of / by        values            ratio (least–most)  goal       \n\
            hits            1/s   proxy / nginx  900 / 1,000       0.90 (0.90–0.90)    ratio ≥ 1  MISSED\n\
            memory at rest  MiB   proxy          21.6 (21.5–21.7)                      ≤ 32.0     met\n";
        let written = written_out(&section(), Style::Text);
        let trimmed = expected.replace("goal       \n", "goal\n");
        assert_eq!(written, trimmed);
    }

    #[test]
    fn markdown_has_a_line_below_the_head() {
        let written = written_out(&section(), Style::Markdown);
        let lines: Vec<_> = written.lines().collect();
        assert_eq!(lines[4], "|---|---|---|---|---|---|---|");
        assert_eq!(
            lines[5],
            "| hits | 1/s | proxy / nginx | 900 / 1,000 | 0.90 (0.90–0.90) | ratio ≥ 1 | MISSED |"
        );
    }
}
