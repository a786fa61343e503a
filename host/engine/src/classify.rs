//! Asks the hook types for the role of each manifest: a resource, a hook in some phases, or an object that is left alone.

use std::collections::BTreeSet;

use capstan_core::{
    model::{
        compat::{Mode, Rule},
        error::{Diagnostic, closest_match},
        plugins::{
            Application, Placement, PlacementQuestion, PluginError, PluginQuery, PluginRef, PluginSettings, Plugins,
            SettingsProblem, health_settings,
        },
        remedy::{Command, Setting},
    },
    plan::{Classified, Role},
    read::{
        directive::{self, Directives},
        manifest::Manifest,
    },
};

use crate::planning::PlanRequest;

/// Classifies the manifests of a request, in their order. Mistakes that the user has to correct are added to `errors`.
pub(crate) async fn classify_all(
    plugins: &dyn Plugins,
    request: &PlanRequest,
    manifests: Vec<(Manifest, Directives)>,
    errors: &mut Vec<Diagnostic>,
) -> Vec<Classified> {
    let (application, mode) = (&request.application, request.options.mode);
    let mut classified = Vec::with_capacity(manifests.len());
    for (manifest, directives) in manifests {
        match classify(
            plugins,
            application,
            manifest,
            directives,
            mode,
            &request.plugin_settings,
        )
        .await
        {
            Ok(one) => classified.push(one),
            Err(error) => errors.push(error),
        }
    }
    classified
}

/// Classifies one manifest.
///
/// # Errors
///
/// Returns the mistake that the user has to correct: a word or a hook type without a plugin, or what the hook type says is wrong with the
/// manifest.
pub(crate) async fn classify(
    plugins: &dyn Plugins,
    application: &Application,
    manifest: Manifest,
    mut directives: Directives,
    mode: Mode,
    settings: &PluginSettings,
) -> Result<Classified, Diagnostic> {
    let Some(by) = hook_plugin(plugins, &manifest, &mut directives, mode)? else {
        check_health_settings(plugins, &manifest, &mut directives, settings)?;
        let role = Role::Resource;
        return Ok(Classified {
            manifest,
            directives,
            role,
        });
    };
    let policies = directives.delete_policies.iter();
    let policies = policies.filter_map(|word| plugins.plugin_for(&PluginQuery::Policy(word.clone())));
    let all: Vec<PluginRef> = std::iter::once(by.clone()).chain(policies).collect();
    report_misspelt_settings(plugins, &all, &mut directives);
    for query in all {
        if let Some(flaw) = plugins.check_settings(&query, &directives.settings).first() {
            return Err(settings_error(&manifest, &query, flaw));
        }
    }
    let question = PlacementQuestion {
        application: application.clone(),
        settings: directives.settings.clone(),
        object: manifest.object.clone(),
        words: directives.words.clone(),
        phases: directives.phases.clone(),
        on_vanished: directives.on_vanished,
    };
    let role = match plugins.place(&by, question).await {
        Ok(Placement::Run {
            phases,
            has_object,
            other_objects: also,
        }) => Role::Hook {
            by,
            phases,
            has_object,
            also,
        },
        Ok(Placement::Skip(reason)) => Role::Skip(directives.skip_reason.clone().unwrap_or(reason)),
        Err(error) => return Err(refusal(&manifest, error)),
    };
    Ok(Classified {
        manifest,
        directives,
        role,
    })
}

/// Checks the settings of an object that isn't a hook. They are for the plugin that assesses its health.
fn check_health_settings(
    plugins: &dyn Plugins,
    manifest: &Manifest,
    directives: &mut Directives,
    settings: &PluginSettings,
) -> Result<(), Diagnostic> {
    if directives.settings.is_empty() {
        return Ok(());
    }
    let need = PluginQuery::Health(manifest.object.group_kind());
    let Some(by) = plugins.plugin_for(&need) else {
        return Ok(());
    };
    if plugins.setting_names(&by).is_none() {
        let notice =
            format!("capstan.dev/settings has no effect: plugin {by}, which assesses the object, has no settings");
        directives.notices.push(notice);
    }
    let together = health_settings(settings.for_plugin(&by.plugin), directives.settings.clone());
    if let Some(flaw) = plugins.check_settings(&by, &together).first() {
        return Err(settings_error(manifest, &by, flaw));
    }
    report_misspelt_settings(plugins, &[by], directives);
    Ok(())
}

/// Reports settings that none of the plugins knows and that are nearly the name of one that they know. No single plugin's schema can
/// refuse them, since they may be for another plugin of the same hook.
fn report_misspelt_settings(plugins: &dyn Plugins, query: &[PluginRef], directives: &mut Directives) {
    let names = query.iter().filter_map(|by| plugins.setting_names(by));
    let known: BTreeSet<String> = names.flatten().collect();
    let unknown = directives.settings.keys().filter(|name| !known.contains(*name));
    let notices: Vec<String> = unknown
        .filter_map(|name| {
            let near = closest_match(name, known.iter().map(String::as_str))?;
            Some(format!("no plugin knows the setting `{name}` (did you mean `{near}`?)"))
        })
        .collect();
    directives.notices.extend(notices);
}

