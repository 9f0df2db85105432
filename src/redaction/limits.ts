/** What stands in place of something sensitive (protocol section 21). */
export const REDACTED = "[REDACTED]";
/** What stands in place of values beyond the node limit. */
export const OMITTED = "[OMITTED]";
/** Depth from which everything becomes the marker (protocol section 21). */
export const MAX_DEPTH = 64;
/** Default size of a string value in UTF-8 bytes (protocol section 21). */
export const DEFAULT_MAX_VALUE_BYTES = 8192;
/** Keys longer than this many code points are sensitive (protocol section 21). */
export const MAX_KEY_LENGTH = 256;
/** With extra key patterns, keys longer than this are sensitive (protocol section 21). */
export const MAX_EXTRA_KEY_LENGTH = 64;
/** Most values of one call; bounds the time a host value can take. */
export const MAX_NODES = 10_000;
/** Most keys whose verdict is remembered per redactor. */
export const MAX_CACHED_KEYS = 1024;
/** Longest key that is remembered. */
export const MAX_CACHED_KEY_LENGTH = 64;
