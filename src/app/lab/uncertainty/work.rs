//! What is worked out beside the window for the room of uncertainty.

use std::mem::{Discriminant, discriminant};
use std::sync::Arc;

use super::browse::{Browse, Frame, Pick};
use super::maps::{Picture, PictureKey, RegionKey};
use crate::domain::region::Region;
use crate::domain::volume::Histogram;
use crate::domain::{LabelMap, Volume};
use crate::engine::laboratory::SamplesSoFar;

/// Something to work out.
#[derive(Debug)]
pub enum Work {
    /// The maps that are drawn.
    Picture(PictureKey, Arc<SamplesSoFar>),
    /// Where a map is above a threshold.
    Regions(Arc<Picture>, RegionKey),
    /// A map on the whole image, to keep painting to what is above a threshold.
    Limit(Arc<Picture>, f32),
    /// How samples are like each other; of the samples in this state.
    Browse(u64, Arc<SamplesSoFar>),
    /// Thumbnails of these answers.
    Thumbnails(Box<Frame>, Arc<Browse>, Vec<Pick>, Arc<Volume>),
    /// The labels of one answer.
    Labels(Arc<Browse>, Pick),
}

/// Something worked out, named as the [`Work`] was.
#[derive(Debug)]
pub enum Worked {
    /// The maps.
    Picture(Arc<Picture>),
    /// The regions, the weightiest first, and how many were too small.
    Regions(RegionKey, Vec<Region>, usize),
    /// The map, where it has values.
    Limit(Arc<Picture>, f32, Option<(Vec<f32>, Histogram)>),
    /// What is known of the samples as a group.
    Browse(Arc<Browse>),
    /// Rows of RGBA for each answer.
    Thumbnails(Box<Frame>, Arc<Browse>, Vec<(Pick, Vec<u8>)>),
    /// The labels.
    Labels(Arc<Browse>, Pick, LabelMap),
}

impl Work {
    /// Works it out.
    pub fn done(self) -> Worked {
        match self {
            Self::Picture(key, samples) => Worked::Picture(Arc::new(Picture::new(key, samples))),
            Self::Regions(picture, key) => {
                let (found, n_smaller) = picture.regions(key);
                Worked::Regions(key, found, n_smaller)
            }
            Self::Limit(picture, threshold) => {
                let map = picture.on_grid();
                Worked::Limit(picture, threshold, map)
            }
            Self::Browse(serial, samples) => Worked::Browse(Arc::new(Browse::new(serial, samples))),
            Self::Thumbnails(frame, browse, picks, volume) => {
                let of = (&*volume, browse.samples.conditions.stamp.frame);
                let pictures = frame.pictures(&browse, &picks, of);
                Worked::Thumbnails(frame, browse, picks.into_iter().zip(pictures).collect())
            }
            Self::Labels(browse, pick) => {
                let labels = browse.labels(pick);
                Worked::Labels(browse, pick, labels)
            }
        }
    }

    /// A newer one of a kind makes older ones useless.
    pub fn kind(&self) -> Discriminant<Self> {
        discriminant(self)
    }
}
