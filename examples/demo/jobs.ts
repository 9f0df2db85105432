const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Sends a welcome mail; always works. */
export async function sendMail(input: { readonly to: number }): Promise<{ delivered: number }> {
  await pause(20 + Math.random() * 80);
  return { delivered: input.to };
}

/** Charges a card; the first two attempts of every job fail. */
export async function chargeCard(
  input: { readonly invoice: number },
  attempt: number,
): Promise<{ invoice: number; attempt: number }> {
  await pause(30);
  if (attempt < 3) throw new Error(`gateway timed out on attempt ${attempt}`);
  return { invoice: input.invoice, attempt };
}

/** Renders a report; one in three is broken for good. */
export async function renderReport(input: { readonly page: number }): Promise<{ page: number }> {
  await pause(50);
  if (input.page % 3 === 0) throw new RangeError(`page ${input.page} has no data`);
  return { page: input.page };
}
