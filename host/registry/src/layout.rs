//! The form of a plugin in a registry: the CNCF's layout for WebAssembly artifacts, a config with the component's imports and exports,
//! and one layer with the component. <https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/>
//!
//! The manifest contains no time and no machine: the same component has the same digest, whoever publishes it.

use std::collections::BTreeMap;

use capstan_stamp::Manifest as Plugin;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// The media type of a manifest.
pub(crate) const MANIFEST_MEDIA_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of a list of manifests.
pub(crate) const INDEX_MEDIA_TYPE: &str = "application/vnd.oci.image.index.v1+json";
/// The media type of a component's config.
pub(crate) const CONFIG_MEDIA_TYPE: &str = "application/vnd.wasm.config.v0+json";
/// The media type of a component.
pub(crate) const COMPONENT_MEDIA_TYPE: &str = "application/wasm";
/// The annotation with the plugin's version of the contract.
const CONTRACT_ANNOTATION: &str = "dev.capstan.contract";
/// The prefix of annotations from a plugin's own manifest.
const ANNOTATION_PREFIX: &str = "org.opencontainers.image.";
/// The annotations that repeat what the component says.
const COMPONENT_ANNOTATIONS: [&str; 4] = ["title", "version", "licenses", "description"];

/// Says whether an annotation repeats what the component says.
pub fn repeats_component(key: &str) -> bool {
    let of_image = key.strip_prefix(ANNOTATION_PREFIX);
    key == CONTRACT_ANNOTATION || of_image.is_some_and(|key| COMPONENT_ANNOTATIONS.contains(&key))
}

/// A reference to content in a registry, by its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    pub(crate) media_type: String,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) artifact_type: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<String, String>,
}

impl Descriptor {
    fn new(media_type: &str, content: &[u8]) -> Descriptor {
        Descriptor {
            media_type: media_type.to_owned(),
            digest: Digest::from_bytes(content),
            size: content.len() as u64,
            artifact_type: None,
            annotations: BTreeMap::new(),
        }
    }
}

/// The relevant fields of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    pub(crate) schema_version: u8,
    #[serde(default)]
    pub(crate) media_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) artifact_type: Option<String>,
    pub(crate) config: Descriptor,
    pub(crate) layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<String, String>,
}

/// The relevant fields of a list of manifests.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Index {
    #[serde(default)]
    pub(crate) manifests: Vec<Descriptor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config<'a> {
    architecture: &'a str,
    os: &'a str,
    layer_digests: [Digest; 1],
    component: ComponentInterface,
}

#[derive(Serialize)]
struct ComponentInterface {
    exports: Vec<String>,
    imports: Vec<String>,
}

/// What is pushed for a component, as it is sent: its config and its manifest.
pub(crate) struct Artifact {
    pub(crate) config: Vec<u8>,
    pub(crate) config_digest: Digest,
    pub(crate) component_digest: Digest,
    pub(crate) manifest: Vec<u8>,
}

/// Makes the artifact of a component. Annotations from the component win over `more`.
///
/// # Errors
///
/// Returns what is wrong with the component.
pub(crate) fn artifact_of(
    component: &[u8],
    plugin: &Plugin,
    more: BTreeMap<String, String>,
) -> Result<Artifact, String> {
    let names = |names: Result<Vec<String>, capstan_stamp::ReadError>| names.map_err(|error| error.to_string());
    let layer = Descriptor::new(COMPONENT_MEDIA_TYPE, component);
    let config = Config {
        architecture: "wasm",
        os: "wasip2",
        layer_digests: [layer.digest],
        component: ComponentInterface {
            exports: names(capstan_stamp::exports(component))?,
            imports: names(capstan_stamp::imports(component))?,
        },
    };
    let json = |error: serde_json::Error| error.to_string();
    let config = serde_json::to_vec(&config).map_err(json)?;
    let of_config = Descriptor::new(CONFIG_MEDIA_TYPE, &config);
    let (config_digest, component_digest) = (of_config.digest, layer.digest);
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(MANIFEST_MEDIA_TYPE.to_owned()),
        artifact_type: None,
        config: of_config,
        layers: vec![layer],
        annotations: more.into_iter().chain(annotations(plugin)).collect(),
    };
    Ok(Artifact {
        config,
        config_digest,
        component_digest,
        manifest: serde_json::to_vec(&manifest).map_err(json)?,
    })
}

