/**
 * The three identities that enter every signature of a session (protocol
 * section 7). They are never transmitted inside signed frames.
 */
export interface SessionIdentity {
  /** Agent UUID, lower case with dashes. */
  readonly agentId: string;
  /** Project UUID, lower case with dashes. */
  readonly projectId: string;
  /** Session id that the brain chose; on long-poll, the session nonce. */
  readonly sessionId: string;
}
