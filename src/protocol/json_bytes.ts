import { Z4jError } from "../base/errors.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Decodes the bytes of a JSON text. Accepts a UTF-8 byte-order mark, and
 * UTF-16 and UTF-32 in either order, which the reference receiver detects by
 * their first bytes (protocol 6.1). Invalid sequences are refused.
 *
 * @throws Z4jError `Z4J_JSON_INVALID`
 */
export function decodeJsonBytes(bytes: Uint8Array): string {
  const form = detect(bytes);
  if (form.unit > 1) return decodeUnits(bytes, form);
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new Z4jError(
      "Z4J_JSON_INVALID",
      "Cannot decode a JSON text: the bytes are not UTF-8, expected valid UTF-8",
      { cause },
    );
  }
}

interface ByteForm {
  readonly unit: 1 | 2 | 4;
  readonly little: boolean;
  readonly skip: number;
}

const UTF8: ByteForm = { unit: 1, little: false, skip: 0 };

function detect(bytes: Uint8Array): ByteForm {
  if (bytes.length < 2) return UTF8;
  const [a = 0, b = 0, c = 0, d = 0] = bytes;
  const four = bytes.length >= 4;
  if (four && a === 0 && b === 0 && c === 0xfe && d === 0xff) return form(4, false, 4);
  if (four && a === 0xff && b === 0xfe && c === 0 && d === 0) return form(4, true, 4);
  if (a === 0xfe && b === 0xff) return form(2, false, 2);
  if (a === 0xff && b === 0xfe) return form(2, true, 2);
  if (a !== 0 && b !== 0) return UTF8;
  if (four) return a === 0 ? form(b ? 2 : 4, false, 0) : form(c || d ? 2 : 4, true, 0);
  return bytes.length === 2 ? form(2, a !== 0, 0) : UTF8;
}

function form(unit: 2 | 4, little: boolean, skip: number): ByteForm {
  return { unit, little, skip };
}

function decodeUnits(bytes: Uint8Array, { unit, little, skip }: ByteForm): string {
  if (bytes.length % unit !== 0) throw notUnicode(unit);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = "";
  for (let at = skip; at < bytes.length; at += unit) {
    const code = unit === 2 ? view.getUint16(at, little) : view.getUint32(at, little);
    if (code > 0x10ffff) throw notUnicode(unit);
    text += String.fromCodePoint(code);
  }
  return text;
}

function notUnicode(unit: number): Z4jError {
  return new Z4jError(
    "Z4J_JSON_INVALID",
    `Cannot decode a JSON text: the bytes are not UTF-${unit * 8}, expected valid Unicode`,
  );
}
