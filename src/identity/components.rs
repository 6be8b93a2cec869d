//! Connected components: which records hang together, given the edges between them.
//!
//! Works on ids alone, so that it is the one step of identity that may hold a whole company in
//! memory.

use std::collections::HashMap;

/// Edges seen so far, as a union-find over the names of their ends.
#[derive(Debug, Default)]
pub struct Components {
    index_by_name: HashMap<String, usize>,
    names: Vec<String>,
    parents: Vec<usize>,
}

impl Components {
    /// Joins two nodes; an edge from a node to itself makes the node known.
    pub fn join(&mut self, left: &str, right: &str) {
        let left = self.intern(left);
        let right = self.intern(right);
        let (left, right) = (self.root(left), self.root(right));
        if left != right {
            // The component is named by its smallest name, whatever the order of the edges.
            let (keep, merge) =
                if self.names[left] <= self.names[right] { (left, right) } else { (right, left) };
            self.parents[merge] = keep;
        }
    }

    /// Lists every node with the smallest name of its component, sorted by node.
    pub fn members(&mut self) -> Vec<(String, String)> {
        let mut members: Vec<(String, String)> = (0..self.names.len())
            .map(|node| {
                let root = self.root(node);
                (self.names[node].clone(), self.names[root].clone())
            })
            .collect();
        members.sort_unstable();
        members
    }

    /// Estimates the memory held, in bytes.
    pub fn size(&self) -> usize {
        let text: usize = self.names.iter().map(|name| 2 * name.capacity()).sum();
        text + self.names.capacity() * 96
    }

    fn intern(&mut self, name: &str) -> usize {
        if let Some(&node) = self.index_by_name.get(name) {
            return node;
        }
        let node = self.names.len();
        self.names.push(name.to_owned());
        self.parents.push(node);
        self.index_by_name.insert(name.to_owned(), node);
        node
    }

    fn root(&mut self, mut node: usize) -> usize {
        while self.parents[node] != node {
            self.parents[node] = self.parents[self.parents[node]];
            node = self.parents[node];
        }
        node
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn components(edges: &[(u8, u8)]) -> Vec<(String, String)> {
        let mut components = Components::default();
        for (left, right) in edges {
            components.join(&left.to_string(), &right.to_string());
        }
        components.members()
    }

    proptest! {
        #[test]
        fn edge_order_and_direction_change_nothing(
            edges in proptest::collection::vec((0u8..40, 0u8..40), 0..60),
            seed in any::<u64>(),
        ) {
            let mut shuffled: Vec<(u8, u8)> =
                edges.iter().map(|&(left, right)| (right, left)).collect();
            let n = shuffled.len().max(1) as u64;
            shuffled.sort_by_key(|&(left, right)| (u64::from(left) * 7 + u64::from(right)) ^ (seed % n));
            prop_assert_eq!(components(&edges), components(&shuffled));
        }

        #[test]
        fn both_ends_of_an_edge_share_a_component(
            edges in proptest::collection::vec((0u8..40, 0u8..40), 1..60),
        ) {
            let members: HashMap<String, String> = components(&edges).into_iter().collect();
            for (left, right) in edges {
                prop_assert_eq!(&members[&left.to_string()], &members[&right.to_string()]);
            }
        }
    }
}
