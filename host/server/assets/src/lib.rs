//! The web page's files. The build script compiles the page to WebAssembly, compresses every file and names it by its digest.

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// A file of the web page.
#[derive(Debug, Clone, Copy)]
pub struct Asset {
    /// Its path below the page's root: `ui/3f1c9a0b52d7e846/page.js`. Its folder changes with any of the files, so that a file never changes.
    pub path: &'static str,
    /// The media type.
    pub content_type: &'static str,
    /// SHA-256 of its content, in hex.
    pub digest: &'static str,
    /// Its content, compressed with brotli. Browsers ask for it over TLS and from this machine.
    pub brotli: &'static [u8],
    /// Its content, compressed with gzip.
    pub gzip: &'static [u8],
}

/// The path of the document that every address of the page is answered with. It changes with every build, and its path doesn't.
pub const INDEX: &str = "index.html";

/// Returns the file with a path below the page's root.
pub fn get(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;

    /// How large all files may be, compressed with brotli, as browsers get them over TLS and from this machine: 3 % more than they were when
    /// they reached the aim of 300 KiB.
    const MAX_BROTLI_BYTES: usize = 309 * 1024;
    /// How large all files may be, compressed with gzip, as browsers get them over HTTP from another machine.
    const MAX_GZIP_BYTES: usize = 392 * 1024;

    fn text(asset: &Asset) -> String {
        let mut text = String::new();
        GzDecoder::new(asset.gzip).read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn everything_the_document_names_is_there() {
        let index = text(get(INDEX).unwrap());
        let mut named = 0;
        for part in index.split('"').filter(|part| part.starts_with("/ui/")) {
            assert!(get(&part[1..]).is_some(), "{part}");
            named += 1;
        }
        assert!(named >= 5, "{index}");
        assert!(get("ui/../index.html").is_none());
    }

    #[test]
    fn the_document_has_no_inline_code_and_no_inline_style() {
        let index = text(get(INDEX).unwrap());
        assert!(
            !index.contains("<style") && !index.contains("style=") && !index.contains(" on"),
            "{index}"
        );
        for script in index.split("<script").skip(1) {
            let (start, rest) = script.split_once('>').unwrap();
            assert!(start.contains("src=") && rest.starts_with("</script>"), "{script}");
        }
    }

    #[test]
    fn all_files_together_are_small() {
        let size = |asset: &Asset| (asset.path, asset.brotli.len(), asset.gzip.len());
        let sizes: Vec<_> = ASSETS.iter().map(size).collect();
        let brotli: usize = sizes.iter().map(|(_, brotli, _)| brotli).sum();
        let gzip: usize = sizes.iter().map(|(_, _, gzip)| gzip).sum();
        assert!(
            brotli < MAX_BROTLI_BYTES && gzip < MAX_GZIP_BYTES,
            "{brotli} bytes with brotli, {gzip} bytes with gzip: {sizes:?}"
        );
    }

    #[test]
    fn both_encodings_hold_the_same_file() {
        for asset in ASSETS {
            let mut plain = Vec::new();
            let mut encoded = asset.brotli;
            brotli::BrotliDecompress(&mut encoded, &mut plain).unwrap();
            let mut other = Vec::new();
            GzDecoder::new(asset.gzip).read_to_end(&mut other).unwrap();
            assert!(plain == other, "{}", asset.path);
        }
    }

    #[test]
    fn no_file_of_the_page_can_run_text_as_code() {
        for asset in ASSETS
            .iter()
            .filter(|asset| asset.content_type.starts_with("text/javascript"))
        {
            let text = text(asset);
            assert!(
                !text.contains("eval(") && !text.contains("new Function"),
                "{}",
                asset.path
            );
        }
    }
}
