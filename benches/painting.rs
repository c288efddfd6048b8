//! How long a dab of a large brush takes on a CT: the whole window's frame, from the pointer's move to the triangles and
//! textures handed to the graphics card, on 512×512×600 voxels with a ball of 41 voxels. The same on a picture of
//! 20,000×20,000 pixels, and there also moving and zooming.
//!
//! ```text
//! cargo bench --bench painting
//! ```
//!
//! Prints milliseconds a frame: median, 99th percentile and slowest, on an empty label map and on one full of labels.
//! With `-- picture` the picture alone.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use eframe::egui::{
    Context, Event, Key, Modifiers, MouseWheelSource, MouseWheelUnit, PointerButton, Pos2, RawInput, Rect, Theme,
    TouchPhase, pos2, vec2,
};
use ldseg::app::{App, Places, Start};
use ldseg::domain::{Grid, LabelMap, Scaling, Volume, Voxels};
use ldseg::engine::Engine;
use ldseg::io::nifti::{write_labels, write_volume};
use ldseg::monitor::Silent;

const SHAPE: [usize; 3] = [512, 512, 600];
const WINDOW: [f32; 2] = [1920.0, 1080.0];
/// Strokes, and dabs of each.
const N_STROKES: usize = 20;
const N_DABS: usize = 60;

const PICTURE: usize = 20_000;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("window.json"), r#"{"brush": {"diameter": 41, "is_ball": true}}"#)?;
    if !std::env::args().any(|argument| argument == "picture") {
        ct(folder.path())?;
    }
    picture(folder.path())
}

fn ct(folder: &Path) -> Result<(), Box<dyn Error>> {
    let (image, labels) = (folder.join("ct.nii"), folder.join("labels.nii"));
    let volume = synthetic_ct()?;
    write_volume(&image, &volume, None, &Silent)?;
    write_labels(&labels, &cubes(volume.grid().clone(), 16)?, None, &Silent)?;
    drop(volume);
    for (name, labels) in [("on an empty map", None), ("on a map full of labels", Some(labels.clone()))] {
        let start = Start { image: Some(image.clone()), labels, ..Start::default() };
        let mut window = Window::open(start, folder)?;
        window.press(Key::Num3);
        report(name, paint(&mut window, pos2(430.0, 180.0)));
    }
    Ok(())
}

fn picture(folder: &Path) -> Result<(), Box<dyn Error>> {
    let (image, labels) = (folder.join("picture.nii"), folder.join("areas.nii"));
    let grid = Grid::axis_aligned([PICTURE, PICTURE, 1], [1.0; 3])?;
    let voxels = (0..PICTURE * PICTURE).map(|at| ((at % 977) ^ (at / PICTURE % 511)) as u8).collect();
    write_volume(&image, &Volume::new(grid.clone(), Voxels::U8(voxels), Scaling::NONE, 1)?, None, &Silent)?;
    write_labels(&labels, &cubes(grid, 300)?, None, &Silent)?;
    for (name, labels) in [("empty picture", None), ("picture full of labels", Some(labels.clone()))] {
        let start = Start { image: Some(image.clone()), labels, ..Start::default() };
        let mut window = Window::open(start, folder)?;
        window.press(Key::Num3);
        let at = pos2(800.0, 400.0);
        report(&format!("{name}, whole: paint"), paint(&mut window, at));
        report(&format!("{name}, zoom in"), repeat(&mut window, 40, |_| wheel(1.0)));
        report(&format!("{name}, near: paint"), paint(&mut window, at));
        window.frame(vec![button(at, PointerButton::Middle, true)]);
        let moved = |n: usize| Event::PointerMoved(at + vec2(n as f32 * 9.0, n as f32 * 5.0));
        report(&format!("{name}, near: move"), repeat(&mut window, 60, moved));
        window.frame(vec![button(at, PointerButton::Middle, false)]);
        report(&format!("{name}, zoom out"), repeat(&mut window, 40, |_| wheel(-1.0)));
    }
    Ok(())
}

/// The frames of many events, one in each; and how many pictures were drawn anew.
fn repeat(window: &mut Window, n: usize, event: impl Fn(usize) -> Event) -> (Vec<Duration>, usize) {
    let frames: Vec<(Duration, usize)> = (0..n).map(|n| window.frame(vec![event(n)])).collect();
    (frames.iter().map(|frame| frame.0).collect(), frames.iter().map(|frame| frame.1).sum())
}

fn wheel(notches: f32) -> Event {
    Event::MouseWheel {
        unit: MouseWheelUnit::Line,
        delta: vec2(0.0, notches),
        phase: TouchPhase::Move,
        source: MouseWheelSource::Unknown,
        modifiers: Modifiers::COMMAND,
    }
}

