// The rules of protocol section 21, written so that they match what the
// reference's regular expressions match (trap 9): ignoring case, U+0130 and
// U+0131 count as "i" (the flags `iu` already fold U+017F and U+212A), and
// white space, digits and words are those of Unicode. Where one character
// decides as well as many, one is asked for: that keeps hostile text cheap.
const I = "\\u0130\\u0131";
const LETTER = `a-z${I}`;
const TOKEN = `[${LETTER}0-9_-]`;
const ALNUM = `[${LETTER}0-9]`;
const SPACE =
  "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const WORD = "[\\p{L}\\p{N}_]";
const NOT_BEFORE = `(?<!${WORD})`;
const NOT_AFTER = `(?!${WORD})`;

const SOURCES: readonly string[] = [
  `Bearer[${SPACE}]+[${LETTER}0-9._-]{16}`,
  `[spr]k_(?:l[i${I}]ve|test)_${ALNUM}{24}`,
  `whsec_${ALNUM}{24}`,
  `xox[bpa]-[${LETTER}0-9-]{10}`,
  `gh[pos]_${ALNUM}{36}`,
  `g[i${I}]thub_pat_[${LETTER}0-9_]{82}`,
  `A[KS][i${I}]A${ALNUM}{16}`,
  `https://hooks\\.slack\\.com/serv[i${I}]ces/T${ALNUM}+/B${ALNUM}+/${ALNUM}`,
  `A[i${I}]za${TOKEN}{35}`,
  `${NOT_BEFORE}SK[0-9a-f]{32}${NOT_AFTER}`,
  `SG\\.${TOKEN}{22}\\.${TOKEN}{43}`,
  `(?:postgres(?:ql)?|mysql|mar[i${I}]adb|mongodb(?:\\+srv)?|red[i${I}]ss?|amqps?)` +
  `://[^${SPACE}:]+:[^${SPACE}@]+@[^${SPACE}/]`,
  `-----BEGIN (?:(?:RSA|EC|DSA|OPENSSH|ENCRYPTED|PGP) )?PR[i${I}]VATE KEY-----`,
  `[${LETTER}0-9._%+-]@[${LETTER}0-9.-]+\\.[${LETTER}]{2}`,
  `${NOT_BEFORE}\\p{Nd}{3}-\\p{Nd}{2}-\\p{Nd}{4}${NOT_AFTER}`,
];

const VALUE_RULES = new RegExp(SOURCES.join("|"), "iu");
// Each match takes the whole first part of a web token, complete or not, so
// that text made of "eyJ" does not start a search at every one of them.
const WEB_TOKEN = new RegExp(`eyJ${TOKEN}+(\\.${TOKEN}+\\.${TOKEN})?`, "giu");

// Whatever a rule matches contains one of these, or is not ASCII.
const SUSPECT =
  // deno-lint-ignore no-control-regex
  /[@\x80-\uffff]|:\/\/|eyj|arer\s|arer[\x1c-\x1f]|_[lt][ie][vs][et]_|sec_|xox|gh[pos]_|pat_|a[ks]ia|aiza|sk[0-9a-f]{8}|sg\.|-----|\d-\d\d-\d/i;
// The shortest text that a rule matches without an "@" is a web token of 8.
const SHORTEST_WITHOUT_AT = 8;

/** Tells whether a text holds something that a built-in value rule matches. */
export function isSensitiveText(text: string): boolean {
  if (text.length < SHORTEST_WITHOUT_AT && !text.includes("@")) return false;
  return SUSPECT.test(text) && (VALUE_RULES.test(text) || holdsWebToken(text));
}

function holdsWebToken(text: string): boolean {
  for (const match of text.matchAll(WEB_TOKEN)) if (match[1] !== undefined) return true;
  return false;
}
