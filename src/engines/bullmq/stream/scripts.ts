/**
 * Lua that runs inside Redis. What it filters there need not be sent, parsed and
 * thrown away here: of four entries for a simple job two say nothing new, and
 * none does where the worker's own agent reports.
 */

/** Fields of a job as `JOB` gives them, in order. */
export const JOB_FIELDS: readonly string[] =
  ("name timestamp delay priority processedOn finishedOn atm attemptsMade ats failedReason " +
    "parentKey parent pb stc progress opts data returnvalue stacktrace").split(" ");

// One job: its id, its fields, its log. Oversized values become their length.
const JOB = `
local function job(base, id, max, logs)
  local key = base .. ':' .. id
  if redis.call('TYPE', key).ok ~= 'hash' then return {id, false, {}} end
  local f = redis.call('HMGET', key, 'name','timestamp','delay','priority','processedOn',
    'finishedOn','atm','attemptsMade','ats','failedReason','parentKey','parent','pb','stc','progress')
  for _, name in ipairs({'opts','data','returnvalue','stacktrace'}) do
    local size = redis.call('HSTRLEN', key, name)
    if size == 0 then f[#f+1] = false
    elseif size > max then f[#f+1] = size
    else f[#f+1] = redis.call('HGET', key, name) end
  end
  for i = 1, 15 do
    if type(f[i]) == 'string' and #f[i] > max then f[i] = string.sub(f[i], 1, 1024) end
  end
  local lines = {}
  if logs > 0 and f[6] then lines = redis.call('LRANGE', key .. ':logs', -logs, -1) end
  for i = 1, #lines do lines[i] = string.sub(lines[i], 1, 1000) end
  return {id, f, lines}
end
`;

/**
 * Takes what is new in the streams. KEYS: lease, then a stream for each queue.
 * ARGV: token, entries to take, max bytes, log lines, live workers as JSON, entries
 * to tell, then for each queue its base key and position. Answers `LOST` without
 * the lease.
 *
 * The hash of a job is as new as the end of the stream. So all entries up to the
 * end are looked at, and the runs that come after those taken now are counted.
 */
