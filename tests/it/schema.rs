//! The table of Kubernetes' types is that of the API server which the tests run.

use std::fs;

/// `CAPSTAN_UPDATE=1 cargo test -p capstan-tests --test it schema` writes it again.
#[test]
fn the_table_of_types_is_what_its_generator_prints() {
    let printed = capstan_cluster::schema_table();
    let Some(printed) = capstan_cluster::Error::or_skip(printed).unwrap() else {
        return;
    };
    let path = capstan_tests::path("../host/schema/src/kubernetes.txt");
    if std::env::var_os("CAPSTAN_UPDATE").is_some() {
        fs::write(&path, &printed).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap();
    let first = written.lines().zip(printed.lines()).find(|(one, other)| one != other);
    assert!(
        written == printed,
        "it is written again with CAPSTAN_UPDATE=1; the first difference: {first:?}"
    );
    let modules = capstan_tests::path("cluster/modules/kubernetes/go.mod");
    let required = format!("k8s.io/kubernetes {}", capstan_schema::release());
    assert!(
        fs::read_to_string(modules).unwrap().contains(&required),
        "the API server of the tests isn't {required}"
    );
}
