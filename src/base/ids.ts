const HEX: readonly string[] = Array.from(
  { length: 256 },
  (_, i) => i.toString(16).padStart(2, "0"),
);

/** `count` random bytes as lower-case hex. */
export function randomHex(count: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(count));
  let text = "";
  for (const byte of bytes) text += HEX[byte];
  return text;
}

/** A frame id with 128 random bits; the brain answers by this id alone. */
export function frameId(prefix: string): string {
  return `${prefix}_${randomHex(16)}`;
}

/** A random UUID (version 4) in canonical lower-case form. */
export function randomUuid(): string {
  return crypto.randomUUID();
}
