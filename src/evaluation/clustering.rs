//! Agglomerative clustering by average linkage (UPGMA): the two nearest clusters are joined until one is left, where the
//! distance of two clusters is the mean over their pairs.

/// One join of two clusters.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Merge {
    /// A member of each of the two.
    members: [usize; 2],
    distance: f64,
}

/// Who was joined with whom, nearest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Dendrogram {
    n: usize,
    merges: Vec<Merge>,
}

impl Dendrogram {
    /// Clusters `n` items by their symmetric `distance`, by following nearest neighbours until two point at each other
    /// (Murtagh 1983): n² steps and distances.
    pub fn average_linkage(n: usize, distance: impl Fn(usize, usize) -> f64) -> Self {
        let mut distances: Vec<Vec<f64>> = (0..n).map(|a| (0..n).map(|b| distance(a, b)).collect()).collect();
        let mut sizes = vec![1.0; n];
        let mut live: Vec<usize> = (0..n).collect();
        let mut chain: Vec<usize> = Vec::new();
        let mut merges = Vec::with_capacity(n.saturating_sub(1));
        while live.len() > 1 {
            let last = *chain.last().unwrap_or(&live[0]);
            if chain.is_empty() {
                chain.push(last);
            }
            let before = chain.len().checked_sub(2).map(|at| chain[at]);
            let nearest = nearest_to(last, before, &live, &distances);
            if Some(nearest) != before {
                chain.push(nearest);
                continue;
            }
            chain.truncate(chain.len() - 2);
            // The cluster goes on under the smaller number.
            let (kept, gone) = (last.min(nearest), last.max(nearest));
            merges.push(Merge { members: [kept, gone], distance: distances[kept][gone] });
            live.retain(|&item| item != gone);
            for &other in live.iter().filter(|&&other| other != kept) {
                let weighted = sizes[kept] * distances[kept][other] + sizes[gone] * distances[gone][other];
                let joined = weighted / (sizes[kept] + sizes[gone]);
                distances[kept][other] = joined;
                distances[other][kept] = joined;
            }
            sizes[kept] += sizes[gone];
        }
        // The chain finds them out of order; a stable sort keeps a cluster's parts before the cluster.
        merges.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        Self { n, merges }
    }

    /// The distances at which clusters were joined, rising.
    pub fn distances(&self) -> Vec<f64> {
        self.merges.iter().map(|merge| merge.distance).collect()
    }

    /// At most `n_clusters` clusters, the largest first and of equal ones that with the smallest member; members ascending.
    pub fn cut(&self, n_clusters: usize) -> Vec<Vec<usize>> {
        self.joined(self.n.saturating_sub(n_clusters.max(1)))
    }

    /// The clusters whose members were joined at distances up to `distance`.
    pub fn cut_at(&self, distance: f64) -> Vec<Vec<usize>> {
        self.joined(self.merges.iter().take_while(|merge| merge.distance <= distance).count())
    }

    fn joined(&self, n_merges: usize) -> Vec<Vec<usize>> {
        let mut clusters: Vec<Vec<usize>> = (0..self.n).map(|item| vec![item]).collect();
        let mut cluster_of: Vec<usize> = (0..self.n).collect();
        for merge in &self.merges[..n_merges.min(self.merges.len())] {
            let [kept, gone] = merge.members.map(|item| cluster_of[item]);
            let moved = std::mem::take(&mut clusters[gone]);
            moved.iter().for_each(|&item| cluster_of[item] = kept);
            clusters[kept].extend(moved);
        }
        clusters.retain(|members| !members.is_empty());
        clusters.iter_mut().for_each(|members| members.sort_unstable());
        clusters.sort_by_key(|members| (usize::MAX - members.len(), members[0]));
        clusters
    }
}

