//! Minimum, median and maximum of figures taken in turn.

/// One figure per round of ours and of the baseline.
#[derive(Default)]
pub struct Pairs {
    ours: Vec<f64>,
    baseline: Vec<f64>,
}

impl Pairs {
    /// Adds one round.
    pub fn add(&mut self, ours: f64, baseline: f64) {
        self.ours.push(ours);
        self.baseline.push(baseline);
    }

    /// The median of our own figures.
    pub fn median_ours(&self) -> f64 {
        let mut sorted = self.ours.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// Prints both and their ratio, round by round.
    pub fn print(&self, name: &str, unit: &str) {
        let ratios: Vec<f64> =
            self.ours.iter().zip(&self.baseline).map(|(ours, baseline)| ours / baseline).collect();
        println!("{name}");
        println!("  ours      {}", spread(&self.ours, unit));
        println!("  baseline  {}", spread(&self.baseline, unit));
        println!("  ratio     {}", spread(&ratios, ""));
    }
}

fn spread(figures: &[f64], unit: &str) -> String {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
    format!(
        "min {:.2} median {:.2} max {:.2} {unit}",
        at(0),
        at(sorted.len() / 2),
        at(sorted.len().saturating_sub(1))
    )
}
