import { errorText } from "../base/errors.ts";
import type { JsonObject, JsonValue } from "../base/json.ts";
import { isJsonObject } from "../base/json.ts";
import { createPlatform } from "../platform/node.ts";
import type { FlagRules, ParsedFlags } from "./flags.ts";
import { partialSettings } from "./home.ts";
import { CommandError, EXIT } from "./io.ts";

/** Flags of commands that ask a brain's API. */
export const API_FLAGS: FlagRules = {
  url: { type: "string" },
  project: { type: "string" },
};
/** Their lines in `--help`. */
export const API_HELP: readonly string[] = [
  "--url URL         base URL of the brain (default Z4J_BRAIN_URL, or http://127.0.0.1:7700)",
  "--project SLUG    project (default Z4J_PROJECT_ID, or default)",
  "The key is read from Z4J_API_TOKEN, or from ~/.z4j/brain/api-token of the embedded brain;",
  "at the stock brain it is an API key (z4k_...).",
];

const TIMEOUT_MS = 10_000;

/** The REST interface of a project. */
export interface BrainApi {
  /** GET below the project; the parsed body. */
  get(path: string): Promise<JsonValue>;
  /** POST below the project; the parsed body. */
  post(path: string, body: JsonObject): Promise<JsonValue>;
}

/**
 * Opens the API of the brain; nothing is sent yet.
 *
 * @throws {CommandError} when there is no key.
 */
export function openBrainApi(flags: ParsedFlags): BrainApi {
  const platform = createPlatform();
  const values = partialSettings(flags);
  const base = (flags.text("url") ?? values.brainUrl ?? "http://127.0.0.1:7700").replace(
    /\/+$/,
    "",
  );
  const project = flags.text("project") ?? values.projectId ?? "default";
  const key = platform.env(["Z4J_API_TOKEN"])["Z4J_API_TOKEN"]?.trim() || ownKey(platform);
  if (key === null) {
    const text = "Cannot ask the brain: there is no API key, expected Z4J_API_TOKEN or " +
      "~/.z4j/brain/api-token";
    throw new CommandError(text, EXIT.refused);
  }
  const root = `${base}/api/v1/projects/${encodeURIComponent(project)}`;
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const call = (path: string, init: RequestInit): Promise<JsonValue> =>
    ask(`${root}/${path}`, { ...init, headers });
  return {
    get: (path) => call(path, {}),
    post: (path, body) => call(path, { method: "POST", body: JSON.stringify(body) }),
  };
}

function ownKey(platform: ReturnType<typeof createPlatform>): string | null {
  try {
    return platform.readTextFile("~/.z4j/brain/api-token");
  } catch {
    return null;
  }
}

async function ask(url: string, init: RequestInit): Promise<JsonValue> {
  let response: Response;
  try {
    response = await fetch(url, {
      ...init,
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    const { origin } = new URL(url);
    throw new CommandError(
      `Cannot reach the brain at ${origin}: ${errorText(error)}`,
      EXIT.unreachable,
    );
  }
  const body = await json(response);
  if (response.ok) return body;
  const detail = isJsonObject(body) && typeof body["detail"] === "string" ? body["detail"] : "";
  const exit = response.status === 401 || response.status === 403 ? EXIT.refused : EXIT.failed;
  throw new CommandError(
    `The brain answered HTTP ${response.status}: ${detail.slice(0, 300)}`,
    exit,
  );
}

async function json(response: Response): Promise<JsonValue> {
  try {
    return await response.json() as JsonValue;
  } catch {
    return null;
  }
}

/** The objects of a list, or of the `items` of a page. */
export function rowsOf(body: JsonValue): readonly JsonObject[] {
  const list = isJsonObject(body) ? body["items"] : body;
  return Array.isArray(list) ? list.filter((item): item is JsonObject => isJsonObject(item)) : [];
}

/** A member as text; empty when it is none. */
export function textOf(row: JsonObject, key: string): string {
  const value = row[key];
  return typeof value === "string" ? value : "";
}