/// Finds the plugin that runs a manifest as a hook: by the hook's type, else by a claim of one of its words, else by a claim of its kind.
fn hook_plugin(
    plugins: &dyn Plugins,
    manifest: &Manifest,
    directives: &mut Directives,
    mode: Mode,
) -> Result<Option<PluginRef>, Diagnostic> {
    if !directives.is_hook() {
        return Ok(None);
    }
    if let Some(name) = &directives.hook_type {
        return require_plugin(plugins, manifest, &PluginQuery::HookType(name.clone())).map(Some);
    }
    let is_phase = |word: &str| directives.phases.iter().any(|phase| phase.as_str() == word);
    let (mut by, mut unknown) = (None, Vec::new());
    for word in directives.words.iter().filter(|word| !is_phase(word)) {
        match plugins.plugin_for(&PluginQuery::HookWord(word.clone())) {
            Some(plugin) => by = by.or(Some(plugin)),
            // `Skip` is a word of Capstan's own; that its plugin is missing is another mistake than a word that no plugin claims.
            None if directive::is_known_word(word) => {
                require_plugin(plugins, manifest, &PluginQuery::HookWord(word.clone()))?;
            }
            None if !mode.has(Rule::MistakesAreIgnored) => {
                return Err(directive::unknown_word_error(manifest, word, &[]));
            }
            None => unknown.push(word.clone()),
        }
    }
    for word in &unknown {
        directives
            .notices
            .push(format!("`{word}` is not a hook type; it is ignored"));
        if !directives.rules.contains(&Rule::MistakesAreIgnored) {
            directives.rules.push(Rule::MistakesAreIgnored);
        }
    }
    if by.is_some() {
        return Ok(by);
    }
    require_plugin(plugins, manifest, &PluginQuery::HookKind(manifest.object.group_kind())).map(Some)
}

fn require_plugin(plugins: &dyn Plugins, manifest: &Manifest, need: &PluginQuery) -> Result<PluginRef, Diagnostic> {
    plugins.plugin_for(need).ok_or_else(|| {
        let pointer = match need {
            PluginQuery::HookType(_) => hook_type_pointer(manifest),
            PluginQuery::HookWord(_) => "/metadata/annotations",
            PluginQuery::HookKind(_) | PluginQuery::Health(_) | PluginQuery::Policy(_) => "/kind",
        };
        let error = manifest.error(pointer, format!("no plugin handles {need}"));
        let known = plugins.hook_types();
        let near = match need {
            PluginQuery::HookType(name) => closest_match(name, known.iter().map(String::as_str)),
            PluginQuery::HookWord(_) | PluginQuery::HookKind(_) | PluginQuery::Health(_) | PluginQuery::Policy(_) => {
                None
            }
        };
        match near {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint([Command::ListPlugins.into(), Setting::Plugin.into()]),
        }
    })
}

/// Returns the JSON pointer to the annotation that gives a hook's type.
fn hook_type_pointer(manifest: &Manifest) -> &'static str {
    if manifest.object.annotation("capstan.dev/hook-type").is_some() {
        "/metadata/annotations/capstan.dev~1hook-type"
    } else {
        "/spec/type"
    }
}

fn settings_error(manifest: &Manifest, by: &PluginRef, flaw: &SettingsProblem) -> Diagnostic {
    let SettingsProblem { pointer, message } = flaw;
    let place = match directive::settings_pointer(manifest) {
        // Parts of an annotation's value have no place of their own.
        place if place.starts_with("/metadata") => place,
        place => format!("{place}{pointer}"),
    };
    let at = if pointer.is_empty() {
        "the settings".to_owned()
    } else {
        format!("the setting `{pointer}`")
    };
    let inspect = Command::InspectPlugin {
        plugin: Some(by.plugin.clone()),
    };
    manifest
        .error(&place, format!("{at}: {message}"))
        .hint([format!("plugin {by} says so in its manifest").into(), inspect.into()])
}

fn refusal(manifest: &Manifest, error: PluginError) -> Diagnostic {
    match error {
        PluginError::Invalid { plugin, message } => {
            let error = manifest.error("", message);
            error.hint(format!("plugin {plugin} says so: it would run this hook"))
        }
        PluginError::Missing { .. } => manifest.error("", error.to_string()).hint(error.remedies()),
        PluginError::Retry { .. } | PluginError::Failed { .. } | PluginError::Unavailable { .. } => {
            manifest.error("", error.to_string())
        }
    }
}
