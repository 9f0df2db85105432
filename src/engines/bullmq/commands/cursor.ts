/** Where a page of dead letters ended. */
export interface Position {
  /** When the last job failed, as Redis sorts it. */
  readonly score: number;
  /** Its task id. */
  readonly taskId?: string | undefined;
  /** Or how many jobs of that millisecond were shown, where the id is too long. */
  readonly skip?: number | undefined;
}

// What a brain keeps of a cursor (protocol section 18.4).
const MAX_CURSOR = 200;
const CURSOR = /^([0-9a-z]{1,11})(?:\.([A-Za-z0-9_-]*)|\+(\d{1,9}))$/;

/** Writes a cursor: letters, digits, and nothing that redaction looks for. */
export function cursorOf({ score, taskId = "" }: Position, shownOfScore: number): string {
  const time = Math.floor(score).toString(36);
  const cursor = `${time}.${encode(taskId)}`;
  return cursor.length <= MAX_CURSOR ? cursor : `${time}+${shownOfScore}`;
}

/** Reads a cursor; `undefined` when it is none of ours. */
export function positionOf(cursor: string): Position | undefined {
  const [, time, id, skip] = CURSOR.exec(cursor) ?? [];
  if (time === undefined) return undefined;
  const score = Number.parseInt(time, 36);
  if (skip !== undefined) return { score, skip: Number(skip) };
  const taskId = decode(id ?? "");
  return taskId === undefined ? undefined : { score, taskId };
}

function encode(text: string): string {
  const binary = String.fromCharCode(...new TextEncoder().encode(text));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function decode(text: string): string | undefined {
  try {
    const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
