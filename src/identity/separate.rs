//! Clusters where the evidence contradicts itself: what hangs together, taken apart where two records
//! are known to be different.
//!
//! Certain evidence is never refused. The rest is taken level by level, strongest first, and joins two
//! groups only where no member of the one is known to be different from a member of the other. A group
//! that evidence of one strength would join to two that are different goes with neither: that would be
//! a guess.

use std::collections::{BTreeMap, BTreeSet};

/// Evidence of this strength, or a greater one, is never refused.
pub const CERTAIN: i64 = 4;

/// Says of two records how strongly evidence holds them together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tie {
    pub left: String,
    pub right: String,
    /// From [`CERTAIN`] down to 1; 0 says that the two are different.
    pub strength: i64,
}

/// Lists every record with the smallest name of its cluster, sorted by record.
///
/// The order of `ties` and the direction of each change nothing.
pub fn separate(ties: &[Tie]) -> Vec<(String, String)> {
    let names: BTreeSet<&str> =
        ties.iter().flat_map(|tie| [tie.left.as_str(), tie.right.as_str()]).collect();
    // Indexes count in the order of the names, so that the smallest index is the smallest name.
    let index: BTreeMap<&str, usize> =
        names.iter().enumerate().map(|(index, name)| (*name, index)).collect();
    let mut groups = Groups::new(names.len());
    let mut levels: BTreeMap<i64, BTreeSet<(usize, usize)>> = BTreeMap::new();
    for tie in ties {
        let (Some(&left), Some(&right)) =
            (index.get(tie.left.as_str()), index.get(tie.right.as_str()))
        else {
            continue;
        };
        if tie.strength <= 0 {
            groups.set_apart(left, right);
        } else {
            let pair = (left.min(right), left.max(right));
            levels.entry(tie.strength.min(CERTAIN)).or_default().insert(pair);
        }
    }
    for (strength, pairs) in levels.iter().rev() {
        if *strength == CERTAIN {
            for &(left, right) in pairs {
                groups.join(left, right);
            }
        } else {
            groups.join_where_clear(pairs);
        }
    }
    let names: Vec<&str> = names.into_iter().collect();
    groups
        .root
        .iter()
        .enumerate()
        .filter_map(|(node, root)| Some((*names.get(node)?, *names.get(*root)?)))
        .map(|(member, cluster)| (member.to_owned(), cluster.to_owned()))
        .collect()
}

/// Disjoint groups of nodes, each named by its smallest.
struct Groups {
    root: Vec<usize>,
    members: Vec<Vec<usize>>,
    /// Which nodes a node is known to be different from.
    apart: Vec<BTreeSet<usize>>,
}

impl Groups {
    fn new(n_nodes: usize) -> Self {
        Self {
            root: (0..n_nodes).collect(),
            members: (0..n_nodes).map(|node| vec![node]).collect(),
            apart: vec![BTreeSet::new(); n_nodes],
        }
    }

    fn set_apart(&mut self, left: usize, right: usize) {
        if left != right {
            self.apart[left].insert(right);
            self.apart[right].insert(left);
        }
    }

    fn join(&mut self, left: usize, right: usize) {
        let (left, right) = (self.root[left], self.root[right]);
        if left == right {
            return;
        }
        let (keep, merge) = (left.min(right), left.max(right));
        let moved = std::mem::take(&mut self.members[merge]);
        for &node in &moved {
            self.root[node] = keep;
        }
        self.members[keep].extend(moved);
    }

    /// Says whether some member of one group is known to be different from some member of another.
    fn are_apart(&self, left: usize, right: usize) -> bool {
        let (few, other) = if self.members[left].len() <= self.members[right].len() {
            (left, right)
        } else {
            (right, left)
        };
        self.members[few]
            .iter()
            .flat_map(|&node| &self.apart[node])
            .any(|&different| self.root[different] == other)
    }

