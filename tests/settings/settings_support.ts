import type { SettingsPlatform } from "../../src/settings/source.ts";
import type { AgentSettingsOptions } from "../../src/settings/options.ts";
import type { SettingsChecks, SettingsOutcome } from "../../src/settings/resolve.ts";
import { resolveSettings } from "../../src/settings/resolve.ts";
import type { Settings } from "../../src/settings/settings.ts";
import type { SettingsProblem } from "../../src/settings/problem.ts";

export const REQUIRED_OPTIONS: AgentSettingsOptions = {
  brainUrl: "https://tasks.example.com",
  token: "token-text",
  hmacSecret: "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I",
  projectId: "picker",
};

export function fakePlatform(
  env: Readonly<Record<string, string>> = {},
  more: Partial<SettingsPlatform> = {},
): SettingsPlatform {
  return {
    env: () => env,
    homeDir: () => "/home/ada",
    tempDir: () => "/tmp",
    userId: () => "33",
    readTextFile: () => {
      throw new Error("ENOENT");
    },
    realPath: (path) => path.replace(/^~/, "/home/ada"),
    ...more,
  };
}

/** Resolves with the required options present unless `options` overrides them. */
export function resolve(
  options: object,
  env: Readonly<Record<string, string>> = {},
  checks?: SettingsChecks,
): SettingsOutcome {
  return resolveSettings({ ...REQUIRED_OPTIONS, ...options }, fakePlatform(env), checks);
}

export function settingsOf(outcome: SettingsOutcome): Settings {
  if (!outcome.ok) throw new Error(outcome.problems.map((one) => one.message).join("\n"));
  return outcome.settings;
}

export function problemsOf(outcome: SettingsOutcome): readonly SettingsProblem[] {
  if (outcome.ok) throw new Error("the settings were accepted");
  return outcome.problems;
}
