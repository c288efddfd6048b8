//! The training cases: read once, brought onto the model's lattice, kept in memory.

use rayon::prelude::*;

use super::TrainError;
use super::augment::TrainingCase;
use crate::domain::phantom::{self, PhantomKind};
use crate::domain::{LabelMap, Volume};
use crate::io;
use crate::io::dataset::{CaseFiles, Dataset, Split};
use crate::model::config::ModelConfig;
use crate::model::tensors::ModelBox;
use crate::monitor::Silent;

/// An image with its truth.
#[derive(Clone, Debug)]
pub struct LabelledImage {
    /// Name of its file or of its seed.
    pub name: String,
    /// The image.
    pub volume: Volume,
    /// The truth, on the image's grid.
    pub labels: LabelMap,
}

/// Where labelled images come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A folder with `images`, `labels` and `splits.csv`.
    Folder(Dataset),
    /// Phantoms: seeds from 0 for training, from 1,000,000 for validation, from 2,000,000 for test.
    Phantom(PhantomKind),
}

/// Frames next to each other teach little more than one of them.
const FRAME_STEP: usize = 3;

/// First seed and number of the phantoms in a split.
fn seeds(kind: PhantomKind, split: Split) -> std::ops::Range<u64> {
    let first = match split {
        Split::Train => 0,
        Split::Val => 1_000_000,
        Split::Test => 2_000_000,
    };
    let n = match (kind, split) {
        (PhantomKind::TwoBodies, Split::Train) => 200,
        (PhantomKind::TwoBodies, _) => 20,
        // Of each there are many frames.
        (PhantomKind::FourChambers, Split::Train) => 60,
        (PhantomKind::FourChambers, _) => 5,
    };
    first..first + n
}

impl Source {
    /// All images of `split`; of a series every third frame, one by one.
    ///
    /// # Errors
    /// [`TrainError`] that names the first file that cannot be read.
    pub fn read(&self, split: Split) -> Result<Vec<LabelledImage>, TrainError> {
        match self {
            Self::Folder(dataset) => dataset.cases(split).par_iter().map(read_case).collect(),
            Self::Phantom(kind) => {
                Ok(seeds(*kind, split).into_par_iter().flat_map_iter(|seed| phantom_cases(*kind, seed)).collect())
            }
        }
    }
}

fn read_case(files: &CaseFiles) -> Result<LabelledImage, TrainError> {
    let read = io::read_volume(&files.image, &Silent, &mut |_| {})?;
    let labels = io::read_labels(&files.labels, &Silent)?.labels;
    if let Some(difference) = read.volume.grid().differs_from(labels.grid()) {
        return Err(TrainError::Grids { difference, path: files.labels.clone() });
    }
    Ok(LabelledImage { name: files.name.clone(), volume: read.volume, labels })
}

fn phantom_cases(kind: PhantomKind, seed: u64) -> Vec<LabelledImage> {
    let made = phantom::generate(kind, seed);
    let name = format!("phantom-{seed}");
    if !made.volume.grid().is_series() {
        return vec![LabelledImage { name, volume: made.volume, labels: made.labels }];
    }
    let frame = |frame: usize| LabelledImage {
        name: format!("{name}-{frame}"),
        volume: made.volume.slice(0, 2, frame),
        labels: made.labels.slice(2, frame),
    };
    (0..made.volume.grid().shape()[2]).step_by(FRAME_STEP).map(frame).collect()
}

/// An image on the model's lattice.
///
/// # Errors
/// [`TrainError::Class`] where a label is not one of the model's.
pub fn training_case(image: &LabelledImage, config: &ModelConfig) -> Result<TrainingCase, TrainError> {
    let n_classes = config.n_classes();
    let place = ModelBox::new(image.volume.grid(), &config.input, None);
    let class = |id: u16| match u8::try_from(id) {
        Ok(class) if usize::from(class) < n_classes => Ok(class),
        _ => Err(TrainError::Class { found: id, n_classes, case: image.name.clone() }),
    };
    Ok(TrainingCase {
        name: image.name.clone(),
        shape: place.shape(),
        image: place.image(&image.volume, 0, &config.input),
        labels: place.labels(&image.labels).into_iter().map(class).collect::<Result<_, _>>()?,
    })
}
