/**
 * The text of a body, or `null` as soon as it has more than `maxBytes`: the rest
 * is not read. A missing body is an empty text.
 */
export async function readText(
  { body }: Pick<Response, "body">,
  maxBytes: number,
): Promise<string | null> {
  if (body === null) return "";
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.byteLength;
    if (bytes > maxBytes) {
      // Who sends it may be gone by now.
      await reader.cancel().catch(() => {});
      return null;
    }
    text += decoder.decode(value, { stream: true });
  }
}
