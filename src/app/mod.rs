//! The window: what a person sees and does. It knows no file format and no network; long work goes to the
//! [`engine`].
//!
//! One frame: [`App::poll`] takes in what has happened, [`App::draw`] draws the panels and views from `&State` while they
//! push actions, and the actions are applied in order once drawing is over.

mod action;
mod apply;
mod background;
mod case;
mod command;
mod controls;
mod counts;
mod drawing;
mod events;
mod file_dialog;
mod files;
mod frames;
pub mod gpu;
mod inferno;
mod journal;
mod lab;
mod label_table;
mod long_edit;
mod measuring;
mod notice;
pub mod offscreen;
mod operations;
mod painting;
mod panels;
mod paste;
mod picture;
mod pixel_size;
mod provenance;
mod report;
mod rules;
mod settings;
mod shortcuts;
mod state;
mod statistics;
mod swap_time;
mod theme;
mod time;
mod tools;
#[cfg(test)]
mod ui_tests;
mod views;
mod volumes;
mod widgets;
mod window;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use eframe::egui::{self, Context, Theme, ViewportCommand};
use eframe::egui_wgpu::RenderState;

use self::action::{Action, Actions};
use self::background::Background;
use self::file_dialog::FileDialog;
use self::lab::Room;
use self::settings::{Settings, ThemeChoice};
use self::state::{Dialog, Next, State};
use self::views::Screen;
use crate::domain::PictureFacts;
use crate::domain::phantom::PhantomKind;
use crate::engine::journal::Recorder;
use crate::engine::{self, Engine};

pub use self::window::run;

/// A frame longer than this is a fault: nothing that takes longer may happen while drawing.
const LONGEST_FRAME: Duration = Duration::from_millis(50);

/// What is opened when the window opens.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Start {
    /// The image.
    pub image: Option<PathBuf>,
    /// Labels on it.
    pub labels: Option<PathBuf>,
    /// The built-in sample, where no image is given.
    pub sample: bool,
    /// What is said of the image, should it be a picture.
    pub facts: PictureFacts,
}

/// Where the window keeps what it must remember; nothing is kept where there is no place for it.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// The file of the settings.
    pub settings: Option<PathBuf>,
    /// The folder of the journals.
    pub journal: Option<PathBuf>,
}

/// The window's state and everything that acts on it. Runs in an eframe window, off screen, and in tests alike.
#[derive(Debug)]
pub struct App {
    ctx: Context,
    state: State,
    engine: Engine,
    background: Background,
    /// Compares samples, which may take seconds: counting and drawing do not wait for it.
    comparisons: Background,
    file_dialog: FileDialog,
    screen: Screen,
    actions: Actions,
    title: String,
    /// Where the settings are kept; `None` where they are not.
    settings_path: Option<PathBuf>,
    /// Keeps the journal; `None` where none is kept.
    recorder: Option<Recorder>,
    n_cases: u64,
    n_previews: u64,
    is_quitting: bool,
}

impl App {
    /// A window on `ctx`. `gpu` is what the 3D view draws with; without it that view says so.
    pub fn new(ctx: &Context, gpu: Option<RenderState>, engine: Engine, start: Start) -> Self {
        Self::with_places(ctx, gpu, engine, start, Places { settings: settings::path(), journal: journal::folder() })
    }

    /// As [`App::new`], with what it keeps in `places`.
    pub fn with_places(ctx: &Context, gpu: Option<RenderState>, engine: Engine, start: Start, places: Places) -> Self {
        theme::install(ctx);
        let settings_path = places.settings;
        let recorder = places.journal.map(|folder| {
            let wake = ctx.clone();
            Recorder::start(folder, move || wake.request_repaint())
        });
        let wakes = [ctx.clone(), ctx.clone()];
        let [background, comparisons] = wakes.map(|wake| Background::start(move || wake.request_repaint()));
        let state = State::new(Settings::load(settings_path.as_deref()), engine::models());
        let mut app = Self {
            ctx: ctx.clone(),
            engine,
            background,
            comparisons,
            file_dialog: FileDialog::default(),
            screen: Screen::new(gpu),
            actions: Actions::default(),
            title: String::new(),
            settings_path,
            recorder,
            n_cases: 0,
            n_previews: 0,
            is_quitting: false,
            state,
        };
        app.show_theme();
        app.choose_known_model();
        app.survey_journals();
        match start {
            Start { image: Some(image), labels, facts, .. } => app.open_image(image, labels, facts),
            Start { sample: true, .. } => app.proceed(Next::OpenSample(PhantomKind::TwoBodies)),
            Start { .. } => {}
        }
        app
    }

