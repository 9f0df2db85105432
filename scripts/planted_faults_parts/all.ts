import { BUFFER_FAULTS } from "./buffer.ts";
import { BULLMQ_FAULTS } from "./bullmq.ts";
import { DELIVERY_FAULTS } from "./delivery.ts";
import type { PlacedFault } from "./fault.ts";
import { GATEWAY_FAULTS } from "./gateway.ts";
import { PROTOCOL_FAULTS } from "./protocol.ts";
import { REDACTION_FAULTS } from "./redaction.ts";
import { SETTINGS_FAULTS } from "./settings.ts";

/** Every fault, part by part. */
export const FAULTS: readonly PlacedFault[] = [
  PROTOCOL_FAULTS,
  BUFFER_FAULTS,
  DELIVERY_FAULTS,
  GATEWAY_FAULTS,
  SETTINGS_FAULTS,
  REDACTION_FAULTS,
  BULLMQ_FAULTS,
].flatMap(({ area, faults }) => faults.map((fault) => ({ area, ...fault })));
