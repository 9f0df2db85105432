import type { Script } from "./redis.ts";

/**
 * All job schedulers of a queue and the switched-off ones, in one step. Only
 * runs that are due are looked for in the lists of the queue.
 * Keys: repeat, delayed, prioritized, wait, paused, active, records.
 * Values: most entries, now in ms, most list entries to search, one id or "".
 */
export const READ_SCHEDULERS: Script = {
  name: "z4jReadSchedulers",
  keys: 7,
  lua: `
local function has(job)
  if redis.call('ZSCORE', KEYS[2], job) or redis.call('ZSCORE', KEYS[3], job) then return 1 end
  for i = 4, 6 do
    local length = redis.call('LLEN', KEYS[i])
    local at = redis.pcall('LPOS', KEYS[i], job, 'MAXLEN', ARGV[3])
    if at or length > tonumber(ARGV[3]) then return 1 end
  end
  return 0
end
local pairsOfIds = {}
if ARGV[4] == '' then
  pairsOfIds = redis.call('ZRANGE', KEYS[1], 0, tonumber(ARGV[1]) - 1, 'WITHSCORES')
else
  local score = redis.call('ZSCORE', KEYS[1], ARGV[4])
  if score then pairsOfIds = {ARGV[4], score} end
end
local live = {}
for i = 1, #pairsOfIds, 2 do
  local id, score = pairsOfIds[i], pairsOfIds[i + 1]
  local pending = 1
  if tonumber(score) <= tonumber(ARGV[2]) then pending = has('repeat:' .. id .. ':' .. score) end
  live[#live + 1] = {id, score, pending, redis.call('HGETALL', KEYS[1] .. ':' .. id)}
end
local records
if ARGV[4] == '' then
  records = redis.call('HGETALL', KEYS[7])
else
  local record = redis.call('HGET', KEYS[7], ARGV[4])
  records = record and {ARGV[4], record} or {}
end
return {live, records, redis.call('ZCARD', KEYS[1])}
`,
};

/** Keeps or drops (empty text) the record of a switched-off scheduler. Key: records. Values: id, text. */
export const WRITE_RECORD: Script = {
  name: "z4jWriteRecord",
  keys: 1,
  lua: `
if ARGV[2] == '' then return redis.call('HDEL', KEYS[1], ARGV[1]) end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
`,
};

/** Adds to the iterations of a scheduler that exists. Key: its hash. Value: how many. */
export const ADD_ITERATIONS: Script = {
  name: "z4jAddIterations",
  keys: 1,
  lua: `
if redis.call('HEXISTS', KEYS[1], 'ic') == 0 then return 0 end
return redis.call('HINCRBY', KEYS[1], 'ic', ARGV[1])
`,
};

/** Takes a lock. Key: the lock. Values: token, ms. */
export const TAKE_LOCK: Script = {
  name: "z4jTakeLock",
  keys: 1,
  lua: `return redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) and 1 or 0`,
};

/** Gives back a lock that is still ours. Key: the lock. Value: token. */
export const FREE_LOCK: Script = {
  name: "z4jFreeLock",
  keys: 1,
  lua:
    `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`,
};
