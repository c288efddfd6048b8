//! The live wire: an outline that clings to edges between the points where a person clicks.
//!
//! Intelligent scissors (Mortensen & Barrett, "Intelligent scissors for image composition", SIGGRAPH 1995, with the direction
//! term of "Interactive segmentation with intelligent scissors", Graphical Models and Image Processing 60, 1998): the cheapest
//! path through the pixels, where a step costs little along a strong edge. Unlike there the whole cost of a step, not its
//! gradient alone, grows with its length, so that the wire is straight where there is no edge.

mod edges;

use self::edges::{Edges, MAX_STEP};
use super::patch::Patch;

/// How far from its beginning the wire reaches, in pixels to each side.
pub const REACH: usize = 256;

/// The eight neighbours of a pixel; the one opposite to number `n` is number `7 - n`.
const STEPS: [[isize; 2]; 8] = [[-1, -1], [0, -1], [1, -1], [-1, 0], [1, 0], [-1, 1], [0, 1], [1, 1]];

/// A wire that was begun at a pixel of a slice.
#[derive(Clone, Debug)]
pub struct LiveWire {
    wave: Wave,
}

impl LiveWire {
    /// Begins a wire at pixel `seed`, `[x, y]`, which must lie inside a slice of `size`. `values` gives the part of the slice
    /// within [`REACH`], one value a pixel, row by row as on the screen: nothing else is looked at.
    ///
    /// # Panics
    /// Where there is not one value a pixel.
    pub fn new(seed: [usize; 2], size: [usize; 2], values: impl FnOnce(&Patch) -> Vec<f32>) -> Self {
        let low = seed.map(|at| at.saturating_sub(REACH));
        let [columns, rows] = [0, 1].map(|axis| low[axis]..(seed[axis] + REACH + 1).min(size[axis]));
        let patch = Patch { columns, rows, step: 1 };
        let (values, size) = (values(&patch), patch.size());
        assert_eq!(values.len(), size[0] * size[1], "one value a pixel");
        Self { wave: Wave::new(Edges::of(values, size), low, seed) }
    }

    /// Where the wire begins.
    pub fn seed(&self) -> [usize; 2] {
        self.wave.seed
    }

    /// The wire from its beginning to `target`, or to the nearest pixel within reach: neighbouring pixels, both ends
    /// included.
    ///
    /// What was found out on the way to one target is kept for the next.
    pub fn path_to(&mut self, target: [usize; 2]) -> Vec<[usize; 2]> {
        self.wave.path_to(target)
    }
}

/// Costs of the cheapest paths from the seed, which spread like a wave as far as they were asked for (Dijkstra), in a queue
/// with a bucket for every cost (Dial).
#[derive(Clone, Debug)]
struct Wave {
    seed: [usize; 2],
    low: [usize; 2],
    edges: Edges,
    /// Of the cheapest path known, by pixel of the window.
    cost: Vec<u32>,
    /// Which neighbour comes before on that path.
    before: Vec<u8>,
    is_settled: Vec<bool>,
    /// Pixels that wait, by their cost modulo the number of buckets; no two differ by more than a step.
    buckets: Vec<Vec<u32>>,
    n_waiting: usize,
    /// No pixel that waits costs less.
    reached: u32,
}

impl Wave {
    fn new(edges: Edges, low: [usize; 2], seed: [usize; 2]) -> Self {
        let n = edges.size()[0] * edges.size()[1];
        let mut wave = Self {
            seed,
            low,
            edges,
            cost: vec![u32::MAX; n],
            before: vec![0; n],
            is_settled: vec![false; n],
            buckets: vec![Vec::new(); MAX_STEP as usize + 1],
            n_waiting: 0,
            reached: 0,
        };
        let at = wave.index(seed);
        wave.wait(at, 0, 0);
        wave
    }

    /// The place in the window of the pixel nearest to `pixel`.
    fn index(&self, pixel: [usize; 2]) -> usize {
        let size = self.edges.size();
        let [x, y] = [0, 1].map(|axis| pixel[axis].saturating_sub(self.low[axis]).min(size[axis] - 1));
        x + y * size[0]
    }

    fn path_to(&mut self, target: [usize; 2]) -> Vec<[usize; 2]> {
        let mut at = self.index(target);
        self.spread_to(at);
        let width = self.edges.size()[0];
        let mut path = Vec::new();
        loop {
            path.push([self.low[0] + at % width, self.low[1] + at / width]);
            if self.cost[at] == 0 {
                path.reverse();
                return path;
            }
            let [right, down] = STEPS[usize::from(self.before[at])];
            at = at.wrapping_add_signed(right + down * width as isize);
        }
    }

    /// Lets the wave go on until the cheapest path to a place is known.
    fn spread_to(&mut self, target: usize) {
        while !self.is_settled[target] && self.n_waiting > 0 {
            let bucket = self.reached as usize % self.buckets.len();
            let Some(at) = self.buckets[bucket].pop() else {
                self.reached += 1;
                continue;
            };
            self.n_waiting -= 1;
            let at = at as usize;
            // A pixel waits once more whenever a cheaper path to it was found.
            if !self.is_settled[at] {
                self.is_settled[at] = true;
                self.look_around(at);
            }
        }
    }

    fn look_around(&mut self, at: usize) {
        let [width, height] = self.edges.size();
        let (x, y) = (at % width, at / width);
        for (number, step) in STEPS.into_iter().enumerate() {
            let (Some(beside_x), Some(beside_y)) = (x.checked_add_signed(step[0]), y.checked_add_signed(step[1]))
            else {
                continue;
            };
            let beside = beside_x + beside_y * width;
            if beside_x < width && beside_y < height && !self.is_settled[beside] {
                let cost = self.cost[at] + self.edges.step(at, beside, step);
                if cost < self.cost[beside] {
                    self.wait(beside, cost, 7 - number as u8);
                }
            }
        }
    }

