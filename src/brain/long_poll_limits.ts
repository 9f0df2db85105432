/** Long-poll sessions of one agent (protocol 22.6). */
export const NONCES_PER_AGENT = 16;
/** Long-poll sessions in all (protocol 22.6). */
export const NONCES = 4096;
/** An unused session ends after this (protocol 22.6). */
export const NONCE_IDLE_MS = 300_000;
/** Nonces that were invalidated and stay refused. */
export const BURNT_NONCES = 4096;
/** Longest nonce. */
export const NONCE_CHARS = 128;
/** Longest wait of a poll in seconds (protocol 22.1). */
export const MAX_WAIT_SECONDS = 60;
/** Wait of a poll that names none, in seconds (protocol 22.1). */
export const WAIT_SECONDS = 30;
/** Most command frames of one poll (protocol 22.1). */
export const MAX_POLL_FRAMES = 500;
/** Command frames of a poll that names no number (protocol 22.1). */
export const POLL_FRAMES = 50;
/** Most frames of one POST (protocol 22.1). */
export const MAX_POST_FRAMES = 500;
/** Pause between two polls in which a session still gets commands; ours. */
export const POLL_PAUSE_MS = 10_000;
/** Commands that wait for a poll; ours, like the pending ones of a connect. */
export const WAITING_COMMANDS = 500;
/** Error texts of one answer (protocol 22.2). */
export const MAX_ERRORS = 10;
