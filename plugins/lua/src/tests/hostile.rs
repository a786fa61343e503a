//! Scripts that do harm, and those that are wrong: one message each, with the script and the line.

use capstan_sdk::Failure;
use serde_json::json;

use super::{ask, ask_open};

#[track_caller]
fn fails(script: &str, why: &str) {
    assert_eq!(
        ask_open(script, &json!({})).unwrap_err(),
        Failure::failed(why),
        "{script}"
    );
}

#[test]
fn an_endless_loop() {
    let why = "health.lua:2: not done after 1000000 steps; does it loop for ever?";
    fails("local n = 0\nwhile true do n = n + 1 end", why);
    fails("local function f()\n  return f() end\nreturn f()", why);
    fails("::again::\ngoto again", why);
}

#[test]
fn one_that_eats_memory() {
    fails(
        "local t = {}\nfor i = 1, 1e9 do\n  t[i] = i .. 'xxxxxxxxxxxxxxxx'\nend",
        "health.lua:3: needs more than 8 MiB of memory",
    );
    fails(
        "local s = 'x'\nwhile true do s = s .. s end",
        "health.lua:2: needs more than 8 MiB of memory",
    );
}

#[test]
fn what_reaches_out_of_the_sandbox() {
    for (call, what) in [
        ("os.execute('rm -rf /')", "os.execute"),
        ("io.open('/etc/passwd')", "io.open"),
        ("io.popen('id')", "io.popen"),
        ("io.lines('/etc/passwd')", "io.lines"),
        ("os.getenv('HOME')", "os.getenv"),
        ("os.exit(0)", "os.exit"),
        ("os.remove('x')", "os.remove"),
        ("dofile('x.lua')", "dofile"),
        ("loadfile('x.lua')", "loadfile"),
        ("package.loadlib('x', 'y')", "package.loadlib"),
    ] {
        fails(
            &format!("local hs = {{}}\nhs.x = {call}\nreturn hs"),
            &format!(
                "health.lua:2: {what} is not there: a script has no files, programs or environment; it has only its object"
            ),
        );
    }
}

#[test]
fn one_that_fails() {
    fails(
        "local x = obj.status\nreturn { status = x.phase }",
        "health.lua:2: attempt to index local 'x' (a nil value)",
    );
    fails("\n\nerror('gave up')", "health.lua:3: gave up");
    fails("\nerror('gave up', 0)", "health.lua:2: gave up");
    fails("\nerror({})", "health.lua:2: (error object is a table value)");
    fails(
        "return obj.a .. 'x'",
        "health.lua:1: attempt to concatenate field 'a' (a nil value)",
    );
}

#[test]
fn a_mistake_in_the_syntax_is_the_users_to_mend() {
    assert_eq!(
        ask(
            "local hs = {}\nif obj.status then\n  hs.status = 'Healthy'\nreturn hs",
            &json!({})
        )
        .unwrap_err(),
        Failure::invalid("health.lua:4: 'end' expected (to close 'if' at line 2) near <eof>")
    );
}

#[test]
fn without_open_libraries_there_is_not_even_a_name_for_it() {
    assert_eq!(
        ask("\nreturn { status = os.execute('id') }", &json!({})).unwrap_err(),
        Failure::failed("health.lua:2: attempt to index global 'os' (a nil value)")
    );
}
