import { signal } from "@preact/signals";
import type { Answer } from "../api/transport";
import { problem, ScanProblem } from "../scan/problem";
import { challengeOf, randomText } from "./pkce";
import { type Issuer, type Tokens, tokensFor } from "./tokens";

/** The browser around a session. */
export interface Surroundings {
  /** Kept for as long as this tab is open, and seen by no other. */
  readonly storage: Pick<Storage, "getItem" | "setItem" | "removeItem">;
  readonly now: () => number;
  /** Leaves the page for another address. */
  readonly go: (url: string) => void;
  /** The page's own address, without query: where people come back to. */
  readonly page: string;
}

interface Begun {
  readonly state: string;
  readonly verifier: string;
  /** The query of the page that was left. */
  readonly search: string;
}

const TOKENS = "imagescan.tokens";
const BEGUN = "imagescan.sign-in";
/** So long before its end a token is no longer sent, because a call takes a while. */
const MARGIN = 60_000;

/** Somebody's sign-in, by the authorization code flow with PKCE: it begins and ends on the issuer's own pages. */
export class Session {
  /** Whether there is somebody, as far as is known. */
  readonly signedIn = signal(false);
  private refreshing: Promise<Tokens | null> | null = null;

  constructor(
    private readonly issuer: Issuer,
    private readonly around: Surroundings,
  ) {
    this.signedIn.value = this.read<Tokens>(TOKENS) !== null;
  }

  /** Leaves for the sign-in page. */
  async begin(search: string): Promise<void> {
    const begun: Begun = { state: randomText(), verifier: randomText(), search };
    this.write(BEGUN, begun);
    const query = new URLSearchParams({
      response_type: "code",
      client_id: this.issuer.clientId,
      redirect_uri: this.around.page,
      scope: "openid email",
      state: begun.state,
      code_challenge: await challengeOf(begun.verifier),
      code_challenge_method: "S256",
    });
    this.around.go(`${this.issuer.url}/oauth2/authorize?${query}`);
  }

  /**
   * Takes what the sign-in page sent back with somebody.
   *
   * @returns the query of the page that was left; null where nobody comes from there
   * @throws ScanProblem where they were not signed in
   */
  async complete(search: string): Promise<string | null> {
    const sent = new URLSearchParams(search);
    if (!sent.has("state")) return null;
    const begun = this.read<Begun>(BEGUN);
    this.around.storage.removeItem(BEGUN);
    const [code, state] = [sent.get("code"), sent.get("state")];
    if (!begun || state !== begun.state || !code) throw refusal("You were not signed in. Try it again.");
    const grant = { grant_type: "authorization_code", code, code_verifier: begun.verifier };
    const tokens = await tokensFor({ ...grant, redirect_uri: this.around.page }, this.issuer, this.around.now);
    if (!tokens) throw refusal("The sign-in was not accepted. Try it again.");
    this.keep(tokens);
    return begun.search;
  }

  /** Makes a call to the service as who is signed in. @throws ScanProblem "signed_out" where that is nobody */
  async call(call: (headers: Record<string, string>) => Promise<Answer>): Promise<Answer> {
    const answer = await call({ Authorization: await this.token() });
    if (answer.status === 401) throw this.end();
    return answer;
  }

  /** Forgets who is signed in, here and on the sign-in page. */
  signOut(): void {
    this.end();
    const query = new URLSearchParams({ client_id: this.issuer.clientId, logout_uri: this.around.page });
    this.around.go(`${this.issuer.url}/logout?${query}`);
  }

  private async token(): Promise<string> {
    const tokens = this.read<Tokens>(TOKENS);
    if (!tokens) throw this.end();
    if (this.around.now() < tokens.expiresAt - MARGIN) return tokens.idToken;
    const renewed = await this.renewed(tokens);
    if (!renewed) throw this.end();
    return renewed.idToken;
  }

  /** One renewal for all the calls that wait for it. */
  private renewed({ refreshToken }: Tokens): Promise<Tokens | null> {
    this.refreshing ??= this.renew(refreshToken).finally(() => {
      this.refreshing = null;
    });
    return this.refreshing;
  }

  private async renew(refreshToken: string | null): Promise<Tokens | null> {
    if (!refreshToken) return null;
    const grant = { grant_type: "refresh_token", refresh_token: refreshToken };
    const tokens = await tokensFor(grant, this.issuer, this.around.now);
    if (tokens) this.keep(tokens);
    return tokens;
  }

  private keep(tokens: Tokens): void {
    this.write(TOKENS, tokens);
    this.signedIn.value = true;
  }

  private end(): ScanProblem {
    this.around.storage.removeItem(TOKENS);
    this.signedIn.value = false;
    return new ScanProblem(problem("signed_out", "Sign in again."));
  }

  private read<T>(key: string): T | null {
    return JSON.parse(this.around.storage.getItem(key) ?? "null") as T | null;
  }

  private write(key: string, value: object): void {
    this.around.storage.setItem(key, JSON.stringify(value));
  }
}

function refusal(message: string): ScanProblem {
  return new ScanProblem(problem("signed_out", message));
}
