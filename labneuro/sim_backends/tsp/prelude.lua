-- What a TSP instrument's firmware adds to Lua, run once before any user code.
-- It closes the ways out of Lua, makes instrument objects of Python callables, and
-- returns to Python the functions by which user code is compiled and run.

local host = ...
local as_function = python.as_function
local type, select, pairs, error, unpack = type, select, pairs, error, unpack
local tostring, setmetatable, pcall, xpcall = tostring, setmetatable, pcall, xpcall
local format, concat, find, byte = string.format, table.concat, string.find, string.byte
local compile_text, sethook, getinfo = loadstring, debug.sethook, debug.getinfo
local collectgarbage = collectgarbage

local USER_CHUNK = "=tsp"
local HOOK_EVERY = 10000   -- instructions between two looks at the stop flag
local MEMORY_LIMIT = 64 * 1024   -- KiB
local LARGE = 2^20   -- bytes or items that a C function takes long for
local BYTECODE = 27   -- first byte of a precompiled chunk

for name in pairs {
  python = 0, io = 0, os = 0, package = 0, debug = 0, require = 0, module = 0,
  load = 0, loadstring = 0, loadfile = 0, dofile = 0, newproxy = 0, getfenv = 0,
  setfenv = 0, coroutine = 0,
} do
  _G[name] = nil
end
string.dump = nil
_VERSION = "Lua 5.0.2"

local function import(callables)
  local functions = {}
  for name, callable in pairs(callables) do
    functions[name] = as_function(callable)
  end
  return functions
end

host = import(host)

-- Instrument objects ----------------------------------------------------------------
-- Each is a Lua table whose metatable lists Getters, Setters and Objects: this is how
-- the instruments show themselves, and clients walk it.

-- The Python object behind an instrument object, where functions take it as argument.
local handles = setmetatable({}, {__mode = "k"})

local function method(callable)
  local call = as_function(callable)
  return function(first, second, ...)
    if second == nil and select("#", ...) == 0 then
      if first == nil then return call() end
      return call(handles[first] or first)
    end
    return call(handles[first] or first, handles[second] or second, ...)
  end
end

local function instrument_object(luatype, getters, setters, objects, item)
  local meta = {
    Getters = getters, Setters = setters, Objects = objects, luatype = luatype,
  }
  function meta.__index(_, key)
    local object = objects[key]
    if object ~= nil then return object end
    local getter = getters[key]
    if getter then return getter() end
    if item and type(key) == "number" then return item(key) end
  end
  function meta.__newindex(_, key, value)
    local setter = setters[key]
    if setter then return setter(handles[value] or value) end
    local known = getters[key] or objects[key] ~= nil
    local what = known and "cannot modify read-only attribute '" or "no attribute '"
    error(what .. tostring(key) .. "'", 2)
  end
  return setmetatable({}, meta), meta
end

local function build(luatype, getters, setters, functions, objects, item, handle)
  local members = {}
  for name, object in pairs(objects) do members[name] = object end
  for name, callable in pairs(functions) do members[name] = method(callable) end
  local object = instrument_object(
    luatype, import(getters), import(setters), members, item and as_function(item))
  if handle then handles[object] = handle end
  return object
end

-- Set when the script must end: from then on every instruction stops, so that no pcall
-- can hold the script up.
local doom
local hook

-- Standard functions ------------------------------------------------------------------

local number_format = "%.5e"

local function text(value)
  local kind = type(value)
  if kind == "number" then return format(number_format, value) end
  if kind == "userdata" then return kind end
  local written = tostring(value)
  if type(written) == "number" then return format(number_format, written) end
  if type(written) ~= "string" then
    error("'tostring' must return a string to 'print'", 2)
  end
  return written
end

function print(...)
  local count = select("#", ...)
  if count == 1 then return host.say(text((...))) end
  local words = {...}
  for index = 1, count do words[index] = text(words[index]) end
  return host.say(concat(words, "\t"))
end

_G.tostring = function(value)
  if type(value) == "userdata" then return "userdata" end
  return tostring(value)
end

