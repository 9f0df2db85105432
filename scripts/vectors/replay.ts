import { createReplayGuard } from "../../src/protocol/replay_guard.ts";
import { createFrameVerifier } from "../../src/protocol/signing.ts";
import { differs, textOf, type VectorCase } from "./case.ts";
import { createStandingClock, identityOf, keyOf } from "./session.ts";

/** Checks a sequence of frames against one session. */
export async function check(vector: VectorCase): Promise<string | null> {
  if (typeof vector["program"] === "string") return checkProgram(vector);
  const clock = createStandingClock();
  const verifier = createFrameVerifier({
    key: await keyOf(vector),
    identity: identityOf(vector),
    direction: "agent_to_brain",
    clock,
    enforceDirection: false,
  });
  const steps = vector["steps"] as readonly VectorCase[];
  if (steps.length === 0) return "the case has no steps";
  for (const [i, step] of steps.entries()) {
    clock.set(textOf(step, "now"), step["monotonic_seconds"] as number);
    const outcome = await verifier.verify(textOf(step, "frame_text"));
    const expected = textOf(step, "expect");
    const difference = differs(`step ${i}`, outcome.ok ? "accept" : "reject", expected);
    if (difference !== null) return difference;
  }
  return null;
}

// "accept seq 1..N with nonce 'n<seq>' and ts = now, then run the probes"
function checkProgram(vector: VectorCase): string | null {
  const clock = createStandingClock();
  clock.set(textOf(vector, "now"));
  const ts = textOf(vector, "ts");
  const guard = createReplayGuard(clock);
  const count = vector["accepted"] as number;
  for (let seq = 1; seq <= count; seq++) {
    const problem = guard.admit({ seq, nonce: `n${seq}`, ts });
    if (problem !== null) return `seq ${seq} was refused: ${problem}`;
  }
  for (const probe of vector["probes"] as readonly VectorCase[]) {
    const nonce = textOf(probe, "nonce");
    const problem = guard.admit({ seq: probe["seq"] as number, nonce, ts });
    const verdict = problem === null ? "accept" : "reject";
    const difference = differs(`probe ${nonce}`, verdict, probe["expect"]);
    if (difference !== null) return difference;
  }
  return null;
}
