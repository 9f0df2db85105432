import { embeddedBed, scratch, stockBed } from "./doctor_bed.ts";
import type { BedBrain } from "./doctor_bed.ts";
import type { CertShop } from "./doctor_certs.ts";
import {
  BRAIN_KINDS,
  jsonOf,
  type ProbeJson,
  runDoctorProcess,
  runtimeName,
} from "./doctor_child.ts";
import type { Stage } from "./doctor_stages.ts";
import { BRAIN_STAGES, LAST_STAGES } from "./doctor_stages_brain.ts";
import { FAULT_STAGES } from "./doctor_stages_faults.ts";
import { MORE_STAGES } from "./doctor_stages_more.ts";
import { NETWORK_STAGES } from "./doctor_stages_network.ts";

/** What came of a stage. */
export interface StageResult {
  readonly stage: Stage;
  readonly exit: number | null;
  /** The line that must tell, or `undefined`. */
  readonly probe: Told | undefined;
  /** What is not as expected; empty when all is. */
  readonly wrong: readonly string[];
  readonly ms: number;
}

/** Every staged trouble. */
export const STAGES: readonly Stage[] = [
  ...NETWORK_STAGES,
  ...MORE_STAGES,
  ...BRAIN_STAGES,
  ...FAULT_STAGES,
  ...LAST_STAGES,
];

/** The stages that can be on this runtime and this kind of brain. */
export function stagesFor(kind: BedBrain["kind"]): readonly Stage[] {
  const runtime = runtimeName;
  return STAGES.filter(({ only, needsBrain }) =>
    (only?.runtime ?? runtime) === runtime && (only?.brain ?? kind) === kind &&
    only?.not !== runtime && (needsBrain || kind === BRAIN_KINDS[0])
  );
}

/** Starts a brain of a kind. */
export function startBed(kind: BedBrain["kind"]): Promise<BedBrain> {
  return kind === "stock" ? stockBed() : embeddedBed();
}

/** What a line told. */
type Told = Pick<ProbeJson, "name" | "status" | "code" | "message" | "remedy">;

/**
 * Brings a trouble about, runs the doctor, and compares: what it printed as
 * JSON, or as text.
 */
export async function runStage(
  stage: Stage,
  brain: BedBrain,
  certs: CertShop,
  format: "json" | "text" = "json",
): Promise<StageResult> {
  const folder = scratch();
  const deferred: (() => unknown)[] = [];
  try {
    const options = await stage.set({
      brain,
      certs,
      folder: folder.path,
      async agent() {
        const agent = await brain.mint();
        return { ...agent, env: { ...agent.env, Z4J_HOME: `${folder.path}/home` } };
      },
      defer: (action) => void deferred.push(action),
    });
    const form = format === "json" ? "--json" : "--verbose";
    const args = [...options.args ?? [], form, "--app", folder.path];
    const run = await runDoctorProcess({ ...options, env: envOf(options.env ?? {}), args });
    const probes = format === "json" ? jsonOf(run).probes : probesOf(run.out);
    const wrong = [
      ...compare(stage, run.code, probes),
      ...leaks(options.env ?? {}, run.out + run.err),
      ...(run.err === "" ? [] : [`stderr: ${run.err}`]),
    ];
    const probe = probes.find(({ name }) => name === stage.probe);
    return { stage, exit: run.code, probe, wrong, ms: run.ms };
  } finally {
    for (const action of deferred.reverse()) await action();
    folder.remove();
  }
}

/** Node takes a CA from a variable of its own only. */
function envOf(env: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const { Z4J_CA: ca, ...rest } = env;
  const isForNode = runtimeName === "node" && ca !== undefined && ca.endsWith(".pem");
  return isForNode ? { ...rest, NODE_EXTRA_CA_CERTS: ca } : env;
}

/** Reads the rows of the text. */
function probesOf(text: string): readonly Told[] {
  const found: Told[] = [];
  for (const line of text.split("\n")) {
    const row = /^ {2}\[(OK|WARN|FAIL|SKIP)\] +(\w+) +\1: (.*?)(?: \(\d+ ms\))?$/.exec(line);
    const last = found.at(-1);
    if (row !== null) {
      const [, word = "", name = "", message = ""] = row;
      const status = word.toLowerCase() as Told["status"];
      found.push({ name, status, message, code: null, remedy: null });
    } else if (last !== undefined && line.startsWith(" ".repeat(9))) {
      found[found.length - 1] = { ...last, ...furtherOf(line.trim()) };
    }
  }
  return found;
}

function furtherOf(text: string): Partial<Told> {
  if (text.startsWith("-> ")) return { remedy: text.slice(3) };
  return /^Z4J_DOCTOR_\w+$/.test(text) ? { code: text } : {};
}

/** Secrets of the environment that the output shows. */
function leaks(env: Readonly<Record<string, string>>, output: string): string[] {
  const proxy = /:\/\/[^/@]*:([^/@]*)@/.exec(env["Z4J_PROXY"] ?? "")?.[1];
  const secrets = [env["Z4J_TOKEN"], env["Z4J_HMAC_SECRET"], proxy, env["Z4J_HMAC_SECRT"]];
  return secrets.filter((secret) => secret !== undefined && output.includes(secret))
    .map(() => "a secret is shown");
}

function compare(stage: Stage, exit: number | null, probes: readonly Told[]): string[] {
  const wrong: string[] = [];
  if (exit !== stage.exit) wrong.push(`exit ${exit}, expected ${stage.exit}`);
  const told = probes.filter(({ code }) => code !== null)
    .map(({ name, code, message }) => `${name}: ${code} ${message}`);
  if (stage.probe === null) {
    if (told.length > 0) wrong.push(...told);
    if (!probes.some(({ message }) => stage.text.test(message))) wrong.push("text missing");
    return wrong;
  }
  const probe = probes.find(({ name }) => name === stage.probe);
  const codes = typeof stage.code === "string" ? [stage.code] : stage.code ?? [];
  if (!codes.includes(probe?.code ?? "")) wrong.push(`expected ${codes}, got ${told.join("; ")}`);
  if (!stage.text.test(probe?.message ?? "")) wrong.push(`text is: ${probe?.message}`);
  if ((probe?.remedy ?? "") === "") wrong.push("there is no remedy");
  return wrong;
}