/// Paints strokes in circles over the axial view; the frames, and how many pictures were drawn anew.
fn paint(window: &mut Window, corner: Pos2) -> (Vec<Duration>, usize) {
    let (mut frames, mut n_pictures) = (Vec::new(), 0);
    for stroke in 0..N_STROKES {
        let from = corner + vec2(10.0, 8.0) * stroke as f32;
        let mut frame = |events| {
            let (took, n_new) = window.frame(events);
            frames.push(took);
            n_pictures += n_new;
        };
        frame(vec![Event::PointerMoved(from)]);
        frame(vec![button(from, PointerButton::Primary, true)]);
        for dab in 0..N_DABS {
            let angle = dab as f32 * 0.1 + stroke as f32;
            frame(vec![Event::PointerMoved(from + vec2(60.0 * angle.cos() - 60.0, 60.0 * angle.sin()))]);
        }
        frame(vec![button(from, PointerButton::Primary, false)]);
    }
    assert!(n_pictures > N_STROKES, "nothing was painted: {n_pictures} pictures");
    (frames, n_pictures)
}

fn report(name: &str, (mut frames, n_pictures): (Vec<Duration>, usize)) {
    frames.sort_unstable();
    let ms = |part: f64| frames[((frames.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    let each = n_pictures as f64 / frames.len() as f64;
    println!(
        "{name:<40} {} frames, {each:.1} pictures each: median {:.2} ms, 99 % within {:.2} ms, slowest {:.2} ms",
        frames.len(),
        ms(0.5),
        ms(0.99),
        ms(1.0)
    );
}

fn button(pos: Pos2, button: PointerButton, pressed: bool) -> Event {
    Event::PointerButton { pos, button, pressed, modifiers: Modifiers::NONE }
}

/// The program's window without a screen.
struct Window {
    ctx: Context,
    app: App,
    started: Instant,
    _journal: tempfile::TempDir,
}

impl Window {
    fn open(start: Start, folder: &Path) -> Result<Self, Box<dyn Error>> {
        let ctx = Context::default();
        ctx.set_theme(Theme::Dark);
        let engine = Engine::start(None, || {});
        let journal = tempfile::tempdir()?;
        let places = Places { settings: Some(folder.join("window.json")), journal: Some(journal.path().to_owned()) };
        let app = App::with_places(&ctx, None, engine, start, places);
        let mut window = Self { ctx, app, started: Instant::now(), _journal: journal };
        let mut n_quiet = 0;
        while n_quiet < 5 {
            window.frame(Vec::new());
            n_quiet = if window.app.is_idle() { n_quiet + 1 } else { 0 };
            if window.started.elapsed() > Duration::from_secs(120) {
                return Err("the image did not open".into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(window)
    }

    fn press(&mut self, key: Key) {
        let event =
            |pressed| Event::Key { key, physical_key: None, pressed, repeat: false, modifiers: Modifiers::NONE };
        self.frame(vec![event(true)]);
        self.frame(vec![event(false)]);
    }

    /// Runs one frame; how long it took, and how many pictures went to the graphics card.
    fn frame(&mut self, events: Vec<Event>) -> (Duration, usize) {
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, WINDOW.into())),
            time: Some(self.started.elapsed().as_secs_f64()),
            max_texture_side: Some(8192),
            focused: true,
            events,
            ..RawInput::default()
        };
        let started = Instant::now();
        let app = &mut self.app;
        let output = self.ctx.run_ui(input, |ui| {
            app.poll();
            app.draw(ui);
        });
        let triangles = self.ctx.tessellate(output.shapes, output.pixels_per_point);
        let took = started.elapsed();
        drop(triangles);
        (took, output.textures_delta.set.len())
    }
}

/// Cubes of many labels that fill a third of the volume.
fn cubes(grid: Grid, edge: usize) -> Result<LabelMap, Box<dyn Error>> {
    let [width, height, depth] = grid.shape();
    let mut ids = Vec::with_capacity(grid.n_voxels());
    for k in 0..depth {
        for j in 0..height {
            ids.extend((0..width).map(|i| {
                let cube = i / edge + j / edge + k / edge;
                if cube.is_multiple_of(3) { 1 + (cube % 7) as u16 } else { 0 }
            }));
        }
    }
    Ok(LabelMap::new(grid, ids)?)
}

/// Air around an ellipsoid of tissue.
fn synthetic_ct() -> Result<Volume, Box<dyn Error>> {
    let is_inside = |voxel: [usize; 3]| {
        let radius = |axis: usize| (voxel[axis] as f64 / SHAPE[axis] as f64 - 0.5) / 0.4;
        radius(0).powi(2) + radius(1).powi(2) < 1.0
    };
    let mut voxels = Vec::with_capacity(SHAPE.iter().product());
    for k in 0..SHAPE[2] {
        for j in 0..SHAPE[1] {
            voxels.extend(
                (0..SHAPE[0]).map(|i| if is_inside([i, j, k]) { 40 + ((i * j + k) % 32) as i16 } else { -1000 }),
            );
        }
    }
    let grid = Grid::axis_aligned(SHAPE, [0.8, 0.8, 1.0])?;
    Ok(Volume::new(grid, Voxels::I16(voxels), Scaling::NONE, 1)?)
}
