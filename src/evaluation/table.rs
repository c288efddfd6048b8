//! Long tables of measurements, one row each, as CSV and JSON, and their means by group.

use serde_json::{Map, Value};

use super::report::Statistic;
use crate::domain::measure::csv_field;

/// One field.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// A name.
    Text(String),
    /// A measurement; `None` where it is undefined.
    Number(Option<f64>),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<Option<f64>> for Cell {
    fn from(number: Option<f64>) -> Self {
        Self::Number(number)
    }
}

impl Cell {
    fn csv(&self) -> String {
        match self {
            Self::Text(text) => csv_field(text),
            Self::Number(number) => number.map_or_else(String::new, shortest),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(None) => "–".to_owned(),
            Self::Number(Some(number)) if number.fract() == 0.0 => shortest(*number),
            Self::Number(Some(number)) => format!("{number:.4}"),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Text(text) => Value::from(text.as_str()),
            Self::Number(number) => number.map_or(Value::Null, Value::from),
        }
    }
}

/// Whole numbers as such, others with six digits after the point.
fn shortest(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e15 { format!("{number:.0}") } else { format!("{number:.6}") }
}

/// Rows under named columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// No rows yet.
    pub fn new(columns: &[&str]) -> Self {
        Self { columns: columns.iter().map(|&name| name.to_owned()).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    ///
    /// # Panics
    /// Where it has not one cell for each column.
    pub fn push(&mut self, row: Vec<Cell>) {
        assert_eq!(row.len(), self.columns.len(), "one cell for each column");
        self.rows.push(row);
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The numbers of a column that are defined; none for a column that there is not.
    pub fn numbers(&self, column: &str) -> Vec<f64> {
        let Some(at) = self.position(column) else { return Vec::new() };
        let number = |row: &Vec<Cell>| if let Cell::Number(number) = row[at] { number } else { None };
        self.rows.iter().filter_map(number).collect()
    }

    /// Mean, SD (n − 1) and number of values of the columns `values`, for each combination of the columns `keys`, in the order
    /// in which they first occur. A column that there is not is left out.
    pub fn summary(&self, keys: &[&str], values: &[&str]) -> Self {
        let keys: Vec<usize> = keys.iter().filter_map(|key| self.position(key)).collect();
        let values: Vec<usize> = values.iter().filter_map(|value| self.position(value)).collect();
        let mut columns: Vec<String> = keys.iter().map(|&at| self.columns[at].clone()).collect();
        for &at in &values {
            columns.extend(["mean", "sd", "n"].map(|what| format!("{}_{what}", self.columns[at])));
        }
        let line = |(key, group): (Vec<Cell>, Vec<&Vec<Cell>>)| {
            let mut line = key;
            for &at in &values {
                let number = |row: &&Vec<Cell>| if let Cell::Number(number) = row[at] { number } else { None };
                let Statistic { mean, sd, n, .. } = Statistic::of(group.iter().map(number));
                line.extend([Cell::from(mean), Cell::from(sd), Cell::from(n as f64)]);
            }
            line
        };
        Self { columns, rows: self.grouped(&keys).into_iter().map(line).collect() }
    }

    /// The rows of each combination of the columns `keys`, named by it, in the order in which they first occur.
    pub fn groups(&self, keys: &[&str]) -> Vec<(Vec<String>, Self)> {
        let keys: Vec<usize> = keys.iter().filter_map(|key| self.position(key)).collect();
        let named = |(key, rows): (Vec<Cell>, Vec<&Vec<Cell>>)| {
            let name = |(cell, &at): (&Cell, &usize)| format!("{} {}", self.columns[at], cell.text());
            let rows = rows.into_iter().cloned().collect();
            (key.iter().zip(&keys).map(name).collect(), Self { columns: self.columns.clone(), rows })
        };
        self.grouped(&keys).into_iter().map(named).collect()
    }

    fn grouped(&self, keys: &[usize]) -> Vec<(Vec<Cell>, Vec<&Vec<Cell>>)> {
        let mut groups: Vec<(Vec<Cell>, Vec<&Vec<Cell>>)> = Vec::new();
        for row in &self.rows {
            let key: Vec<Cell> = keys.iter().map(|&at| row[at].clone()).collect();
            match groups.iter_mut().find(|(of, _)| *of == key) {
                Some((_, rows)) => rows.push(row),
                None => groups.push((key, vec![row])),
            }
        }
        groups
    }

    /// With a heading; what is undefined is an empty field.
    pub fn to_csv(&self) -> String {
        let heading: Vec<String> = self.columns.iter().map(|name| csv_field(name)).collect();
        let mut text = heading.join(",") + "\n";
        for row in &self.rows {
            text += &row.iter().map(Cell::csv).collect::<Vec<_>>().join(",");
            text.push('\n');
        }
        text
    }

    /// As spreadsheets take it from the clipboard: fields apart by tabs.
    pub fn to_tsv(&self) -> String {
        let plain = |field: &str| field.replace(['\t', '\n', '\r'], " ");
        let field = |cell: &Cell| match cell {
            Cell::Text(text) => plain(text),
            Cell::Number(_) => cell.csv(),
        };
        let heading = self.columns.iter().map(|name| plain(name)).collect::<Vec<_>>();
        let rows = self.rows.iter().map(|row| row.iter().map(field).collect());
        std::iter::once(heading).chain(rows).map(|line| line.join("\t") + "\n").collect()
    }

    /// One object a row; what is undefined is `null`.
    pub fn to_json(&self) -> Value {
        let object = |row: &Vec<Cell>| -> Map<String, Value> {
            self.columns.iter().cloned().zip(row.iter().map(Cell::json)).collect()
        };
        self.rows.iter().map(|row| Value::Object(object(row))).collect()
    }

    /// For the terminal: columns of equal width, numbers with four digits after the point; a mean and its SD in one.
    pub fn to_text(&self) -> String {
        let sd_of = |at: usize| {
            let name = self.columns[at].strip_suffix("_mean")?;
            self.position(&format!("{name}_sd"))
        };
        let is_told_elsewhere = |name: &str| {
            let of = name.strip_suffix("_sd").or_else(|| name.strip_suffix("_n"));
            of.is_some_and(|of| self.position(&format!("{of}_mean")).is_some())
        };
        let shown: Vec<usize> = (0..self.columns.len()).filter(|&at| !is_told_elsewhere(&self.columns[at])).collect();
        let cell = |row: &Vec<Cell>, at: usize| match sd_of(at).map(|sd| &row[sd]) {
            Some(sd @ Cell::Number(Some(_))) => format!("{} ± {}", row[at].text(), sd.text()),
            _ => row[at].text(),
        };
        let heading = shown.iter().map(|&at| self.columns[at].trim_end_matches("_mean").to_owned());
        let mut lines: Vec<Vec<String>> = vec![heading.collect()];
        lines.extend(self.rows.iter().map(|row| shown.iter().map(|&at| cell(row, at)).collect()));
        let width = |at: usize| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..shown.len()).map(width).collect();
        let aligned = |line: &Vec<String>| {
            let cells = line.iter().zip(&widths).map(|(cell, &width)| format!("{cell:>width$}"));
            cells.collect::<Vec<_>>().join("  ") + "\n"
        };
        lines.iter().map(aligned).collect()
    }

    fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|name| name == column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["route", "steps", "dice"]);
        table.push(vec!["a, b".into(), 2.0.into(), 0.8.into()]);
        table.push(vec!["c".into(), 2.0.into(), None.into()]);
        table.push(vec!["a, b".into(), 2.0.into(), 0.9.into()]);
        table
    }

    #[test]
    fn csv_and_json_leave_out_the_undefined() {
        assert_eq!(table().to_csv(), "route,steps,dice\n\"a, b\",2,0.800000\nc,2,\n\"a, b\",2,0.900000\n");
        let json = table().to_json();
        assert!(json[1]["dice"].is_null());
        assert_eq!((json[2]["dice"].as_f64(), json[0]["route"].as_str()), (Some(0.9), Some("a, b")));
        assert_eq!(table().numbers("dice"), [0.8, 0.9]);
    }

    #[test]
    fn groups_have_their_mean_sd_and_number() {
        let summary = table().summary(&["route", "steps"], &["dice", "nonsense"]);
        let expected = "route,steps,dice_mean,dice_sd,dice_n\n\"a, b\",2,0.850000,0.070711,2\nc,2,,,0\n";
        assert_eq!(summary.to_csv(), expected);
        let groups = table().groups(&["route", "steps"]);
        assert_eq!(groups[0].0, ["route a, b", "steps 2"]);
        assert_eq!((groups[0].1.numbers("dice"), groups.len()), (vec![0.8, 0.9], 2));
    }

    #[test]
    fn columns_line_up_in_the_terminal() {
        let text = table().to_text();
        let widths: Vec<usize> = text.lines().map(|line| line.chars().count()).collect();
        assert_eq!(widths, [widths[0]; 4]);
        assert!(text.contains("0.8000") && text.contains('–'), "{text}");
        let summary = table().summary(&["route"], &["dice"]).to_text();
        assert_eq!(summary, "route             dice\n a, b  0.8500 ± 0.0707\n    c                –\n");
        assert!(!table().is_empty() && Table::new(&["x"]).is_empty());
    }
}
