//! The room of uncertainty: where samples of the frame shown differ.
//!
//! What is shown follows from what is there: [`App::follow_samples`] compares the two after every turn and has worked out
//! what is missing.

pub mod browse;
pub mod maps;
pub mod work;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use eframe::egui::{ColorImage, TextureHandle, TextureOptions};

use self::browse::{Browse, Cluster, Frame, Pick, shown};
use self::maps::{Look, Picture, PictureKey, RegionKey};
use self::work::{Work, Worked};
use super::Room;
use crate::app::App;
use crate::app::background::Task;
use crate::app::case::{Case, Origin, Preview, Source};
use crate::app::command::can_show_hypothesis;
use crate::app::tools::ValueMap;
use crate::config::SegmentSettings;
use crate::domain::grid::SliceAxes;
use crate::domain::region::Region;
use crate::domain::volume::Histogram;
use crate::domain::{LabelMap, Plane};
use crate::engine::laboratory::{Experiment, SamplesSoFar};

/// Clusters that the hypotheses are in at first.
const N_CLUSTERS: usize = 3;

/// What the room knows of a case.
#[derive(Debug)]
pub struct Uncertain {
    /// The samples so far.
    pub samples: Option<Arc<SamplesSoFar>>,
    /// Counts the states of the samples.
    serial: u64,
    /// The last state that was forgotten.
    forgotten: u64,
    /// Maps of one label; `None`: of all.
    pub class: Option<u8>,
    /// What is drawn of them.
    pub picture: Option<Arc<Picture>>,
    /// Regions of the picture above a threshold, and which of them the crosshair was put into last.
    pub regions: Option<Regions>,
    /// Groups that the hypotheses are in.
    pub n_clusters: usize,
    /// The samples as a group; may be of fewer samples than there are.
    pub browse: Option<Arc<Browse>>,
    /// Its groups.
    pub clusters: Vec<Cluster>,
    /// The sample that is named by its number, from 0.
    pub numbered: usize,
    /// Thumbnails of them.
    pub thumbnails: Option<Thumbnails>,
    asked: Asked,
}

/// What was asked for last, so that nothing is asked for twice.
#[derive(Debug, Default)]
struct Asked {
    picture: Option<PictureKey>,
    browse: Option<u64>,
    thumbnails: Option<(u64, usize, Frame)>,
    regions: Option<RegionKey>,
    /// The crosshair moves as soon as the regions are known.
    region: bool,
}

/// Where a map is above a threshold.
#[derive(Debug)]
pub struct Regions {
    of: RegionKey,
    /// The weightiest first.
    pub found: Vec<Region>,
    /// Others that are smaller than is asked for.
    pub n_smaller: usize,
    /// The one that the crosshair was put into last.
    pub at: Option<usize>,
}

/// Thumbnails of the hypotheses.
pub struct Thumbnails {
    /// The slice that they show.
    pub frame: Frame,
    /// In the order in which they were asked for.
    pub textures: Vec<(Pick, TextureHandle)>,
}

impl std::fmt::Debug for Thumbnails {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Thumbnails").field("frame", &self.frame).field("n", &self.textures.len()).finish()
    }
}

impl Default for Uncertain {
    fn default() -> Self {
        Self {
            samples: None,
            serial: 0,
            forgotten: 0,
            class: None,
            picture: None,
            regions: None,
            n_clusters: N_CLUSTERS,
            browse: None,
            clusters: Vec::new(),
            numbered: 0,
            thumbnails: None,
            asked: Asked::default(),
        }
    }
}

/// What its controls ask for.
#[derive(Clone, Debug, PartialEq)]
pub enum UncertaintyAction {
    /// Draw samples.
    Draw,
    /// How they are shown.
    SetLook(Look),
    /// Maps of one label; `None`: of all.
    ShowClass(Option<u8>),
    /// Put the crosshair into the next region above the threshold.
    NextRegion,
    /// Keep painting to what is above the threshold.
    Limit,
    /// Group the hypotheses into so many clusters.
    SetClusters(usize),
    /// Name a sample by its number, from 0.
    SetNumbered(usize),
    /// Show an answer as a preview.
    Use(Pick),
}

