//! Where generators draw from: a row of choices, random at first and written down, so that the same row gives the same
//! input again and a shorter or smaller row gives a simpler one.
//!
//! Choice 0 is always the simplest: the first alternative, the empty list, the least number. What is drawn beyond the end
//! of a given row is 0, so every row is valid.

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

/// Most choices of one input; later ones are 0, which ends every generator.
const MAX_CHOICES: usize = 8192;

/// A row of choices that is being read.
pub struct Source {
    choices: Vec<u64>,
    position: usize,
    random: Option<StdRng>,
}

impl Source {
    /// Random choices, the same ones for the same seed.
    pub fn random(seed: u64) -> Self {
        Source { choices: Vec::new(), position: 0, random: Some(StdRng::seed_from_u64(seed)) }
    }

    /// These choices, then 0.
    pub fn replay(choices: Vec<u64>) -> Self {
        Source { choices, position: 0, random: None }
    }

    /// What was drawn.
    pub fn into_choices(mut self) -> Vec<u64> {
        self.choices.truncate(self.position);
        self.choices
    }

    /// A number below `end`, evenly; 0 if there is none.
    pub fn below(&mut self, end: usize) -> usize {
        if end <= 1 {
            return 0;
        }
        (self.draw(end as u64) % end as u64) as usize
    }

    /// A number of the range, its start being the simplest.
    pub fn range(&mut self, range: std::ops::RangeInclusive<usize>) -> usize {
        range.start() + self.below(range.end() - range.start() + 1)
    }

    /// Any number of 64 bits, often a small or a peculiar one.
    pub fn number(&mut self) -> u64 {
        match self.below(4) {
            0 => self.below(16) as u64,
            1 => self.below(70_000) as u64,
            2 => 1_u64.checked_shl(self.below(64) as u32).unwrap_or(0).wrapping_sub(self.below(3) as u64),
            _ => self.draw(u64::MAX),
        }
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        // The simplest is no.
        n > 0 && self.below(n) == n - 1
    }

    /// One of the texts.
    pub fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    /// One of the elements, of any type.
    pub fn one_of<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// One alternative, made by its function.
    pub fn choose<T>(&mut self, from: &[fn(&mut Source) -> T]) -> T {
        from[self.below(from.len())](self)
    }

    /// Up to `most` of what `make` makes.
    pub fn list<T>(&mut self, most: usize, mut make: impl FnMut(&mut Source) -> T) -> Vec<T> {
        let mut list = Vec::new();
        // A choice before each element, so that a shrinker can leave out one alone.
        while list.len() < most && self.below(most + 1) > list.len() / 2 {
            list.push(make(self));
        }
        list
    }

    fn draw(&mut self, end: u64) -> u64 {
        let choice = match (self.choices.get(self.position), &mut self.random) {
            (Some(choice), _) => *choice,
            (None, Some(random)) if self.position < MAX_CHOICES => {
                let choice = random.random_range(0..end);
                self.choices.push(choice);
                choice
            }
            (None, _) => return 0,
        };
        self.position += 1;
        choice
    }
}

#[cfg(test)]
mod tests {
    use super::Source;

    #[test]
    fn the_same_choices_give_the_same_input() {
        let make = |source: &mut Source| source.list(20, |source| (source.number(), source.one_in(3)));
        let mut drawn = 0;
        for seed in 0..20 {
            let mut source = Source::random(seed);
            let first = make(&mut source);
            drawn += first.len();
            assert_eq!(make(&mut Source::replay(source.into_choices())), first);
        }
        assert!(drawn > 20, "{drawn}");
        assert_eq!(make(&mut Source::replay(Vec::new())), []);
    }
}
