//! Real time, virtual time, and many calls at once.

use std::time::Duration;

use capstan_core::model::{health::Health, plugins::PluginError};
use futures::future::join_all;
use serde_json::json;

use crate::support::{assess, builtins, guest, hostile, sandbox};

#[tokio::test(start_paused = true)]
async fn a_call_takes_no_virtual_time() {
    let begun = tokio::time::Instant::now();
    // If a call waited for anything but the processor, the clock would jump to this timer.
    let beside = tokio::spawn(tokio::time::sleep(Duration::from_hours(1)));
    assert_eq!(
        assess(sandbox(), &hostile("Yes")).await.unwrap().health,
        Health::Healthy
    );
    assert!(assess(sandbox(), &hostile("Spin")).await.is_err());
    assert!(assess(sandbox(), &hostile("Sleepy")).await.is_err());
    assert_eq!(begun.elapsed(), Duration::ZERO);
    beside.abort();
}

#[tokio::test(start_paused = true)]
async fn without_time_the_answers_are_the_same() {
    let timeless = builtins()
        .plugin("hostile.wasm", guest("hostile"))
        .timeless()
        .build()
        .unwrap();
    for kind in ["Yes", "Spin", "Sleepy", "Peek", "Trap", "Hog", "Babble"] {
        let (one, two) = (
            assess(&timeless, &hostile(kind)).await,
            assess(sandbox(), &hostile(kind)).await,
        );
        assert_eq!(one, two, "{kind}");
    }
}

#[tokio::test]
async fn a_guest_that_spins_gives_way_to_others() {
    let spin = hostile("Spin");
    let (answer, turns) = tokio::join!(biased; assess(sandbox(), &spin), async {
        let mut turns = 0;
        for _ in 0..2 {
            tokio::task::yield_now().await;
            turns += 1;
        }
        turns
    });
    assert!(matches!(answer, Err(PluginError::Failed { .. })), "{answer:?}");
    assert_eq!(turns, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_calls_at_once() {
    let kinds = ["Yes", "Spin", "Trap", "Yes", "Hog"];
    let objects: Vec<_> = (0..50)
        .map(|n| {
            let mut object = hostile(kinds[n % kinds.len()]);
            object["metadata"]["name"] = json!(format!("x{n}"));
            object
        })
        .collect();
    let answers = join_all(objects.iter().map(|object| assess(sandbox(), object))).await;
    for (object, answer) in objects.iter().zip(answers) {
        match object["kind"].as_str().unwrap() {
            "Yes" => assert_eq!(answer.unwrap().message, "as you wish"),
            _ => assert!(matches!(answer, Err(PluginError::Failed { .. })), "{answer:?}"),
        }
    }
}

#[tokio::test]
async fn more_calls_than_slots_wait_for_their_turn() {
    let yes = hostile("Yes");
    let answers = join_all((0..300).map(|_| assess(sandbox(), &yes))).await;
    assert!(answers.iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_any_more_is_dropped() {
    let spin = hostile("Spin");
    let call = assess(sandbox(), &spin);
    let gave_up = tokio::select! {
        biased;
        _ = call => false,
        () = tokio::task::yield_now() => true,
    };
    // Either way the next one finds everything in order.
    let _ = gave_up;
    assert!(assess(sandbox(), &hostile("Yes")).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_calls_wait_for_memory_and_small_ones_do_not() {
    let sandbox = builtins()
        .plugin("hostile.wasm", guest("hostile"))
        .memory(60 << 20)
        .build()
        .unwrap();
    // One of these at a time has all the memory.
    let objects: Vec<_> = (0..150)
        .map(|n| hostile(if n % 15 == 0 { "Hog" } else { "Yes" }))
        .collect();
    for _ in 0..2 {
        let answers = join_all(objects.iter().map(|object| assess(&sandbox, object))).await;
        for (object, answer) in objects.iter().zip(answers) {
            if object["kind"] == "Yes" {
                assert_eq!(answer.unwrap().message, "as you wish");
            } else {
                let error = answer.unwrap_err().to_string();
                assert!(
                    error.ends_with("needs more than the 64 MiB of memory that it may have"),
                    "{error}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_call_that_may_have_more_than_all_together_has_what_there_is() {
    let sandbox = builtins()
        .plugin("hostile.wasm", guest("hostile"))
        .memory(6 << 20)
        .build()
        .unwrap();
    let error = assess(&sandbox, &hostile("Hog")).await.unwrap_err().to_string();
    assert!(
        error.ends_with("needs more than the 10 MiB of memory that it may have"),
        "{error}"
    );
}
