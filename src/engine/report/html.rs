//! HTML in pieces: text is escaped on its way in, never on its way out.

use std::fmt::{self, Write as _};

use crate::domain::Units;

/// Text as it stands in HTML and SVG, in elements and in quoted attributes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

const STYLE: &str = include_str!("report.css");

/// A page that grows section by section.
#[derive(Debug)]
pub(super) struct Page {
    body: String,
}

impl Page {
    /// An empty page.
    pub fn new(title: &str) -> Self {
        let title = Escaped(title);
        let body = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
             <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
        );
        Self { body }
    }

    /// Puts HTML that is well formed at the end.
    pub fn raw(&mut self, html: &str) {
        self.body.push_str(html);
        self.body.push('\n');
    }

    /// A heading; it begins a section.
    pub fn heading(&mut self, text: &str) {
        self.raw(&format!("<h2>{}</h2>", Escaped(text)));
    }

    /// A paragraph.
    pub fn paragraph(&mut self, text: &str) {
        self.raw(&format!("<p>{}</p>", Escaped(text)));
    }

    /// A remark on what numbers mean.
    pub fn note(&mut self, text: &str) {
        self.raw(&format!("<p class=\"note\">{}</p>", Escaped(text)));
    }

    /// Names and values.
    pub fn facts(&mut self, facts: &[(&str, String)]) {
        let mut html = "<dl>".to_owned();
        for (name, value) in facts {
            html += &format!("<dt>{}</dt><dd>{}</dd>", Escaped(name), Escaped(value));
        }
        self.raw(&(html + "</dl>"));
    }

    /// A table: the first column is text, the others are numbers.
    pub fn table(&mut self, table: &Table) {
        let mut html = "<div class=\"wide\"><table><thead><tr>".to_owned();
        for name in &table.columns {
            html += &format!("<th>{}</th>", Escaped(name));
        }
        html += "</tr></thead><tbody>";
        for Row { color, cells } in &table.rows {
            html += "<tr>";
            for (at, cell) in cells.iter().enumerate() {
                let swatch = color.filter(|_| at == 0).map(swatch).unwrap_or_default();
                html += &format!("<td>{swatch}{}</td>", Escaped(cell));
            }
            html += "</tr>";
        }
        self.raw(&(html + "</tbody></table></div>"));
    }

    /// The whole page.
    pub fn finish(mut self) -> String {
        self.body.push_str("</main>\n</body>\n</html>\n");
        self.body
    }
}

/// Rows of text under names.
#[derive(Debug, Default)]
pub(super) struct Table {
    columns: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    color: Option<[u8; 3]>,
    cells: Vec<String>,
}

impl Table {
    /// No rows yet.
    pub fn new(columns: &[&str]) -> Self {
        Self::in_units(columns, Units::Millimetres)
    }

    /// No rows yet; columns in millimetres and millilitres are called after `units`.
    pub fn in_units(columns: &[&str], units: Units) -> Self {
        Self { columns: columns.iter().map(|name| units.renamed(name)).collect(), rows: Vec::new() }
    }

    /// Adds a row; `color` marks its first cell.
    pub fn push(&mut self, color: Option<[u8; 3]>, cells: impl IntoIterator<Item = String>) {
        self.rows.push(Row { color, cells: cells.into_iter().collect() });
    }
}

/// A small field of colour.
pub(super) fn swatch(color: [u8; 3]) -> String {
    format!("<i class=\"swatch\" style=\"background:{}\"></i>", css_color(color))
}

/// A colour as CSS and SVG have it.
pub(super) fn css_color([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// A number, or a dash where it is undefined.
pub(super) fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.decimals$}"))
}

/// Base 64 with padding (RFC 4648).
pub(super) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let is_padding = digit > chunk.len();
            text.push(if is_padding { '=' } else { DIGITS[(bits >> (18 - 6 * digit) & 63) as usize].into() });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        let pairs = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (text, encoded) in pairs {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe]), "+//+");
    }

    #[test]
    fn text_cannot_leave_its_place() {
        assert_eq!(Escaped("<b a=\"1\" c='2'>&").to_string(), "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;");
        let mut page = Page::new("</title><script>");
        let mut table = Table::new(&["<th>"]);
        table.push(None, ["<td>".to_owned()]);
        page.table(&table);
        page.facts(&[("a", "<dd>".to_owned())]);
        let page = page.finish();
        assert!(!page.contains("<script>") && page.matches("<td>").count() == 1 && page.matches("<dd>").count() == 1);
    }
}
