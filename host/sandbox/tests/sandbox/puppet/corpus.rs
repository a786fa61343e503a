//! Scripts to begin with: each a whole answer, written as the canonical ABI has it (an address of a text is followed by its length).

use super::script::{
    Number::{Arena, Handle, Literal},
    Order::{self, Answer, Bytes, Get, Keys, Log, Now, Put, System, ToJson},
    Script,
};

/// Where the corpus keeps texts, out of the way of answers.
const TEXTS: u32 = 4096;

/// Puts literal words into the arena, from an offset on.
fn words(from: u32, words: &[u32]) -> Vec<Order> {
    let at = (0..).map(|word| from + 4 * word);
    at.zip(words).map(|(at, word)| Put(at, Literal(*word))).collect()
}

fn script(parts: &[&[Order]]) -> Script {
    Script(parts.concat())
}

/// Returns every script.
pub fn all() -> Vec<Script> {
    let text = [Bytes(TEXTS, b"a text, and more of it".to_vec())];
    let url = [Bytes(TEXTS + 100, b"GEThttps://api.example.com/health".to_vec())];
    let json = [Bytes(TEXTS + 200, b"{\"kind\":\"Pod\"}".to_vec())];
    // result, padding, status, its text, message, rule, final, recheck, need, details
    let assessment = [
        &words(0, &[0, 0, 0, 0, 0])[..],
        &[
            Put(20, Arena(TEXTS)),
            Put(24, Literal(6)),
            Put(28, Arena(TEXTS)),
            Put(32, Literal(4)),
        ],
        &words(36, &[1, 1, 0, 5000, 0, 1, 1]),
        &[
            Put(56, Arena(512)),
            Put(60, Literal(2)),
            Put(512, Arena(TEXTS)),
            Put(516, Literal(3)),
            Put(520, Arena(TEXTS)),
            Put(524, Literal(2)),
        ],
    ]
    .concat();
    // result, progress with room for its texts, message, asks, state, wake-after-ms, details
    let step = |asks: u32| {
        [
            &words(0, &[0, 0, 0, 0, 0, 0])[..],
            &[
                Put(24, Arena(TEXTS)),
                Put(28, Literal(6)),
                Put(32, Arena(512)),
                Put(36, Literal(asks)),
            ],
            &[Put(40, Arena(TEXTS)), Put(44, Literal(20))],
            &words(48, &[1, 5000, 0, 0, 0]),
        ]
        .concat()
    };
    // An ask: its id, which request, and the room of the largest.
    let http = [
        &words(512, &[1, 10])[..],
        &[
            Put(520, Arena(TEXTS + 100)),
            Put(524, Literal(3)),
            Put(528, Arena(TEXTS + 103)),
            Put(532, Literal(30)),
        ],
        &[
            Put(536, Arena(1024)),
            Put(540, Literal(1)),
            Put(544, Literal(1)),
            Put(548, Arena(TEXTS)),
            Put(552, Literal(6)),
            Put(556, Literal(1000)),
        ],
        &[Put(1024, Arena(TEXTS)), Put(1028, Literal(1)), Put(1032, Literal(1))],
        &[
            Put(1036, Arena(TEXTS)),
            Put(1040, Literal(2)),
            Put(1044, Arena(TEXTS)),
            Put(1048, Literal(3)),
        ],
    ]
    .concat();
    let apply = [
        &words(512, &[2, 4])[..],
        &[Put(520, Arena(TEXTS + 200)), Put(524, Literal(14))],
    ]
    .concat();
    // result, placement, phases, object, also
    let placed = [
        &words(0, &[0, 0])[..],
        &[Put(8, Arena(512)), Put(12, Literal(2)), Put(16, Literal(1))],
        &words(20, &[0, 0, 0, 0]),
        &[
            Put(36, Arena(600)),
            Put(40, Literal(1)),
            Put(600, Arena(TEXTS + 200)),
            Put(604, Literal(14)),
        ],
        &words(512, &[0, 0, 0, 2, 0, 0]),
    ]
    .concat();
    let deleted_at = words(0, &[0, 0, 2, 0, 0x5000_0000, 0x0000_019b]);
    let failure = [
        &words(0, &[1, 0, 1])[..],
        &[Put(12, Arena(TEXTS)), Put(16, Literal(6)), Put(20, Literal(0))],
    ]
    .concat();
    let looks = [
        Bytes(TEXTS + 300, b"/metadata/name/spec".to_vec()),
        Get([Handle, Arena(TEXTS + 300), Literal(14), Arena(2048)]),
        Keys([Handle, Arena(TEXTS + 300), Literal(9), Arena(2048)]),
        ToJson([Handle, Arena(TEXTS + 314), Literal(5), Arena(2048)]),
        Log([Literal(2), Arena(TEXTS), Literal(6)]),
        Now,
        System(0, 100),
        System(1, 100),
        System(2, 0),
    ];
    let answer = [Answer(Arena(0))];
    vec![
        script(&[&text, &looks, &assessment, &answer]),
        script(&[&text, &step(0), &answer]),
        script(&[&text, &url, &step(1), &http, &answer]),
        script(&[&text, &json, &step(1), &apply, &answer]),
        script(&[&text, &json, &placed, &answer]),
        script(&[&text, &failure, &answer]),
        script(&[&deleted_at, &answer]),
        script(&[&text, &words(0, &[0]), &answer]),
    ]
}
