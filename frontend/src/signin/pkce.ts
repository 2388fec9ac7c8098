/** Proof Key for Code Exchange (RFC 7636): only the browser that started a sign-in can complete it. */

/** Generate 256 random bits for a verifier or a state. */
export function randomText(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

/** Compute the S256 challenge of a verifier. Browsers support this only over HTTPS and on localhost. */
export async function challengeOf(verifier: string): Promise<string> {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}
