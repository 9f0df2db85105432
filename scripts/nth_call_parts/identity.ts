/** What the agents of all hosts sign with. */
export const SECRET: Uint8Array<ArrayBuffer> = new Uint8Array(32).fill(9);
/** What they say to the brain of the run. */
export const TOKEN = "token-of-the-nth-call";