/// The live item nearest to `item`; the one `before` it in the chain where it is as near, so that the chain ends.
fn nearest_to(item: usize, before: Option<usize>, live: &[usize], distances: &[Vec<f64>]) -> usize {
    let others = live.iter().copied().filter(|&other| other != item);
    let key = |other: usize| (distances[item][other], Some(other) != before);
    let compare = |a: &usize, b: &usize| {
        let ((d_a, is_new_a), (d_b, is_new_b)) = (key(*a), key(*b));
        d_a.total_cmp(&d_b).then(is_new_a.cmp(&is_new_b)).then(a.cmp(b))
    };
    others.min_by(compare).unwrap_or(item)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn joins_are_those_of_scipy() {
        let distances = [
            [0.0, 0.1, 0.55, 0.6, 0.8],
            [0.1, 0.0, 0.5, 0.7, 0.75],
            [0.55, 0.5, 0.0, 0.2, 0.65],
            [0.6, 0.7, 0.2, 0.0, 0.3],
            [0.8, 0.75, 0.65, 0.3, 0.0],
        ];
        let tree = Dendrogram::average_linkage(5, |a, b| distances[a][b]);
        let expected = [0.1, 0.2, 0.475, 0.65];
        assert!(tree.distances().iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{:?}", tree.distances());
        assert_eq!(tree.cut(2), [vec![2, 3, 4], vec![0, 1]]);
        assert_eq!(tree.cut(3), [vec![0, 1], vec![2, 3], vec![4]]);
        assert_eq!(tree.cut_at(0.15), [vec![0, 1], vec![2], vec![3], vec![4]]);
        assert_eq!(tree.cut(0), tree.cut(1));
        assert_eq!(tree.cut(9).len(), 5);
    }

    #[test]
    fn nothing_and_one_thing_have_no_joins() {
        assert!(Dendrogram::average_linkage(0, |_, _| 1.0).cut(3).is_empty());
        assert_eq!(Dendrogram::average_linkage(1, |_, _| 0.0).cut(3), [[0]]);
    }

    /// Joins the nearest pair of clusters again and again, by the definition.
    fn by_definition(n: usize, distance: impl Fn(usize, usize) -> f64) -> Vec<f64> {
        let mut clusters: Vec<Vec<usize>> = (0..n).map(|item| vec![item]).collect();
        let mut joins = Vec::new();
        while clusters.len() > 1 {
            let mean = |a: &Vec<usize>, b: &Vec<usize>| {
                let pairs = a.iter().flat_map(|&x| b.iter().map(move |&y| (x, y)));
                pairs.map(|(x, y)| distance(x, y)).sum::<f64>() / (a.len() * b.len()) as f64
            };
            let pairs = (0..clusters.len()).flat_map(|a| (0..a).map(move |b| (a, b)));
            let (a, b) = pairs
                .min_by(|&(a, b), &(c, d)| {
                    mean(&clusters[a], &clusters[b]).total_cmp(&mean(&clusters[c], &clusters[d]))
                })
                .unwrap();
            joins.push(mean(&clusters[a], &clusters[b]));
            let gone = clusters.remove(a);
            clusters[b].extend(gone);
        }
        joins
    }

    proptest! {
        #[test]
        fn chains_of_neighbours_find_what_the_definition_finds(points in prop::collection::vec(0.0..1.0_f64, 1..14)) {
            let distance = |a: usize, b: usize| (points[a] - points[b]).abs();
            let tree = Dendrogram::average_linkage(points.len(), distance);
            let expected = by_definition(points.len(), distance);
            prop_assert_eq!(tree.distances().len(), expected.len());
            for (found, expected) in tree.distances().iter().zip(&expected) {
                prop_assert!((found - expected).abs() < 1e-9);
            }
            for k in 1..=points.len() {
                let clusters = tree.cut(k);
                prop_assert_eq!(clusters.len(), k);
                let mut all: Vec<usize> = clusters.concat();
                all.sort_unstable();
                prop_assert_eq!(all, (0..points.len()).collect::<Vec<_>>());
            }
        }
    }
}
