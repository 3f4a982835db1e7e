"""TSP functions that run on a Keithley 2600: one call measures a whole train.

The text is uploaded once a session; afterwards one message calls a function with its
numbers and one binary response message brings all readings back.

References
----------
Keithley Series 2600B Reference Manual, 2600BS-901-01 Rev. C (2016): reading buffers
p. 3-11 and 7-17 (buffer settings change only while it is empty), buffer status bits
p. 7-34, digio.trigger p. 7-57, format p. 7-102, printbuffer p. 7-167 (values of several
buffers are interleaved).
"""

from __future__ import annotations

SCRIPT_NAME = "labneuro"

# The loops run thousands of times: they look up locals only.
SCRIPT = """\
labneuro_levels = {}

function labneuro_empty(smu)
    local buffer = smu.nvbuffer1
    buffer.clear()
    buffer.appendmode = 1
    buffer.collecttimestamps = 1
    buffer.collectsourcevalues = 0
    return buffer
end

function labneuro_prepare(smu, range)
    local buffer = labneuro_empty(smu)
    smu.source.rangev = range
    return buffer
end

function labneuro_send(buffer)
    format.data = format.REAL64
    format.byteorder = format.LITTLEENDIAN
    printbuffer(1, buffer.n, buffer.readings, buffer.timestamps, buffer.statuses)
end

function labneuro_store(first, levels)
    for index, level in ipairs(levels) do
        labneuro_levels[first + index - 1] = level
    end
end

function labneuro_sweep(smu, range, count, settling)
    local buffer = labneuro_prepare(smu, range)
    local source, measure, pause = smu.source, smu.measure.i, delay
    local levels = labneuro_levels
    for index = 1, count do
        source.levelv = levels[index]
        pause(settling)
        measure(buffer)
    end
    source.levelv = 0
    labneuro_send(buffer)
end

function labneuro_guarded_sweep(smu, guard, range, count, settling)
    local buffer = labneuro_prepare(smu, range)
    guard.source.rangev = range
    local source, shield = smu.source, guard.source
    local measure, pause = smu.measure.i, delay
    local levels = labneuro_levels
    local last = 0
    -- The guard is never below the source: diodes between them would conduct.
    local function move(level)
        if level < last then source.levelv = level end
        shield.levelv = level
        source.levelv = level
        last = level
    end
    for index = 1, count do
        move(levels[index])
        pause(settling)
        measure(buffer)
    end
    move(0)
    labneuro_send(buffer)
end

function labneuro_step_pulses(smu, low, high, target, tolerance, first, increment,
        largest, width, level, settling, most)
    local buffer = labneuro_prepare(smu, math.max(largest, level))
    local source, measure, pause = smu.source, smu.measure, delay
    local amplitude, side, limited = 0, 0, 0
    labneuro_applied = {0}
    for count = 0, most do
        measure.rangei = low
        source.levelv = level
        pause(settling)
        local reading = measure.i(buffer)
        source.levelv = 0
        local wanted = 0
        if reading < target * (1 - tolerance) then
            wanted = 1
        elseif reading > target * (1 + tolerance) then
            wanted = -1
        end
        if wanted == 0 or count == most then break end
        if wanted == side then
            amplitude = math.min(amplitude + increment, largest)
        else
            amplitude = first
        end
        side = wanted
        labneuro_applied[count + 2] = wanted * amplitude
        measure.rangei = high
        source.levelv = wanted * amplitude
        pause(width)
        if source.compliance then limited = 1 end
        source.levelv = 0
    end
    format.data = format.REAL64
    format.byteorder = format.LITTLEENDIAN
    printnumber(buffer.n, limited)
end

function labneuro_step_readings(smu)
    labneuro_send(smu.nvbuffer1)
end

function labneuro_step_amplitudes()
    printnumber(unpack(labneuro_applied))
end

function labneuro_train(smu, line, range, count, level, read_delay, settling, rest)
    local buffer = labneuro_prepare(smu, range)
    local source, measure, pause = smu.source, smu.measure.i, delay
    local fire = digio.trigger[line].assert
    for index = 1, count do
        fire()
        pause(read_delay)
        source.levelv = level
        pause(settling)
        measure(buffer)
        source.levelv = 0
        if rest > 0 then pause(rest) end
    end
    labneuro_send(buffer)
end

function labneuro_wait(moment)
    local rest = moment - timer.measure.t()
    if rest > 0 then delay(rest) end
end

function labneuro_pulses(smu, trains, levels, counts, reading, width, period, silent)
    local buffer = labneuro_empty(smu)
    local source, measure, wait = smu.source, smu.measure.v, labneuro_wait
    local clock, due = timer.measure.t, 0
    timer.reset()
    for round = 0, silent do
        local read = round == silent
        for train = 1, trains do
            local level = levels[train]
            for index = 1, counts[train] do
                local start = clock()
                source.leveli = level
                if read then
                    wait(start + width - reading)
                    measure(buffer)
                end
                wait(start + width)
                source.leveli = 0
                due = due + period
                if read then
                    wait(due - reading)
                    measure(buffer)
                end
                wait(due)
            end
        end
    end
    labneuro_send(buffer)
end

function labneuro_watch(smu, count, reading, interval)
    local buffer = labneuro_empty(smu)
    local measure, wait = smu.measure.v, labneuro_wait
    local due = 0
    timer.reset()
    for index = 1, count do
        due = due + interval
        wait(due - reading)
        measure(buffer)
    end
    labneuro_send(buffer)
end
"""

VALUES_PER_READING = 3
"""Reading, time stamp and status, interleaved."""

LEVELS_PER_MESSAGE = 50
"""Levels that one message carries, so that it stays far below 1000 characters."""


def call(function: str, *arguments: str | float) -> str:
    """Write the message that calls an uploaded function.

    Parameters
    ----------
    function : str
        Name without the prefix ``labneuro_``.
    *arguments : str or float
        TSP expressions as text; numbers are written with 10 digits.

    Examples
    --------
    >>> call("sweep", "smua", 0.2, 21, 1e-3)
    'labneuro_sweep(smua, 0.2, 21, 0.001)'
    """
    written = ", ".join(
        argument if isinstance(argument, str) else f"{argument:.10g}"
        for argument in arguments
    )
    return f"labneuro_{function}({written})"


def store_levels(levels: list[float]) -> list[str]:
    """Write the messages that hand the levels of a sweep to the instrument.

    Parameters
    ----------
    levels : list of float
        In V.

    Examples
    --------
    >>> store_levels([-0.1, 0.0, 0.1])
    ['labneuro_store(1, {-0.1, 0, 0.1})']
    """
    messages = []
    for start in range(0, len(levels), LEVELS_PER_MESSAGE):
        part = levels[start : start + LEVELS_PER_MESSAGE]
        table = ", ".join(f"{level:.10g}" for level in part)
        messages.append(call("store", start + 1, f"{{{table}}}"))
    return messages
