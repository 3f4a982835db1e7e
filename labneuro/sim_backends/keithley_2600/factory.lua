-- Factory functions of the Series 2600B: sweeps and pulse trains as global functions.
-- Semantics: Series 2600B Reference Manual 2600BS-901-01 Rev. C, p. 7-36 to 7-45
-- (pulses) and 7-354 to 7-362 (sweeps). The code is this project's own.

local tools = ...
local handle = tools.handle
local VOLTS, AMPS = 1, 0

-- Sweeps ----------------------------------------------------------------------------

local function linear(first, last, points)
  local levels = {}
  for index = 1, points do
    levels[index] = first + (last - first) * (index - 1) / (points - 1)
  end
  return levels
end

local function logarithmic(first, last, points)
  local levels = {}
  for index = 1, points do
    levels[index] = first * (last / first) ^ ((index - 1) / (points - 1))
  end
  return levels
end

local function need(condition, problem)
  if not condition then error(problem, 3) end
end

-- Readings, source values and time stamps go into the channel's first buffer.
local function prepare_buffer(smu)
  local buffer = smu.nvbuffer1
  buffer.clear()
  buffer.appendmode = 1
  buffer.collecttimestamps = 1
  buffer.collectsourcevalues = 1
  return buffer
end

local function sweep(smu, func, levels, settling, points)
  local buffer = prepare_buffer(smu)
  local source = smu.source
  local level = func == VOLTS and "levelv" or "leveli"
  local measure = func == VOLTS and smu.measure.i or smu.measure.v
  source.func = func
  source[level] = levels[1]
  source.output = 1
  for index = 1, points do
    source[level] = levels[index]
    delay(settling)
    measure(buffer)
  end
  source[level] = 0
  source.output = 0
end

local function stepped(func, spread)
  return function(smu, first, last, settling, points)
    need(smu and first and last and settling and points, "parameters are missing")
    need(points >= 2, "points must be at least 2")
    sweep(smu, func, spread(first, last, points), settling, points)
  end
end

local function listed(func)
  return function(smu, levels, settling, points)
    need(smu and levels and settling and points, "parameters are missing")
    sweep(smu, func, levels, settling, points)
  end
end

SweepILinMeasureV = stepped(AMPS, linear)
SweepVLinMeasureI = stepped(VOLTS, linear)
SweepILogMeasureV = stepped(AMPS, logarithmic)
SweepVLogMeasureI = stepped(VOLTS, logarithmic)
SweepIListMeasureV = listed(AMPS)
SweepVListMeasureI = listed(VOLTS)

-- Pulse trains ------------------------------------------------------------------------

local configurations = {}

local function configure(smu, func, plan, buffer, tag, sync)
  local good, message = tools.configure_pulses(
    handle(smu), handle(buffer), tag, func, plan, sync)
  if good then
    configurations[tag] = {
      tag = tag, smu = smu, func = func, bias = plan.bias, level = plan.level,
      start = plan.start, stop = plan.stop, limit = plan.limit, ton = plan.ton,
      toff = plan.toff, points = plan.points, buf = buffer,
    }
  end
  return good, message
end

local function sync_of(input, output, timeout, abort)
  return {input = input, output = output, timeout = timeout, abort = abort}
end

local function fixed(func)
  return function(smu, bias, level, limit, ton, toff, points, buffer, tag, ...)
    local plan = {
      bias = bias, level = level, limit = limit, ton = ton, toff = toff,
      points = points,
    }
    for index = 1, tonumber(points) or 0 do plan[index] = level end
    return configure(smu, func, plan, buffer, tag, sync_of(...))
  end
end

local function swept(func, spread)
  return function(smu, bias, start, stop, limit, ton, toff, points, buffer, tag, ...)
    local plan = {
      bias = bias, start = start, stop = stop, limit = limit, ton = ton, toff = toff,
      points = points,
    }
    local complete = tonumber(start) and tonumber(stop) and tonumber(points)
    if complete and points >= 2 then
      for index, level in ipairs(spread(start, stop, points)) do plan[index] = level end
    end
    return configure(smu, func, plan, buffer, tag, sync_of(...))
  end
end

ConfigPulseVMeasureI = fixed(VOLTS)
ConfigPulseIMeasureV = fixed(AMPS)
ConfigPulseVMeasureISweepLin = swept(VOLTS, linear)
ConfigPulseIMeasureVSweepLin = swept(AMPS, linear)
ConfigPulseVMeasureISweepLog = swept(VOLTS, logarithmic)
ConfigPulseIMeasureVSweepLog = swept(AMPS, logarithmic)

function InitiatePulseTest(tag)
  return tools.run_pulses(tag)
end

function InitiatePulseTestDual(first, second)
  return tools.run_pulses(first, second)
end

