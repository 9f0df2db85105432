// V8 and JavaScriptCore as Deno and Bun print them: "at fn (file:line:column)".
const STACK_LINE = /^\s*at (?:async )?(?:(.+?) \()?((?:[a-z]+:\/\/)?[^()\s][^()]*?):(\d+):\d+\)?$/i;
// More frames than that only lengthen the text; the brain stores 8192 bytes.
const MAX_FRAMES = 20;
const MAX_STACK_CHARS = 5000;

/**
 * A stack with its frames repeated in the form that a brain recognises when it
 * groups failures (protocol section 11.5). Text without frames stays as it is.
 */
export function groupableStack(stack: string): string {
  const frames: string[] = [];
  for (const line of stack.split("\n")) {
    const match = STACK_LINE.exec(line);
    if (match === null) continue;
    frames.push(`  File "${match[2]}", line ${match[3]}, in ${match[1] ?? "<anonymous>"}`);
    if (frames.length === MAX_FRAMES) break;
  }
  if (frames.length === 0) return stack;
  // The most recent call comes last in that form.
  return `${stack.slice(0, MAX_STACK_CHARS)}\n\nTraceback (most recent call last):\n${
    frames.reverse().join("\n")
  }`;
}