impl Uncertain {
    /// Takes in what has been drawn so far.
    pub fn take(&mut self, samples: Arc<SamplesSoFar>) {
        self.serial += 1;
        self.samples = Some(samples);
    }

    /// Whether all that is shown is of the samples that are there.
    pub fn is_settled(&self) -> bool {
        let is_of = |serial: Option<u64>| serial == Some(self.serial);
        let is_drawn = is_of(self.picture.as_ref().map(|picture| picture.key.samples));
        self.samples.is_none() || (is_drawn && is_of(self.browse.as_ref().map(|browse| browse.serial)))
    }

    /// Whether the regions are those of the picture, the threshold and the size that are asked for.
    #[cfg(test)]
    pub fn has_regions(&self) -> bool {
        self.regions.as_ref().is_some_and(|regions| self.asked.regions == Some(regions.of))
    }

    /// Forgets the samples and all that was made of them.
    fn forget(&mut self) {
        let (serial, n_clusters) = (self.serial, self.n_clusters);
        *self = Self { serial, forgotten: serial, n_clusters, ..Self::default() };
    }

    /// The picture that is wanted, where it has not been asked for.
    fn missing_picture(&mut self, look: &Look) -> Option<Work> {
        let samples = self.samples.as_ref()?;
        let key = PictureKey { samples: self.serial, map: look.map, class: self.class };
        (self.asked.picture.replace(key) != Some(key)).then(|| Work::Picture(key, Arc::clone(samples)))
    }

    /// The regions that are wanted, where they have not been asked for.
    fn missing_regions(&mut self, look: &Look) -> Option<Work> {
        let picture = self.picture.as_ref().filter(|picture| picture.key.map.is_uncertainty())?;
        let key = RegionKey::new(picture.key, look);
        (self.asked.regions.replace(key) != Some(key)).then(|| Work::Regions(Arc::clone(picture), key))
    }

    /// The comparison that is wanted: while samples still come, only once there are twice as many as at the last one.
    fn missing_browse(&mut self, is_running: bool) -> Option<Work> {
        let samples = self.samples.as_ref()?;
        let known = self.browse.as_ref();
        let is_busy = self.asked.browse.is_some_and(|asked| known.is_none_or(|browse| browse.serial != asked));
        let n_known = known.map_or(0, |browse| browse.samples.masks.len());
        let is_worth_it = !is_running || samples.masks.len() >= 2 * n_known.max(1);
        if is_busy || !is_worth_it || self.asked.browse == Some(self.serial) {
            return None;
        }
        self.asked.browse = Some(self.serial);
        Some(Work::Browse(self.serial, Arc::clone(samples)))
    }

    /// Groups anew.
    fn regroup(&mut self) {
        self.clusters = self.browse.as_ref().map(|browse| browse.clusters(self.n_clusters)).unwrap_or_default();
    }
}

impl Case {
    /// The thumbnails that are wanted, where they have not been asked for.
    fn missing_thumbnails(&mut self, axes: SliceAxes) -> Option<Work> {
        let bounds = self.lab.uncertainty.picture.as_ref()?.bounds.clone()?;
        let frame = Frame::around(&bounds, self.grid().shape(), axes, self.crosshair, self.window);
        let known = &mut self.lab.uncertainty;
        let browse = Arc::clone(known.browse.as_ref()?);
        let wanted = (browse.serial, known.n_clusters, frame.clone());
        if known.asked.thumbnails.as_ref() == Some(&wanted) {
            return None;
        }
        known.asked.thumbnails = Some(wanted);
        let picks = shown(&known.clusters);
        Some(Work::Thumbnails(Box::new(frame), browse, picks, Arc::clone(&self.opened.volume)))
    }
}

