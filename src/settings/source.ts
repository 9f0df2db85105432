import type { AgentSettingsOptions } from "./options.ts";
import type { SettingsProblem } from "./problem.ts";
import type { Parsed, Rule } from "./rule.ts";
import { REQUIRED } from "./rule.ts";
import type { SettingKey, SettingSource } from "./settings.ts";

/** What the resolver asks of the surroundings; the `Platform` port fits. */
export interface SettingsPlatform {
  /** The environment, or at least the variables named. */
  env(names?: readonly string[]): Readonly<Record<string, string>>;
  /** Home directory of the user, or `null`. */
  homeDir(): string | null;
  /** Directory for temporary files. */
  tempDir(): string;
  /** Numeric user id, or a user name that fits in a file name. */
  userId(): string;
  /** Text of a small file, trimmed. Throws when it cannot be read. */
  readTextFile(path: string): string;
  /** The path, absolute, with `~`, `..` and symbolic links resolved. */
  realPath(path: string): string;
}

/** Where values come from. */
export interface Inputs {
  /** What the user wrote. */
  readonly options: AgentSettingsOptions;
  /** The environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Reads secret files. */
  readonly platform: SettingsPlatform;
}

/** A value with its origin, or the problem that stands in its place. */
export type Found<T> =
  | { readonly ok: true; readonly value: T; readonly source: SettingSource }
  | { readonly ok: false; readonly problem: SettingsProblem };

/** Finds one setting: variable, then file, then option, then default. */
export function findSetting<T>(key: SettingKey, rule: Rule<T>, inputs: Inputs): Found<T> {
  const text = envText(inputs.env, rule.env);
  if (text !== null) return accept(rule.parseText(text), "env", rule.env, rule);
  const file = rule.fileEnv === null ? null : envText(inputs.env, rule.fileEnv);
  if (rule.fileEnv !== null && file !== null) return fromFile(rule, rule.fileEnv, file, inputs);
  const option = optionValue(key, rule, inputs.options);
  if (!isBlank(option)) {
    return accept(rule.parseOption(option), "option", optionName(key, rule), rule);
  }
  if (rule.fallback !== REQUIRED) return { ok: true, value: rule.fallback, source: "default" };
  return { ok: false, problem: missing(key, rule) };
}

/** How the option of a setting is written: `capture.args`, `token`. */
export function optionName(key: SettingKey, { option }: Pick<Rule<never>, "option">): string {
  return option === undefined ? key : option.join(".");
}

function optionValue<T>(
  key: SettingKey,
  { option }: Rule<T>,
  options: AgentSettingsOptions,
): unknown {
  const all = options as Readonly<Record<string, unknown>>;
  if (option === undefined) return all[key];
  const group = all[option[0]];
  if (typeof group !== "object" || group === null) return undefined;
  return (group as Readonly<Record<string, unknown>>)[option[1]];
}

/** The trimmed text of a variable; `null` when it is unset or empty. */
export function envText(env: Readonly<Record<string, string>>, name: string): string | null {
  const value: unknown = Object.hasOwn(env, name) ? env[name] : undefined;
  const text = typeof value === "string" ? value.trim() : "";
  return text === "" ? null : text;
}

function isBlank(value: unknown): boolean {
  return value === undefined || value === null ||
    (typeof value === "string" && value.trim() === "");
}

function fromFile<T>(rule: Rule<T>, fileEnv: string, path: string, inputs: Inputs): Found<T> {
  let text: string;
  try {
    text = inputs.platform.readTextFile(path).trim();
  } catch {
    // Neither the path nor the reason is shown: somebody may have put the secret itself here.
    return unreadable(rule, fileEnv, "the file cannot be read");
  }
  if (text === "") return unreadable(rule, fileEnv, "the file is empty");
  return accept(rule.parseText(text), "file", fileEnv, rule);
}

function accept<T>(
  parsed: Parsed<T>,
  source: SettingSource,
  name: string,
  rule: Rule<T>,
): Found<T> {
  if (parsed.ok) return { ok: true, value: parsed.value, source };
  const message = `Cannot use ${name}: ${parsed.state}, expected ${rule.expected}`;
  return { ok: false, problem: { code: "invalid", name, env: rule.env, message } };
}

function unreadable<T>(rule: Rule<T>, fileEnv: string, state: string): Found<T> {
  const message = `Cannot use ${fileEnv}: ${state}, expected a readable file with the secret`;
  return { ok: false, problem: { code: "unreadable", name: fileEnv, env: rule.env, message } };
}

// People search for the setting as the original spells it: `hmac_secret is required`.
function missing<T>(key: SettingKey, rule: Rule<T>): SettingsProblem {
  const original = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const file = rule.fileEnv === null ? "" : ` or ${rule.fileEnv}`;
  const message = `Cannot start the agent: ${original} is required, ` +
    `expected the option ${optionName(key, rule)} or the variable ${rule.env}${file}`;
  return { code: "missing", name: key, env: rule.env, message };
}
