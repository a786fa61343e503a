//! What a script can call, with all libraries and without.

use serde_json::json;

use super::{ask, ask_open, message_of};

const NAMES: &str = "
local there = {}
for _, name in ipairs({'string', 'table', 'math', 'os', 'io', 'coroutine', 'debug', 'package'}) do
  if _G[name] ~= nil then table.insert(there, name) end
end
return { status = 'Healthy', message = table.concat(there, ' ') }";

#[test]
fn users_scripts_get_what_argo_cd_gives_them() {
    assert_eq!(ask(NAMES, &json!({})).unwrap().message, "table package");
    let no_strings = "return { status = 'Healthy', message = tostring(pcall(function() return ('x'):upper() end)) }";
    assert_eq!(ask(no_strings, &json!({})).unwrap().message, "false");
    let time = "local os = require('os') return { status = 'Healthy', message = type(os.date) .. tostring(os.getenv) }";
    assert_eq!(ask(time, &json!({})).unwrap().message, "functionnil");
}

#[test]
fn open_libraries_are_the_whole() {
    assert_eq!(
        ask_open(NAMES, &json!({})).unwrap().message,
        "string table math os io coroutine debug package"
    );
    let object = json!({"image": "example.com/api:1.2.3"});
    assert_eq!(
        message_of("return string.match(obj.image, ':([%d%.]+)$')", &object),
        "1.2.3"
    );
    assert_eq!(
        message_of("return (obj.image:gsub('/.*', '')):upper()", &object),
        "EXAMPLE.COM"
    );
    assert_eq!(
        message_of("return string.format('%s has %d of %05.1f%%', 'x', 3, 99.55)", &object),
        "x has 3 of 099.5%"
    );
    assert_eq!(
        message_of(
            "return obj.image:find('api', 1, true) .. ' ' .. obj.image:sub(-5) .. ' ' .. obj.image:len()",
            &object
        ),
        "13 1.2.3 21"
    );
    assert_eq!(
        message_of(
            "return tostring(math.huge > 1) .. math.max(1, 5, 3) .. math.floor(-0.5)",
            &object
        ),
        "true5-1"
    );
    assert_eq!(
        message_of(
            "return os.date('!%Y-%m-%d', 86400) .. ' ' .. os.time({year = 1970, month = 1, day = 2, hour = 0})",
            &object
        ),
        "1970-01-02 86400"
    );
}
