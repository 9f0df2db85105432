/** Prefix of API tokens, so that secret scanners find them. */
export const API_TOKEN_PREFIX = "z4jb_";
/** An unused sign-in link ends after an hour. */
export const SIGN_IN_LINK_MS: number = 60 * 60 * 1_000;
/** A session ends after seven days, like that of the original brain. */
export const SESSION_MS: number = 7 * 24 * 60 * 60 * 1_000;
/** Sessions kept; the oldest makes room. */
export const MAX_SESSIONS = 64;
/** Wrong sign-in tokens per window before every attempt is refused. */
export const MAX_SIGN_IN_FAILURES = 20;
/** The window of the failures. */
export const SIGN_IN_WINDOW_MS: number = 60 * 1_000;
/** Largest request body of API and page. */
export const MAX_BODY_BYTES: number = 64 * 1_024;