-- An error that comes from Python must not hand a Python object to the script, and a
-- stack overflow must not be caught: so deep down the hook that stops scripts fails too.
local function plain(good, problem, ...)
  if not good then
    if type(problem) == "userdata" then problem = "instrument error" end
    if type(problem) == "string" and (find(problem, "stack overflow", 1, true)
        or problem == "error in error handling") then
      error(problem, 0)
    end
  end
  return good, problem, ...
end

_G.pcall = function(...) return plain(pcall(...)) end

_G.xpcall = function(call, handler)
  local overflow
  local function handle(problem)
    if doom then return problem end   -- here no hook could stop the handler
    overflow = not pcall(plain, false, problem) and problem
    return handler((select(2, plain(false, problem))))
  end
  local function checked(...)
    if overflow then error(overflow, 0) end
    return plain(...)
  end
  return checked(xpcall(call, handle))
end

-- Lua's pattern matching tries at most length^quantifiers / quantifiers! ways, and
-- cannot be interrupted while it does.
local function guard(match)
  return function(subject, pattern, ...)
    if type(subject) == "string" and type(pattern) == "string" then
      local ways, quantifiers = 1, 0
      for index = 1, #pattern do
        local sign = byte(pattern, index)
        if sign == 42 or sign == 43 or sign == 45 or sign == 63 then  -- * + - ?
          quantifiers = quantifiers + 1
          ways = ways * (#subject + 1) / quantifiers
        end
      end
      if ways > 1e9 then error("pattern too complex", 2) end
      if ways > LARGE then hook() end
    end
    return match(subject, pattern, ...)
  end
end

for _, name in pairs {"find", "match", "gmatch", "gfind", "gsub"} do
  if string[name] then string[name] = guard(string[name]) end
end

math.random = host.random
math.randomseed = host.randomseed
os = {time = host.time}
function os.remove(name) return nil, tostring(name) .. ": No such file or directory" end
os.rename = os.remove

function delay(seconds) return host.delay(seconds) end

function printnumber(...) return host.printnumber(...) end

function printbuffer(first, last, ...)
  local sources = {...}
  for index = 1, select("#", ...) do
    sources[index] = handles[sources[index]] or sources[index]
  end
  return host.printbuffer(first, last, unpack(sources))
end

function makegetter(object, attribute)
  return function() return object[attribute] end
end

function makesetter(object, attribute)
  return function(value) object[attribute] = value end
end

-- Running ------------------------------------------------------------------------------

local function stop(reason)
  doom = reason
  sethook(hook, "", 1)
  error(reason, 0)
end

-- Allocates nothing before it stops a script that has filled the memory.
function hook()
  if doom then error(doom, 0) end
  if collectgarbage("count") > MEMORY_LIMIT then
    collectgarbage()
    if collectgarbage("count") > MEMORY_LIMIT then stop("not enough memory") end
  end
  local reason = host.stopped()
  if reason then stop(reason) end
end

-- A C function cannot be interrupted, and in a few calls this one fills the memory.
local rep = string.rep
function string.rep(subject, count, ...)
  if type(subject) == "string" and type(count) == "number" then
    local size = #subject * count
    if subject == "" then return "" end
    if size > MEMORY_LIMIT * 1024 then stop("not enough memory") end
    if size > LARGE then hook() end
  end
  return rep(subject, count, ...)
end

local insert = table.insert
function table.insert(list, position, ...)
  if type(list) == "table" and type(position) == "number" and select("#", ...) > 0
      and #list - position > LARGE then
    error("position too far before the list", 2)
  end
  return insert(list, position, ...)
end

local function run(chunk)
  doom = nil
  sethook(hook, "", HOOK_EVERY)
  chunk()
end

function exit()
  stop("exit")
end

-- The line of user code that is running, for errors that firmware functions find.
local function line()
  for level = 2, 50 do
    local info = getinfo(level, "Sl")
    if not info then return 1 end
    if info.source == USER_CHUNK then return info.currentline end
  end
  return 1
end

-- Scripts -----------------------------------------------------------------------------

-- Scripts of the run-time environment, and what is saved in nonvolatile memory. There is
-- no USB flash drive: a file cannot be opened.

local CANNOT_OPEN, NO_SUCH_NAME = 2203, -292
local user_scripts, saved, factory_scripts = {}, {}, {}
local anonymous

-- Only text: Lua 5.1 does not check bytecode, which could read and write any memory.
local function compile(source)
  if type(source) == "string" and byte(source) == BYTECODE then
    return nil, "tsp:1: unexpected symbol near '\\27'"
  end
  return compile_text(source, USER_CHUNK)
end

local function names_in(scripts)
  return function()
    local name
    return function()
      name = next(scripts, name)
      return name
    end
  end
end

local function make_script(name, source)
  local chunk, problem = compile(source)
  if not chunk then
    host.syntax_error(problem)
    return nil
  end
  local state = {name = name, source = source, autorun = "no"}
  local script, meta
  local function getter(key) return function() return state[key] end end
  local function rename(value)
    if state.name ~= "" then user_scripts[state.name] = nil end
    state.name = value
    if value ~= "" then user_scripts[value] = script end
  end
  script, meta = instrument_object(
    "script",
    {name = getter "name", source = getter "source", autorun = getter "autorun"},
    {
      autorun = function(value)
        if value ~= "yes" and value ~= "no" then return host.refuse(-224) end
        state.autorun = value
      end,
      name = rename,
      source = function(value)
        local changed, trouble = compile(value)
        if not changed then return host.syntax_error(trouble) end
        chunk, state.source = changed, value
      end,
    },
    {
      run = function() return chunk() end,
      save = function(file)
        if file ~= nil then return host.refuse(CANNOT_OPEN) end
        if state.name == "" then return host.refuse(NO_SUCH_NAME) end
        saved[state.name] = {source = state.source, autorun = state.autorun}
      end,
      list = function()
        print("loadscript " .. state.name)
        for row in string.gmatch(state.source .. "\n", "(.-)\n") do print(row) end
        print("endscript")
      end,
    })
  function meta.__call() return chunk() end
  return script
end

local function store(name, source)
  local script = make_script(name, source)
  if not script then return nil end
  if name == "" then
    anonymous = script
  else
    user_scripts[name] = script
    _G[name] = script
  end
  return script
end

local function restore(name)
  local copy = saved[name]
  if not copy then return host.refuse(NO_SUCH_NAME) end
  local script = store(name, copy.source)
  if script then script.autorun = copy.autorun end
end

anonymous = make_script("", "")
script = instrument_object(
  "script",
  {anonymous = function() return anonymous end},
  {},
  {
    new = function(source, name) return store(name or "", source) end,
    newautorun = function(source, name)
      local made = store(name or "", source)
      if made then made.autorun = "yes" end
      return made
    end,
    load = function() return host.refuse(CANNOT_OPEN) end,
    delete = function(name)
      if not (saved[name] or user_scripts[name]) then
        return host.refuse(NO_SUCH_NAME)
      end
      saved[name] = nil
    end,
    restore = restore,
    run = function() return anonymous.run() end,
    user = instrument_object("script", {}, {}, {
      scripts = user_scripts, catalog = names_in(saved),
    }),
    factory = instrument_object("script", {}, {}, {
      scripts = factory_scripts, catalog = names_in(factory_scripts),
    }),
  })

return {
  build = build,
  compile = compile,
  run = run,
  store = store,
  line = line,
  sethook = sethook,   -- called from Python without arguments it takes the hook away
  finish = function()
    if collectgarbage("count") > MEMORY_LIMIT / 2 then collectgarbage() end
    return doom
  end,
  set_number_format = function(value) number_format = value end,
  -- Factory scripts get callables of the instrument, and the means to make objects.
  run_factory = function(source, name, callables)
    local tools = import(callables)
    tools.object = instrument_object
    tools.refuse = host.refuse
    -- A factory script is a name with functions that are there already.
    tools.factory_script = function(name)
      factory_scripts[name] = make_script(name, "-- " .. name)
    end
    tools.handle = function(object) return handles[object] or object end
    assert(compile_text(source, "=" .. name))(tools)
  end,
}
