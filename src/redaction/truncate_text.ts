const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Cuts a text to `maxBytes` UTF-8 bytes and states how many were removed
 * (protocol section 21). A character that is cut becomes U+FFFD.
 */
export function truncateText(text: string, maxBytes: number): string {
  // A UTF-16 unit takes at most three bytes.
  if (text.length * 3 <= maxBytes) return text;
  const bytes = encoder.encode(text);
  if (bytes.length <= maxBytes) return text;
  const kept = decoder.decode(bytes.subarray(0, maxBytes));
  return `${kept}[...${bytes.length - maxBytes} more bytes truncated]`;
}