    /// Takes in what the engine, the background and the file dialog have to say. Never waits.
    pub fn poll(&mut self) {
        for event in self.engine.poll() {
            self.hear(event);
        }
        for answer in self.background.poll().into_iter().chain(self.comparisons.poll()) {
            self.learn(answer);
        }
        self.follow_samples();
        self.hear_recorder();
        self.note_changes();
        self.finish_long_edit();
        self.follow_reference();
        self.tend_laboratory();
        self.follow_over_time();
        if let Some(picked) = self.file_dialog.poll() {
            self.use_picked(picked);
        }
        self.state.device_line = self.engine.device_line();
        if let Some(wait) = self.state.notices.expire(Instant::now()) {
            self.ctx.request_repaint_after(wait);
        }
    }

    /// Draws the whole window and applies what was asked for on the way.
    pub fn draw(&mut self, ui: &mut egui::Ui) {
        self.play();
        shortcuts::collect(&self.ctx, &self.state, &mut self.actions);
        self.take_dropped_files();
        self.ask_before_closing();
        panels::window_ui(ui, &self.state, &mut self.screen, &mut self.actions);
        let actions = self.actions.take();
        if !actions.is_empty() {
            self.ctx.request_repaint();
        }
        for action in actions {
            self.apply(action);
        }
        self.note_changes();
        self.show_title();
    }

    /// Whether nothing is being read, computed or saved: what the screen shows now will stay.
    pub fn is_idle(&self) -> bool {
        let state = &self.state;
        let case_is_settled = state.case.as_ref().is_none_or(|case| {
            let has_statistics = case.statistics.is_some() || case.opened.volume.is_color();
            case.lab.running.is_none()
                && (state.room != Room::Uncertainty || case.lab.uncertainty.is_settled())
                && case.lab.reference.opening.is_none()
                && case.lab.running.is_none()
                && !case.lab.robustness.is_matching
                && case.merging.is_none()
                && case.long_edit.is_none()
                && case.counts.is_known()
                && has_statistics
        });
        let has_no_job = state.loading.is_none() && state.opening_labels.is_none() && state.segmenting.is_none();
        has_no_job
            && state.pasting.is_none()
            && state.opening_map.is_none()
            && state.opening_other.is_none()
            && state.saving.is_none()
            && state.reporting.is_none()
            && case_is_settled
    }

    /// Starts a segmentation of the open image, as the button does. Says whether it could.
    pub fn segment(&mut self) -> bool {
        let can = command::Command::Segment.enabled(&self.state).is_ok();
        if can {
            self.apply(Action::Command(command::Command::Segment));
        }
        can
    }

    fn take_dropped_files(&mut self) {
        let files = self.ctx.input_mut(|input| std::mem::take(&mut input.raw.dropped_files));
        let paths: Vec<PathBuf> = files.iter().map(|file| file.path().to_owned()).collect();
        if !paths.is_empty() {
            self.actions.push(Action::OpenFiles(paths));
        }
    }

    fn ask_before_closing(&mut self) {
        let is_asked = self.ctx.input(|input| input.viewport().close_requested());
        if !is_asked || self.is_quitting {
            return;
        }
        if let Some(saving) = &mut self.state.saving {
            // Asked for before the window was closed: it ends first.
            self.ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            saving.then = Some(Next::Quit);
        } else if self.state.has_unsaved_changes() {
            self.ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            self.state.dialog = Some(Dialog::Unsaved(Next::Quit));
        }
    }

    fn show_theme(&self) {
        self.ctx.set_theme(match self.state.settings.theme {
            ThemeChoice::Dark => Theme::Dark,
            ThemeChoice::Light => Theme::Light,
        });
    }

    fn show_title(&mut self) {
        let title = match &self.state.case {
            Some(case) if case.has_unsaved_changes() => format!("{} (unsaved) – LDSeg", case.opened.name),
            Some(case) => format!("{} – LDSeg", case.opened.name),
            None => "LDSeg".to_owned(),
        };
        if title != self.title {
            self.ctx.send_viewport_cmd(ViewportCommand::Title(title.clone()));
            self.title = title;
        }
    }

    /// The remembered model may have gone since.
    fn choose_known_model(&mut self) {
        let state = &mut self.state;
        if state.model().is_none()
            && let Some(first) = state.models.first()
        {
            state.settings.segment.model = first.name.clone();
        }
    }
}

/// Does a part of a frame, and logs where it kept the person waiting.
fn watched(what: &str, work: impl FnOnce()) {
    let started = Instant::now();
    work();
    let took = started.elapsed();
    if took > LONGEST_FRAME {
        log::warn!("{what} took {} ms", took.as_millis());
    }
}

impl eframe::App for App {
    fn logic(&mut self, _ctx: &Context, _frame: &mut eframe::Frame) {
        watched("taking in events", || self.poll());
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        watched("drawing", || self.draw(ui));
    }

    fn on_exit(&mut self) {
        // A window that ends without having asked, as when the system shuts down, leaves its journal to the next start.
        if self.is_quitting || !self.state.has_unsaved_changes() {
            self.end_journal();
        }
    }
}
