export {
  createFrameSigner,
  type FrameSigner,
  type FrameSignerOptions,
  type UnsignedFrame,
} from "./frame_signer.ts";
export {
  createFrameVerifier,
  type FrameVerifier,
  type FrameVerifierOptions,
} from "./frame_verifier.ts";
export type { PayloadProblem } from "./payload_rules.ts";
export type { ReplayProblem } from "./replay_guard.ts";
export {
  type UploadEffect,
  uploadEffect,
  type VerifyCloseCode,
  type VerifyOutcome,
  type VerifyReason,
  type VerifyRefusal,
} from "./verify_outcome.ts";
