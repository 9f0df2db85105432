/**
 * Lua that runs inside Redis. What it filters there need not be sent, parsed and
 * thrown away here: of four entries for a simple job two say nothing new, and
 * none does where the worker's own agent reports.
 */

// Looking holds Redis up, by about a millisecond for a thousand entries.
const MAX_LOOKED = 20_000;

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
 * The hash of a job is as new as the end of the stream. So where a job began more
 * than once, the runs that come after the entries taken now are counted up to the
 * end of the stream; at most `MAX_LOOKED` entries, which is twice what BullMQ keeps.
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

-- Notes one entry, the newest first; answers how many runs of its job begin and end
-- after it. BullMQ writes 'waiting' before 'stalled' for a run that ended because
-- its worker went silent.
local function note(e, seen)
  local id, event = e.jobId, e.event
  if not id or not event then return end
  local job = seen[id] or {0, 0, false}
  seen[id] = job
  local begun, ended = job[1], job[2]
  if event == 'active' then job[1] = begun + 1
  elseif event == 'stalled' then job[3] = true
  elseif event == 'waiting' and e.prev == 'active' then
    if job[3] then e.event = 'quiet' else job[2] = ended + 1 end
    job[3] = false
  elseif event == 'completed' or event == 'failed' or event == 'delayed' then
    job[2] = ended + 1
  end
  return begun, ended
end

local function repeats(base, entries)
  local asked = {}
  for i = 1, #entries do
    local id = read(entries[i]).jobId
    if id and not asked[id] then
      asked[id] = true
      local key = base .. ':' .. id
      local runs = redis.pcall('HGET', key, 'ats')
      if type(runs) ~= 'string' then runs = redis.pcall('HGET', key, 'atm') end
      if type(runs) == 'string' and (tonumber(runs) or 0) > 1 then return true end
    end
  end
  return false
end

-- For every entry how many runs of its job begin and end after it.
local function lookBack(key, base, entries, last)
  local parsed, begun, ended, seen = {}, {}, {}, {}
  local newest = #entries > 0 and entries[#entries][1] or last
  if newest ~= last and repeats(base, entries) then
    local to, looked, page = '+', 0, nil
    repeat
      page = redis.pcall('XREVRANGE', key, to, '(' .. newest, 'COUNT', 1000)
      for i = 1, #page do note(read(page[i]), seen) end
      if #page > 0 then to = '(' .. page[#page][1] end
      looked = looked + #page
    until #page < 1000 or looked >= ${MAX_LOOKED}
  end
  for i = #entries, 1, -1 do
    parsed[i] = read(entries[i])
    begun[i], ended[i] = note(parsed[i], seen)
  end
  return parsed, begun, ended
end

local tell = tonumber(ARGV[6])

local function take(row, queue, key, base, entries, last)
  local known = {}
  local parsed, begun, ended = lookBack(key, base, entries, last)
  for i = 1, #entries do
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
  return #entries
end

local out = {}
for i = 2, #KEYS do
  local base, from = ARGV[3 + 2*i], ARGV[4 + 2*i]
  local row = {i - 1, from, 0, 0, '', 0, 0, {}, {}, 0}
  if redis.call('TYPE', KEYS[i]).ok == 'stream' then
    local info, last = redis.call('XINFO', 'STREAM', KEYS[i]), nil
    for j = 1, #info, 2 do
      local name, value = info[j], info[j+1]
      if name == 'length' then row[3] = value
      elseif name == 'entries-added' then row[4] = value
      elseif name == 'first-entry' and value then row[5] = value[1]
      elseif name == 'last-entry' and value then last = value[1]
      end
    end
    row[7] = tonumber(redis.call('GET', base .. ':id') or 0) or 0
    if left > 0 and tell > 0 then
      local entries = redis.call('XRANGE', KEYS[i], '(' .. from, '+', 'COUNT', left)
      local count = take(row, tostring(i - 1), KEYS[i], base, entries, last)
      left = left - count
      row[6] = count
      if count > 0 then row[2] = entries[count][1] end
      if #entries > 0 and row[2] ~= last then row[10] = 1 end
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
