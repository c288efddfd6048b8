//! How good a segmentation is, in numbers that can be compared with those of others; how sure it is; and how both change
//! with steps, noise and samples.

pub mod agreement;
pub mod clustering;
pub mod contender;
pub mod hypotheses;
pub mod metrics;
pub mod partners;
pub mod quality;
pub mod reliability;
pub mod report;
pub mod robustness;
pub mod route;
pub mod staple;
pub mod steps;
pub mod table;
pub mod uncertainty;
