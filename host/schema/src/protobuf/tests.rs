use proptest::prelude::*;
use serde_json::json;

use super::*;

fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut all = vec![number << 3 | 2, u8::try_from(bytes.len()).unwrap()];
    all.extend(bytes);
    all
}

fn body(version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
    let meta = [field(1, version.as_bytes()), field(2, kind.as_bytes())].concat();
    [MAGIC.to_vec(), field(1, &meta), field(2, raw)].concat()
}

#[test]
fn an_object_is_read_as_json_would_have_it() {
    let metadata = [
        field(1, b"c"),
        field(3, b"lab"),
        field(11, &[field(1, b"a"), field(2, b"b")].concat()),
    ]
    .concat();
    let data = [field(1, b"k"), field(2, b"v")].concat();
    let raw = [field(1, &metadata), field(2, &data), vec![4 << 3, 1]].concat();
    let expected = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "immutable": true, "data": { "k": "v" },
        "metadata": { "name": "c", "namespace": "lab", "labels": { "a": "b" } },
    });
    assert_eq!(decode(&body("v1", "ConfigMap", &raw)).unwrap(), expected);
}

#[test]
fn what_is_wrong_is_said() {
    assert_eq!(decode(b"{}"), Err(Error::MissingMagic));
    assert_eq!(
        decode(&body("v1", "ConfigMap", &[1 << 3 | 2, 9])),
        Err(Error::UnexpectedEnd)
    );
    let unknown = decode(&body("acme.io/v1", "Widget", &[])).unwrap_err();
    assert!(unknown.to_string().contains("Widget"), "{unknown}");
    // A message in a message in a message: as deep as a schema may be nested, and deeper.
    let mut schema = Vec::new();
    for _ in 0..200 {
        let mut outer = Vec::new();
        // `not` is field 26 of a schema.
        let tag = 26_u16 << 3 | 2;
        outer.push(u8::try_from(tag & 0x7f).unwrap() | 0x80);
        outer.push(u8::try_from(tag >> 7).unwrap());
        let length = schema.len();
        outer.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        outer.push(u8::try_from(length >> 7).unwrap());
        outer.extend(&schema);
        schema = outer;
    }
    let mut reader = Reader { fields: 0 };
    let of = table::schema_type().unwrap();
    assert_eq!(reader.message(of, &schema, &mut Map::new(), 0), Err(Error::TooLarge));
}

proptest! {
    #[test]
    fn any_bytes_are_an_object_or_an_error(raw in proptest::collection::vec(any::<u8>(), 0..200)) {
        for kind in [("v1", "Pod"), ("apps/v1", "Deployment"), ("apiextensions.k8s.io/v1", "CustomResourceDefinition")] {
            let mut reader = Reader { fields: 0 };
            let of = table::kind(kind.0, kind.1).unwrap().of();
            let _ = reader.message(of, &raw, &mut Map::new(), 0);
        }
        let _ = decode(&[MAGIC, &raw].concat());
    }
}
