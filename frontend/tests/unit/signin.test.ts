import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { HttpResponse } from "../../src/api/transport";
import { ScanError } from "../../src/core/errors";
import { challengeOf, randomText } from "../../src/signin/pkce";
import { Session } from "../../src/signin/session";

const PAGE_URL = "https://page.example.org/";
const ISSUER = { url: "https://login.example.org", clientId: "client7" };
const HOUR = 3_600_000;

type Grant = Record<string, string>;

/** Encode an ID token with these claims. Its signature is not valid, because only the API verifies it. */
function idToken(claims: object): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  return `${encode({ alg: "RS256" })}.${encode(claims)}.signature`;
}

/** Signs in `user`. Accepts every code and token unless `status` says otherwise, and numbers its tokens. */
class FakeIssuer {
  readonly grants: Grant[] = [];
  readonly revocations: Grant[] = [];
  user = "ann";
  status = 200;
  fetch = async (url: string, { body }: { body: URLSearchParams }): Promise<Response> => {
    if (this.status === 0) throw new TypeError("Failed to fetch");
    if (url === "https://login.example.org/oauth2/revoke") return this.revoke(body);
    expect(url).toBe("https://login.example.org/oauth2/token");
    this.grants.push(Object.fromEntries(body));
    const refresh = body.get("grant_type") === "authorization_code" && { refresh_token: `refresh of ${this.user}` };
    const tokens = { id_token: this.token(this.grants.length), expires_in: HOUR / 1_000, ...refresh };
    return Response.json(this.status === 200 ? tokens : { error: "invalid_grant" }, { status: this.status });
  };

  token(number: number, sub = this.user): string {
    return idToken({ iss: "https://pool.example.org", sub, number });
  }

  private revoke(body: URLSearchParams): Response {
    this.revocations.push(Object.fromEntries(body));
    return new Response(null, { status: this.status });
  }
}

class FakeStorage {
  readonly items = new Map<string, string>();
  getItem = (key: string) => this.items.get(key) ?? null;
  setItem = (key: string, value: string) => void this.items.set(key, value);
  removeItem = (key: string) => void this.items.delete(key);
}

let issuer: FakeIssuer;
let storage: FakeStorage;
let visited: URL[];
let now: number;

beforeEach(() => {
  issuer = new FakeIssuer();
  storage = new FakeStorage();
  visited = [];
  now = 0;
  vi.stubGlobal("fetch", issuer.fetch);
});

afterEach(() => vi.unstubAllGlobals());

/** Load the page. Only the storage survives between two loads. Every tab has a storage of its own. */
const loadPage = (tab = storage) =>
  new Session(ISSUER, {
    storage: tab,
    now: () => now,
    navigate: (url) => void visited.push(new URL(url)),
    pageUrl: PAGE_URL,
  });

const lastQuery = () => Object.fromEntries(visited.at(-1)?.searchParams ?? []);

async function signIn(user = "ann", tab = storage): Promise<Session> {
  issuer.user = user;
  await loadPage(tab).begin("");
  const session = loadPage(tab);
  await session.handleRedirect(`?code=c&state=${lastQuery().state}`);
  return session;
}

/** Make a call and return its Authorization header. */
async function callWith(session: Session, status = 200): Promise<string | undefined> {
  let header: string | undefined;
  await session.call(async ({ Authorization }): Promise<HttpResponse> => {
    header = Authorization;
    return { status, text: "{}", retryAfter: null };
  });
  return header;
}

async function kindOf(failing: Promise<unknown>): Promise<string> {
  const error = await failing.catch((error: unknown) => error);
  if (error instanceof ScanError) return error.info.kind;
  throw new Error(`Expected a ScanError, got ${error}`);
}

