-- Objects of the Series 3700A that move nothing on the bench: front panel, beeper,
-- interfaces, clock, storage, triggers, other nodes. They keep what they are set to, so
-- that clients meet them. Names: Series 3700A Reference Manual 3700AS-901-01 Rev. D,
-- Section 11. What waits for a person or for an event that never comes returns at once
-- or when its time is over. There is no USB flash drive and no network to other
-- instruments.

local tools = ...
local object = tools.object

-- An object whose attributes hold what they are set to.
local function settings(values, objects)
  local getters, setters = {}, {}
  for name in pairs(values) do
    getters[name] = function() return values[name] end
    setters[name] = function(value)
      if type(value) ~= type(values[name]) then
        error(type(values[name]) .. " expected, got " .. type(value), 3)
      end
      values[name] = value
    end
  end
  return object("synchronous_table", getters, setters, objects or {})
end

local function read_only(getters, objects)
  return object("synchronous_table", getters or {}, {}, objects or {})
end

local function functions(members) return read_only({}, members) end
local function nothing() end
local function empty() return "" end

local function numbered(count, make)
  local objects = {}
  for index = 1, count do objects[index] = make(index) end
  return functions(objects)
end

-- A function that iterates over the names in a comma-separated list.
local function catalog(names)
  return function()
    local list = {}
    for name in string.gmatch(names(), "[^,]+") do list[#list + 1] = name end
    local index = 0
    return function() index = index + 1 return list[index] end
  end
end
getmetatable(channel.pattern).Objects.catalog = catalog(tools.pattern_names)
getmetatable(dmm.configure).Objects.catalog = catalog(tools.configuration_names)

-- A trigger object of which no event ever comes.
local function silent_trigger(values, event, extra)
  local objects = {
    EVENT_ID = event, clear = nothing, reset = nothing, assert = nothing,
    release = nothing,
    wait = function(timeout) delay(timeout) return false end,
  }
  for name, value in pairs(extra or {}) do objects[name] = value end
  local trigger = settings(values, objects)
  getmetatable(trigger).Getters.overrun = function() return false end
  return trigger
end

getmetatable(channel).Objects.trigger = numbered(8, function(index)
  local watched, state = "", 0
  return silent_trigger({}, 110 + index, {
    set = function(list, match) watched, state = list, match end,
    get = function() return watched, state end,
  })
end)
getmetatable(channel).Objects.calibration = functions {
  adjustcount = function() return 0 end, adjustdate = function() return 0 end,
  verifydate = function() return 0 end, lock = nothing, unlock = nothing,
  password = nothing, save = nothing, step = nothing,
}

beeper = settings({enable = 1}, {beep = nothing, ON = 1, OFF = 0})

local shown = ""
display = settings({screen = 0, locallockout = 0}, {
  clear = function() shown = "" end,
  settext = function(text) shown = tostring(text) end,
  gettext = function() return shown end,
  setcursor = nothing, getcursor = function() return 1, 1, 0 end,
  getannunciators = function() return 0 end, getlastkey = function() return 0 end,
  sendkey = nothing, waitkey = nothing, inputvalue = nothing, menu = nothing,
  prompt = nothing, loadmenu = functions {add = nothing, delete = nothing},
  trigger = silent_trigger({}, 40),
  MAIN = 0, USER = 1, LOCK = 1, UNLOCK = 0,
})

local strings = {}
userstring = functions {
  add = function(name, value) strings[name] = value end,
  get = function(name) return strings[name] end,
  delete = function(name) strings[name] = nil end,
  catalog = function()
    local name
    return function() name = next(strings, name) return name end
  end,
}

local queued = {}
dataqueue = read_only({count = function() return #queued end}, {
  CAPACITY = 128,
  add = function(value)
    if #queued >= 128 then return false end
    queued[#queued + 1] = value
    return true
  end,
  next = function(timeout)
    if #queued == 0 and timeout then delay(timeout) end
    return table.remove(queued, 1)
  end,
  clear = function() queued = {} end,
})

eventlog = settings({enable = 1, overwritemethod = 1}, {
  count = 0, all = empty, next = nothing, clear = nothing,
  ENABLE = 1, DISABLE = 0, DISCARD_NEWEST = 0, DISCARD_OLDEST = 1,
})

local function switched() return settings {enable = true} end
comm = functions {
  gpib = switched(),
  lan = settings({enable = true}, {
    rawsockets = switched(), telnet = switched(), vxi11 = switched(), web = switched(),
  }),
}
gpib = settings {address = 16}

local no_addresses = {"0.0.0.0", "0.0.0.0"}
lan = settings({nagle = 0, lxidomain = 0}, {
  applysettings = nothing, reset = nothing, restoredefaults = nothing,
  config = settings({
    gateway = "0.0.0.0", ipaddress = "192.0.2.37", method = 0,
    subnetmask = "255.255.255.0",
  }, {
    dns = settings({domain = "", dynamic = 1, hostname = "", verify = 1}, {
      address = no_addresses,
    }),
  }),
  status = functions {
    duplex = 1, gateway = "0.0.0.0", ipaddress = "192.0.2.37", speed = 100,
    subnetmask = "255.255.255.0", macaddress = "00:00:5e:00:53:37",
    dns = functions {name = "", address = no_addresses},
    port = functions {dst = 5030, rawsocket = 5025, telnet = 23, vxi11 = 1024},
  },
  trigger = numbered(8, function(index)
    return silent_trigger(
      {mode = 1, protocol = 0, pseudostate = 1, stimulus = 0, ipaddress = "0.0.0.0"},
      50 + index, {connect = nothing, disconnect = nothing, connected = false})
  end),
  TCP = 0, UDP = 1, MULTICAST = 2, AUTO = 0, MANUAL = 1, ENABLE = 1, DISABLE = 0,
})

ptp = settings({domain = 0, enable = 0, slavepreferred = 1, utcoffset = 0}, {
  portstate = 2, ds = functions {info = empty}, time = tools.utc, OFF = 0, ON = 1,
})
schedule = functions {
  disable = function()
    for index = 1, 2 do schedule.alarm[index].enable = 0 end
  end,
  alarm = numbered(2, function(index)
    return settings(
      {enable = 0, fractionalseconds = 0, period = 0, ptpseconds = 0, repetition = 0,
       seconds = 0},
      {EVENT_ID = 90 + index})
  end),
  OFF = 0, ON = 1,
}

local poweron = 0
setup = object(
  "synchronous_table",
  {poweron = function() return poweron end},
  {poweron = function(value) poweron = value end},
  {save = tools.save_setup, recall = tools.recall_setup, cards = tools.card_models})
function createconfigscript(name)
  return script.new(tools.configuration(), name)
end

tsplink = settings({group = 0, node = 1, writeprotect = 0}, {
  state = "offline", master = 1, reset = function() return 1 end,
  readbit = function() return 1 end, readport = function() return 7 end,
  writebit = nothing, writeport = nothing,
  trigger = numbered(3, function(index)
    return silent_trigger({mode = 0, pulsewidth = 10e-6, stimulus = 0}, 20 + index)
  end),
})
tspnet = settings({timeout = 20}, {
  connect = function() delay(tspnet.timeout) return nil end,
  disconnect = nothing, clear = nothing, execute = nothing, idn = nothing,
  read = nothing, readavailable = function() return 0 end, reset = nothing,
  termination = nothing, write = nothing,
  tsp = settings({abortonconnect = 1}, {
    abort = nothing, rbtablecopy = nothing, runscript = nothing,
  }),
  TERM_LF = 1, TERM_CR = 2, TERM_CRLF = 3, TERM_LFCR = 4,
})

trigger = functions {
  EVENT_ID = 30,
  wait = function(timeout) return tools.wait_command_trigger(timeout) end,
  clear = function() tools.clear_command_trigger() end,
  timer = numbered(8, function(index)
    return silent_trigger(
      {count = 1, delay = 10e-6, passthrough = false, stimulus = 0, delaylist = {10e-6}},
      60 + index)
  end),
  blender = numbered(6, function(index)
    return silent_trigger(
      {orenable = false}, 70 + index, {stimulus = {0, 0, 0, 0}})
  end),
}

-- The file system without a drive: its root is empty.
fs = functions {
  chdir = function() return "/" end, cwd = function() return "/" end,
  is_dir = function(path) return path == "/" end,
  is_file = function() return false end,
  mkdir = nothing, rmdir = nothing, readdir = function() return {} end,
}
upgrade = functions {unit = nothing, previous = nothing}
getmetatable(script).Objects.load = nothing

-- The instrument as one node of a TSP-Link system that has no other.
local members = {
  execute = nothing,
  getglobal = function(name) return _G[name] end,
  setglobal = function(name, value) _G[name] = value end,
}
node = {setmetatable({}, {__index = function(_, name)
  local own = members[name]
  if own == nil then own = localnode[name] end
  if own == nil then own = _G[name] end
  return own
end})}

function gettimezone() return "GMT" end
function settimezone() end
function settime() end
