import { errorText, isZ4jError } from "../base/errors.ts";
import { decodeHmacSecret } from "../protocol/hmac.ts";
import { MIN_SECRET_BYTES } from "../protocol/limits.ts";

/** What is wrong with the text of an HMAC secret, without the secret, or `null`. */
export function secretProblem(text: string): string | null {
  try {
    const { length } = decodeHmacSecret(text);
    return length >= MIN_SECRET_BYTES ? null : `it has ${length} bytes`;
  } catch (error) {
    return isZ4jError(error) ? "it is not URL-safe base64" : errorText(error);
  }
}
