-- Objects of the Series 2600B that drive nothing on the bench: front panel, beeper,
-- interfaces, storage. They keep what they are set to, so that clients meet them.
-- Names: Series 2600B Reference Manual 2600BS-901-01 Rev. F, Section 9. Commands that
-- wait for a person at the front panel return nil at once.

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

local function nothing() end
local function unanswered() return nil end

local function numbered(count, make)
  local objects = {}
  for index = 1, count do objects[index] = make(index) end
  return object("table", {}, {}, objects)
end

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

beeper = settings({enable = 1}, {beep = nothing, ON = 1, OFF = 0})

-- Two rows of 20 and 32 characters; text goes where the cursor is.
local WIDTHS = {20, 32}
local rows, row, column = {"", ""}, 1, 1
local function clear_display() rows, row, column = {"", ""}, 1, 1 end
local function put_text(text)
  text = tostring(text)
  for part, sign in string.gmatch(text .. "$N", "(.-)(%$[NnRrBbFfDd])") do
    local before = string.sub(rows[row] .. string.rep(" ", column), 1, column - 1)
    local behind = string.sub(rows[row], column + #part)
    rows[row] = string.sub(before .. part .. behind, 1, WIDTHS[row])
    column = math.min(column + #part, WIDTHS[row])
    if sign == "$N" and row == 1 and string.find(text, "$N", 1, true) then
      row, column = 2, 1
    end
  end
end
local function measured(digits)
  return settings({digits = digits}, {
    limit = settings {func = 0}, measure = settings {func = 1},
  })
end
display = settings({screen = 2, locallockout = 0, numpad = 1}, {
  smua = measured(5), smub = measured(5),
  clear = clear_display,
  settext = put_text,
  gettext = function(_, line)
    if line then return rows[line] end
    return rows[1] .. "$N" .. rows[2]
  end,
  setcursor = function(line, place)
    if not WIDTHS[line] or place < 1 or place > WIDTHS[line] then
      return tools.refuse(1700)
    end
    row, column = line, place
  end,
  getcursor = function() return row, column, 0 end,
  getannunciators = function() return 0 end,
  getlastkey = function() return 0 end,
  sendkey = nothing, waitkey = unanswered, inputvalue = unanswered,
  menu = unanswered, prompt = unanswered,
  loadmenu = object("synchronous_table", {}, {}, {add = nothing, delete = nothing}),
  trigger = silent_trigger({}, 40),
  SMUA = 0, SMUB = 1, SMUA_SMUB = 2, USER = 3,
  DIGITS_4_5 = 4, DIGITS_5_5 = 5, DIGITS_6_5 = 6,
  MEASURE_DCAMPS = 0, MEASURE_DCVOLTS = 1, MEASURE_OHMS = 2, MEASURE_WATTS = 3,
  LIMIT_IV = 0, LIMIT_P = 1, LOCK = 1, UNLOCK = 0, ENABLE = 1, DISABLE = 0,
  SAVE = 1, DONT_SAVE = 0,
})

local function switched(choose)
  return function(first, second)
    local result, weight = 0, 1
    while first > 0 or second > 0 do
      local a, b = first % 2, second % 2
      if choose(a, b) then result = result + weight end
      first, second, weight = (first - a) / 2, (second - b) / 2, weight * 2
    end
    return result
  end
end

local function bit_of(value, index)
  return math.floor(value / 2 ^ (index - 1)) % 2
end

bit = object("synchronous_table", {}, {}, {
  bitand = switched(function(a, b) return a + b == 2 end),
  bitor = switched(function(a, b) return a + b > 0 end),
  bitxor = switched(function(a, b) return a + b == 1 end),
  get = function(value, index) return bit_of(value, index) * 2 ^ (index - 1) end,
  test = function(value, index) return bit_of(value, index) == 1 end,
  set = function(value, index)
    return value + (1 - bit_of(value, index)) * 2 ^ (index - 1)
  end,
  clear = function(value, index)
    return value - bit_of(value, index) * 2 ^ (index - 1)
  end,
  toggle = function(value, index)
    return value + (1 - 2 * bit_of(value, index)) * 2 ^ (index - 1)
  end,
  getfield = function(value, index, width)
    return math.floor(value / 2 ^ (index - 1)) % 2 ^ width
  end,
  setfield = function(value, index, width, field)
    local unit = 2 ^ (index - 1)
    local old = math.floor(value / unit) % 2 ^ width
    return value + (field % 2 ^ width - old) * unit
  end,
})

local strings = {}
userstring = object("synchronous_table", {}, {}, {
  add = function(name, value) strings[tostring(name)] = tostring(value) end,
  get = function(name) return strings[name] end,
  delete = function(name) strings[name] = nil end,
  catalog = function()
    local name
    return function() name = next(strings, name) return name end
  end,
})

local queued = {}
dataqueue = object(
  "synchronous_table", {count = function() return #queued end}, {}, {
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
  count = 0, all = function() return "" end, next = nothing, clear = nothing,
  ENABLE = 1, DISABLE = 0, DISCARD_NEWEST = 0, DISCARD_OLDEST = 1,
})

local trigger_modes = {
  TRIG_BYPASS = 0, TRIG_FALLING = 1, TRIG_RISING = 2, TRIG_EITHER = 3,
  TRIG_SYNCHRONOUSA = 4, TRIG_SYNCHRONOUS = 5, TRIG_SYNCHRONOUSM = 6,
  TRIG_RISINGA = 7, TRIG_RISINGM = 8,
}
local function with_modes(objects)
  for name, value in pairs(trigger_modes) do objects[name] = value end
  return objects
end

local lan_config = settings({
  duplex = 1, gateway = "0.0.0.0", ipaddress = "192.0.2.36", method = 0, speed = 100,
  subnetmask = "255.255.255.0",
}, {
  dns = settings({domain = "", dynamic = 1, hostname = "", verify = 1}, {
    address = {"0.0.0.0", "0.0.0.0"},
  }),
})
local lan_status = object("synchronous_table", {}, {}, {
  duplex = 1, gateway = "0.0.0.0", ipaddress = "192.0.2.36", speed = 100,
  subnetmask = "255.255.255.0", macaddress = "00:00:5e:00:53:24",
  dns = object("synchronous_table", {}, {}, {
    name = "", address = {"0.0.0.0", "0.0.0.0"},
  }),
  port = object("synchronous_table", {}, {}, {
    dst = 5030, rawsocket = 5025, telnet = 23, vxi11 = 1024,
  }),
})
lan = settings({
  autoconnect = 1, linktimeout = 20, nagle = 0, timedwait = 20, lxidomain = 0,
}, with_modes {
  config = lan_config, status = lan_status,
  reset = nothing, restoredefaults = nothing, applysettings = nothing,
  trigger = numbered(8, function(index)
    return silent_trigger(
      {mode = 1, protocol = 0, pseudostate = 1, stimulus = 0, ipaddress = "0.0.0.0"},
      50 + index, {connect = nothing, disconnect = nothing, connected = false})
  end),
  TCP = 0, UDP = 1, MULTICAST = 2, AUTO = 0, MANUAL = 1, ENABLE = 1, DISABLE = 0,
  FULL = 1, HALF = 0,
})
gpib = settings {address = 26}
serial = settings(
  {baud = 9600, databits = 8, flowcontrol = 0, parity = 0},
  {read = function() return "" end, write = nothing, FLOW_NONE = 0, FLOW_HARDWARE = 1,
   PARITY_NONE = 0, PARITY_EVEN = 1, PARITY_ODD = 2})

-- Saved setups: what can be read and written of both channels. Limits and ranges come
-- before levels; an automatic range ends when its range is written, so it comes last.
local ORDER = {"func", "highc", "limit", "lowrange", "range", "autorange", ""}
local function channel_parts()
  local parts = {}
  for _, name in ipairs {"smua", "smub"} do
    for _, part in ipairs {"source", "measure"} do parts[#parts + 1] = {name, part} end
  end
  return parts
end
local function take_setup()
  local kept = {}
  for _, where in ipairs(channel_parts()) do
    local item = _G[where[1]][where[2]]
    local meta, values = getmetatable(item), {}
    for name in pairs(meta.Setters) do
      if meta.Getters[name] and name ~= "output" then values[name] = item[name] end
    end
    kept[#kept + 1] = {where = where, values = values}
  end
  return kept
end
local function apply_setup(kept)
  reset()
  for _, entry in ipairs(kept) do
    local item = _G[entry.where[1]][entry.where[2]]
    local left = entry.values
    local done = {}
    for _, prefix in ipairs(ORDER) do
      for name, value in pairs(left) do
        if not done[name] and string.sub(name, 1, #prefix) == prefix then
          done[name] = true
          if item[name] ~= value then item[name] = value end
        end
      end
    end
  end
end
local setups = {}
setup = settings({poweron = 0}, {
  save = function(number)
    if type(number) ~= "number" or number < 1 or number > 5 then
      return tools.refuse(-222)
    end
    setups[number] = take_setup()
  end,
  -- 0 is the factory's; 1 to 5 are the user's, empty until they are saved.
  recall = function(number)
    if number == 0 then return reset() end
    if type(number) == "string" then return tools.refuse(2203) end
    if not setups[number] then return tools.refuse(-222) end
    apply_setup(setups[number])
  end,
})
tsplink = settings({group = 0, node = 1, writeprotect = 0}, with_modes {
  state = "offline", master = 1, reset = function() return 1 end,
  readbit = function() return 1 end, readport = function() return 7 end,
  writebit = nothing, writeport = nothing,
  trigger = numbered(3, function(index)
    return silent_trigger({mode = 0, pulsewidth = 10e-6, stimulus = 0}, 20 + index)
  end),
})

-- The delays of a timer come as several values; a script gets them as a table.
for index = 1, 8 do
  local getters = getmetatable(trigger.timer[index]).Getters
  local delays = getters.delaylist
  getters.delaylist = function() return {delays()} end
end

-- The instrument as one node of a TSP-Link system that has no other.
local members = {
  execute = function(code)
    local chunk = script.new(code)
    if chunk then return chunk() end
  end,
  getglobal = function(name) return _G[name] end,
  setglobal = function(name, value) _G[name] = value end,
}
local here = setmetatable({}, {__index = function(_, name)
  local own = members[name]
  if own == nil then own = localnode[name] end
  if own == nil then own = _G[name] end
  return own
end})
node = {here}

-- No USB flash drive is plugged in: there is no directory and no file.
local function no_drive() return tools.refuse(2216) end
fs = object("synchronous_table", {}, {}, {
  chdir = no_drive, cwd = no_drive, mkdir = no_drive, readdir = no_drive,
  rmdir = no_drive,
  is_dir = function() return false end, is_file = function() return false end,
})
function savebuffer() return tools.refuse(2203) end

-- No other instrument is on the network.
local function no_connection() return tools.refuse(2401) end
tspnet = settings({timeout = 20.0}, {
  connect = function() return tools.refuse(2411) end,
  clear = no_connection, disconnect = no_connection, execute = no_connection,
  idn = no_connection, read = no_connection, readavailable = no_connection,
  termination = no_connection, write = no_connection, reset = nothing,
  tsp = settings({abortonconnect = 1}, {
    abort = no_connection, rbtablecopy = no_connection, runscript = no_connection,
  }),
  TERM_LF = 1, TERM_CR = 2, TERM_CRLF = 3, TERM_LFCR = 4,
})
function gettimezone() return "GMT" end
function settimezone() end
function settime() end
function meminfo() return 30000, 32000 end
