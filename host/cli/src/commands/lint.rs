//! `capstan lint`: what would go wrong, said without a cluster.

use capstan_core::{
    directive::Mode,
    lint::{Finding, Severity},
    manifest::Manifest,
    plugins::Application,
};
use capstan_engine::{Request, offline};
use serde_json::json;

use super::{print, print_json};
use crate::{
    args::{self, Compat, Global, Output},
    context,
    exit::Exit,
    render::{self, Paint},
    report::Mistakes,
    source::{self, Release, Source},
};

pub(super) async fn run(global: &Global, args: &args::Lint) -> anyhow::Result<Exit> {
    let sources = args.from.sources();
    if sources.is_empty() {
        return Err(Mistakes::one(
            "there are no manifests",
            "name a file, a folder or - with `-f`, a kustomization with `-k`, or a Helm chart with `--chart`",
        ));
    }
    let named = args.app.clone().or_else(|| sources.first().and_then(Source::name));
    let application = Application {
        name: named.unwrap_or_else(|| "app".to_owned()),
        namespace: global.namespace.clone().unwrap_or_else(|| "default".to_owned()),
    };
    let (count, mut findings) = match read(&sources, args, &application) {
        Ok(manifests) => (manifests.len(), findings(global, args, application, manifests).await?),
        // What can't be read is a finding like others, for those who read them by machine.
        Err(error) => {
            let Mistakes(mistakes) = error.downcast()?;
            (0, mistakes.into_iter().map(Finding::of_mistake).collect())
        }
    };
    for finding in &mut findings {
        finding.is_ignored |= args.lints.allows(&finding.rule);
    }
    let least = args.lints.least(global.verbose);
    match global.output {
        Output::Text => print(&text(&findings, count, least, Paint::new(global.color))),
        Output::Json | Output::Jsonl => print_json(&json!({ "manifests": count, "findings": findings }))?,
        Output::Sarif => print_json(&render::sarif::document(&findings))?,
    }
    let stops = if args.strict {
        Severity::Warning
    } else {
        Severity::Error
    };
    let is_bad = findings
        .iter()
        .any(|finding| finding.severity >= stops && !finding.is_ignored);
    Ok(if is_bad { Exit::Usage } else { Exit::Done })
}

/// Reads the manifests; charts are told what helm thinks a cluster has.
fn read(sources: &[Source], args: &args::Lint, application: &Application) -> anyhow::Result<Vec<Manifest>> {
    let release = Release {
        name: &application.name,
        namespace: &application.namespace,
        capabilities: None,
    };
    let desired = source::gather(sources, args.from.deadline())?.render(&release)?;
    Ok(desired.manifests)
}

async fn findings(
    global: &Global,
    args: &args::Lint,
    application: Application,
    manifests: Vec<Manifest>,
) -> anyhow::Result<Vec<Finding>> {
    let request = Request {
        mode: match args.compat {
            Some(Compat::Argocd) => Mode::ArgoCd,
            None => Mode::Native,
        },
        ..Request::sync(application, manifests)
    };
    Ok(offline::lint(&context::sandbox(global)?, request).await)
}

fn text(findings: &[Finding], count: usize, least: Severity, paint: Paint) -> String {
    let mut text = render::findings::text(findings, least, paint);
    if !text.is_empty() {
        text.push('\n');
    }
    let found = render::findings::count(findings, least).unwrap_or_else(|| "nothing found".to_owned());
    match count {
        0 => text.push_str(&format!("{found}\n")),
        1 => text.push_str(&format!("{found} in 1 manifest\n")),
        _ => text.push_str(&format!("{found} in {count} manifests\n")),
    }
    text
}
