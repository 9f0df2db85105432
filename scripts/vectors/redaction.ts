import { createRedactor } from "../../src/redaction/redactor.ts";
import { differs, type VectorCase } from "./case.ts";

/** Checks the redaction of a JSON value with default settings. */
export function check(vector: VectorCase): Promise<string | null> {
  const output = createRedactor().redact(vector["input"]);
  return Promise.resolve(differs("output", output, vector["output"]));
}