impl Case {
    /// Puts the crosshair into the next region, if that is asked for and it is known which that is.
    fn go_to_asked_region(&mut self) {
        let known = &mut self.lab.uncertainty;
        let wanted = known.asked.regions;
        let Some(regions) = known.regions.as_mut().filter(|regions| Some(regions.of) == wanted) else { return };
        if std::mem::take(&mut known.asked.region) && !regions.found.is_empty() {
            let next = regions.at.map_or(0, |at| (at + 1) % regions.found.len());
            regions.at = Some(next);
            self.crosshair = regions.found[next].peak;
        }
    }
}

impl App {
    pub(in crate::app) fn act_on_uncertainty(&mut self, action: UncertaintyAction) {
        match action {
            UncertaintyAction::Draw => self.draw_samples(),
            UncertaintyAction::SetLook(look) => self.remember(|known| known.uncertainty = look),
            UncertaintyAction::ShowClass(class) => self.with_case(|case| case.lab.uncertainty.class = class),
            UncertaintyAction::NextRegion => self.go_to_next_region(),
            UncertaintyAction::Limit => self.limit_to_uncertain(),
            UncertaintyAction::SetClusters(n) => self.with_case(|case| {
                case.lab.uncertainty.n_clusters = n;
                case.lab.uncertainty.regroup();
            }),
            UncertaintyAction::SetNumbered(at) => self.with_case(|case| case.lab.uncertainty.numbered = at),
            UncertaintyAction::Use(pick) => self.use_hypothesis(pick),
        }
    }

    fn draw_samples(&mut self) {
        let mut settings = self.state.settings.segment.clone();
        settings.samples = self.state.settings.uncertainty.n_samples;
        self.with_case(|case| case.lab.uncertainty.forget());
        self.begin_experiment(Room::Uncertainty, Experiment::Samples, settings);
    }

    /// Drops samples that are not of the frame and the model shown, and has worked out what is missing on the screen.
    pub(in crate::app) fn follow_samples(&mut self) {
        let Some(case) = &mut self.state.case else { return };
        let known = &mut case.lab.uncertainty;
        let is_foreign = known.samples.as_ref().is_some_and(|samples| {
            let of = &samples.conditions;
            of.stamp.frame != case.frame || of.settings.model != self.state.settings.segment.model
        });
        let is_running = case.lab.running.as_ref().is_some_and(|running| running.room == Room::Uncertainty);
        if is_foreign {
            known.forget();
            if is_running {
                self.stop_experiment();
            }
            return;
        }
        if self.state.room != Room::Uncertainty {
            return;
        }
        let picture = known.missing_picture(&self.state.settings.uncertainty);
        let regions = known.missing_regions(&self.state.settings.uncertainty);
        let browse = known.missing_browse(is_running);
        let axes = case.axes(Plane::Axial, self.state.settings.convention);
        let (id, thumbnails) = (case.id, case.missing_thumbnails(axes));
        for work in picture.into_iter().chain(regions).chain(thumbnails) {
            self.background.submit(Task::Uncertainty { case: id, work });
        }
        if let Some(work) = browse {
            self.comparisons.submit(Task::Uncertainty { case: id, work });
        }
    }

    fn submit_work(&self, work: Work) {
        let Some(case) = &self.state.case else { return };
        self.background.submit(Task::Uncertainty { case: case.id, work });
    }

    /// Puts the crosshair into the next region, as soon as the regions are known.
    fn go_to_next_region(&mut self) {
        let Some(case) = &mut self.state.case else { return };
        let known = &mut case.lab.uncertainty;
        known.asked.region = true;
        let missing = known.missing_regions(&self.state.settings.uncertainty);
        case.go_to_asked_region();
        missing.into_iter().for_each(|work| self.submit_work(work));
    }

    fn limit_to_uncertain(&mut self) {
        let threshold = self.state.settings.uncertainty.threshold();
        let picture = self.state.case.as_ref().and_then(|case| case.lab.uncertainty.picture.clone());
        picture.into_iter().for_each(|picture| self.submit_work(Work::Limit(picture, threshold)));
    }

