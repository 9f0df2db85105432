import type { JsonValue } from "../base/json.ts";
import { RULES, SETTING_KEYS } from "./table.ts";
import type { SettingKey, Settings, SettingSource } from "./settings.ts";

/** A setting as it may be printed. */
export interface DescribedSetting {
  /** The value; `[set]` in place of a secret. */
  readonly value: JsonValue;
  /** Where it came from. */
  readonly source: SettingSource;
}

/** Every setting for logs and doctors, with secrets masked. */
export function describeSettings(
  settings: Settings,
): Readonly<Record<SettingKey, DescribedSetting>> {
  const entries = SETTING_KEYS.map((key) => {
    const value: JsonValue = RULES[key].secret ? "[set]" : settings[key];
    return [key, { value, source: settings.sources[key] }] as const;
  });
  return Object.fromEntries(entries) as Record<SettingKey, DescribedSetting>;
}
