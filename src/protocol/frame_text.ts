import { decodeJsonBytes } from "./json_bytes.ts";
import { JsonScanner, type MemberSpan } from "./json_scanner.ts";
import { stringText } from "./json_text.ts";
import { type JsonTree, JsonTreeObject, printCanonical } from "./json_tree.ts";
import type { SessionIdentity } from "./identity.ts";
import { compareCodePoints } from "./json_text.ts";

/** A frame that was parsed and not judged yet. */
export interface ParsedFrame {
  /** The text as received. */
  readonly text: string;
  /** Its content. */
  readonly tree: JsonTree;
  /** Where the outermost members stand in the text. */
  readonly spans: ReadonlyMap<string, MemberSpan>;
}

/** A frame that is a JSON object. */
export interface ParsedObject extends ParsedFrame {
  readonly tree: JsonTreeObject;
}

/**
 * Parses a frame; bytes are decoded first.
 *
 * @throws Z4jError `Z4J_JSON_INVALID`
 */
export function parseFrame(data: string | Uint8Array): ParsedFrame {
  const text = typeof data === "string" ? data : decodeJsonBytes(data);
  const spans = new Map<string, MemberSpan>();
  return { text, tree: new JsonScanner(text, spans).parse(), spans };
}

/** Whether a frame is a JSON object. */
export function isObject(frame: ParsedFrame): frame is ParsedObject {
  return frame.tree instanceof JsonTreeObject;
}

const IDENTITY_KEYS = ["agent_id", "project_id", "session_id"] as const;

/**
 * The text under the HMAC: the frame without `hmac`, with the identities of
 * the session, canonical (protocol section 7). Members whose source text is
 * canonical already are copied instead of printed again.
 *
 * @throws Z4jError `Z4J_JSON_UNPRINTABLE`
 */
export function signedText(frame: ParsedObject, identity: SessionIdentity): string {
  const members = outerMembers(frame);
  members.set("agent_id", stringText(identity.agentId));
  members.set("project_id", stringText(identity.projectId));
  members.set("session_id", stringText(identity.sessionId));
  let text = "";
  for (const key of [...members.keys()].sort(compareCodePoints)) {
    text += `${text === "" ? "{" : ","}${stringText(key)}:${members.get(key)}`;
  }
  return text + "}";
}

function outerMembers(frame: ParsedObject): Map<string, string> {
  const members = new Map<string, string>();
  const { tree } = frame;
  tree.keys.forEach((key, i) => {
    if (key === "hmac" || (IDENTITY_KEYS as readonly string[]).includes(key)) return;
    const span = frame.spans.get(key);
    members.set(
      key,
      span?.canonical
        ? frame.text.slice(span.start, span.end)
        : printCanonical(tree.values[i] as JsonTree),
    );
  });
  return members;
}
