//! The table `kubernetes.txt`. It is split into lines on first use; each type is parsed when it is needed.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{LazyLock, OnceLock},
};

use serde_json::Value;

/// The fields of a `StatefulSet`'s `spec` that can be changed (`ValidateStatefulSetUpdate` in `pkg/apis/apps/validation`).
pub const STATEFUL_SET_MUTABLE: [&str; 7] = [
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];

/// A built-in kind.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// The API group, empty for the core group.
    pub group: &'static str,
    /// The version, such as `v1`.
    pub version: &'static str,
    /// The kind, such as `Deployment`.
    pub name: &'static str,
    /// The plural name in paths; empty for a kind that only subresources use.
    pub plural: &'static str,
    /// Whether the kind is namespaced.
    pub is_namespaced: bool,
    of: &'static TypeEntry,
    verbs: &'static str,
    subresources: &'static str,
}

impl Kind {
    /// Returns the type of its objects.
    pub fn of(&self) -> &'static Type {
        self.of.get()
    }

    /// Returns whether the kind has a verb, in the words of OpenAPI: `get`, `list`, `post`, `put`, `patch`, `delete`, `deletecollection`.
    pub fn has_verb(&self, verb: &str) -> bool {
        self.verbs.split(',').any(|known| known == verb)
    }

    /// Returns whether the kind has a subresource, such as `status`.
    pub fn has_subresource(&self, name: &str) -> bool {
        self.subresources.split(',').any(|known| known == name)
    }

    /// Returns whether the API server stores the kind as JSON. It stores all others as protobuf, which doesn't distinguish an empty list
    /// from a missing one (`storage-media-type` of kube-apiserver; definitions and API services have their own codecs).
    pub fn is_stored_as_json(&self) -> bool {
        matches!(self.group, "apiextensions.k8s.io" | "apiregistration.k8s.io")
    }
}

/// A struct type of the API.
#[derive(Debug)]
pub struct Type {
    /// Its name in the table, such as `apps/v1.DeploymentSpec`.
    pub name: &'static str,
    /// Whether it has one field manager as a whole.
    pub is_atomic: bool,
    /// Its fields in the order of the Go type. A field without a name is an embedded struct, whose fields belong to this type in JSON.
    pub fields: Vec<Field>,
    /// The fields by name, including those of embedded structs.
    by_name: OnceLock<BTreeMap<&'static str, &'static Field>>,
    required: OnceLock<Vec<(&'static str, &'static Field)>>,
}

/// A field of a struct.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each must be a value of the table")]
pub struct Field {
    /// Its name in JSON; empty for an embedded struct.
    pub name: &'static str,
    /// Its field number in protobuf; 0 if it isn't part of protobuf.
    pub number: u32,
    /// The type of its value.
    pub shape: Shape,
    /// Whether the Go type is a pointer, so that a zero value differs from a missing one.
    pub is_pointer: bool,
    /// Whether Go leaves it out of JSON if it is empty (`omitempty`).
    pub omits_empty: bool,
    /// Whether Go leaves it out of JSON if it is zero, including structs (`omitzero`).
    pub omits_zero: bool,
    /// Whether OpenAPI requires it.
    pub is_required: bool,
    /// How server-side apply merges it.
    pub merging: Merging,
    /// The merge key of a list for strategic merge patches.
    pub patch_key: Option<&'static str>,
    /// The API server's default.
    pub default: Option<Value>,
    /// The allowed values; empty if there is no restriction.
    pub allowed: Vec<&'static str>,
}

/// How a value merges with others in server-side apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merging {
    /// Structs and maps are merged by field, lists are replaced as a whole.
    Plain,
    /// It is replaced as a whole.
    Atomic,
    /// A list of scalars, merged by value.
    Set,
    /// A list of structs, merged by these keys.
    Map(Vec<&'static str>),
}

/// The type of a value.
#[derive(Debug)]
pub enum Shape {
    /// A string.
    Text,
    /// A signed integer of so many bits.
    Integer(u8),
    /// An unsigned integer of so many bits.
    Unsigned(u8),
    /// A floating-point number.
    Number,
    /// A boolean.
    Bool,
    /// Bytes, encoded as base64 in JSON.
    Bytes,
    /// A quantity such as `500m`.
    Quantity,
    /// An integer or a string: a port, a percentage.
    IntOrString,
    /// A time with seconds.
    Time,
    /// A time with microseconds.
    MicroTime,
    /// Any JSON value; bytes in protobuf.
    Any,
    /// An object of any kind; bytes in protobuf.
    Raw,
    /// A schema or a boolean.
    SchemaOrBool,
    /// A schema, or a list of schemas.
    SchemaOrList,
    /// A schema, or a list of strings.
    SchemaOrStrings,
    /// A struct type of the table.
    Struct(TypeRef),
    /// A list.
    List(Box<Shape>),
    /// A list that is a message of its own in protobuf.
    MessageList(Box<Shape>),
    /// A map with strings as keys.
    Map(Box<Shape>),
}

