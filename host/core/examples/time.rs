#![allow(missing_docs, clippy::all, clippy::pedantic, clippy::unwrap_used, clippy::panic)]
fn main() {
    let text = std::fs::read_to_string(std::env::args().nth(1).unwrap()).unwrap();
    for _ in 0..5 {
        let start = std::time::Instant::now();
        let n = match capstan_core::manifest::decode("a", &text) {
            Ok(m) => m.len(),
            Err(e) => panic!("{e:?}"),
        };
        println!("{n} manifests, {} bytes, {:?}", text.len(), start.elapsed());
    }
}