export const COLLECT: string = JOB + `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'LOST' end
local left = tonumber(ARGV[2])
local max, logs = tonumber(ARGV[3]), tonumber(ARGV[4])
local live = cjson.decode(ARGV[5])
local said = {added=1, active=1, completed=1, failed=1, delayed=1, waiting=1, stalled=1,
  removed=1, duplicated=1, deduplicated=1}
local covered = {added=1, active=1, completed=1, failed=1, delayed=1, waiting=1}

local function read(entry)
  local e = {}
  for j = 1, #entry[2], 2 do e[entry[2][j]] = entry[2][j+1] end
  return e
end

-- For every entry how many runs of its job begin and end after it. BullMQ writes
-- 'waiting' before 'stalled' for a run that ended because its worker went silent.
local function lookBack(entries)
  local parsed, begun, ended = {}, {}, {}
  local starts, stops, stalls = {}, {}, {}
  for i = #entries, 1, -1 do
    local e = read(entries[i])
    parsed[i] = e
    local id, event = e.jobId, e.event
    if id and event then
      begun[i], ended[i] = starts[id] or 0, stops[id] or 0
      if event == 'active' then starts[id] = begun[i] + 1
      elseif event == 'stalled' then stalls[id] = true
      elseif event == 'waiting' and e.prev == 'active' then
        if stalls[id] then e.event = 'quiet' else stops[id] = ended[i] + 1 end
        stalls[id] = nil
      elseif event == 'completed' or event == 'failed' or event == 'delayed' then
        stops[id] = ended[i] + 1
      end
    end
  end
  return parsed, begun, ended
end

local tell = tonumber(ARGV[6])

local function take(row, queue, base, entries, count)
  local known = {}
  local parsed, begun, ended = lookBack(entries)
  for i = 1, count do
    local e, entry = parsed[i], entries[i]
    local id = e.jobId
    if id and said[e.event] and (e.event ~= 'waiting' or e.prev == 'active') then
      local skip = false
      -- The hash names the worker of the last run only.
      if covered[e.event] and (e.event == 'added' or begun[i] == 0) then
        local pb = redis.pcall('HGET', base .. ':' .. id, 'pb')
        if type(pb) ~= 'string' then pb = nil end
        local since = pb and live[queue .. ':' .. pb]
        if not pb and live[queue] and redis.call('EXISTS', base .. ':' .. id) == 0 then
          since = live[queue]
        end
        skip = since and tonumber(string.match(entry[1], '^%d+')) >= since
      end
      if not skip then
        if tell == 0 then return i - 1 end
        tell = tell - 1
        local fields = entry[2]
        for j = 1, #fields do
          if #fields[j] > max then fields[j] = string.sub(fields[j], 1, 1024) end
        end
        row[8][#row[8] + 1] = {entry[1], fields, begun[i], ended[i]}
        if not known[id] then
          known[id] = 1
          row[9][#row[9] + 1] = job(base, id, max, logs)
        end
      end
    end
  end
  return count
end

local out = {}
for i = 2, #KEYS do
  local base, from = ARGV[3 + 2*i], ARGV[4 + 2*i]
  local row = {i - 1, from, 0, 0, '', 0, 0, {}, {}, 0}
  if redis.call('TYPE', KEYS[i]).ok == 'stream' then
    local info = redis.call('XINFO', 'STREAM', KEYS[i])
    for j = 1, #info, 2 do
      local name, value = info[j], info[j+1]
      if name == 'length' then row[3] = value
      elseif name == 'entries-added' then row[4] = value
      elseif name == 'first-entry' and value then row[5] = value[1]
      end
    end
    row[7] = tonumber(redis.call('GET', base .. ':id') or 0) or 0
    if left > 0 and tell > 0 then
      local entries = redis.call('XRANGE', KEYS[i], '(' .. from, '+', 'COUNT', left + 2000)
      local count = take(row, tostring(i - 1), base, entries, math.min(#entries, left))
      left = left - count
      row[6] = count
      if count > 0 then row[2] = entries[count][1] end
      row[10] = #entries - count
    else
      row[10] = 1
    end
  end
  out[#out + 1] = row
end
return out
`;

/** Reads jobs. ARGV: base key, max bytes, log lines, then ids. */
export const READ_JOBS: string = JOB + `
local out = {}
for i = 4, #ARGV do out[#out+1] = job(ARGV[1], ARGV[i], tonumber(ARGV[2]), tonumber(ARGV[3])) end
return out
`;

/**
 * Renews the lease and moves positions. KEYS: lease, cursors. ARGV: token, time to
 * live, then queue and position in turn. Answers 0 when somebody else has the lease.
 */
export const COMMIT = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i+1]) end
return 1
`;

/** Gives the lease back. KEYS: lease. ARGV: token. */
export const RELEASE = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`;

/**
 * Announces workers with an agent. KEYS: workers. ARGV: durable time, then fields
 * with the time from which each is covered, 0 for now. Answers the time.
 */
export const BEAT = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
for i = 2, #ARGV, 2 do
  local since = tonumber(ARGV[i+1])
  if since == 0 then since = now end
  redis.call('HSET', KEYS[1], ARGV[i], string.format('%.0f %.0f %s', since, now, ARGV[1]))
end
redis.call('PEXPIRE', KEYS[1], 3600000)
return now
`;

/** Reads the workers with an agent, and forgets old ones. KEYS: workers. */
export const LIVE = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local seen = tonumber(string.match(all[i+1], '^%d+ (%d+)') or 0)
  if now - seen > 600000 then redis.call('HDEL', KEYS[1], all[i]) end
end
return {now, all}
`;
