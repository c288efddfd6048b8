//! The table of what each label holds: worked out beside the window, copied and exported.

use std::path::PathBuf;

use super::App;
use super::background::Task;
use super::state::{Dialog, Purpose};
use crate::domain::measure::{to_csv, to_tsv};
use crate::engine::Job;

impl App {
    /// Shows the table, and has it worked out.
    pub(super) fn show_statistics(&mut self) {
        let Some(case) = &mut self.state.case else { return };
        case.label_statistics = None;
        self.background.submit(Task::Labels {
            case: case.id,
            labels: case.history.shared(),
            table: case.table.clone(),
            volume: case.opened.volume.clone(),
            frame: case.frame,
        });
        self.state.dialog = Some(Dialog::Statistics);
    }

    /// Copies the table for a spreadsheet.
    pub(super) fn copy_statistics(&mut self) {
        let Some(case) = &self.state.case else { return };
        let Some(rows) = &case.label_statistics else { return };
        self.ctx.copy_text(to_tsv(rows, case.grid().units()));
        self.state.notices.success("Copied the table of labels");
    }

    /// Asks where to write the table.
    pub(super) fn export_statistics(&mut self) {
        self.pick(Purpose::ExportStatistics);
    }

    /// Has the table written.
    pub(super) fn write_statistics(&mut self, path: PathBuf) {
        let Some(case) = &self.state.case else { return };
        let Some(rows) = &case.label_statistics else { return };
        let path = if path.extension().is_none() { path.with_extension("csv") } else { path };
        let text = to_csv(rows, case.grid().units());
        self.engine.submit(Job::WriteText { path, text });
    }
}