/// A type that is parsed when it is needed.
#[derive(Clone, Copy)]
pub struct TypeRef(&'static TypeEntry);

impl TypeRef {
    /// Returns the type.
    pub fn get(self) -> &'static Type {
        self.0.get()
    }
}

impl fmt::Debug for TypeRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.name)
    }
}

impl Type {
    /// Returns a field by its name in JSON.
    pub fn parse_field(&'static self, name: &str) -> Option<&'static Field> {
        self.by_name().get(name).copied()
    }

    /// Lists all fields with their names in JSON, including those of embedded structs.
    pub fn names(&'static self) -> impl Iterator<Item = (&'static str, &'static Field)> {
        self.by_name().iter().map(|(name, field)| (*name, *field))
    }

    /// Lists the fields that OpenAPI requires.
    pub fn required(&'static self) -> impl Iterator<Item = (&'static str, &'static Field)> {
        let required = self
            .required
            .get_or_init(|| self.names().filter(|(_, field)| field.is_required).collect());
        required.iter().copied()
    }

    fn by_name(&'static self) -> &'static BTreeMap<&'static str, &'static Field> {
        self.by_name.get_or_init(|| {
            let mut names = BTreeMap::new();
            for field in &self.fields {
                match &field.shape {
                    Shape::Struct(of) if field.name.is_empty() => names.extend(of.get().names()),
                    _ => _ = names.insert(field.name, field),
                }
            }
            names
        })
    }
}

struct TypeEntry {
    name: &'static str,
    is_atomic: bool,
    lines: &'static str,
    read: OnceLock<Type>,
}

impl fmt::Debug for TypeEntry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

impl TypeEntry {
    fn get(&'static self) -> &'static Type {
        self.read.get_or_init(|| Type {
            name: self.name,
            is_atomic: self.is_atomic,
            fields: self.lines.lines().filter_map(field).collect(),
            by_name: OnceLock::new(),
            required: OnceLock::new(),
        })
    }
}

const TABLE: &str = include_str!("kubernetes.txt");

static ENTRIES: LazyLock<BTreeMap<&'static str, TypeEntry>> = LazyLock::new(|| {
    let mut entries = BTreeMap::new();
    let begin = TABLE.find("\ntype ").unwrap_or(TABLE.len());
    for part in TABLE.get(begin..).unwrap_or_default().split("\ntype ").skip(1) {
        let (head, lines) = part.split_once('\n').unwrap_or((part, ""));
        let (name, words) = head.split_once(' ').unwrap_or((head, ""));
        let entry = TypeEntry {
            name,
            is_atomic: words == "atomic",
            lines,
            read: OnceLock::new(),
        };
        entries.insert(name, entry);
    }
    entries
});

static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    let lines = TABLE.lines().filter_map(|line| line.strip_prefix("kind "));
    let mut kinds: Vec<Kind> = lines
        .filter_map(|line| {
            let mut words = line.split(' ').map(|word| if word == "-" { "" } else { word });
            Some(Kind {
                group: words.next()?,
                version: words.next()?,
                name: words.next()?,
                plural: words.next()?,
                is_namespaced: words.next()? == "namespaced",
                of: ENTRIES.get(words.next()?)?,
                verbs: words.next()?,
                subresources: words.next()?,
            })
        })
        .collect();
    kinds.sort_unstable_by_key(|kind| (kind.group, kind.version, kind.name));
    kinds
});

/// Returns the Kubernetes release of the table, such as `v1.36.3`.
pub fn release() -> &'static str {
    let line = TABLE.lines().find_map(|line| line.strip_prefix("release "));
    line.unwrap_or_default()
}

/// Returns a built-in kind by its `apiVersion` and `kind`.
pub fn kind(api_version: &str, name: &str) -> Option<&'static Kind> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let place = KINDS.binary_search_by(|kind| (kind.group, kind.version, kind.name).cmp(&(group, version, name)));
    KINDS.get(place.ok()?)
}

/// Lists all built-in kinds, sorted by group, version and name.
pub fn kinds() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter()
}

