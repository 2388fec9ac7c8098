import { errorInfo, ScanError } from "../core/errors";

/** The Cognito user pool domain and app client that users sign in with. */
export interface Issuer {
  /** Origin, without a trailing slash. */
  readonly url: string;
  readonly clientId: string;
}

export interface Tokens {
  readonly idToken: string;
  readonly refreshToken: string | null;
  /** Milliseconds since 1970, measured with the clock of this device. */
  readonly expiresAt: number;
}

interface TokenResponse {
  readonly id_token: string;
  readonly refresh_token?: string;
  /** Seconds. */
  readonly expires_in: number;
}

const RESPONSE_TIMEOUT_MS = 30_000;

/** Exchange a grant for tokens. Return null if the issuer rejects it. @throws ScanError if the issuer is unavailable */
export async function requestTokens(
  grant: Record<string, string>,
  { url, clientId }: Issuer,
  now: () => number,
): Promise<Tokens | null> {
  const requestedAt = now();
  const response = await postForm(`${url}/oauth2/token`, new URLSearchParams({ ...grant, client_id: clientId }));
  if (response.status >= 500 || response.status === 429) throw issuerUnavailable();
  if (!response.ok) return null;
  const tokens = (await response.json()) as TokenResponse;
  return {
    idToken: tokens.id_token,
    refreshToken: tokens.refresh_token ?? grant.refresh_token ?? null,
    expiresAt: requestedAt + tokens.expires_in * 1_000,
  };
}

/** Revoke a refresh token. @throws ScanError if the issuer does not confirm it */
export async function revokeToken(token: string, { url, clientId }: Issuer): Promise<void> {
  const response = await postForm(`${url}/oauth2/revoke`, new URLSearchParams({ token, client_id: clientId }));
  if (!response.ok) throw issuerUnavailable();
}

async function postForm(url: string, body: URLSearchParams): Promise<Response> {
  const signal = AbortSignal.timeout(RESPONSE_TIMEOUT_MS);
  try {
    return await fetch(url, { method: "POST", body, signal, credentials: "omit", cache: "no-store" });
  } catch (cause) {
    throw issuerUnavailable({ cause });
  }
}

function issuerUnavailable(options?: ErrorOptions): ScanError {
  return new ScanError(errorInfo("unavailable", "The sign-in service is unavailable."), null, options);
}
