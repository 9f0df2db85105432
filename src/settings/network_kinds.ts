import { BARE, describeType, type Parsed, type Rule, type RuleFacts } from "./rule.ts";

const CERTIFICATE = "-----BEGIN CERTIFICATE-----";

/** PEM certificates as a text, or the path of a file with them. */
export function certificates(facts: RuleFacts): Rule<string | null> {
  const parse = (value: string): Parsed<string> => {
    // Many tools cannot put line ends into a variable and write `\n` instead.
    if (value.includes(CERTIFICATE)) return right(value.replaceAll("\\n", "\n"));
    if (value.includes("-----BEGIN")) return wrong("it is PEM, but no certificate");
    return hasControl(value) ? wrong("it contains a control character") : right(value);
  };
  return {
    ...BARE,
    ...facts,
    kind: "path",
    expected: "PEM certificates or the path of a file with them",
    fallback: null,
    defaultText: null,
    parseText: parse,
    parseOption: fromString(parse),
  };
}

/** The address of a proxy, perhaps with credentials. */
export function proxyUrl(facts: RuleFacts): Rule<string | null> {
  const parse = (value: string): Parsed<string> => {
    const url = URL.canParse(value) ? new URL(value) : null;
    if (url === null || url.hostname === "") return wrong("it is not a URL with a host");
    const isHttp = url.protocol === "http:" || url.protocol === "https:";
    return isHttp ? right(value) : wrong("its scheme is neither http nor https");
  };
  return {
    ...BARE,
    ...facts,
    kind: "url",
    expected: "an http or https URL such as http://proxy.example.com:3128",
    fallback: null,
    defaultText: "of HTTPS_PROXY, HTTP_PROXY or ALL_PROXY",
    secret: true,
    parseText: parse,
    parseOption: fromString(parse),
  };
}

function fromString(parse: (text: string) => Parsed<string>): (value: unknown) => Parsed<string> {
  return (value) => typeof value === "string" ? parse(value.trim()) : wrong(describeType(value));
}

function hasControl(text: string): boolean {
  return /\p{Cc}/u.test(text);
}

function right(value: string): Parsed<string> {
  return { ok: true, value };
}

function wrong(state: string): Parsed<string> {
  return { ok: false, state };
}
