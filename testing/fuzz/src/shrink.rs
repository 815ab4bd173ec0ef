//! Makes a failing input simpler while it still fails, by leaving out choices and making them smaller.

use crate::Source;

/// Tries of one shrinking; what is reached by then is simple enough.
const MAX_TRIES: usize = 3000;

/// The simplest choices found that still fail.
pub(crate) fn shrink(choices: Vec<u64>, mut fails: impl FnMut(&mut Source) -> bool) -> Vec<u64> {
    let mut best = choices;
    let mut tries = 0;
    let mut attempt = |best: &mut Vec<u64>, candidate: Vec<u64>| {
        if tries >= MAX_TRIES {
            return false;
        }
        tries += 1;
        let mut source = Source::replay(candidate);
        let still_fails = fails(&mut source);
        if still_fails {
            // Shorter if the generator stopped early.
            *best = source.into_choices();
        }
        still_fails
    };
    loop {
        let before = best.clone();
        leave_out(&mut best, &mut attempt);
        make_smaller(&mut best, &mut attempt);
        if best == before {
            return best;
        }
    }
}

fn leave_out(best: &mut Vec<u64>, attempt: &mut impl FnMut(&mut Vec<u64>, Vec<u64>) -> bool) {
    let mut size = best.len() / 2;
    while size > 0 {
        let mut start = 0;
        while start + size <= best.len() {
            let candidate = [&best[..start], &best[start + size..]].concat();
            if !attempt(best, candidate) {
                start += size;
            }
        }
        size /= 2;
    }
}

fn make_smaller(best: &mut Vec<u64>, attempt: &mut impl FnMut(&mut Vec<u64>, Vec<u64>) -> bool) {
    let mut index = 0;
    while index < best.len() {
        for smaller in [0, best[index] / 2, best[index].saturating_sub(1)] {
            if index < best.len() && smaller < best[index] {
                let mut candidate = best.clone();
                candidate[index] = smaller;
                attempt(best, candidate);
            }
        }
        index += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::shrink;
    use crate::Source;

    #[test]
    fn what_fails_is_made_as_simple_as_it_can_be() {
        let make = |source: &mut Source| source.list(50, |source| source.below(1000));
        let mut source = Source::random(3);
        let failing = make(&mut source).iter().any(|number| *number >= 100);
        assert!(failing);
        let choices =
            shrink(source.into_choices(), |source| make(source).iter().any(|number| *number >= 100));
        assert_eq!(make(&mut Source::replay(choices)), [100]);
    }
}
