import type { JsonValue } from "../base/json.ts";
import { RULES, SETTING_KEYS } from "./table.ts";
import type { Rule } from "./rule.ts";
import type { SettingKey, Settings, SettingSource, SettingValues } from "./settings.ts";
import { optionName } from "./source.ts";

/** A setting as it may be printed. */
export interface DescribedSetting {
  /** The value; `[set]` in place of a secret. */
  readonly value: JsonValue;
  /** Where it came from. */
  readonly source: SettingSource;
  /** The option, variable or file variable that it came from; `null` for the default. */
  readonly from: string | null;
}

/** Every setting for logs and doctors, with secrets masked. */
export function describeSettings(
  settings: Settings,
): Readonly<Record<SettingKey, DescribedSetting>> {
  const entries = SETTING_KEYS.map((key) => {
    const source = settings.sources[key];
    return [key, { value: shown(key, settings), source, from: origin(key, source) }] as const;
  });
  return Object.fromEntries(entries) as Record<SettingKey, DescribedSetting>;
}

function shown<K extends SettingKey>(key: K, settings: Settings): JsonValue {
  const rule: Rule<SettingValues[K]> = RULES[key];
  const value: SettingValues[K] = settings[key];
  if (rule.secret) return value === null ? null : "[set]";
  // Without a way to show it, a value is JSON already.
  return rule.show === undefined ? value as JsonValue : rule.show(value);
}

function origin(key: SettingKey, source: SettingSource): string | null {
  const rule = RULES[key];
  if (source === "env") return rule.env;
  if (source === "file") return rule.fileEnv;
  return source === "option" ? optionName(key, rule) : null;
}
