//! What the checker found.

use std::fmt;

/// Violations told in full; more are only counted.
const VIOLATIONS_TOLD_MAX: usize = 20;

/// What must always hold (DESIGN.md, section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Invariant {
    /// Accepted means delivered.
    I1,
    /// Places and client numbers map one to one.
    I2,
    /// In order, without gaps; every skipped range is announced.
    I3,
    /// The same place has the same bytes everywhere.
    I4,
    /// What was known before something was sent stands before it.
    I5,
    /// What was shown never goes down; nothing undelivered is removed.
    I6,
    /// Nobody receives what they are not entitled to.
    I10,
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// One violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Of what.
    pub invariant: Invariant,
    /// What happened, with ids.
    pub sentence: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.sentence)
    }
}

/// What the checker found.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The first violations.
    pub violations: Vec<Violation>,
    /// How many there are in all.
    pub violation_count: u64,
    /// Commands that were accepted.
    pub accepted: u64,
    /// Pushes of an event to a device other than its sender's, the first of each.
    pub delivered: u64,
    /// Events that a device was entitled to and never got.
    pub lost: u64,
    /// Pushes of what the device had already.
    pub duplicated: u64,
    /// Pushes that left out or went back behind something.
    pub out_of_order: u64,
    /// How often the server was killed.
    pub crashes: u64,
    /// How often a device connected.
    pub connections: u64,
}

impl Report {
    /// Whether everything held.
    pub fn is_clean(&self) -> bool {
        self.violation_count == 0
    }

    pub(super) fn violation(&mut self, invariant: Invariant, sentence: String) {
        self.violation_count += 1;
        if self.violations.len() < VIOLATIONS_TOLD_MAX {
            self.violations.push(Violation { invariant, sentence });
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for violation in &self.violations {
            writeln!(f, "{violation}")?;
        }
        let untold = self.violation_count.saturating_sub(self.violations.len() as u64);
        if untold > 0 {
            writeln!(f, "… and {untold} more.")?;
        }
        Ok(())
    }
}
