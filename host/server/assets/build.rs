//! Builds the web page: a nested cargo compiles the crate `capstan-ui` for wasm32-unknown-unknown, wasm-bindgen writes the JavaScript that
//! loads it, and a table of all files, compressed by brotli and by gzip, is written for `lib.rs`.

#[path = "../../../plugins/bundle/nested_cargo.rs"]
mod nested_cargo;

use std::{
    env, fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use brotli::CompressorWriter;
use flate2::{Compression, write::GzEncoder};
use nested_cargo::{watch, write_if_changed};
use sha2::{Digest as _, Sha256};
use wasm_bindgen_cli_support::Bindgen;

const TARGET: &str = "wasm32-unknown-unknown";
const PACKAGE: &str = "capstan-ui";
/// The folder of the page's crate, seen from the workspace's root.
const FOLDER: &str = "host/server/ui";
/// A folder with a finished `capstan_ui.wasm`, for packagers and machines without the target.
const PREBUILT: &str = "CAPSTAN_PREBUILT_UI";

/// What the document is written with in place of the folder's name.
const DIGEST_MARK: &str = "DIGEST";

/// Everything that the page is compiled from, seen from the workspace's root.
const SOURCES: [&str; 16] = [
    "Cargo.toml",
    "Cargo.lock",
    "host/core/src",
    "host/core/Cargo.toml",
    "host/schema/src",
    "host/schema/Cargo.toml",
    "host/yaml/src",
    "host/yaml/Cargo.toml",
    "host/timestamp/src",
    "host/timestamp/Cargo.toml",
    "host/server/api/src",
    "host/server/api/Cargo.toml",
    "host/server/ui/src",
    "host/server/ui/static",
    "host/server/ui/Cargo.toml",
    "plugins/bundle/nested_cargo.rs",
];

/// A file of the page.
struct File {
    name: String,
    content: Vec<u8>,
}

fn main() -> Result<()> {
    // Relative to the package: a target folder may be shared by several checkouts, and each must watch its own files.
    let near = Path::new("../../..");
    let root = near.canonicalize().context("failed to find the workspace")?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for source in SOURCES {
        watch(&near.join(source))?;
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={PREBUILT}");
    println!("cargo::rerun-if-env-changed=CAPSTAN_WASM_RUSTFLAGS");

    let folder = match env::var_os(PREBUILT) {
        Some(folder) => PathBuf::from(folder),
        None => nested_cargo::build(&root, &out, &[PACKAGE], TARGET, "the web page")?,
    };
    let mut files = bind(&folder.join("capstan_ui.wasm"), &out.join("bound"))?;
    let (index, others) = static_files(&root.join(FOLDER).join("static"))?;
    files.extend(others);
    files.sort_by(|a, b| a.name.cmp(&b.name));

    let mut all = Sha256::new();
    for file in &files {
        all.update(file.name.as_bytes());
        all.update([0]);
        all.update(Sha256::digest(&file.content));
    }
    let digest: String = hex(&all.finalize()).chars().take(16).collect();
    let index = String::from_utf8(index.content).context("index.html is not UTF-8")?;
    for file in &mut files {
        file.name = format!("ui/{digest}/{}", file.name);
    }
    files.push(File {
        name: "index.html".to_owned(),
        content: index.replace(DIGEST_MARK, &digest).into_bytes(),
    });
    write_table(&out, &files)
}

/// Writes the JavaScript of a compiled module and the module without what only that needed.
fn bind(wasm: &Path, to: &Path) -> Result<Vec<File>> {
    let mut bindgen = Bindgen::new();
    bindgen
        .web(true)?
        .input_path(wasm)
        .out_name("page")
        .typescript(false)
        .omit_default_module_path(true)
        .remove_name_section(true)
        .remove_producers_section(true);
    bindgen
        .generate(to)
        .with_context(|| format!("failed to bind {}", wasm.display()))?;
    ["page.js", "page_bg.wasm"]
        .into_iter()
        .map(|name| read(to, name))
        .collect()
}

fn read(folder: &Path, name: &str) -> Result<File> {
    let path = folder.join(name);
    Ok(File {
        name: name.to_owned(),
        content: fs::read(&path).with_context(|| format!("failed to read {}", path.display()))?,
    })
}

/// Reads the files that are served as they are written: the document first, then the others.
fn static_files(folder: &Path) -> Result<(File, Vec<File>)> {
    let mut others = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("failed to read {}", folder.display()))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name != "index.html" && !name.starts_with('.') {
            others.push(read(folder, &name)?);
        }
    }
    Ok((read(folder, "index.html")?, others))
}

fn write_table(out: &Path, files: &[File]) -> Result<()> {
    let mut table = "/// All files, by path.\npub static ASSETS: &[Asset] = &[\n".to_owned();
    for (number, file) in files.iter().enumerate() {
        let [brotli_path, gzip_path] = ["br", "gz"].map(|extension| out.join(format!("{number}.{extension}")));
        write_if_changed(&brotli_path, &brotli(&file.content)?)?;
        write_if_changed(&gzip_path, &gzip(&file.content)?)?;
        let (path, digest) = (&file.name, hex(&Sha256::digest(&file.content)));
        let content_type = content_type(path);
        let [brotli, gzip] = [brotli_path, gzip_path].map(|path| path.display().to_string());
        table += &format!(
            "    Asset {{ path: {path:?}, content_type: {content_type:?}, digest: {digest:?}, brotli: include_bytes!({brotli:?}), \
             gzip: include_bytes!({gzip:?}) }},\n"
        );
    }
    table += "];\n";
    write_if_changed(&out.join("assets.rs"), table.as_bytes())
}

fn brotli(content: &[u8]) -> Result<Vec<u8>> {
    const BUFFER_BYTES: usize = 1 << 16;
    const BEST_QUALITY: u32 = 11;
    /// The base-2 logarithm of the window, in bytes.
    const WINDOW: u32 = 22;
    let mut writer = CompressorWriter::new(Vec::new(), BUFFER_BYTES, BEST_QUALITY, WINDOW);
    writer.write_all(content)?;
    Ok(writer.into_inner())
}

/// Neither a time nor a name is written: the same files give the same bytes.
fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push_str(&format!("{byte:02x}"));
    }
    text
}
