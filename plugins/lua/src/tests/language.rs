//! Lua 5.1 with `goto`.

use serde_json::json;

use super::{ask, message_of};

#[test]
fn goto_goes_on_with_the_next_turn() {
    let script = "
local bad = 0
for _, condition in ipairs(obj.status.conditions) do
  if condition.status == 'True' then goto continue end
  bad = bad + 1
  ::continue::
end
return bad .. ' bad'";
    let object = json!({"status": {"conditions": [{"status": "True"}, {"status": "False"}, {"status": "Unknown"}]}});
    assert_eq!(message_of(script, &object), "2 bad");
}

#[test]
fn goto_goes_back_and_out_of_loops() {
    let script = "
local n = 0
::again::
n = n + 1
if n < 3 then goto again end
for i = 1, 10 do
  for j = 1, 10 do
    if i * j == 42 then n = i .. 'x' .. j goto done end
  end
end
::done::
return n";
    assert_eq!(message_of(script, &json!({})), "6x7");
}

#[test]
fn whole_numbers_print_without_a_point() {
    let object = json!({"n": 3, "f": 0.5, "neg": -7, "big": 2_147_483_648_u64, "zero": 0, "m": 1e14});
    assert_eq!(
        message_of(
            "return obj.n .. ' ' .. obj.f .. ' ' .. obj.neg .. ' ' .. obj.big .. ' ' .. obj.zero .. ' ' .. obj.m",
            &object
        ),
        "3 0.5 -7 2147483648 0 1e+14"
    );
    assert_eq!(
        message_of(
            "return tostring(obj.n * 2) .. ' ' .. 10 / 2 .. ' ' .. 7 / 2 .. ' ' .. 2 ^ 10",
            &object
        ),
        "6 5 3.5 1024"
    );
    assert_eq!(
        message_of(
            "return obj.n == 3 and 10 % 3 == 1 and -7 % 3 == 2 and math.floor(3.7) .. ''",
            &object
        ),
        "3"
    );
    assert_eq!(
        message_of("return tostring(1e300 * 1e300) .. ' ' .. tostring(#'abc')", &object),
        "inf 3"
    );
}

#[test]
fn what_5_1_has_and_later_ones_have_not_is_there() {
    assert_eq!(
        message_of(
            "return table.getn({1, 2, 3}) .. table.maxn({1, 2, [7] = 1})",
            &json!({})
        ),
        "37"
    );
    assert_eq!(
        message_of("local a, b = unpack({'x', 'y'}) return a .. b", &json!({})),
        "xy"
    );
    assert_eq!(message_of("return loadstring('return 1 + 1')() .. ''", &json!({})), "2");
    assert_eq!(
        message_of("return math.pow(2, 3) .. math.mod(7, 4) .. math.log10(100)", &json!({})),
        "832"
    );
    assert_eq!(
        message_of(
            "local n = 0 for w in string.gfind('a b c', '%a') do n = n + 1 end return n .. ''",
            &json!({})
        ),
        "3"
    );
    assert_eq!(
        message_of(
            "local f = function() return x end setfenv(f, {x = 'mine'}) return f() .. tostring(getfenv(f).x)",
            &json!({})
        ),
        "minemine"
    );
    assert_eq!(
        message_of("x = 'global' return getfenv().x .. getfenv(0).x", &json!({})),
        "globalglobal"
    );
}

#[test]
fn escapes_are_those_of_5_1() {
    assert_eq!(
        message_of(r#"return "a\.b\/c\65\t\"" .. 'it\'s'"#, &json!({})),
        "a.b/cA\t\"it's"
    );
}

#[test]
fn tables_strings_and_loops() {
    let object = json!({"list": ["c", "a", "b"], "map": {"x": 1, "y": true, "none": null}});
    assert_eq!(
        message_of("table.sort(obj.list) return table.concat(obj.list, ',')", &object),
        "a,b,c"
    );
    assert_eq!(
        message_of(
            "table.insert(obj.list, 'd') table.remove(obj.list, 1) return table.concat(obj.list)",
            &object
        ),
        "abd"
    );
    assert_eq!(
        message_of(
            "table.sort(obj.list, function(a, b) return a > b end) return obj.list[1] .. #obj.list",
            &object
        ),
        "c3"
    );
    assert_eq!(
        message_of(
            "local n = 0 for k, v in pairs(obj.map) do n = n + 1 end return n .. tostring(obj.map.none) .. tostring(next({}))",
            &object
        ),
        "2nilnil"
    );
    assert_eq!(
        message_of(
            "local i, s = 3, '' while i > 0 do s = s .. i i = i - 1 end return s",
            &object
        ),
        "321"
    );
    assert_eq!(
        message_of("local s = '' repeat s = s .. 'x' until #s == 3 return s", &object),
        "xxx"
    );
    assert_eq!(
        message_of(
            "local s = '' for i = 10, 1, -4 do s = s .. i .. ' ' end return s",
            &object
        ),
        "10 6 2 "
    );
    assert_eq!(
        message_of("for i = 1, 9 do if i == 4 then return 'at ' .. i end end", &object),
        "at 4"
    );
    assert_eq!(
        message_of(
            "return tonumber('0x10') + tonumber('5') + '1' .. type(nil) .. tostring(tonumber('x'))",
            &object
        ),
        "22nilnil"
    );
    assert_eq!(
        message_of("return tostring(not nil == true and (nil or 'b') == 'b')", &object),
        "true"
    );
}

#[test]
fn functions_closures_varargs_and_metatables() {
    assert_eq!(
        message_of(
            "local function count(...) return select('#', ...) end return count(1, nil, nil) .. ''",
            &json!({})
        ),
        "3"
    );
    assert_eq!(
        message_of(
            "local n = 0 local function next_() n = n + 1 return n end next_() return next_() .. ''",
            &json!({})
        ),
        "2"
    );
    assert_eq!(
        message_of(
            "local t = setmetatable({}, {__index = function(_, k) return k .. '!' end}) return t.hello",
            &json!({})
        ),
        "hello!"
    );
    assert_eq!(
        message_of(
            "local t = {n = 1} function t:add(m) self.n = self.n + m return self end return t:add(2):add(3).n .. ''",
            &json!({})
        ),
        "6"
    );
    assert_eq!(
        message_of(
            "local ok, why = pcall(function() local x = nil; return x.y end) return tostring(ok) .. ' ' .. type(why)",
            &json!({})
        ),
        "false string"
    );
    assert_eq!(
        message_of(
            "local co = coroutine.wrap(function(a) local b = coroutine.yield(a + 1) return b * 2 end) return co(1) .. co(5)",
            &json!({})
        ),
        "210"
    );
}

#[test]
fn a_script_without_functions_is_the_usual_one() {
    let script = "
hs = {}
if obj.status ~= nil and obj.status.conditions ~= nil then
  for i, condition in ipairs(obj.status.conditions) do
    if condition.type == 'Ready' and condition.status == 'True' then
      hs.status = 'Healthy'
      hs.message = condition.message
      return hs
    end
  end
end
hs.status = 'Progressing'
hs.message = 'waiting'
return hs";
    let ready = json!({"status": {"conditions": [{"type": "Ready", "status": "True", "message": "all there"}]}});
    assert_eq!(ask(script, &ready).unwrap().message, "all there");
    assert_eq!(ask(script, &json!({})).unwrap().message, "waiting");
}