function QueryPulseConfig(tag)
  local found = configurations[tag]
  if not found then return nil end
  local copy = {}
  for key, value in pairs(found) do copy[key] = value end
  copy.tostring = function()
    return "tag " .. tostring(found.tag) .. ", " .. tostring(found.points) .. " pulses"
  end
  return copy
end

-- A train that runs at once, with the limit that is set and the output turned on for it.
local function pulsed(func)
  return function(smu, bias, level, ton, toff, points)
    need(smu and bias and level and ton and toff and points, "parameters are missing")
    local source = smu.source
    local buffer = prepare_buffer(smu)
    local plan = {
      bias = bias, limit = func == VOLTS and source.limiti or source.limitv, ton = ton,
      toff = toff,
    }
    for index = 1, points do plan[index] = level end
    local good, message = tools.configure_pulses(
      handle(smu), handle(buffer), -1, func, plan, {})
    if not good then return good, message end
    source.func = func
    source[func == VOLTS and "levelv" or "leveli"] = bias
    source.output = 1
    good, message = tools.run_pulses(-1)
    source.output = 0
    return good, message
  end
end

PulseVMeasureI = pulsed(VOLTS)
PulseIMeasureV = pulsed(AMPS)

-- Leakage of a capacitor, and transconductance -----------------------------------------
-- 2600BS-901-01 Rev. B p. 7-101 and 7-102 (KIHighC), Rev. C p. 7-107 and 7-108 (KIParlib).

local function step_and_settle(smu, level, limit, settling, range, pause)
  smu.source.limiti = limit
  smu.source.levelv = level
  delay(settling)
  -- In high-capacitance mode the measure range follows the limit.
  smu.source.limiti = range
  delay(pause)
end

function i_leakage_measure(smu, level, limit, settling, range, pause)
  need(smu and level and limit and settling and range and pause,
    "parameters are missing")
  step_and_settle(smu, level, limit, settling, range, pause)
  return smu.measure.i()
end

function i_leakage_threshold(
    smu, level, limit, settling, range, pause, threshold, timeout)
  need(smu and level and limit and settling and range and pause and threshold
    and timeout, "parameters are missing")
  step_and_settle(smu, level, limit, settling, range, pause)
  local start = timer.measure.t()
  repeat
    if math.abs(smu.measure.i()) < threshold then return true end
  until timer.measure.t() - start >= timeout
  return false
end

-- A sweep of `points` levels; the slope of the second reading over the first at each
-- inner point by central differences, at the ends by the one neighbour there is.
local function slopes(func, measured)
  return function(smu, first, last, points)
    smu, first, last, points = smu or smua, first or 0, last or 1, points or 10
    need(points >= 2, "points must be at least 2")
    local amps, volts = smu.makebuffer(points), smu.makebuffer(points)
    amps.appendmode, volts.appendmode = 1, 1
    local source = smu.source
    local level = func == VOLTS and "levelv" or "leveli"
    source.func = func
    source[level] = first
    source.output = 1
    for _, value in ipairs(linear(first, last, points)) do
      source[level] = value
      smu.measure.iv(amps, volts)
    end
    source[level] = 0
    source.output = 0
    local found = {}
    for index = 1, points do
      local low, high = math.max(index - 1, 1), math.min(index + 1, points)
      found[index] = (amps[high] - amps[low]) / (volts[high] - volts[low])
    end
    if measured == VOLTS then return found, volts, amps end
    return found, amps, volts
  end
end

gm_vsweep = slopes(VOLTS, AMPS)
gm_isweep = slopes(AMPS, VOLTS)

for _, name in ipairs {"KIHighC", "KIParlib", "KIPulse", "KISavebuffer", "KISweep"} do
  tools.factory_script(name)
end

-- Statistics of a buffer: smuX.buffer.getstats --------------------------------------------

local function statistics(buffer)
  local count, sum, squares = buffer.n, 0, 0
  if count == 0 then return nil end
  local result = {n = count}
  for index = 1, count do
    local reading = buffer[index]
    local entry = {
      reading = reading, timestamp = buffer.timestamps[index],
      sourcevalue = buffer.sourcevalues[index], status = buffer.statuses[index],
      measurefunction = buffer.measurefunctions[index],
      measurerange = buffer.measureranges[index],
    }
    if index == 1 or reading < result.min.reading then result.min = entry end
    if index == 1 or reading > result.max.reading then result.max = entry end
    sum = sum + reading
  end
  result.mean = sum / count
  for index = 1, count do squares = squares + (buffer[index] - result.mean) ^ 2 end
  result.stddev = count > 1 and math.sqrt(squares / (count - 1)) or 0
  return result
end

for _, name in pairs {"smua", "smub"} do
  local smu = _G[name]
  if smu then
    getmetatable(smu).Objects.buffer = tools.object("smu", {}, {}, {
      getstats = statistics, recalculatestats = function() end,
    })
  end
end
