//! What a script can call.
//!
//! By default that is what Argo CD gives scripts of its users: the functions without a table, `package`, `table`, and by `require("os")` the
//! time. With `useOpenLibs`, as for the scripts that come with Argo CD, it is Lua's whole library. Of either, what would reach out of the
//! sandbox is an error that says so, with the line that called it.

use luna_core::{
    runtime::Value,
    version::LuaVersion,
    vm::{LuaError, Vm},
};

/// Makes an interpreter with these libraries. Also returns the function that says whether the script has asked for the time.
pub(crate) fn open(open_libs: bool) -> Result<(Vm, Value), LuaError> {
    let mut vm = Vm::new_minimal(LuaVersion::Lua52);
    vm.open_base();
    vm.open_table();
    vm.open_debug();
    vm.open_os_io();
    if open_libs {
        vm.open_math();
        vm.open_string();
        vm.open_coroutine();
    }
    vm.open_package();
    vm.set_bytecode_loading(false);
    let chunk = Value::Closure(vm.load(OF_5_1.as_bytes(), b"=library").map_err(|_| LuaError::nil())?);
    let returned = vm.call_value(chunk, &[Value::Bool(open_libs)])?;
    Ok((vm, returned.first().copied().unwrap_or(Value::Nil)))
}

/// What 5.1 has and 5.2 has no more, and what the sandbox has not.
const OF_5_1: &str = r#"
local open_libs = ...
local debug, error, type, rawget = debug, error, type, rawget
local os, io, package, table, string, math = os, io, package, table, string, math

table.getn = function(t) return #t end
unpack = table.unpack
table.unpack, table.pack = nil, nil
loadstring = function(text, name) return load(text, name or text, "t") end
gcinfo = function() return collectgarbage("count") end

local function environment_of(f)
  for i = 1, 255 do
    local name, value = debug.getupvalue(f, i)
    if name == nil then return nil end
    if name == "_ENV" then return i, value end
  end
end

local function function_of(f)
  if type(f) == "function" then return f end
  if f == nil then f = 1 end
  local info = f ~= 0 and debug.getinfo(f + 2, "f")
  return info and info.func or nil
end

function getfenv(f)
  f = function_of(f)
  local _, value = environment_of(f or function_of)
  return value or _G
end

function setfenv(f, env)
  f = function_of(f)
  local at = f and environment_of(f)
  if at then debug.upvaluejoin(f, at, function() return env end, 1) end
  return f
end

local function out_of_reach(of, name, what)
  if of == nil or rawget(of, name) == nil then return end
  of[name] = function()
    error(what .. " is not there: a script has no files, programs or environment; it has only its object", 2)
  end
end

for _, name in ipairs{"dofile", "loadfile"} do out_of_reach(_G, name, name) end
for _, name in ipairs{"execute", "exit", "getenv", "remove", "rename", "setlocale", "tmpname"} do out_of_reach(os, name, "os." .. name) end
for _, name in ipairs{"input", "lines", "open", "output", "popen", "read", "tmpfile"} do out_of_reach(io, name, "io." .. name) end
for _, name in ipairs{"loadlib", "searchpath"} do out_of_reach(package, name, "package." .. name) end

local asked_for_time = false
local function timely(f)
  return function(...)
    asked_for_time = true
    return f(...)
  end
end
os.time, os.date, os.clock = timely(os.time), timely(os.date), timely(os.clock)

if open_libs then
  string.gfind = string.gmatch
  math.mod = math.fmod
  if math.pow == nil then math.pow = function(x, y) return x ^ y end end
  if math.log10 == nil then math.log10 = function(x) return math.log(x, 10) end end
else
  local time = { time = os.time, date = os.date }
  package.loaded.os, package.loaded.io, package.loaded.debug = nil, nil, nil
  package.preload.os = function() return time end
  _G.os, _G.io, _G.debug = nil, nil, nil
end

return function() return asked_for_time end
"#;
