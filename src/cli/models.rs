//! `ldseg models`: what can be given to `--model`.

use clap::Args;

use super::output;
use crate::engine;

/// Arguments of `ldseg models`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example:\n  ldseg models")]
pub(super) struct ModelsArgs {
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ModelsArgs) -> anyhow::Result<()> {
    let models = engine::models();
    if args.json {
        let labels = |model: &engine::ModelInfo| -> Vec<String> {
            model.table.labels.iter().map(|label| label.name.clone()).collect()
        };
        let list: Vec<_> = models
            .iter()
            .map(|model| {
                serde_json::json!({
                    "name": model.name, "title": model.title, "description": model.description, "labels": labels(model),
                    "is_deterministic": model.is_deterministic, "is_builtin": model.is_builtin,
                })
            })
            .collect();
        return output::json(&list);
    }
    let width = models.iter().map(|model| model.name.len()).max().unwrap_or_default();
    for model in &models {
        let labels: Vec<&str> = model.table.labels.iter().map(|label| label.name.as_str()).collect();
        output::line(format!("{:<width$}  {}", model.name, model.title))?;
        output::line(format!("{:<width$}  {}", "", model.description))?;
        output::line(format!("{:<width$}  labels: {}", "", labels.join(", ")))?;
    }
    Ok(output::line(
        "\nA folder with config.json and weights.safetensors, as `ldseg train` writes it, is a model too.",
    )?)
}