    fn wait(&mut self, at: usize, cost: u32, before: u8) {
        self.cost[at] = cost;
        self.before[at] = before;
        let bucket = cost as usize % self.buckets.len();
        // A window has far fewer pixels than a `u32` counts.
        self.buckets[bucket].push(at as u32);
        self.n_waiting += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A bright disc on dark ground, with a soft border.
    fn disc(size: usize, radius: f32) -> Vec<f32> {
        let middle = size as f32 / 2.0;
        let value = |at: usize| {
            let away = (at as f32 % size as f32 - middle).hypot((at / size) as f32 - middle);
            100.0 / (1.0 + (2.0 * (away - radius)).exp())
        };
        (0..size * size).map(value).collect()
    }

    fn wire(values: &[f32], width: usize, seed: [usize; 2]) -> LiveWire {
        let part = |patch: &Patch| {
            let rows = patch.rows.clone().flat_map(|y| &values[y * width..][patch.columns.clone()]);
            rows.copied().collect()
        };
        LiveWire::new(seed, [width, values.len() / width], part)
    }

    /// The sum of the steps of a path.
    fn cost(wire: &LiveWire, path: &[[usize; 2]]) -> u32 {
        let wave = &wire.wave;
        let step = |pair: &[[usize; 2]]| {
            let step = [0, 1].map(|axis| pair[1][axis] as isize - pair[0][axis] as isize);
            assert!(STEPS.contains(&step), "{pair:?} are no neighbours");
            wave.edges.step(wave.index(pair[0]), wave.index(pair[1]), step)
        };
        path.windows(2).map(step).sum()
    }

    /// The costs of the cheapest paths to all pixels, by trying every step until nothing becomes cheaper.
    fn slow_costs(wire: &LiveWire) -> Vec<u32> {
        let wave = &wire.wave;
        let [width, height] = wave.edges.size();
        let mut costs = vec![u32::MAX; width * height];
        costs[wave.index(wave.seed)] = 0;
        loop {
            let before = costs.clone();
            for at in (0..costs.len()).filter(|&at| before[at] < u32::MAX) {
                for step in STEPS {
                    let (x, y) = ((at % width).wrapping_add_signed(step[0]), (at / width).wrapping_add_signed(step[1]));
                    if x < width && y < height {
                        let beside = x + y * width;
                        costs[beside] = costs[beside].min(costs[at] + wave.edges.step(at, beside, step));
                    }
                }
            }
            if costs == before {
                return costs;
            }
        }
    }

    #[test]
    fn the_wire_runs_around_a_disc_and_not_through_it() {
        let path = wire(&disc(64, 20.0), 64, [12, 32]).path_to([52, 32]);
        assert_eq!((path[0], path[path.len() - 1]), ([12, 32], [52, 32]));
        for &[x, y] in &path {
            let away = (x as f32 - 32.0).hypot(y as f32 - 32.0);
            assert!((away - 20.0).abs() < 1.6, "{x}, {y} is {away} from the middle");
        }
    }

    #[test]
    fn noise_does_not_lead_the_wire_astray() {
        let noise = |at: usize| ((at as u32).wrapping_mul(2_654_435_761) >> 24) as f32 / 8.0;
        let noisy: Vec<f32> = disc(64, 20.0).into_iter().enumerate().map(|(at, value)| value + noise(at)).collect();
        for [x, y] in wire(&noisy, 64, [12, 32]).path_to([32, 52]) {
            let away = (x as f32 - 32.0).hypot(y as f32 - 32.0);
            assert!((away - 20.0).abs() < 3.0, "{x}, {y} is {away} from the middle");
        }
    }

    #[test]
    fn the_wire_is_straight_where_there_is_no_edge() {
        let path = wire(&[5.0; 600], 30, [3, 4]).path_to([25, 4]);
        assert_eq!(path, (3..=25).map(|x| [x, 4]).collect::<Vec<_>>());
    }

    #[test]
    fn beyond_its_reach_the_wire_ends_as_near_as_it_can() {
        let mut wire = wire(&vec![0.0; 900 * 3], 900, [600, 1]);
        assert_eq!(wire.path_to([100, 1]).last(), Some(&[600 - REACH, 1]));
        assert_eq!(wire.path_to([899, 7]).last(), Some(&[600 + REACH, 2]));
        assert_eq!(wire.seed(), [600, 1]);
    }

    #[test]
    fn where_no_pixel_is_a_number_there_is_a_wire_still() {
        let mut wire = wire(&[f32::NAN; 6], 3, [0, 0]);
        assert_eq!(wire.path_to([2, 1]).len(), 3);
        assert_eq!(wire.path_to([0, 0]), [[0, 0]]);
    }

    proptest! {
        #[test]
        fn no_path_is_cheaper_whatever_was_asked_before(
            values in prop::collection::vec(prop_oneof![Just(0.0f32), -100f32..100.0], 12 * 9),
            seed in (0..12usize, 0..9usize), targets in prop::collection::vec((0..12usize, 0..9usize), 1..6),
        ) {
            let mut wire = wire(&values, 12, [seed.0, seed.1]);
            let costs = slow_costs(&wire);
            for (x, y) in targets {
                let path = wire.path_to([x, y]);
                prop_assert_eq!((path[0], path[path.len() - 1]), ([seed.0, seed.1], [x, y]));
                prop_assert_eq!(cost(&wire, &path), costs[x + 12 * y]);
            }
        }
    }
}
