import { randomHex } from "../../../base/ids.ts";
import { isJsonObject, type JsonValue } from "../../../base/json.ts";
import type { RedisLink } from "../redis/link.ts";

/** Another agent of the project at this Redis. */
export interface Peer {
  readonly token: string;
  readonly workers: readonly { readonly name: string; readonly queue: string }[];
}

/** An order that came in. */
export interface Letter {
  readonly id: string;
  readonly message: JsonValue;
  /** Time until the sender gives up. */
  readonly remainingMs: number;
}

/** Orders between the agents of one project, through lists in their common Redis. */
export interface Mailbox {
  /** Tells the others about this process and gives all that are there; `undefined` without Redis. */
  announce(workers: Peer["workers"]): Promise<readonly Peer[] | undefined>;
  /** Sends one message to each peer; gives its id, or `null` when Redis cannot be reached. */
  send(
    peers: readonly Peer[],
    message: JsonValue,
    takeMs: number,
    answerMs: number,
  ): Promise<string | null>;
  /** Takes what came in and is not too old. */
  take(): Promise<readonly Letter[]>;
  /** Answers a letter. */
  reply(letter: Letter, text: string): Promise<void>;
  /** Answers that came so far; each is given once. */
  replies(id: string): Promise<readonly string[]>;
  /** Takes a message back; gives from how many peers, none of which had taken it. */
  withdraw(peers: readonly Peer[], id: string): Promise<number>;
  /** Tells the others that this process goes. */
  leave(): Promise<void>;
}

// Without a new announcement for so long, a process is gone.
const PEER_MS = 12_000;
const MAX_PEERS = 500;
const MAX_TAKEN = 20;
// Orders of one process that may be on their way at once: more than commands run.
const MAX_SENT = 256;

// Times are those of Redis: the clocks of two machines differ.
const NOW = `local t = redis.call("TIME")
local now = t[1] * 1000 + math.floor(t[2] / 1000)
`;
const ANNOUNCE = `${NOW}
redis.call("HSET", KEYS[1], ARGV[1], cjson.encode({ now + tonumber(ARGV[3]), ARGV[2] }))
redis.call("PEXPIRE", KEYS[1], tonumber(ARGV[3]) * 4)
local all = redis.call("HGETALL", KEYS[1])
local out = {}
for i = 1, #all, 2 do
  local ok, entry = pcall(cjson.decode, all[i + 1])
  if not ok or type(entry) ~= "table" or tonumber(entry[1] or 0) < now then
    redis.call("HDEL", KEYS[1], all[i])
  elseif all[i] ~= ARGV[1] and #out < 1000 then
    out[#out + 1] = all[i]
    out[#out + 1] = entry[2]
  end
end
return out`;
const SEND = `${NOW}
local letter = cjson.encode({ ARGV[1], now + tonumber(ARGV[3]), now + tonumber(ARGV[4]), ARGV[2] })
for _, key in ipairs(KEYS) do
  redis.call("RPUSH", key, letter)
  redis.call("LTRIM", key, -200, -1)
  redis.call("PEXPIRE", key, tonumber(ARGV[4]) + 60000)
end
return letter`;
const TAKE = `${NOW}
local out = {}
for _ = 1, tonumber(ARGV[1]) do
  local raw = redis.call("LPOP", KEYS[1])
  if not raw then break end
  local ok, letter = pcall(cjson.decode, raw)
  if ok and type(letter) == "table" and tonumber(letter[2] or 0) >= now then
    out[#out + 1] = letter[1]
    out[#out + 1] = letter[4]
    out[#out + 1] = letter[3] - now
  end
end
return out`;

/** What `createMailbox` needs. */
export interface MailboxOptions {
  readonly link: RedisLink;
  readonly scope: string;
  readonly prefix: string;
  /** Tells this process apart. */
  readonly token: string;
}

/** Creates the mailbox of a process; projects do not meet, whatever Redis they share. */
export function createMailbox({ link, scope, prefix, token }: MailboxOptions): Mailbox {
  const roster = `z4j:peers:${scope}:${prefix}`;
  const inbox = (of: string): string => `z4j:inbox:${scope}:${prefix}:${of}`;
  const outbox = (id: string): string => `z4j:reply:${scope}:${prefix}:${id}`;
  // Kept to take a letter back: it must match byte by byte.
  const sent = new Map<string, string>();
  return {
    async announce(workers) {
      const text = JSON.stringify(workers.slice(0, 200));
      const answer = await link.call("EVAL", [ANNOUNCE, 1, roster, token, text, PEER_MS]);
      return answer.ended === "value" ? peersOf(answer.value) : undefined;
    },
    async send(peers, message, takeMs, answerMs) {
      const id = randomHex(12);
      const keys = peers.map((peer) => inbox(peer.token));
      const values = [id, JSON.stringify(message), Math.ceil(takeMs), Math.ceil(answerMs)];
      const answer = await link.call("EVAL", [SEND, keys.length, ...keys, ...values]);
      if (answer.ended !== "value") return null;
      sent.set(id, String(answer.value));
      for (const oldest of sent.keys()) {
        if (sent.size <= MAX_SENT) break;
        sent.delete(oldest);
      }
      return id;
    },
    async take() {
      const answer = await link.call("EVAL", [TAKE, 1, inbox(token), MAX_TAKEN]);
      return answer.ended === "value" ? lettersOf(answer.value) : [];
    },
    async reply({ id, remainingMs }, text) {
      await link.call("RPUSH", [outbox(id), text]);
      await link.call("PEXPIRE", [outbox(id), Math.ceil(remainingMs) + 60_000]);
    },
    async replies(id) {
      const answer = await link.call("LPOP", [outbox(id)]);
      return answer.ended === "value" && typeof answer.value === "string" ? [answer.value] : [];
    },
    async withdraw(peers, id) {
      const letter = sent.get(id) ?? "";
      sent.delete(id);
      const counts = await Promise.all(
        peers.map((peer) => link.call("LREM", [inbox(peer.token), 0, letter])),
      );
      return counts.filter((count) => count.ended === "value" && Number(count.value) > 0).length;
    },
    async leave() {
      await link.call("HDEL", [roster, token], 500);
    },
  };
}

function peersOf(value: unknown): readonly Peer[] {
  const flat = Array.isArray(value) ? value.map(String) : [];
  const peers: Peer[] = [];
  for (let i = 0; i + 1 < flat.length && peers.length < MAX_PEERS; i += 2) {
    const list = parsed(flat[i + 1] ?? "");
    const workers = (Array.isArray(list) ? list : []).flatMap((entry: unknown) => {
      if (!isJsonObject(entry)) return [];
      const { name, queue } = entry;
      return typeof name === "string" && typeof queue === "string" ? [{ name, queue }] : [];
    });
    peers.push({ token: flat[i] ?? "", workers });
  }
  return peers;
}

function lettersOf(value: unknown): readonly Letter[] {
  const flat = Array.isArray(value) ? value.map(String) : [];
  const letters: Letter[] = [];
  for (let i = 0; i + 2 < flat.length; i += 3) {
    const message = parsed(flat[i + 1] ?? "");
    const remainingMs = Math.max(1, Number(flat[i + 2]) || 1);
    letters.push({ id: flat[i] ?? "", message: message as JsonValue, remainingMs });
  }
  return letters;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
