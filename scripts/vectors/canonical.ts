import { isZ4jError } from "../../src/base/errors.ts";
import { hexOf } from "../../src/base/hex.ts";
import {
  type JsonTree,
  parseJsonBytes,
  parseJsonTree,
  printCanonical,
} from "../../src/protocol/json_tree.ts";
import { bytesOfHex, differs, firstOf, textOf, type VectorCase } from "./case.ts";

/** Checks what is signed for a text, or that it is refused. */
export async function check(vector: VectorCase): Promise<string | null> {
  const canonical = attempt(() => printCanonical(parse(vector)));
  if (vector["informative_only"] === true) return null;
  if (vector["rejected"] === true) return differs("canonical", canonical, null);
  return firstOf(
    differs("canonical", canonical, textOf(vector, "canonical")),
    await digestDiffers(vector, canonical),
    doubleDiffers(vector),
  );
}

function parse(vector: VectorCase): JsonTree {
  const bytes = vector["wire_bytes_hex"];
  if (typeof bytes === "string") return parseJsonBytes(bytesOfHex(bytes));
  const text = textOf(vector, "wire_text");
  return parseJsonTree(text);
}

async function digestDiffers(vector: VectorCase, canonical: string | null): Promise<string | null> {
  const expected = vector["canonical_sha256"];
  if (typeof expected !== "string") return null;
  const bytes = new TextEncoder().encode(canonical ?? "");
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return differs("canonical_sha256", hexOf(digest), expected);
}

// `js_text` is how ECMAScript prints the double with these bits.
function doubleDiffers(vector: VectorCase): string | null {
  const bits = vector["bits_hex"];
  if (typeof bits !== "string") return null;
  const double = new DataView(bytesOfHex(bits).buffer as ArrayBuffer).getFloat64(0);
  return firstOf(
    differs(
      "js_text",
      Object.is(double, -0) ? vector["js_text"] : String(double),
      vector["js_text"],
    ),
    differs("double", Number(textOf(vector, "canonical")), double),
  );
}

function attempt(action: () => string): string | null {
  try {
    return action();
  } catch (error) {
    if (isZ4jError(error)) return null;
    throw error;
  }
}
