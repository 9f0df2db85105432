import { MAX_KEY_LENGTH } from "./limits.ts";

/** Names whose values are always redacted, in lower case (protocol section 21). */
export const SENSITIVE_KEYS: ReadonlySet<string> = new Set([
  "access_token",
  "accesstoken",
  "api_key",
  "api_token",
  "apikey",
  "apitoken",
  "auth",
  "authorization",
  "bearer_token",
  "bearertoken",
  "card_number",
  "client_secret",
  "clientsecret",
  "cookie",
  "credentials",
  "credit_card",
  "credit_card_number",
  "cvc",
  "cvv",
  "hmac_secret",
  "hmacsecret",
  "id_token",
  "idtoken",
  "new_password",
  "old_password",
  "passwd",
  "password",
  "password_confirmation",
  "password_hash",
  "pwd",
  "refresh_token",
  "refreshtoken",
  "secret",
  "secrets",
  "session_token",
  "sessiontoken",
  "set-cookie",
  "set_cookie",
  "social_security",
  "social_security_number",
  "ssn",
  "token",
  "webhook_secret",
  "webhooksecret",
  "x-api-key",
  "x_api_key",
]);

/** Tells whether the values under a key are sensitive by the built-in rules. */
export function isSensitiveKey(key: string): boolean {
  if (key.length > MAX_KEY_LENGTH && [...key].length > MAX_KEY_LENGTH) return true;
  return SENSITIVE_KEYS.has(foldCase(key));
}

// Ignoring case, the reference also takes these four letters for ASCII ones
// (trap 9).
function foldCase(text: string): string {
  return text.replace(/[\u0130\u0131]/g, "i").replaceAll("\u017f", "s").toLowerCase();
}
