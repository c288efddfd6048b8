//! Work outlives the program: killed at any moment of a painting session, it comes back as it was before the last
//! stroke or after it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ldseg::domain::edit::Stroke;
use ldseg::domain::{FrameLabels, Grid, History, LabelMap, LabelTable};
use ldseg::engine::journal::Recorder;
use ldseg::io::journal::{recover, survey};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const N_KILLS: u64 = 50;
const SHAPE: [usize; 3] = [96, 96, 48];
const CASE: &str = "Painting session";
/// Set in the process that paints and is killed: where it keeps its journal, and the seed of what it paints.
const FOLDER: &str = "LDSEG_TEST_SESSION_FOLDER";
const SEED: &str = "LDSEG_TEST_SESSION_SEED";

fn grid() -> Grid {
    Grid::axis_aligned(SHAPE, [0.8, 0.8, 2.5]).unwrap()
}

/// Frames of the image that is painted on: every other session is on one of two frames.
fn n_frames(seed: u64) -> usize {
    1 + seed as usize % 2
}

/// The masks of all frames.
fn masks(history: &History) -> Vec<LabelMap> {
    history.frames().masks().iter().map(|mask| LabelMap::clone(mask)).collect()
}

/// Someone who paints, undoes and redoes; the same in every process for the same seed.
struct Session {
    rng: ChaCha8Rng,
    history: History,
}

impl Session {
    fn new(seed: u64) -> Self {
        let frames = FrameLabels::new(vec![LabelMap::empty(grid()); n_frames(seed)], None);
        Self { rng: ChaCha8Rng::seed_from_u64(seed), history: History::of_frames(frames) }
    }

    /// One step of the history: a stroke of several dabs, or one undone or redone. `meanwhile` runs between the dabs,
    /// while the stroke is no change yet.
    fn step(&mut self, meanwhile: impl Fn()) {
        let frame = self.rng.random_range(0..self.history.frames().masks().len());
        self.history.show(frame);
        match self.rng.random_range(0..10) {
            0 | 1 => drop(self.history.undo().map(str::to_owned)),
            2 => drop(self.history.redo().map(str::to_owned)),
            _ => {
                for _ in 0..self.rng.random_range(1..6) {
                    self.dab();
                    meanwhile();
                }
                self.history.commit();
            }
        }
    }

    /// A box of one label; some are speckled, whose many short runs are long to write.
    fn dab(&mut self) {
        let is_speckled = self.rng.random_bool(0.1);
        let low = SHAPE.map(|size| self.rng.random_range(0..size));
        let size = SHAPE.map(|size| self.rng.random_range(1..=if is_speckled { size } else { size / 4 }));
        let id = self.rng.random_range(0..5);
        let labels = self.history.labels();
        let mut stroke = Stroke::new("Brush", labels);
        let range = |axis: usize| low[axis]..(low[axis] + size[axis]).min(SHAPE[axis]);
        for k in range(2) {
            for j in range(1) {
                for i in range(0).filter(|i| !is_speckled || (i + j + k) % 2 == 0) {
                    stroke.set(labels.grid().index([i, j, k]), labels.get([i, j, k]), id);
                }
            }
        }
        if let Some(edit) = stroke.finish() {
            self.history.stage(edit);
        }
    }
}

/// Paints until somebody ends this process, and says how many steps are done after each. As a person does, it begins a
/// step only when the last one has long been written.
fn paint_until_killed(folder: &Path, seed: u64) -> ! {
    let recorder = Recorder::start(folder.to_owned(), || {});
    recorder.begin(CASE, None, grid(), n_frames(seed), LabelTable::with_ids(&[1, 2, 3, 4]));
    let mut session = Session::new(seed);
    for n_steps in 1.. {
        session.step(|| std::thread::sleep(Duration::from_micros(200)));
        recorder.changes(session.history.take_changes());
        println!("step {n_steps}");
        std::io::stdout().flush().unwrap();
        recorder.wait();
    }
    unreachable!("nobody ended this process");
}

/// This very test in another process.
fn start(folder: &Path, seed: u64) -> Child {
    let name = "a_session_killed_at_any_moment_comes_back_as_before_or_after_the_last_stroke";
    let test = match module_path!().split_once("::") {
        Some((_, module)) => format!("{module}::{name}"),
        None => name.to_owned(),
    };
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([&test, "--exact", "--nocapture", "--test-threads=1"]);
    command.env(FOLDER, folder).env(SEED, seed.to_string()).stdout(Stdio::piped());
    command.spawn().unwrap()
}

/// Steps that a process says it has done when it is killed: `delay` after it has done `n_steps`. The first may stand behind other
/// words in its line.
fn kill_after(mut child: Child, n_steps: usize, delay: Duration) -> usize {
    let said = |line: std::io::Result<String>| line.ok()?.strip_prefix("step ")?.parse::<usize>().ok();
    let mut steps = BufReader::new(child.stdout.take().unwrap()).lines().filter_map(said);
    let seen = steps.find(|n| *n >= n_steps).expect("it goes on until it is killed");
    std::thread::sleep(delay);
    child.kill().unwrap();
    child.wait().unwrap();
    steps.last().unwrap_or(seen)
}

#[test]
fn a_session_killed_at_any_moment_comes_back_as_before_or_after_the_last_stroke() {
    if let (Some(folder), Ok(seed)) = (std::env::var_os(FOLDER), std::env::var(SEED)) {
        paint_until_killed(Path::new(&folder), seed.parse().unwrap());
    }
    let mut moments = ChaCha8Rng::seed_from_u64(0);
    let (mut n_torn, mut n_steps_in_all) = (0, 0);
    for seed in 0..N_KILLS {
        let folder = tempfile::tempdir().unwrap();
        // A step takes some milliseconds: the delay hits any moment of it on a machine that is busy, too.
        let delay = Duration::from_micros(moments.random_range(0..20_000));
        let n_steps = kill_after(start(folder.path(), seed), moments.random_range(1..=30), delay);
        n_steps_in_all += n_steps;

        let mut session = Session::new(seed);
        let mut states = vec![masks(&session.history)];
        for _ in 0..=n_steps {
            session.step(|| ());
            states.push(masks(&session.history));
        }
        let may_be = &states[n_steps - 1..];
        // Where all strokes are undone there is nothing to win, and nothing is offered.
        let Some(found) = survey(folder.path()).pop() else {
            assert!(may_be.contains(&states[0]), "kill {seed} after step {n_steps}: nothing came back");
            continue;
        };
        let (mut recovered, _journal) = recover(&found.path, CASE, &grid(), n_frames(seed)).unwrap();
        n_torn += recovered.warnings.len();
        assert!(
            may_be.contains(&masks(&recovered.history)),
            "kill {seed} after step {n_steps}: other labels came back"
        );
        recovered.history.go_to(0);
        assert_eq!(masks(&recovered.history), states[0], "kill {seed} after step {n_steps}: undo");
    }
    println!("{N_KILLS} kills, {n_steps_in_all} steps, {n_torn} torn records");
    assert!(n_steps_in_all > 10 * N_KILLS as usize, "the sessions were too short to say anything");
}
