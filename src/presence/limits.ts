/** Folder of the presence files below the home. */
export const PRESENCE_FOLDER = "agents";

/** Least time between two writes that only refresh figures. */
export const REFRESH_MS = 10_000;

/** Least time between two writes for changes of state. */
export const CHANGE_MS = 1000;

/** Most characters of a file; a larger one is not ours. */
export const MAX_RECORD_CHARS = 262_144;

/** Most files that are read at once; a folder with more is damaged. */
export const MAX_RECORDS = 512;

/** Age from which a file that was never finished is removed. */
export const STALE_DRAFT_MS = 60_000;

/** Most neighbours whose commands are taken at once. */
export const MAX_CALLERS = 64;

/** Most characters of a command or a result between neighbours. */
export const MAX_CALL_CHARS = 8_388_608;

/** How long a caller waits for a neighbour whose event loop may be blocked; nothing is sent yet. */
export const GREETING_MS = 8000;

/** How long a neighbour waits for the command of a caller. */
export const REQUEST_MS = 10_000;
