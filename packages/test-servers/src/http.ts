/** Sends a request of a test's set-up and rejects unless it succeeds. */
export async function send(url: URL, init: RequestInit, what: string): Promise<void> {
  const response = await fetch(url, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`can't ${what}: ${response.status} ${text.slice(0, 500)}`);
}

/** Whether a server answers with success there. */
export async function answers(url: string): Promise<boolean> {
  const response = await fetch(url);
  await response.arrayBuffer();
  return response.ok;
}
