//! What commands print: results to standard output, everything else to standard error.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};

use serde_json::Value;

use super::args::OutputFormat;

/// Prints results.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    format: OutputFormat,
    colours: bool,
}

/// A colour, or a weight.
#[derive(Clone, Copy, Debug)]
pub(super) enum Style {
    Bold,
    Green,
    Yellow,
}

impl Output {
    /// Prints in `format`; in colours only on a terminal, and unless they are unwanted.
    pub(super) fn new(format: OutputFormat, no_color: bool) -> Self {
        Self {
            format,
            colours: !no_color && io::stdout().is_terminal(),
        }
    }

    /// Prints a result for a program as it is, for a person as `render` puts it.
    pub(super) fn show(
        self,
        answer: &Value,
        render: impl FnOnce(&Value, Self) -> String,
    ) -> io::Result<()> {
        match self.format {
            OutputFormat::Json => print(&format!("{answer:#}\n")),
            OutputFormat::Table => print(&render(answer, self)),
        }
    }

    /// Like [`Output::show`], a program's result on one line.
    pub(super) fn show_line(
        self,
        answer: &Value,
        render: impl FnOnce(&Value, Self) -> String,
    ) -> io::Result<()> {
        match self.format {
            OutputFormat::Json => print(&format!("{answer}\n")),
            OutputFormat::Table => print(&render(answer, self)),
        }
    }

    /// The text in a style, if colours are wanted.
    pub(super) fn styled(self, text: &str, style: Style) -> String {
        let code = match style {
            Style::Bold => 1,
            Style::Green => 32,
            Style::Yellow => 33,
        };
        if self.colours {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// Lays rows out in columns under their headings.
    pub(super) fn table<const N: usize>(self, headings: [&str; N], rows: &[[String; N]]) -> String {
        let cells = || {
            rows.iter()
                .map(|row| row.each_ref().map(|cell| clean(cell)))
        };
        let mut widths = headings.map(str::len);
        for row in cells() {
            for (width, cell) in widths.iter_mut().zip(&row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut text = self.styled(&line(&headings.map(str::to_owned), &widths), Style::Bold);
        text.push('\n');
        for row in cells() {
            text.push_str(&line(&row, &widths));
            text.push('\n');
        }
        text
    }
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        // Writing to a string cannot fail.
        let _ = write!(line, "{cell:width$}  ");
    }
    line.truncate(line.trim_end().len());
    line
}

/// The text without control characters, which could move a terminal's cursor.
pub(super) fn clean(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() {
                '\u{fffd}'
            } else {
                character
            }
        })
        .collect()
}

/// Prints a result.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Prints what is no result. Where even that is impossible, nothing is left to tell anyone.
pub fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Output = Output {
        format: OutputFormat::Table,
        colours: false,
    };

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            ["shop".to_owned(), "debug".to_owned()],
            ["payment-gateway".to_owned(), "trace".to_owned()],
        ];
        insta::assert_snapshot!(PLAIN.table(["APP", "LEVEL"], &rows), @r"
        APP              LEVEL
        shop             debug
        payment-gateway  trace
        ");
    }

    #[test]
    fn no_control_character_reaches_the_terminal() {
        let text = PLAIN.table(["APP"], &[["a\x1b[2Jb".to_owned()]]);
        assert!(!text.contains('\x1b'), "{text:?}");
    }
}
