import { signal } from "@preact/signals";
import type { HttpResponse } from "../api/transport";
import { errorInfo, ScanError } from "../core/errors";
import { challengeOf, randomText } from "./pkce";
import { type Issuer, requestTokens, revokeToken, type Tokens } from "./tokens";
import { userOf } from "./user";

export interface SessionDependencies {
  /** Storage that lasts as long as the tab and is not shared with other tabs. */
  readonly storage: Pick<Storage, "getItem" | "setItem" | "removeItem">;
  readonly now: () => number;
  /** Leave the page for another URL. */
  readonly navigate: (url: string) => void;
  /** URL of the page without a query. The issuer redirects to it. */
  readonly pageUrl: string;
}

interface PendingSignIn {
  readonly state: string;
  readonly verifier: string;
  /** Query string of the page when the sign-in started. */
  readonly search: string;
}

const TOKENS = "imagescan.tokens";
const PENDING = "imagescan.sign-in";
/** Tokens are refreshed this long before they expire, so that they do not expire during a call. */
const EXPIRY_SKEW_MS = 60_000;

/**
 * The session of a user. Sign-in uses the authorization code flow with PKCE on the pages of the issuer.
 *
 * A page that was restored from the cache of the browser can find tokens of another user in the storage. A session
 * ignores them.
 */
export class Session {
  /** False as soon as the issuer or the API rejects the tokens. */
  readonly signedIn = signal(false);
  private currentUser: string | null;
  private unrevokedToken: string | null = null;
  private refreshing: Promise<Tokens | null> | null = null;

  constructor(
    private readonly issuer: Issuer,
    private readonly deps: SessionDependencies,
  ) {
    const tokens = this.read<Tokens>(TOKENS);
    this.currentUser = tokens && userOf(tokens.idToken);
    this.signedIn.value = this.currentUser !== null;
  }

  /** A key for the user, or null before the sign-in. It stays the same after the session has ended. */
  get user(): string | null {
    return this.currentUser;
  }

  /** Redirect to the sign-in page. */
  async begin(search: string): Promise<void> {
    const pending: PendingSignIn = { state: randomText(), verifier: randomText(), search };
    this.write(PENDING, pending);
    const query = new URLSearchParams({
      response_type: "code",
      client_id: this.issuer.clientId,
      redirect_uri: this.deps.pageUrl,
      scope: "openid email",
      state: pending.state,
      code_challenge: await challengeOf(pending.verifier),
      code_challenge_method: "S256",
    });
    this.deps.navigate(`${this.issuer.url}/oauth2/authorize?${query}`);
  }

  /**
   * Complete a sign-in with the query of the redirect from the sign-in page.
   *
   * @returns the query string from before the sign-in, or null if this is not a redirect
   * @throws ScanError if the sign-in failed
   */
  async handleRedirect(search: string): Promise<string | null> {
    const params = new URLSearchParams(search);
    if (!params.has("state")) return null;
    const pending = this.read<PendingSignIn>(PENDING);
    this.deps.storage.removeItem(PENDING);
    const [code, state] = [params.get("code"), params.get("state")];
    if (!pending || state !== pending.state || !code) throw signedOut("Sign-in failed. Try again.");
    const grant = { grant_type: "authorization_code", code, code_verifier: pending.verifier };
    const tokens = await requestTokens({ ...grant, redirect_uri: this.deps.pageUrl }, this.issuer, this.deps.now);
    const user = tokens && userOf(tokens.idToken);
    if (!user) throw signedOut("Sign-in failed. Try again.");
    this.currentUser = user;
    this.save(tokens);
    return pending.search;
  }

  /** Make an API call as the user. @throws ScanError of kind "signed_out" if there is no valid session */
  async call(call: (headers: Record<string, string>) => Promise<HttpResponse>): Promise<HttpResponse> {
    const response = await call({ Authorization: await this.token() });
    if (response.status === 401) throw this.end();
    return response;
  }

  /**
   * End the session in this tab and revoke its refresh token. After a failure, call it again.
   *
   * @throws ScanError if the issuer does not confirm the revocation
   */
  async revoke(): Promise<void> {
    this.unrevokedToken ??= this.tokens()?.refreshToken ?? null;
    this.end();
    if (this.unrevokedToken) await revokeToken(this.unrevokedToken, this.issuer);
    this.unrevokedToken = null;
  }

  /** Redirect to the sign-out page of the issuer. */
  leave(): void {
    const query = new URLSearchParams({ client_id: this.issuer.clientId, logout_uri: this.deps.pageUrl });
    this.deps.navigate(`${this.issuer.url}/logout?${query}`);
  }

  private async token(): Promise<string> {
    const tokens = this.tokens();
    if (!tokens) throw this.end();
    if (this.deps.now() < tokens.expiresAt - EXPIRY_SKEW_MS) return tokens.idToken;
    const refreshed = await this.refresh(tokens);
    if (!refreshed) throw this.end();
    return refreshed.idToken;
  }

  /** Refresh the tokens once for all calls that wait for them. */
  private refresh({ refreshToken }: Tokens): Promise<Tokens | null> {
    this.refreshing ??= this.requestRefresh(refreshToken).finally(() => {
      this.refreshing = null;
    });
    return this.refreshing;
  }

  private async requestRefresh(refreshToken: string | null): Promise<Tokens | null> {
    if (!refreshToken) return null;
    const grant = { grant_type: "refresh_token", refresh_token: refreshToken };
    const tokens = await requestTokens(grant, this.issuer, this.deps.now);
    // The session may have ended, or another user may have signed in, while the request was in progress.
    if (!tokens || !this.tokens() || !this.isOwn(tokens)) return null;
    this.save(tokens);
    return tokens;
  }

  /** Return the tokens of the user of this session, or null if there are none. */
  private tokens(): Tokens | null {
    const tokens = this.read<Tokens>(TOKENS);
    return tokens && this.isOwn(tokens) ? tokens : null;
  }

  private isOwn({ idToken }: Tokens): boolean {
    return this.currentUser !== null && userOf(idToken) === this.currentUser;
  }

  private save(tokens: Tokens): void {
    this.write(TOKENS, tokens);
    this.signedIn.value = true;
  }

  private end(): ScanError {
    if (this.tokens()) this.deps.storage.removeItem(TOKENS);
    this.signedIn.value = false;
    return signedOut("Sign in again.");
  }

  private read<T>(key: string): T | null {
    return JSON.parse(this.deps.storage.getItem(key) ?? "null") as T | null;
  }

  private write(key: string, value: object): void {
    this.deps.storage.setItem(key, JSON.stringify(value));
  }
}

function signedOut(message: string): ScanError {
  return new ScanError(errorInfo("signed_out", message));
}