/// Returns a type by its name in the table, such as `meta/v1.ObjectMeta`.
pub fn type_named(name: &str) -> Option<&'static Type> {
    ENTRIES.get(name).map(TypeEntry::get)
}

fn field(line: &'static str) -> Option<Field> {
    let line = line.strip_prefix(' ')?;
    // Enum values may contain spaces, so they are last.
    let (line, allowed) = line.split_once(" enum=").unwrap_or((line, ""));
    let mut words = line.split(' ');
    let name = words.next()?;
    let number = words.next()?.parse().ok()?;
    let shape = parse_shape(words.next()?)?;
    let flags = words.next().unwrap_or_default();
    let mut field = Field {
        name: if name == "-" { "" } else { name },
        number,
        shape,
        is_pointer: flags.contains('*'),
        omits_empty: flags.contains('o'),
        omits_zero: flags.contains('z'),
        is_required: flags.contains('!'),
        merging: Merging::Plain,
        patch_key: None,
        default: None,
        allowed: allowed.split('|').filter(|value| !value.is_empty()).collect(),
    };
    for word in words {
        match word.split_once('=').unwrap_or((word, "")) {
            ("atomic", "") => field.merging = Merging::Atomic,
            ("set", "") => field.merging = Merging::Set,
            ("map", keys) => field.merging = Merging::Map(keys.split(',').collect()),
            ("key", key) => field.patch_key = Some(key),
            ("default", value) => field.default = serde_json::from_str(value).ok(),
            // The patch strategy `merge` isn't stored: every list with a merge key has it.
            _ => {}
        }
    }
    Some(field)
}

fn parse_shape(word: &'static str) -> Option<Shape> {
    let boxed = |rest| parse_shape(rest).map(Box::new);
    if let Some(rest) = word.strip_prefix("[]") {
        return boxed(rest).map(Shape::List);
    }
    if let Some(rest) = word.strip_prefix("{}") {
        return boxed(rest).map(Shape::Map);
    }
    if let Some(rest) = word.strip_prefix("items:") {
        return boxed(rest).map(Shape::MessageList);
    }
    Some(match word {
        "string" => Shape::Text,
        "int32" => Shape::Integer(32),
        "int64" => Shape::Integer(64),
        "uint8" => Shape::Unsigned(8),
        "uint32" => Shape::Unsigned(32),
        "uint64" => Shape::Unsigned(64),
        "float64" => Shape::Number,
        "bool" => Shape::Bool,
        "bytes" => Shape::Bytes,
        "quantity" => Shape::Quantity,
        "int-or-string" => Shape::IntOrString,
        "time" => Shape::Time,
        "microtime" => Shape::MicroTime,
        "json" | "fields" => Shape::Any,
        "raw" => Shape::Raw,
        "props-or-bool" => Shape::SchemaOrBool,
        "props-or-array" => Shape::SchemaOrList,
        "props-or-strings" => Shape::SchemaOrStrings,
        name => Shape::Struct(TypeRef(ENTRIES.get(name)?)),
    })
}

/// Returns the type of a JSON schema in a definition.
pub(crate) fn schema_type() -> Option<&'static Type> {
    type_named("apiextensions/v1.JSONSchemaProps")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_understood() {
        let lines = |start: &str| TABLE.lines().filter(|line| line.starts_with(start)).count();
        assert_eq!(KINDS.len(), lines("kind "));
        assert_eq!(ENTRIES.len(), lines("type "));
        let fields: usize = ENTRIES.values().map(|entry| entry.get().fields.len()).sum();
        assert_eq!(fields, lines(" "));
        for entry in ENTRIES.values() {
            for field in &entry.get().fields {
                let is_struct = matches!(field.shape, Shape::Struct(_));
                assert!(!field.name.is_empty() || is_struct, "{}", entry.name);
            }
        }
        assert!(release().starts_with("v1."));
    }

    #[test]
    fn kinds_and_fields_are_found() {
        let deployment = kind("apps/v1", "Deployment").unwrap();
        assert!(deployment.is_namespaced && deployment.has_verb("patch") && deployment.has_subresource("scale"));
        let Shape::Struct(spec) = &deployment.of().parse_field("spec").unwrap().shape else {
            panic!("not a struct")
        };
        let replicas = spec.get().parse_field("replicas").unwrap();
        assert!(replicas.is_pointer && replicas.omits_empty && replicas.number == 1);
        // A field of a struct without a name.
        let volume = type_named("core/v1.Volume").unwrap();
        assert!(volume.parse_field("configMap").is_some() && volume.parse_field("").is_none());
        assert!(kind("apps/v1beta1", "Deployment").is_none());
    }
}