    fn use_hypothesis(&mut self, pick: Pick) {
        if can_show_hypothesis(&self.state).is_err() {
            return;
        }
        let browse = self.state.case.as_ref().and_then(|case| case.lab.uncertainty.browse.clone());
        browse.into_iter().for_each(|browse| self.submit_work(Work::Labels(browse, pick)));
    }

    /// Takes in what has been worked out, as far as it is still wanted.
    pub(in crate::app) fn learn_of_samples(&mut self, worked: Worked) {
        let Some(case) = &mut self.state.case else { return };
        let known = &mut case.lab.uncertainty;
        match worked {
            Worked::Picture(picture) => {
                // One of samples that are gone is late.
                if known.samples.is_some() && picture.key.samples > known.forgotten {
                    known.picture = Some(picture);
                }
            }
            Worked::Regions(of, found, n_smaller) => {
                if known.asked.regions == Some(of) {
                    known.regions = Some(Regions { of, found, n_smaller, at: None });
                    case.go_to_asked_region();
                }
            }
            Worked::Limit(picture, threshold, map) => limit(case, &picture, threshold, map),
            Worked::Browse(browse) => {
                if known.asked.browse == Some(browse.serial) {
                    known.browse = Some(browse);
                    known.regroup();
                }
            }
            Worked::Thumbnails(frame, browse, pictures) => self.show_thumbnails(*frame, &browse, pictures),
            Worked::Labels(browse, pick, labels) => self.show_hypothesis(&browse, pick, labels),
        }
    }

    fn show_thumbnails(&mut self, frame: Frame, browse: &Browse, pictures: Vec<(Pick, Vec<u8>)>) {
        let Some(case) = &mut self.state.case else { return };
        let known = &mut case.lab.uncertainty;
        if known.browse.as_ref().is_none_or(|now| now.serial != browse.serial) {
            return;
        }
        let load = |(pick, rgba): (Pick, Vec<u8>)| {
            let image = ColorImage::from_rgba_unmultiplied(frame.size(), &rgba);
            (pick, self.ctx.load_texture(pick.name(), image, TextureOptions::LINEAR))
        };
        let textures = pictures.into_iter().map(load).collect();
        known.thumbnails = Some(Thumbnails { frame, textures });
    }

    fn show_hypothesis(&mut self, browse: &Browse, pick: Pick, labels: LabelMap) {
        if can_show_hypothesis(&self.state).is_err() {
            return;
        }
        self.n_previews += 1;
        let (labels, serial) = (Arc::new(labels), self.n_previews);
        self.background.submit(Task::CountPreview { serial, labels: Arc::clone(&labels) });
        let conditions = &browse.samples.conditions;
        let n_samples = browse.samples.masks.len();
        let origin = Origin {
            settings: SegmentSettings { samples: n_samples, ..conditions.settings.clone() },
            slice: conditions.slice,
            model_sha256: conditions.models.first().map(|model| model.sha256.clone()).unwrap_or_default(),
            device: conditions.device.clone(),
            which: Some(pick.which(n_samples)),
        };
        let (table, source) = (browse.samples.table.clone(), Source::Model(origin));
        let frame = conditions.stamp.frame;
        self.present(Preview { labels, table, source, counts: None, serial, frame, frames: Vec::new() });
    }
}

/// Keeps painting to where a map is above a threshold.
fn limit(case: &mut Case, picture: &Picture, threshold: f32, map: Option<(Vec<f32>, Histogram)>) {
    let Some((values, histogram)) = map else { return };
    let name = format!("{}, {} samples", picture.key.map.title(), picture.samples.masks.len());
    case.map = Some(ValueMap { name, values: Arc::new(values), histogram });
    // What is drawn is above the threshold, not at it.
    (case.limits.map_low, case.limits.map_high) = (threshold.max(0.0).next_up(), f32::INFINITY);
    case.limits.by_map = true;
}
