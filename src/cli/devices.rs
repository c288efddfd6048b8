//! `ldseg devices`: which devices there are, whether they compute right, and how fast.

use anyhow::bail;
use clap::Args;

use super::output;
use super::session::Session;
use crate::engine::{DeviceReport, Job, Outcome};

/// Arguments of `ldseg devices`.
#[derive(Clone, Debug, Args)]
#[command(
    long_about = "Check every device against the CPU and time it.\n\n\
                  A small network of the models' own blocks runs on each device and on the CPU. A device whose numbers \
                  differ is never used; software renderers are checked, but count as no GPU.",
    after_help = "Examples:\n  ldseg devices\n  ldseg devices --json"
)]
pub(super) struct DevicesArgs {
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &DevicesArgs) -> anyhow::Result<()> {
    let mut session = Session::start()?;
    let Outcome::Devices(reports) = session.run(Job::CheckDevices)? else {
        bail!("the engine answered a question that was not asked")
    };
    drop(session);
    if args.json {
        return output::json(&reports);
    }
    for report in &reports {
        output::line(text(report))?;
    }
    Ok(())
}

fn text(report: &DeviceReport) -> String {
    let DeviceReport { name, driver, is_software, check, runs_per_s, preferred } = report;
    let mark = if *preferred { '*' } else { ' ' };
    let speed = runs_per_s.map_or_else(String::new, |runs| format!("; {runs:.2} runs/s"));
    let software = if *is_software { "; a software renderer, not used for networks" } else { "" };
    format!("{mark} {name} ({driver})\n    {check}{speed}{software}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::DeviceCheck;

    #[test]
    fn a_report_says_what_is_used_and_what_is_not() {
        let mut report = DeviceReport {
            name: "Card".to_owned(),
            driver: "Vulkan, 1.2".to_owned(),
            is_software: false,
            check: DeviceCheck::Agrees(1e-6),
            runs_per_s: Some(12.0),
            preferred: true,
        };
        let expected = "* Card (Vulkan, 1.2)\n    agrees with the CPU (largest relative error 1.0e-6); 12.00 runs/s";
        assert_eq!(text(&report), expected);
        report.check = DeviceCheck::Disagrees(0.9);
        report.is_software = true;
        report.preferred = false;
        assert!(text(&report).contains("disagrees") && text(&report).contains("software renderer"));
    }
}