fn annotations(plugin: &Plugin) -> BTreeMap<String, String> {
    let image = |key: &str| format!("{ANNOTATION_PREFIX}{key}");
    let mut annotations = BTreeMap::from([
        (image("title"), plugin.name.clone()),
        (image("version"), plugin.version.clone()),
        (image("licenses"), plugin.licence.clone()),
        (image("description"), plugin.description.clone()),
        (CONTRACT_ANNOTATION.to_owned(), plugin.contract.clone()),
    ]);
    if let Some(source) = &plugin.source {
        annotations.insert(image("source"), source.clone());
    }
    annotations
}

impl Manifest {
    /// Reads a plugin's manifest, and returns it with its only layer.
    ///
    /// # Errors
    ///
    /// Returns what the manifest is instead.
    pub(crate) fn parse_plugin(text: &[u8]) -> Result<(Manifest, Descriptor), String> {
        let value: serde_json::Value =
            serde_json::from_slice(text).map_err(|error| format!("its manifest is not JSON: {error}"))?;
        if value.get("manifests").is_some() {
            return Err("it is a list of images for several machines".to_owned());
        }
        let manifest: Manifest =
            serde_json::from_value(value).map_err(|error| format!("its manifest can't be understood: {error}"))?;
        if manifest.config.media_type != CONFIG_MEDIA_TYPE {
            return Err(format!(
                "its config is `{}`, and `{CONFIG_MEDIA_TYPE}` is expected",
                manifest.config.media_type
            ));
        }
        let [layer] = manifest.layers.as_slice() else {
            return Err(format!("it has {} layers, and one is expected", manifest.layers.len()));
        };
        if layer.media_type != COMPONENT_MEDIA_TYPE {
            return Err(format!(
                "its layer is `{}`, and `{COMPONENT_MEDIA_TYPE}` is expected",
                layer.media_type
            ));
        }
        let layer = layer.clone();
        Ok((manifest, layer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_is_laid_out_as_the_cncf_says() {
        let component = capstan_bundle::get("ttl").unwrap().bytes;
        let plugin = capstan_stamp::read(component).unwrap();
        let artifact = artifact_of(component, &plugin, BTreeMap::new()).unwrap();
        let config: serde_json::Value = serde_json::from_slice(&artifact.config).unwrap();
        assert_eq!(
            (&config["architecture"], &config["os"]),
            (&"wasm".into(), &"wasip2".into())
        );
        assert_eq!(config["layerDigests"][0], Digest::from_bytes(component).to_string());
        let exports: Vec<String> = serde_json::from_value(config["component"]["exports"].clone()).unwrap();
        assert!(
            exports.contains(&"capstan:plugin/delete-policy@0.1.0".to_owned()),
            "{exports:?}"
        );
        let (manifest, layer) = Manifest::parse_plugin(&artifact.manifest).unwrap();
        assert_eq!(manifest.annotations["org.opencontainers.image.title"], "ttl");
        assert_eq!(manifest.annotations[CONTRACT_ANNOTATION], "0.1.0");
        assert_eq!(
            (layer.digest, layer.size),
            (Digest::from_bytes(component), component.len() as u64)
        );
        let again = artifact_of(component, &plugin, BTreeMap::new()).unwrap();
        assert_eq!(
            again.manifest, artifact.manifest,
            "the same component, the same manifest"
        );
    }

    #[test]
    fn what_is_no_plugin_says_what_it_is() {
        let descriptor = |media_type: &str| serde_json::json!({"mediaType": media_type, "digest": Digest::from_bytes(b""), "size": 0});
        let manifest = |config: &str, layers: &[&str]| {
            let layers: Vec<_> = layers.iter().map(|layer| descriptor(layer)).collect();
            serde_json::json!({"schemaVersion": 2, "config": descriptor(config), "layers": layers}).to_string()
        };
        let image = "application/vnd.oci.image.config.v1+json";
        for (text, reason) in [
            ("<html>".to_owned(), "not JSON"),
            ("{}".to_owned(), "missing field"),
            (r#"{"manifests": []}"#.to_owned(), "several machines"),
            (
                manifest(image, &[COMPONENT_MEDIA_TYPE]),
                "its config is `application/vnd.oci.image.config.v1+json`",
            ),
            (manifest(CONFIG_MEDIA_TYPE, &[]), "0 layers"),
            (
                manifest(CONFIG_MEDIA_TYPE, &[COMPONENT_MEDIA_TYPE, COMPONENT_MEDIA_TYPE]),
                "2 layers",
            ),
            (
                manifest(CONFIG_MEDIA_TYPE, &["application/vnd.wasmtime.cwasm"]),
                "its layer is `application/vnd.wasmtime.cwasm`",
            ),
        ] {
            let parse_error = Manifest::parse_plugin(text.as_bytes()).unwrap_err();
            assert!(parse_error.contains(reason), "{parse_error}");
        }
    }
}
