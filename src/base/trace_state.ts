/** Most characters of a `tracestate` that is passed on; the rules ask for as many. */
const MAX_CHARS = 512;
const MAX_MEMBERS = 32;
// Those are given up first when a text is too long (W3C Trace Context, section 3.3.1.5).
const LARGE_MEMBER_CHARS = 128;
// What may arrive: 32 members of full length, with spaces around.
const MAX_READ_CHARS = 32 * 1024;

const KEY = /^(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})$/;
const VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/**
 * A `tracestate` that may be passed on (W3C Trace Context): at most 32 members and
 * 512 characters. `undefined` when it is missing or breaks the rules: then none of
 * it goes on. What is too long loses members of more than 128 characters, then the
 * last ones.
 */
export function parseTraceState(header: unknown): string | undefined {
  if (typeof header !== "string" || header.length > MAX_READ_CHARS) return undefined;
  const members: string[] = [];
  const keys = new Set<string>();
  for (const part of header.split(",")) {
    const member = part.replace(/^[ \t]+|[ \t]+$/g, "");
    if (member === "") continue;
    const at = member.indexOf("=");
    const key = member.slice(0, Math.max(0, at));
    if (!KEY.test(key) || !VALUE.test(member.slice(at + 1)) || keys.has(key)) return undefined;
    keys.add(key);
    members.push(member);
  }
  if (members.length > MAX_MEMBERS) return undefined;
  const kept = shortened(members);
  return kept.length === 0 ? undefined : kept.join(",");
}

function shortened(members: readonly string[]): readonly string[] {
  let chars = members.reduce((sum, { length }) => sum + length + 1, -1);
  if (chars <= MAX_CHARS) return members;
  const kept = [...members];
  for (const isGivenUp of [(member: string) => member.length > LARGE_MEMBER_CHARS, () => true]) {
    for (let at = kept.length - 1; at >= 0 && chars > MAX_CHARS; at--) {
      const member = kept[at] ?? "";
      if (!isGivenUp(member)) continue;
      kept.splice(at, 1);
      chars -= member.length + 1;
    }
  }
  return kept;
}
