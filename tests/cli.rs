//! The command line from outside: exit codes, the main job, and what it says about files that are not as they should be.

use std::fs;
use std::path::Path;

use ldseg::domain::{FrameTimes, Scaling, Volume, Voxels};
use ldseg::io::nifti::{write_label_frames, write_volume};
use ldseg::io::{read_labels, read_volume};
use ldseg::monitor::Silent;

use crate::program::{Program, Run};

/// Fails with exit code 1, one line on standard error, nothing on standard output, and all of `words` in the line.
#[track_caller]
fn check_fails(run: &Run, words: &[&str]) {
    assert_eq!(run.code, Some(1), "{run:#?}");
    assert_eq!(run.stdout, "", "a failure prints no result: {run:#?}");
    assert!(run.stderr.starts_with("ldseg: ") && run.stderr.trim_end().lines().count() == 1, "one line: {run:#?}");
    for word in words {
        assert!(run.stderr.contains(word), "the message names `{word}`: {run:#?}");
    }
}

/// A NIfTI-1 file of 2 × 2 × 2 bytes along the world's axes, changed by `change`.
fn small_nifti(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = vec![0; 360];
    put(&mut bytes, 0, &348_i32.to_le_bytes());
    for (place, size) in [3_i16, 2, 2, 2, 1, 1, 1, 1].into_iter().enumerate() {
        put(&mut bytes, 40 + 2 * place, &size.to_le_bytes());
    }
    put(&mut bytes, 70, &2_i16.to_le_bytes()); // datatype: unsigned bytes
    put(&mut bytes, 72, &8_i16.to_le_bytes()); // bits a voxel
    for place in 0..4 {
        put(&mut bytes, 76 + 4 * place, &1_f32.to_le_bytes()); // pixdim
    }
    put(&mut bytes, 108, &352_f32.to_le_bytes()); // where the voxels begin
    put(&mut bytes, 254, &1_i16.to_le_bytes()); // sform code
    for row in 0..3 {
        put(&mut bytes, 280 + 20 * row, &1_f32.to_le_bytes()); // the diagonal of the sform
    }
    put(&mut bytes, 344, b"n+1\0");
    change(&mut bytes);
    bytes
}