    /// Joins by evidence of one strength, where it leads each group to one side only.
    fn join_where_clear(&mut self, pairs: &BTreeSet<(usize, usize)>) {
        let mut neighbors: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for &(left, right) in pairs {
            let (left, right) = (self.root[left], self.root[right]);
            if left != right && !self.are_apart(left, right) {
                neighbors.entry(left).or_default().insert(right);
                neighbors.entry(right).or_default().insert(left);
            }
        }
        let is_torn = |others: &BTreeSet<usize>| {
            others.iter().any(|&one| others.range(one + 1..).any(|&two| self.are_apart(one, two)))
        };
        let torn: BTreeSet<usize> = neighbors
            .iter()
            .filter(|(_, others)| is_torn(others))
            .map(|(group, _)| *group)
            .collect();
        for (&left, others) in &neighbors {
            for &right in others.range(left + 1..) {
                if torn.contains(&left) || torn.contains(&right) {
                    continue;
                }
                let (now_left, now_right) = (self.root[left], self.root[right]);
                if now_left != now_right && !self.are_apart(now_left, now_right) {
                    self.join(now_left, now_right);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::identity::components::Components;

    fn tie(left: &str, right: &str, strength: i64) -> Tie {
        Tie { left: left.to_owned(), right: right.to_owned(), strength }
    }

    fn check(ties: &[(&str, &str, i64)], expect: &[&str]) {
        let ties: Vec<Tie> = ties.iter().map(|(l, r, strength)| tie(l, r, *strength)).collect();
        let mut clusters: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (member, cluster) in separate(&ties) {
            clusters.entry(cluster).or_default().push(member);
        }
        let clusters: Vec<String> = clusters.into_values().map(|group| group.join(" ")).collect();
        assert_eq!(clusters, expect);
    }

    #[test]
    fn the_stronger_evidence_stays() {
        check(&[("a", "b", 3), ("b", "c", 2), ("a", "c", 0)], &["a b", "c"]);
        check(&[("a", "b", 2), ("b", "c", 3), ("a", "c", 0)], &["a", "b c"]);
    }

    #[test]
    fn between_two_of_equal_strength_nobody_guesses() {
        check(&[("a", "b", 2), ("b", "c", 2), ("a", "c", 0)], &["a", "b", "c"]);
        // Whoever hangs on one of the two alone still goes with it.
        check(&[("a", "b", 2), ("b", "c", 2), ("a", "c", 0), ("c", "d", 2)], &["a", "b", "c d"]);
    }

    #[test]
    fn what_is_certain_is_never_refused() {
        check(&[("a", "b", 4), ("a", "b", 0), ("b", "c", 1)], &["a b c"]);
        check(&[("a", "b", 4), ("b", "c", 4), ("a", "c", 0)], &["a b c"]);
    }

    #[test]
    fn a_direct_contradiction_refuses_the_edge_alone() {
        check(&[("a", "b", 2), ("a", "b", 0), ("b", "c", 1)], &["a", "b c"]);
    }

    fn ties() -> impl Strategy<Value = Vec<Tie>> {
        let name = (0u8..14).prop_map(|n| format!("r{n:02}"));
        prop::collection::vec((name.clone(), name, 0i64..=4), 1..40).prop_map(|ties| {
            ties.into_iter().map(|(left, right, strength)| Tie { left, right, strength }).collect()
        })
    }

    proptest! {
        #[test]
        fn order_and_direction_change_nothing(ties in ties(), seed in any::<u64>()) {
            let mut turned: Vec<Tie> = ties
                .iter()
                .map(|t| tie(&t.right, &t.left, t.strength))
                .collect();
            let n = turned.len().max(1) as u64;
            turned.sort_by_key(|t| (t.left.len() as u64 * 31 + seed) % n);
            turned.reverse();
            prop_assert_eq!(separate(&ties), separate(&turned));
        }

        #[test]
        fn nobody_known_to_be_different_is_together_unless_that_is_certain(ties in ties()) {
            let cluster: BTreeMap<String, String> = separate(&ties).into_iter().collect();
            let mut certain = Components::default();
            let mut all = Components::default();
            for t in &ties {
                certain.join(&t.left, &t.left);
                certain.join(&t.right, &t.right);
                all.join(&t.left, &t.left);
                all.join(&t.right, &t.right);
                if t.strength == CERTAIN {
                    certain.join(&t.left, &t.right);
                }
                if t.strength > 0 {
                    all.join(&t.left, &t.right);
                }
            }
            let certain: BTreeMap<String, String> = certain.members().into_iter().collect();
            let all: BTreeMap<String, String> = all.members().into_iter().collect();
            for t in &ties {
                if t.strength == 0 && certain[&t.left] != certain[&t.right] && t.left != t.right {
                    prop_assert_ne!(&cluster[&t.left], &cluster[&t.right]);
                }
                if t.strength == CERTAIN {
                    prop_assert_eq!(&cluster[&t.left], &cluster[&t.right]);
                }
            }
            for (member, of) in &cluster {
                prop_assert_eq!(&all[member], &all[of]);
            }
        }
    }
}
