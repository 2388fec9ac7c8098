/**
 * Return a key for the user of an ID token: its issuer and its subject. Return null if the token has none.
 *
 * The signature is not verified here. The token comes from the issuer over HTTPS, and the API verifies it.
 */
export function userOf(idToken: string): string | null {
  const { iss, sub } = readClaims(idToken);
  return isText(iss) && isText(sub) ? JSON.stringify([iss, sub]) : null;
}

function readClaims(idToken: string): { iss?: unknown; sub?: unknown } {
  try {
    const base64 = (idToken.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)) ?? {};
  } catch {
    return {};
  }
}

function isText(claim: unknown): claim is string {
  return typeof claim === "string" && claim !== "";
}
