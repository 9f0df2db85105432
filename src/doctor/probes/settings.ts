import type { SettingsProblem } from "@z4j/core/diagnostics";
import type { DoctorCode } from "../codes.ts";
import type { DoctorContext } from "../context.ts";
import { fail, type Finding, ok, type Probe, warn } from "../probe.ts";

/** Settings: all problems at once, and what keeps an agent from starting. */
export const settingsProbe: Probe = {
  id: "settings",
  title: "settings",
  needs: [],
  run(context) {
    const { outcome, values } = context;
    if (!outcome.ok) return wrong(outcome.problems, outcome.warnings, context);
    if (values.disabled) {
      return fail("Z4J_DOCTOR_DISABLED", "Z4J_DISABLED is set, so no agent starts");
    }
    if (values.autostart === false) {
      const detail = "Z4J_AUTOSTART is off, so the agent waits for start()";
      return warn("Z4J_DOCTOR_AUTOSTART_OFF", detail);
    }
    if (outcome.warnings.length > 0) return unknown(outcome.warnings);
    const sources = Object.values(outcome.settings.sources);
    const count = (source: string): number => sources.filter((one) => one === source).length;
    const detail = `${count("env") + count("file")} from the environment, ` +
      `${count("option")} from options, the rest default`;
    return ok(detail);
  },
};

const CODE: Readonly<Record<SettingsProblem["code"], DoctorCode>> = {
  missing: "Z4J_DOCTOR_SETTINGS_MISSING",
  invalid: "Z4J_DOCTOR_SETTINGS_INVALID",
  insecure: "Z4J_DOCTOR_SETTINGS_INSECURE",
  unreadable: "Z4J_DOCTOR_SETTINGS_UNREADABLE",
  unknown: "Z4J_DOCTOR_SETTINGS_UNKNOWN",
  shadowed: "Z4J_DOCTOR_SETTINGS_UNKNOWN",
};

function wrong(
  problems: readonly SettingsProblem[],
  warnings: readonly SettingsProblem[],
  context: DoctorContext,
): Finding {
  const [first] = problems;
  const lines = [...problems, ...warnings].slice(1).map(({ message }) => message);
  const facts = { problems: problems.map(({ code, name, message }) => ({ code, name, message })) };
  const isBlind = first?.code === "missing" && !canReadEnv(first, context);
  const code = isBlind ? "Z4J_DOCTOR_PERMISSION_ENV" : CODE[first?.code ?? "invalid"];
  const detail = isBlind
    ? `no permission to read ${first?.env ?? "the environment"}`
    : first?.message ?? "the settings are wrong";
  return fail(code, detail, { lines: isBlind ? [first?.message ?? "", ...lines] : lines, facts });
}

function canReadEnv({ env }: SettingsProblem, { isGranted, options }: DoctorContext): boolean {
  if (options.settings?.env !== undefined || env === null) return true;
  return isGranted({ name: "env" }) || isGranted({ name: "env", variable: env });
}

function unknown(warnings: readonly SettingsProblem[]): Finding {
  const [first, ...rest] = warnings;
  return warn("Z4J_DOCTOR_SETTINGS_UNKNOWN", first?.message ?? "", {
    lines: rest.map(({ message }) => message),
  });
}
