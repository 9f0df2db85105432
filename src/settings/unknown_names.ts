import { AGENT_ENV_NAMES, isForeignEnvName } from "./known_env.ts";
import { nearestName } from "./nearest.ts";
import { quoteName, type SettingsProblem } from "./problem.ts";
import { RULES, SETTING_KEYS } from "./table.ts";
import { envText } from "./source.ts";

const OPTION_NAMES: readonly string[] = [...SETTING_KEYS, "env"];

// Names of older agents, whose job Z4J_HOME does now.
const REMOVED: ReadonlySet<string> = new Set(["Z4J_BUFFER_DIR", "Z4J_RUNTIME_DIR"]);

/** A problem for every option that does not exist. */
export function unknownOptions(
  options: object,
  alsoAllowed: readonly string[],
): readonly SettingsProblem[] {
  const allowed = [...OPTION_NAMES, ...alsoAllowed];
  return Object.keys(options).filter((key) => !allowed.includes(key)).map((name) => {
    const message = `Cannot use the option ${quoteName(name)}: there is none of this name, ` +
      `expected ${hint(name, allowed, "one of the documented options")}`;
    return { code: "unknown", name, env: null, message };
  });
}

/** A warning for every `Z4J_*` variable that no part of z4j reads. */
export function unknownEnvNames(
  env: Readonly<Record<string, string>>,
): readonly SettingsProblem[] {
  const strange = Object.keys(env).filter((name) =>
    name.startsWith("Z4J_") && !AGENT_ENV_NAMES.includes(name) && !isForeignEnvName(name)
  );
  return strange.map((name) => {
    const expected = REMOVED.has(name)
      ? "Z4J_HOME"
      : hint(name, AGENT_ENV_NAMES, "one of the documented variables");
    const message = `Cannot use the variable ${quoteName(name)}: there is none of this name, ` +
      `expected ${expected}`;
    return { code: "unknown", name, env: null, message };
  });
}

/** A warning for every secret that is given as a text and as a file. */
export function shadowedFiles(env: Readonly<Record<string, string>>): readonly SettingsProblem[] {
  const warnings: SettingsProblem[] = [];
  for (const key of SETTING_KEYS) {
    const { env: name, fileEnv } = RULES[key];
    if (fileEnv === null || envText(env, fileEnv) === null || envText(env, name) === null) continue;
    const message = `Cannot use ${fileEnv}: ${name} is set too and wins, expected one of the two`;
    warnings.push({ code: "shadowed", name: fileEnv, env: name, message });
  }
  return warnings;
}

function hint(name: string, candidates: readonly string[], otherwise: string): string {
  const nearest = nearestName(name, candidates);
  return nearest === null ? otherwise : `perhaps ${nearest}`;
}
