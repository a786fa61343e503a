use super::*;

const PRINTED: &str = "---\n# Source: shop/templates/a.yaml\nkind: A\n---\n# Source: shop/templates/b.yaml\nkind: B\n\
                           ---\nkind: B2\n---\n# Source: shop/templates/a.yaml\nkind: A2\n";

#[test]
fn what_is_rendered_is_told_by_template() {
    let texts = split_by_template(PRINTED, "charts/shop/");
    let texts: Vec<(String, String)> = texts.into_iter().map(|text| (text.name, text.text)).collect();
    assert_eq!(
        texts,
        [
            (
                "charts/shop/templates/a.yaml (rendered)".to_owned(),
                "---\n# Source: shop/templates/a.yaml\nkind: A\n---\n# Source: shop/templates/a.yaml\nkind: A2\n"
                    .to_owned()
            ),
            (
                "charts/shop/templates/b.yaml (rendered)".to_owned(),
                "---\n# Source: shop/templates/b.yaml\nkind: B\n---\nkind: B2\n".to_owned()
            ),
        ]
    );
}

#[test]
fn an_application_is_named_after_its_chart() {
    let name = |chart: &str| Chart::new(chart).name();
    assert_eq!(name("shop-1.2.3.tgz").as_deref(), Some("shop"));
    assert_eq!(name("charts/my-shop-0.1.0-rc.1.tgz").as_deref(), Some("my-shop"));
    assert_eq!(name("oci://somewhere/charts/shop").as_deref(), Some("shop"));
    assert_eq!(name("oci://somewhere/charts/shop:1.2").as_deref(), Some("shop"));
    assert_eq!(name("stable/redis").as_deref(), Some("redis"));
}

#[test]
fn helm_is_told_what_the_cluster_serves() {
    let capabilities = Capabilities {
        kube_version: "v1.36.0".to_owned(),
        api_versions: vec!["apps/v1".to_owned(), "apps/v1/Deployment".to_owned()],
    };
    let release = Release {
        name: "shop".to_owned(),
        namespace: "store".to_owned(),
        capabilities: Some(capabilities.into()),
    };
    let mut chart = Chart::new("stable/shop");
    chart.values.set.push("a=1".to_owned());
    chart.values.late_files.push("/prod.yaml".to_owned());
    assert_eq!(
        words(&chart, &release),
        [
            "template",
            "--namespace=store",
            "--kube-version=v1.36.0",
            "--api-versions=apps/v1",
            "--api-versions=apps/v1/Deployment",
            "--values=/prod.yaml",
            "--set=a=1",
            "--include-crds",
            "--",
            "shop",
            "stable/shop",
        ]
    );
    chart.release_name = Some("other".to_owned());
    chart.kube_version = Some("1.30".to_owned());
    let words = words(&chart, &release);
    assert!(words.contains(&"other".to_owned()) && words.contains(&"--kube-version=1.30".to_owned()));
}

fn words(chart: &Chart, release: &Release) -> Vec<String> {
    let program = Program::at(Path::new("/usr/bin/helm")).unwrap();
    let mut command = Command::new(&program, Environment::Minimal);
    arguments(&mut command, chart, release).unwrap();
    let words = command.arguments().iter();
    words.map(|word| word.to_string_lossy().into_owned()).collect()
}

#[test]
fn a_release_is_named_as_helm_wants_it() {
    for name in ["shop", "shop-1", "a.b-c", "1", &"a".repeat(53)] {
        assert_eq!(check_release_name(name), Ok(()), "{name}");
    }
    for name in [
        "",
        "-a",
        "--post-renderer=./evil.sh",
        "a-",
        "A",
        "a b",
        "a..b",
        "a/b",
        &"a".repeat(54),
    ] {
        assert!(check_release_name(name).is_err(), "{name}");
    }
}

#[test]
fn a_comma_in_the_name_of_a_file_of_values_names_no_second_one() {
    assert_eq!(escape_list_item("/a/prod.yaml"), "/a/prod.yaml");
    assert_eq!(escape_list_item("/a/x,/etc/passwd"), "\"/a/x,/etc/passwd\"");
    assert_eq!(escape_list_item("/a/\"x"), "\"/a/\"\"x\"");
}

#[test]
fn the_paths_of_set_file_are_made_absolute() {
    let here = std::env::current_dir().unwrap().display().to_string();
    assert_eq!(absolute_set_file("a=b.txt"), format!("a={here}/b.txt"));
    assert_eq!(absolute_set_file("a=/b,c=d\\,e"), format!("a=/b,c={here}/d\\,e"));
    assert_eq!(split_set_file("a.b=c.txt"), Some(("a.b", "c.txt")));
    for text in ["a=b,c=/etc/passwd", "a=b\\,c", "a={/etc/passwd}", "a"] {
        assert_eq!(split_set_file(text), None, "{text}");
    }
}

use super::super::Capabilities;