/// A NIfTI-2 header that claims `sizes`, with no voxels behind it.
fn nifti2_header(sizes: [i64; 3]) -> Vec<u8> {
    let mut bytes = vec![0; 544];
    put(&mut bytes, 0, &540_i32.to_le_bytes());
    put(&mut bytes, 4, b"n+2\0\r\n\x1a\n");
    put(&mut bytes, 12, &2_i16.to_le_bytes());
    put(&mut bytes, 14, &8_i16.to_le_bytes());
    for (place, size) in [3, sizes[0], sizes[1], sizes[2], 1, 1, 1, 1].into_iter().enumerate() {
        put(&mut bytes, 16 + 8 * place, &size.to_le_bytes());
        put(&mut bytes, 104 + 8 * place, &1_f64.to_le_bytes());
    }
    put(&mut bytes, 168, &544_i64.to_le_bytes());
    bytes
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

#[track_caller]
fn check_bad_file(name: &str, bytes: &[u8], words: &[&str]) {
    let program = Program::new();
    program.write(name, bytes);
    for line in [format!("info {name}"), format!("segment {name} -o mask.nii.gz")] {
        check_fails(&program.run(&line), &[&[name], words].concat());
    }
    assert_eq!(program.files(), [name], "no mask and no half of one is left");
}

#[test]
fn the_small_file_is_good_until_it_is_changed() {
    let program = Program::new();
    program.write("good.nii", &small_nifti(|_| ()));
    let info = program.succeed("info good.nii --json").json();
    assert_eq!(info["shape"], serde_json::json!([2, 2, 2]));
    assert_eq!(info["orientation"], "RAS");
}

#[test]
fn a_truncated_gzip_is_refused() {
    let program = Program::new();
    let (image, _) = program.make_sample(1);
    let bytes = fs::read(image).unwrap();
    check_bad_file("cut.nii.gz", &bytes[..bytes.len() / 2], &["expected", "cut off"]);
}

#[test]
fn a_size_of_zero_is_refused() {
    check_bad_file("zero.nii", &small_nifti(|bytes| put(bytes, 42, &0_i16.to_le_bytes())), &["dim", "expected", "0"]);
}

#[test]
fn sizes_of_two_to_the_31_are_refused_without_taking_the_memory() {
    check_bad_file("vast.nii", &nifti2_header([1 << 31; 3]), &[]);
    check_bad_file("long.nii", &nifti2_header([1 << 31, 1, 1]), &["2147483648", "0"]);
}

#[test]
fn an_affine_of_nan_is_refused() {
    let bytes = small_nifti(|bytes| put(bytes, 280, &f32::NAN.to_le_bytes()));
    check_bad_file("nan.nii", &bytes, &["affine", "NaN"]);
}

#[test]
fn a_text_file_under_an_image_s_name_is_refused() {
    check_bad_file("notes.nii", b"Patient was well.\n".repeat(60).as_slice(), &["expected", "found", "text"]);
}

#[test]
fn an_empty_file_is_refused() {
    check_bad_file("empty.nii.gz", b"", &["empty"]);
}

#[test]
fn voxels_of_a_type_that_has_no_picture_are_refused() {
    let bytes = small_nifti(|bytes| {
        put(bytes, 70, &32_i16.to_le_bytes());
        put(bytes, 72, &64_i16.to_le_bytes());
    });
    check_bad_file("complex.nii", &bytes, &["complex", "expected"]);
}

#[test]
fn a_folder_and_a_missing_file_are_refused() {
    let program = Program::new();
    fs::create_dir(program.path("series")).unwrap();
    check_fails(&program.run("info series"), &["series", "folder"]);
    check_fails(&program.run("info nowhere.nii"), &["nowhere.nii", "no such file"]);
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read_and_a_folder_that_may_not_be_written_are_refused() {
    use std::os::unix::fs::PermissionsExt;
    let program = Program::new();
    let (image, _) = program.make_sample(1);
    fs::set_permissions(&image, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&image).is_ok() {
        eprintln!("this user may read everything: skipped");
        return;
    }
    check_fails(&program.run("info image.nii.gz"), &["image.nii.gz", "permission"]);
    let locked = program.path("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).unwrap();
    check_fails(&program.run("phantom -o locked/image.nii.gz"), &["image.nii.gz", "permission"]);
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_mask_that_cannot_be_written_is_a_failure_that_names_it() {
    let program = Program::new();
    program.make_sample(1);
    let run = program.run("segment image.nii.gz --model phantom-3d --device cpu -o nowhere/mask.nii.gz");
    check_fails(&run, &["nowhere/mask.nii.gz"]);
}

#[test]
fn a_reference_on_another_grid_is_refused_before_the_work() {
    let program = Program::new();
    program.make_sample(1);
    program.write("other.nii", &small_nifti(|_| ()));
    let run = program.run("segment image.nii.gz --model phantom-3d --device cpu --reference other.nii");
    check_fails(&run, &["other.nii", "grid"]);
}

#[test]
fn an_unknown_model_is_refused_with_the_known_ones() {
    let program = Program::new();
    program.make_sample(1);
    let run = program.run("segment image.nii.gz --model appendix --device cpu");
    check_fails(&run, &["appendix", "hippocampus", "phantom-3d"]);
}

#[test]
fn a_frame_and_a_focus_outside_the_image_are_refused() {
    let program = Program::new();
    program.make_sample(1);
    check_fails(&program.run("segment image.nii.gz --frame 3"), &["frame", "3", "image.nii.gz"]);
    check_fails(&program.run("segment image.nii.gz --focus 0 0 900"), &["900"]);
}

#[test]
fn wrong_use_is_exit_code_2_with_a_hint() {
    let program = Program::new();
    for line in ["segment", "segment a.nii --steps 0", "colour a.nii b.nii c.nii", "phantom --kind cube -o a.nii"] {
        let run = program.run(line);
        assert_eq!(run.code, Some(2), "`ldseg {line}`: {run:#?}");
        assert!(run.stderr.contains("--help") || run.stderr.contains("possible values"), "`ldseg {line}`: {run:#?}");
    }
}

#[test]
fn help_and_version_are_results() {
    let program = Program::new();
    for line in ["--help", "segment --help", "help train", "--version"] {
        let run = program.succeed(line);
        assert!(run.stdout.contains("ldseg") && run.stderr.is_empty(), "`ldseg {line}`: {run:#?}");
    }
}

#[test]
fn completions_are_written_for_every_shell() {
    let program = Program::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        assert!(program.succeed(&format!("completions {shell}")).stdout.contains("segment"), "{shell}");
    }
}

#[test]
fn every_model_is_in_the_program() {
    let models = Program::new().succeed("models --json").json();
    let names: Vec<_> = models.as_array().unwrap().iter().map(|model| model["name"].as_str().unwrap()).collect();
    let trained = ["hippocampus", "lv-cine", "fetal-head", "phantom-3d", "phantom-echo"];
    let each: Vec<_> = trained.iter().flat_map(|name| [name.to_string(), format!("{name}-resunet")]).collect();
    assert_eq!(names, each);
}

#[test]
fn a_deterministic_model_is_called_one_and_has_no_steps_to_sweep_over() {
    let program = Program::new();
    program.make_sample(11);
    let line = "segment image.nii.gz --model hippocampus-resunet --device cpu -o mask.nii.gz";
    let run = program.succeed(line);
    assert!(run.stdout.contains(": deterministic,") && !run.stdout.contains("seed"), "{run:#?}");
    let record: serde_json::Value = serde_json::from_slice(&fs::read(program.path("mask.json")).unwrap()).unwrap();
    assert_eq!(record["model"]["sampler"], "none");
    let mask = fs::read(program.path("mask.nii.gz")).unwrap();
    let result = program.succeed(&format!("{line} --seed 5 --samples 9 --json")).json();
    assert_eq!(result["is_deterministic"], true);
    assert!(result["warnings"].to_string().contains("change nothing"), "{result}");
    assert!(mask == fs::read(program.path("mask.nii.gz")).unwrap(), "the answer is always the same");
    let sweep = "sweep steps --data phantom --model hippocampus-resunet --device cpu --cases 1";
    check_fails(&program.run(sweep), &["deterministic", "no steps"]);
}

#[test]
fn equal_seeds_make_equal_files() {
    let (one, other) = (Program::new(), Program::new());
    let (image, truth) = one.make_sample(3);
    let (same_image, same_truth) = other.make_sample(3);
    assert!(fs::read(image).unwrap() == fs::read(same_image).unwrap(), "images differ");
    assert!(fs::read(truth).unwrap() == fs::read(same_truth).unwrap(), "labels differ");
}

/// A mask equal to the truth almost everywhere: the sample is easy, and a model that fails it is broken.
const GOOD_DICE: f64 = 0.85;

#[track_caller]
fn check_good(scores: &serde_json::Value) {
    let rows = scores.as_array().unwrap();
    assert!(!rows.is_empty());
    for row in rows {
        let dice = row["dice"].as_f64().unwrap_or_else(|| panic!("no Dice: {row}"));
        assert!(dice >= GOOD_DICE, "Dice {dice}: {row}");
    }
}

#[test]
fn a_sample_is_segmented_as_its_truth_says_and_its_mask_keeps_its_origin() {
    let program = Program::new();
    program.make_sample(11);
    let line = "segment image.nii.gz --model phantom-3d --device cpu --seed 4 -o mask.nii.gz \
                --probabilities p.nii.gz --reference truth.nii.gz --json";
    let result = program.succeed(line).json();
    check_good(&result["scores"]);
    assert_eq!(result["settings"]["seed"], 4);
    assert!(result["device"].as_str().unwrap().starts_with("CPU"));

    let record: serde_json::Value = serde_json::from_slice(&fs::read(program.path("mask.json")).unwrap()).unwrap();
    assert_eq!(record["source"], "image.nii.gz");
    assert_eq!(record["model"]["model"], "phantom-3d");
    assert_eq!(record["model"]["model_sha256"], result["model_sha256"]);

    let probabilities = program.succeed("info p.nii.gz --json").json();
    assert!(probabilities["n_frames"].as_u64().unwrap() >= 2, "one frame a label: {probabilities}");
    let again = line.replace("mask.nii.gz", "again.nii.gz");
    program.succeed(&again);
    let masks = ["mask.nii.gz", "again.nii.gz"].map(|name| fs::read(program.path(name)).unwrap());
    assert!(masks[0] == masks[1], "the same seed gives the same mask");

    let noise = program.succeed(&format!("{line} --steps 1")).json();
    assert_eq!(noise["settings"]["steps"], 1);
    assert!(noise["scores"][1]["dice"].as_f64() < Some(0.5), "one step decodes pure noise: {noise}");
}

#[test]
fn every_frame_of_a_volume_over_time_is_segmented_into_one_mask_with_a_fourth_axis() {
    let program = Program::new();
    program.make_sample(11);
    let volume = read_volume(&program.path("image.nii.gz"), &Silent, &mut |_| {}).unwrap().volume;
    let twice = Volume::new(volume.grid().clone(), Voxels::F32(volume.values(0).repeat(2)), Scaling::NONE, 2).unwrap();
    let times = FrameTimes::even(2, 0.25);
    write_volume(&program.path("cine.nii.gz"), &twice.with_frame_times(times), None, &Silent).unwrap();
    let truth = read_labels(&program.path("truth.nii.gz"), &Silent).unwrap().labels;
    write_label_frames(&program.path("truths.nii.gz"), (&[&truth, &truth], None), None, &Silent).unwrap();

    let line = "segment cine.nii.gz --model phantom-3d --device cpu --all-frames -o mask.nii.gz";
    let result = program.succeed(&format!("{line} --reference truths.nii.gz --json")).json();
    check_good(&result["scores"]);
    assert_eq!(result["scores"].as_array().unwrap().last().unwrap()["case"], "cine, frame 2");
    assert_eq!(result["frames"][0], result["frames"][1]);
    let info = program.succeed("info mask.nii.gz --json").json();
    assert_eq!(info["n_frames"], 2);
    let refused = program.run(&format!("{line} --reference truth.nii.gz"));
    check_fails(&refused, &["a mask for each of 2 frames, found one mask", "truth.nii.gz"]);
    let refused = program.run(&line.replace("mask.nii.gz", "mask.seg.nrrd"));
    check_fails(&refused, &[".nrrd or .mha for the masks of 2 frames", "mask.seg.nrrd"]);
    assert!(!refused.stderr.contains("Segmenting"), "before the work: {}", refused.stderr);
}

#[test]
fn every_frame_of_a_flat_image_is_a_slice_of_its_one_mask_or_a_picture_of_a_folder() {
    let program = Program::new();
    program.succeed("phantom --kind four-chambers --seed 3 -o heart.nii.gz --labels truth.nii.gz");
    let segment = "segment heart.nii.gz --model phantom-echo --device cpu";
    program.succeed(&format!("{segment} --all-slices -o slices.nii.gz"));
    program.succeed(&format!("{segment} --all-frames -o frames.nii.gz"));
    program.succeed(&format!("{segment} --all-frames -o masks/"));
    let ids = |name: &str| read_labels(&program.path(name), &Silent).unwrap().labels.to_ids();
    let by_slices = ids("slices.nii.gz");
    assert!(ids("frames.nii.gz") == by_slices && ids("masks") == by_slices);
    let n_drawn = by_slices.chunks(by_slices.len() / 24).filter(|frame| frame.iter().any(|id| *id > 0)).count();
    assert_eq!(n_drawn, 24);
    assert!(program.path("masks/frame_0024.png").is_file() && program.path("masks.label.txt").is_file());
}

#[test]
fn the_demo_does_the_main_job_in_one_go() {
    let program = Program::new();
    let run = program.succeed("demo --device cpu --out sample");
    assert!(run.stdout.contains("Dice") && run.stdout.contains("mask.nii.gz"), "{run:#?}");
    for name in ["image.nii.gz", "truth.nii.gz", "mask.nii.gz", "mask.json", "mask.label.txt"] {
        assert!(program.path("sample").join(name).is_file(), "{name}");
    }
}

/// Samples with these seeds as the data set `set`, each in a split.
fn make_set(program: &Program, seeds: &[(u64, &str)]) {
    for folder in ["images", "labels"] {
        fs::create_dir_all(program.path("set").join(folder)).unwrap();
    }
    let mut splits = String::from("id,split\n");
    for (seed, split) in seeds {
        program
            .succeed(&format!("phantom --seed {seed} -o set/images/s{seed}.nii.gz --labels set/labels/s{seed}.nii.gz"));
        splits += &format!("s{seed},{split}\n");
    }
    program.write("set/splits.csv", splits.as_bytes());
}

#[test]
fn samples_made_segmented_and_evaluated_as_a_data_set_score_well() {
    let program = Program::new();
    make_set(&program, &[(21, "test"), (22, "test")]);
    program.succeed("evaluate --data set --split test --model phantom-3d --json scores.json");
    let scores: serde_json::Value = serde_json::from_slice(&fs::read(program.path("scores.json")).unwrap()).unwrap();
    let text = scores.to_string();
    assert!(text.contains("dice") && text.contains("s21") && text.contains("s22"), "{text}");
}

#[test]
fn a_network_without_encoders_is_trained_in_two_steps_and_compared_like_any_other() {
    let program = Program::new();
    make_set(&program, &[(31, "train"), (32, "test")]);
    let flags = "--epochs 2 --batch 1 --two-step=0.5 --ablate label-encoder,image-encoder";
    program.succeed(&format!("train --data set --preset phantom-3d --model ablated --device cpu {flags}"));
    let run = program.succeed("evaluate --data set --model ablated --steps 2,3");
    assert!(run.stdout.contains("DDIM K = 3") && run.stdout.contains("label → latent → label"), "{run:#?}");
    assert!(!run.stdout.contains("embedding"), "there is none to decode: {run:#?}");
    let sweep = "--data set --model ablated --device cpu";
    program.succeed(&format!("sweep steps --steps 2,3 {sweep}"));
    let noise = program.succeed(&format!("sweep noise --strengths 0.1 --repeats 1 --steps 2 {sweep}"));
    assert!(noise.stdout.contains("DDIM K = 2") && !noise.stdout.contains("embedding"), "{noise:#?}");
    program.make_sample(33);
    program.succeed("segment image.nii.gz --model ablated --device cpu -o mask.nii.gz");
    let refused = "train --data set --preset phantom-3d-resunet --model other --device cpu";
    check_fails(&program.run(&format!("{refused} --ablate image-encoder")), &["phantom-3d-resunet", "deterministic"]);
}

#[test]
fn a_closed_pipe_is_no_failure() {
    for line in ["models", "evaluate --data phantom --limit 1 --model phantom-3d-resunet"] {
        let program = Program::new();
        let mut child = program.command().args(line.split(' ')).stdout(std::process::Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(0), "{line}");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_the_work_and_leaves_no_half_of_a_file() {
    use std::process::{Command, Stdio};
    use std::time::Duration;
    let program = Program::new();
    program.make_sample(1);
    let before = program.files();
    let line = "segment image.nii.gz --model phantom-3d --device cpu --steps 1000 --samples 100 -o mask.nii.gz";
    let child = program.command().args(line.split(' ')).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    check_fails(&child.wait_with_output().unwrap().into(), &["cancelled"]);
    assert_eq!(program.files(), before);
}

#[test]
fn sweeps_write_a_row_for_each_measurement_and_their_settings() {
    let program = Program::new();
    let common = "--data phantom --model phantom-3d --device cpu --cases 1 --csv rows.csv --json all.json";
    let rows = |line: &str| {
        program.succeed(&format!("sweep {line} {common}"));
        let csv = fs::read_to_string(program.path("rows.csv")).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&fs::read(program.path("all.json")).unwrap()).unwrap();
        assert_eq!(json["rows"].as_array().unwrap().len() + 1, csv.lines().count(), "{csv}");
        assert_eq!(json["models"][0]["sha256"].as_str().unwrap().len(), 64);
        assert!(!json["summary"].as_array().unwrap().is_empty());
        json["rows"].as_array().unwrap().clone()
    };
    // Two labels and their mean.
    let steps = rows("steps --steps 2,4");
    assert_eq!(steps.len(), 2 * 3);
    assert!(steps.iter().all(|row| row["dice"].as_f64().unwrap() > 0.7), "{steps:?}");
    assert_eq!(steps[3]["agreement"], 1.0, "the longest run agrees with itself");
    let noise = rows("noise --strengths 0,0.3 --repeats 2 --steps 2");
    assert_eq!(noise.len(), 2 * 2 * 2 * 3);
    assert!(noise.iter().filter(|row| row["strength"] == 0.0).all(|row| row["agreement"] == 1.0), "{noise:?}");
    let samples = rows("samples --samples 2,3");
    assert_eq!(samples.len(), 2);
    assert!(samples[1]["auroc"].as_f64().unwrap() > 0.5, "{samples:?}");
    assert_eq!(rows("size --sizes 16,24 --steps 2 --repeats 1").len(), 2);
}

#[test]
fn a_picture_of_the_window_is_taken_without_one() {
    let program = Program::new();
    program.make_sample(1);
    program.succeed("view image.nii.gz --labels truth.nii.gz --screenshot picture.png --size 1000x700");
    check_png(&program.path("picture.png"), [1000, 700]);
    program.succeed("view --screenshot start.png --size 1000x700");
    check_png(&program.path("start.png"), [1000, 700]);
}

#[track_caller]
fn check_png(path: &Path, size: [u32; 2]) {
    let picture = image::open(path).unwrap().into_rgb8();
    assert_eq!([picture.width(), picture.height()], size);
    let first = picture.get_pixel(0, 0);
    let n_other = picture.pixels().filter(|pixel| *pixel != first).count();
    assert!(n_other > 1000, "the picture is empty: {n_other} pixels differ from the first");
}

#[test]
fn a_report_is_one_page_that_needs_nothing_else() {
    let program = Program::new();
    program.make_sample(3);
    let line = "report image.nii.gz --reference truth.nii.gz --model phantom-3d --baseline phantom-3d-resunet --samples 3 \
                --compare 1,2,4 --strengths 0,0.3 --repeats 1 --focus 20 21 22 --device cpu -o page.html";
    program.succeed(line);
    check_fails(&program.run("report image.nii.gz --focus 0 0 900 -o other.html"), &["900"]);
    let page = fs::read_to_string(program.path("page.html")).unwrap();
    let expected =
        ["<!DOCTYPE html>", "Uncertainty", "AUROC", "Sampling steps", "Robustness", "SHA-256", "not a medical device"];
    for text in expected.iter().chain(&[
        "phantom-3d-resunet, deterministic",
        "DDIM K = 2",
        "embedding only",
        "3 samples",
        "voxel 20, 21, 22",
    ]) {
        assert!(page.contains(text), "the page lacks `{text}`");
    }
    assert!(!page.contains("http") && !page.contains("<script"), "the page loads nothing");
    assert_eq!(page.matches("data:image/png;base64,").count(), 12);
}

#[test]
fn one_frame_of_several_is_compared_with_the_reference_of_that_frame() {
    let program = Program::new();
    program.succeed("phantom --kind four-chambers --seed 3 -o heart.nii.gz --labels truth.nii.gz");
    let line = "heart.nii.gz --model phantom-echo --device cpu --focus 80 80 7 --reference truth.nii.gz";
    let result = program.succeed(&format!("segment {line} --json")).json();
    assert!(result["scores"].as_array().unwrap().iter().all(|row| row["dice"].as_f64() > Some(0.9)), "{result}");
    program.succeed(&format!("report {line} --samples 2 --compare 2,3 --strengths 0 --repeats 1 -o page.html"));
    let page = fs::read_to_string(program.path("page.html")).unwrap();
    assert!(page.contains("160 × 160 pixels whose size is not known, 24 frames"));
    assert_eq!(page.matches("<figcaption>Frame 8 of 24").count(), 4, "image, labels, reference and map");
    assert_eq!(page.matches("<figcaption>").count(), 4);
    let table = &page[page.find("<h2>Labels").unwrap()..page.find("<h2>Uncertainty").unwrap()];
    let scores: Vec<f64> = table.split("<td>").filter_map(|cell| cell.split('<').next()?.parse().ok()).collect();
    assert_eq!(scores.chunks(7).filter(|row| row[0] > 0.9 && row[1] > 0.8).count(), 4, "Dice and IoU: {table}");
}

#[test]
fn a_deterministic_model_gets_a_report_without_chance() {
    let program = Program::new();
    program.make_sample(4);
    program.succeed("report image.nii.gz --model phantom-3d-resunet --strengths 0,0.2 --device cpu -o page.html");
    let page = fs::read_to_string(program.path("page.html")).unwrap();
    assert!(page.contains("deterministic") && page.contains("Robustness"));
    assert!(!page.contains("Sampling steps") && !page.contains("AUROC"));
}

#[test]
fn a_report_by_a_model_that_is_not_there_is_refused_and_leaves_nothing() {
    let program = Program::new();
    program.make_sample(5);
    let run = program.run("report image.nii.gz --model phantom-3d --baseline nobody -o page.html");
    check_fails(&run, &["nobody", "phantom-3d"]);
    assert!(!program.path("page.html").exists());
}
