//! Training in two steps, and training without encoders, on the boxes of the other tests.

use std::cell::RefCell;
use std::collections::BTreeSet;

use safetensors::SafeTensors;

use super::tests::{check_shipped, config, folder, images, resunet, run_of, settings, shipped};
use super::*;
use crate::config::Ablation;
use crate::monitor::Silent;

/// Half of the epochs for each step.
fn two_step(epochs: usize) -> TrainSettings {
    TrainSettings { two_step: Some(0.5), ..settings(epochs) }
}

/// The networks, by name, whose weights differ between two files.
fn changed(before: &[u8], after: &[u8]) -> BTreeSet<String> {
    let [before, after] = [before, after].map(|bytes| SafeTensors::deserialize(bytes).expect("a checkpoint's weights"));
    let differs = |name: &&&str| before.tensor(name).expect("a listed tensor") != after.tensor(name).expect("the same");
    let network = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    before.names().iter().filter(differs).map(|name| network(name)).collect()
}

#[test]
fn the_first_step_trains_the_autoencoder_and_the_second_all_but_it() {
    let folder = folder();
    let weights = RefCell::new(Vec::new());
    let keep = |_: &EpochLog| {
        let bytes = fs::read(folder.path().join("checkpoint/weights.safetensors"));
        weights.borrow_mut().push(bytes.expect("a checkpoint follows every epoch"));
    };
    let run = Run {
        folder: folder.path(),
        resume: false,
        first_weights: None,
        device: Device::flex(),
        monitor: &Silent,
        on_epoch: &keep,
    };
    train(&config(), two_step(4), &images(), &run).expect("nothing stops it");
    let weights = weights.into_inner();
    let names = |names: [&str; 2]| BTreeSet::from(names.map(str::to_owned));
    assert_eq!(changed(&weights[0], &weights[1]), names(["label_encoder", "label_decoder"]));
    assert_eq!(changed(&weights[2], &weights[3]), names(["image_encoder", "denoiser"]));
}

#[test]
fn a_network_learns_a_bright_box_in_two_steps() {
    let folder = folder();
    let (logs, ending) = run_of(&config(), folder.path(), two_step(160), false, u64::MAX);
    ending.expect("nothing stops it");
    let [first, first_last, second, last] = [0, 79, 80, 159].map(|i| &logs[i]);
    assert!(first_last.autoencoder < 0.4 * first.autoencoder && first_last.noise == 0.0, "{first:?} {first_last:?}");
    assert!(last.noise < 0.7 * second.noise && last.segmentation == 0.0, "{second:?} {last:?}");
    assert!(last.dice_ceiling.is_some_and(|dice| dice > 0.8), "{last:?}");
    check_shipped(&folder, &config(), last);
}

#[test]
fn a_two_step_run_that_was_stopped_between_the_steps_ends_as_if_it_had_not_been() {
    let (whole, parts) = (folder(), folder());
    run_of(&config(), whole.path(), two_step(4), false, u64::MAX).1.expect("nothing stops it");
    let (logs, ending) = run_of(&config(), parts.path(), two_step(4), false, 4);
    assert!(matches!(ending, Err(TrainError::Cancelled(_))) && logs.len() == 2, "{ending:?}");
    run_of(&config(), parts.path(), two_step(4), true, u64::MAX).1.expect("it goes on");
    assert_eq!(shipped(&whole), shipped(&parts));
}

#[test]
fn what_cannot_be_trained_in_two_steps_is_refused() {
    let ending = |config: &ModelConfig, epochs| run_of(config, folder().path(), two_step(epochs), false, 0).1;
    assert!(matches!(ending(&resunet(), 4), Err(TrainError::NoLatent)));
    assert!(matches!(ending(&config(), 1), Err(TrainError::NothingToDo)));
}

#[track_caller]
fn check_learns(ablations: &[Ablation], settings: TrainSettings) -> EpochLog {
    let config = config().without(ablations).expect("an LDSeg network");
    let folder = folder();
    let (logs, ending) = run_of(&config, folder.path(), settings, false, u64::MAX);
    ending.expect("nothing stops it");
    let last = logs.last().expect("an epoch").clone();
    assert!(last.loss < 0.7 * logs[0].loss, "{} → {}", logs[0].loss, last.loss);
    assert!(last.dice.is_some() && last.dice_k10.is_some() && last.dice_ceiling.is_some(), "{last:?}");
    check_shipped(&folder, &config, &last);
    last
}

#[test]
fn networks_without_encoders_learn_and_ship_as_models() {
    use Ablation::{ImageEncoder, LabelEncoder};
    assert!(check_learns(&[LabelEncoder], settings(60)).dice_embedding.is_some());
    for ablations in [&[ImageEncoder][..], &[LabelEncoder, ImageEncoder]] {
        let last = check_learns(ablations, settings(60));
        assert!(last.dice_embedding.is_none() && last.embedding == 0.0, "no embedding to decode: {last:?}");
    }
}
