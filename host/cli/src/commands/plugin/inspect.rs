//! `capstan plugin inspect`: shows a plugin's manifest and the parts of its component.

use capstan_devkit::find_faults;
use capstan_sandbox::{Examination, examine};
use capstan_stamp::{Claim, Manifest};
use serde_json::json;

use super::{check::faults_json, find_subject, indent, print, print_json};
use crate::{
    args::{GlobalOptions, Output, PluginInspect},
    commands::print_stderr,
    diagnostics::Diagnostics,
    exit::Exit,
    render::{columns, lines},
    terminal::Text,
    text,
};

pub(super) fn run(global: &GlobalOptions, args: &PluginInspect) -> anyhow::Result<Exit> {
    let subject = find_subject(global, &args.plugin)?;
    let examination = examine(
        &subject.bytes,
        global.plugin_host.cache.clone(),
        global.plugin_host.compiler.as_deref(),
    )?;
    if global.output == Output::Text {
        print(&text(&subject.label, &examination));
        for note in &examination.notes {
            print_stderr(&text!("note: {}", note));
        }
        let mistakes = find_faults(&subject.label, &examination);
        if !mistakes.is_empty() {
            return Err(Diagnostics(mistakes).into());
        }
    } else {
        let mut plugin = serde_json::to_value(&examination)?;
        plugin["faults"] = faults_json(&examination.faults);
        print_json(&json!({ "file": subject.label, "plugin": plugin }))?;
    }
    Ok(if examination.is_plugin() {
        Exit::Done
    } else {
        Exit::Usage
    })
}

fn text(file: &str, found: &Examination) -> Text {
    let mut text = Text::default();
    let mut head = vec![row("file", [file]), row("size", [size_text(found.size_bytes)])];
    head.push(row("sha256", [&found.digest]));
    if let Some(manifest) = &found.manifest {
        text.push(text!(
            "{} {}, {}\n{}\n\n",
            manifest.name,
            manifest.version,
            manifest.licence,
            manifest.description
        ));
        head.insert(0, row("contract", [&manifest.contract]));
        if let Some(source) = &manifest.source {
            head.push(row("source", [source]));
        }
    }
    text.push(lines(columns(&head, 3)));
    if let Some(manifest) = &found.manifest {
        section(&mut text, "Claims", claims(manifest));
        section(&mut text, "Settings", settings(manifest));
    }
    section(&mut text, "Requests", &found.requests);
    let limits = found.limits.iter().map(|limit| {
        let fuel = format!("{} million instructions", limit.fuel / 1_000_000);
        let time = format!("{} s", limit.time.as_secs_f64());
        row(limit.interface, [size_text(limit.memory_bytes), fuel, time])
    });
    section(&mut text, "Limits of a call", columns(&limits.collect::<Vec<_>>(), 3));
    section(&mut text, "Imports", &found.imports);
    section(&mut text, "Exports", &found.exports);
    if let Some(anatomy) = &found.anatomy {
        let mut parts = vec![
            row("modules", [anatomy.modules.to_string()]),
            row("code", [size_text(anatomy.code)]),
            row("data", [size_text(anatomy.data)]),
        ];
        let sections = anatomy.sections.iter();
        parts.extend(sections.map(|(name, bytes)| row("section", [format!("{name} {}", size_text(*bytes))])));
        section(&mut text, "Made of", columns(&parts, 3));
        let tools = anatomy.producers.iter().map(|tool| {
            let name = format!("{} {}", tool.name, tool.version);
            row(&tool.field, [name.trim_end()])
        });
        section(&mut text, "Made by", columns(&tools.collect::<Vec<_>>(), 3));
        let texts = anatomy.annotations.iter();
        let texts = texts.map(|(name, value)| row(name, [value]));
        section(&mut text, "Annotations", columns(&texts.collect::<Vec<_>>(), 3));
    }
    text
}

fn row<const N: usize>(name: &str, cells: [impl AsRef<str>; N]) -> Vec<String> {
    let cells = cells.iter().map(|cell| cell.as_ref().to_owned());
    std::iter::once(name.to_owned()).chain(cells).collect()
}

/// Adds a heading with lines below it, if there are any.
fn section<L: Into<Text>>(text: &mut Text, heading: &str, body: impl IntoIterator<Item = L>) {
    let body = indent(body);
    if !body.is_empty() {
        text.push(text!("\n{}\n{}", heading, body));
    }
}

fn claims(manifest: &Manifest) -> Vec<Text> {
    let mut rows = Vec::new();
    for claim in &manifest.claims {
        let names = |list: &[capstan_stamp::KindPattern]| {
            let names: Vec<String> = list.iter().map(ToString::to_string).collect();
            names.join(", ")
        };
        let mut beside = Vec::new();
        match claim {
            Claim::Health {
                except,
                fields,
                related,
                ..
            } => {
                if !except.is_empty() {
                    beside.push(format!("but {}", names(except)));
                }
                beside.push(match fields {
                    Some(fields) => format!("sees {}", fields.join(", ")),
                    None => "sees the whole object".to_owned(),
                });
                if !related.is_empty() {
                    beside.push(format!("may ask for {}", related.join(", ")));
                }
            }
            Claim::Hook { except, .. } if !except.is_empty() => beside.push(format!("but {}", names(except))),
            Claim::Hook { .. } | Claim::DeletePolicy { .. } => {}
        }
        rows.push(row(
            claim.interface().as_str(),
            [claim.call_names().join(", "), String::new()],
        ));
        rows.extend(beside.into_iter().map(|line| row("", [format!("  {line}")])));
    }
    columns(&rows, 3)
}

fn settings(manifest: &Manifest) -> Vec<Text> {
    let Some(schema) = &manifest.settings else {
        return Vec::new();
    };
    Text::lines_of(&serde_json::to_string_pretty(schema).unwrap_or_default())
}

/// Formats a number of bytes.
pub(super) fn size_text(bytes: usize) -> String {
    // Tenths, rounded down. Numbers that are too large for that don't occur.
    let tenths = |unit: usize| {
        let tenths = bytes.saturating_mul(10) / unit;
        if tenths.is_multiple_of(10) || tenths >= 1000 {
            (tenths / 10).to_string()
        } else {
            format!("{}.{}", tenths / 10, tenths % 10)
        }
    };
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", tenths(1024)),
        _ => format!("{} MiB", tenths(1 << 20)),
    }
}

#[cfg(test)]
mod tests {
    use super::size_text;

    #[test]
    fn sizes_read_well() {
        let read = [0, 1023, 1024, 1536, 200 * 1024 + 512, 64 << 20, 18_500_000].map(size_text);
        assert_eq!(
            read,
            ["0 B", "1023 B", "1 KiB", "1.5 KiB", "200 KiB", "64 MiB", "17.6 MiB"]
        );
    }
}
