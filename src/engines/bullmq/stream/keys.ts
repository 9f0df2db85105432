/** Names of the keys that the agents of one project share in Redis. */
export interface SharedKeys {
  /** Who reads; a token with a time to live. */
  readonly lease: string;
  /** Hash: queue to position. */
  readonly cursors: string;
  /** Hash: worker with an agent to its times. */
  readonly workers: string;
}

/** The keys of a project and a prefix; two projects on one Redis do not meet. */
export function sharedKeys(scope: string, prefix: string): SharedKeys {
  return {
    lease: `z4j:lease:${scope}:${prefix}`,
    cursors: `z4j:cursor:${scope}:${prefix}`,
    workers: `z4j:local:${scope}:${prefix}`,
  };
}
