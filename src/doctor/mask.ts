import type { AgentSettingsOptions, JsonValue, SettingValues } from "@z4j/core/diagnostics";

// Anything shorter would blot out words that are no secret.
const MIN_CHARS = 5;
const MASK = "[secret]";

/** Takes every secret out of a text. */
export type Mask = (text: string) => string;

/**
 * The last line of defence: whatever a system, a library or a peer says is
 * searched for the secrets of the settings, right or wrong, before it is shown.
 */
export function createMask(
  values: Readonly<Partial<SettingValues>>,
  options: AgentSettingsOptions,
  env: Readonly<Record<string, string>>,
): Mask {
  const secrets = new Set<string>();
  const raw = [
    values.token,
    values.hmacSecret,
    options.token,
    options.hmacSecret,
    env["Z4J_TOKEN"],
    env["Z4J_HMAC_SECRET"],
    ...[values.proxy, options.proxy, ...proxies(env)].flatMap(userInfo),
    ...[options.brainUrl, env["Z4J_BRAIN_URL"]].flatMap(userInfo),
  ];
  for (const secret of raw) {
    const text = typeof secret === "string" ? secret.trim() : "";
    if (text.length < MIN_CHARS) continue;
    secrets.add(text);
    secrets.add(encodeURIComponent(toWellFormed(text)));
  }
  const all = [...secrets];
  return (text) => withoutSecrets(text, all);
}

// So much of a secret is recognised where a text was cut in the middle of it.
const PREFIX_CHARS = 12;

/** Takes out every occurrence of a secret, also those that end early. */
function withoutSecrets(text: string, secrets: readonly string[]): string {
  let out = "";
  let from = 0;
  for (;;) {
    const starts = secrets.map((secret) => text.indexOf(secret.slice(0, PREFIX_CHARS), from))
      .filter((at) => at >= 0);
    if (starts.length === 0) return out + text.slice(from);
    const at = Math.min(...starts);
    out += text.slice(from, at) + MASK;
    from = at + Math.max(...secrets.map((secret) => sharedChars(text, at, secret)));
  }
}

/** How many characters of a secret stand there; 0 when fewer than its prefix. */
function sharedChars(text: string, at: number, secret: string): number {
  let count = 0;
  while (count < secret.length && text[at + count] === secret[count]) count++;
  return count >= Math.min(PREFIX_CHARS, secret.length) ? count : 0;
}

/** Masks every text in a value. */
export function maskJson(value: JsonValue, mask: Mask): JsonValue {
  if (typeof value === "string") return mask(value);
  if (Array.isArray(value)) return value.map((item: JsonValue) => maskJson(item, mask));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, maskJson(item as JsonValue, mask)]),
  );
}

function proxies(env: Readonly<Record<string, string>>): (string | undefined)[] {
  return Object.keys(env).filter((name) => /^(Z4J|https?|all)_proxy$/i.test(name))
    .map((name) => env[name]);
}

/** User, password and both together of anything that may be a URL. */
function userInfo(text: string | null | undefined): string[] {
  const info = /^(?:[a-z][a-z0-9+.-]*:)?[/\\]*([^/\\?#]*)@/i.exec(text?.trim() ?? "")?.[1];
  if (info === undefined) return [];
  const [user = "", password = ""] = info.split(/:(.*)/s);
  return [info, password, user, decode(password), decode(user)];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function toWellFormed(text: string): string {
  return text.replace(
    /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g,
    "?",
  );
}
