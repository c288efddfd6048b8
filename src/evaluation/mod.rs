//! How good a segmentation is, in numbers that can be compared with those of others.

pub mod metrics;
pub mod report;
pub mod route;
