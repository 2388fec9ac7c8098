import { problem, ScanProblem } from "../scan/problem";

/** Where people sign in, and as which client of the user pool. */
export interface Issuer {
  /** An origin, without a slash at its end. */
  readonly url: string;
  readonly clientId: string;
}

export interface Tokens {
  readonly idToken: string;
  readonly refreshToken: string | null;
  /** Milliseconds since 1970, by this machine's clock. */
  readonly expiresAt: number;
}

interface Granted {
  readonly id_token: string;
  readonly refresh_token?: string;
  /** Seconds. */
  readonly expires_in: number;
}

const ANSWER_WITHIN = 30_000;

/** What a grant brings; null where the issuer refuses it. @throws ScanProblem when it does not answer */
export async function tokensFor(
  grant: Record<string, string>,
  { url, clientId }: Issuer,
  now: () => number,
): Promise<Tokens | null> {
  const asked = now();
  const response = await answerTo(`${url}/oauth2/token`, new URLSearchParams({ ...grant, client_id: clientId }));
  if (response.status >= 500 || response.status === 429) throw unanswered();
  if (!response.ok) return null;
  const granted = (await response.json()) as Granted;
  return {
    idToken: granted.id_token,
    refreshToken: granted.refresh_token ?? grant.refresh_token ?? null,
    expiresAt: asked + granted.expires_in * 1_000,
  };
}

async function answerTo(url: string, body: URLSearchParams): Promise<Response> {
  const signal = AbortSignal.timeout(ANSWER_WITHIN);
  try {
    return await fetch(url, { method: "POST", body, signal, credentials: "omit", cache: "no-store" });
  } catch (cause) {
    throw unanswered({ cause });
  }
}

function unanswered(options?: ErrorOptions): ScanProblem {
  return new ScanProblem(problem("unavailable", "The sign-in service does not answer."), null, options);
}