describe("PKCE", () => {
  it("computes the challenge of the example in RFC 7636", async () => {
    expect(await challengeOf("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")).toBe(
      "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    );
  });

  it("generates unique verifiers that RFC 7636 allows", () => {
    const verifiers = Array.from({ length: 50 }, randomText);
    for (const verifier of verifiers) expect(verifier).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(new Set(verifiers).size).toBe(50);
  });
});

describe("sign-in", () => {
  it("redirects to the sign-in page with the challenge but not the verifier", async () => {
    await loadPage().begin("?request=r1");
    expect(visited[0]?.href).toMatch(/^https:\/\/login\.example\.org\/oauth2\/authorize\?/);
    expect(lastQuery()).toMatchObject({
      response_type: "code",
      client_id: "client7",
      redirect_uri: PAGE_URL,
      scope: "openid email",
      code_challenge_method: "S256",
    });
    const { verifier, state } = JSON.parse([...storage.items.values()][0] ?? "") as Grant;
    expect(lastQuery()).toMatchObject({ state, code_challenge: await challengeOf(verifier ?? "") });
    expect(visited[0]?.href).not.toContain(verifier);
  });

  it("exchanges the code for a token and restores the query string", async () => {
    await loadPage().begin("?request=r1");
    const { verifier } = JSON.parse([...storage.items.values()][0] ?? "") as Grant;
    const session = loadPage();
    expect(session.signedIn.value).toBe(false);
    expect(await session.handleRedirect(`?code=c&state=${lastQuery().state}`)).toBe("?request=r1");
    expect(issuer.grants).toEqual([
      {
        grant_type: "authorization_code",
        client_id: "client7",
        code: "c",
        code_verifier: verifier,
        redirect_uri: PAGE_URL,
      },
    ]);
    expect(session.signedIn.value).toBe(true);
    expect(await callWith(session)).toBe(issuer.token(1));
  });

  it("does not start when the page is opened normally", async () => {
    expect(await loadPage().handleRedirect("?request=r1")).toBe(null);
    expect(issuer.grants).toEqual([]);
  });

  it.each([
    ["the state of another sign-in", () => "?code=c&state=other"],
    ["no code", () => `?error=access_denied&state=${lastQuery().state}`],
  ])("rejects a redirect with %s", async (_, search) => {
    await loadPage().begin("");
    const session = loadPage();
    expect(await kindOf(session.handleRedirect(search()))).toBe("signed_out");
    expect([session.signedIn.value, issuer.grants]).toEqual([false, []]);
  });

  it("accepts a code only once", async () => {
    const session = await signIn();
    expect(await kindOf(session.handleRedirect(`?code=c&state=${lastQuery().state}`))).toBe("signed_out");
    expect(issuer.grants).toHaveLength(1);
  });

  it.each([
    [400, "signed_out"],
    [429, "unavailable"],
    [500, "unavailable"],
  ])("reports a %i response to the code as %s", async (status, kind) => {
    await loadPage().begin("");
    issuer.status = status;
    expect(await kindOf(loadPage().handleRedirect(`?code=c&state=${lastQuery().state}`))).toBe(kind);
  });
});

describe("a session", () => {
  it("survives a reload", async () => {
    await signIn();
    const reloaded = loadPage();
    expect(reloaded.signedIn.value).toBe(true);
    expect(await callWith(reloaded)).toBe(issuer.token(1));
  });

  it("refreshes its token one minute before it expires", async () => {
    const session = await signIn();
    now = HOUR - 60_001;
    expect(await callWith(session)).toBe(issuer.token(1));
    now = HOUR - 60_000;
    expect(await callWith(session)).toBe(issuer.token(2));
    expect(issuer.grants[1]).toEqual({
      grant_type: "refresh_token",
      client_id: "client7",
      refresh_token: "refresh of ann",
    });
    now += HOUR;
    expect(await callWith(session)).toBe(issuer.token(3));
  });

  it("refreshes its token once for concurrent calls", async () => {
    const session = await signIn();
    now = HOUR;
    expect(await Promise.all([1, 2, 3].map(() => callWith(session)))).toEqual([
      issuer.token(2),
      issuer.token(2),
      issuer.token(2),
    ]);
    expect(issuer.grants).toHaveLength(2);
  });

  it("ends without a call when the issuer rejects the refresh token", async () => {
    const session = await signIn();
    [now, issuer.status] = [HOUR, 400];
    expect(await kindOf(callWith(session))).toBe("signed_out");
    expect(session.signedIn.value).toBe(false);
    expect(await kindOf(callWith(session))).toBe("signed_out");
    expect(issuer.grants).toHaveLength(2);
  });

  it("continues when the issuer is unavailable", async () => {
    const session = await signIn();
    [now, issuer.status] = [HOUR, 503];
    expect(await kindOf(callWith(session))).toBe("unavailable");
    issuer.status = 200;
    expect(await callWith(session)).toBe(issuer.token(3));
  });

  it("ends when the API rejects the token", async () => {
    const session = await signIn();
    expect(await kindOf(callWith(session, 401))).toBe("signed_out");
    expect(loadPage().signedIn.value).toBe(false);
  });

  it("continues when the API rejects a call for another reason", async () => {
    const session = await signIn();
    await callWith(session, 403);
    expect(session.signedIn.value).toBe(true);
  });

  it("does not continue when a refresh completes after its end", async () => {
    const session = await signIn();
    now = HOUR;
    const call = callWith(session);
    await session.revoke();
    expect(await kindOf(call)).toBe("signed_out");
    expect([session.signedIn.value, storage.items.size]).toEqual([false, 0]);
  });
});

describe("the user of a session", () => {
  it("is the issuer and the subject of the ID token", async () => {
    expect(loadPage().user).toBeNull();
    const session = await signIn();
    expect(session.user).toBe(JSON.stringify(["https://pool.example.org", "ann"]));
    expect(loadPage().user).toBe(session.user);
    expect((await signIn("bob")).user).not.toBe(session.user);
  });

  it.each([
    ["no claims", "token"],
    ["claims that are not JSON", "e30.e30x.s"],
    ["no subject", idToken({ iss: "https://pool.example.org" })],
    ["an empty subject", idToken({ iss: "https://pool.example.org", sub: "" })],
    ["no issuer", idToken({ sub: "ann" })],
  ])("must be known, so a token with %s is rejected", async (_, token) => {
    vi.spyOn(issuer, "token").mockReturnValue(token);
    expect(await kindOf(signIn())).toBe("signed_out");
    expect(loadPage().signedIn.value).toBe(false);
  });

  it("may have any Unicode name", async () => {
    expect((await signIn("Zoë 猫")).user).toContain("Zoë 猫");
  });

  it("never makes calls with the token of another user who signed in later in the same tab", async () => {
    const annsPage = await signIn("ann");
    const bobsPage = await signIn("bob");
    expect(await kindOf(callWith(annsPage))).toBe("signed_out");
    expect(annsPage.signedIn.value).toBe(false);
    expect(await callWith(bobsPage)).toBe(issuer.token(2, "bob"));
    expect(loadPage().user).toBe(bobsPage.user);
  });

  it("stays the same when the API rejects a token after another user signed in", async () => {
    const annsPage = await signIn("ann");
    const call = annsPage.call(async () => {
      await signIn("bob");
      return { status: 401, text: "", retryAfter: null };
    });
    expect(await kindOf(call)).toBe("signed_out");
    expect(loadPage().user).toContain("bob");
  });

  it("stays the same when the issuer refreshes the tokens of another user", async () => {
    const session = await signIn("ann");
    [now, issuer.user] = [HOUR, "bob"];
    expect(await kindOf(callWith(session))).toBe("signed_out");
    expect([session.signedIn.value, storage.items.size]).toEqual([false, 0]);
  });

  it("differs between tabs", async () => {
    const annsTab = await signIn("ann", new FakeStorage());
    const bobsTab = await signIn("bob", new FakeStorage());
    expect(await callWith(annsTab)).toBe(issuer.token(1, "ann"));
    expect(await callWith(bobsTab)).toBe(issuer.token(2, "bob"));
  });
});

describe("sign-out", () => {
  it("revokes the refresh token and removes the session here and at the issuer", async () => {
    const session = await signIn();
    await session.revoke();
    expect(issuer.revocations).toEqual([{ token: "refresh of ann", client_id: "client7" }]);
    expect([session.signedIn.value, storage.items.size]).toEqual([false, 0]);
    session.leave();
    expect(visited.at(-1)?.href).toMatch(/^https:\/\/login\.example\.org\/logout\?/);
    expect(lastQuery()).toEqual({ client_id: "client7", logout_uri: PAGE_URL });
  });

  it.each([0, 400, 429, 503])("reports a %i response to the revocation, and can be repeated", async (status) => {
    const session = await signIn();
    issuer.status = status;
    expect(await kindOf(session.revoke())).toBe("unavailable");
    expect([session.signedIn.value, storage.items.size]).toEqual([false, 0]);
    issuer.status = 200;
    await session.revoke();
    expect(issuer.revocations.at(-1)).toEqual({ token: "refresh of ann", client_id: "client7" });
    const { length } = issuer.revocations;
    await session.revoke();
    expect(issuer.revocations).toHaveLength(length);
  });

  it("revokes nothing without a refresh token", async () => {
    const session = await signIn();
    const [key, value] = [...storage.items][0] ?? ["", ""];
    storage.setItem(key, JSON.stringify({ ...JSON.parse(value), refreshToken: null }));
    await session.revoke();
    expect([session.signedIn.value, issuer.revocations]).toEqual([false, []]);
  });

  it("never revokes the refresh token of another user", async () => {
    const annsPage = await signIn("ann");
    await signIn("bob");
    await annsPage.revoke();
    expect(issuer.revocations).toEqual([]);
    expect(loadPage().user).toContain("bob");
  });
});
