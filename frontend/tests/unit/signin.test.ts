import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { HttpResponse } from "../../src/api/transport";
import { ScanError } from "../../src/core/errors";
import { challengeOf, randomText } from "../../src/signin/pkce";
import { Session } from "../../src/signin/session";

const PAGE_URL = "https://page.example.org/";
const ISSUER = { url: "https://login.example.org", clientId: "client7" };
const HOUR = 3_600_000;

type Grant = Record<string, string>;

/** Accepts every code and refresh token unless `status` says otherwise, and numbers its tokens. */
class FakeIssuer {
  readonly grants: Grant[] = [];
  status = 200;
  fetch = async (url: string, { body }: { body: URLSearchParams }): Promise<Response> => {
    expect(url).toBe("https://login.example.org/oauth2/token");
    this.grants.push(Object.fromEntries(body));
    const refresh = body.get("grant_type") === "authorization_code" && { refresh_token: "refresh" };
    const tokens = { id_token: `id ${this.grants.length}`, expires_in: HOUR / 1_000, ...refresh };
    return Response.json(this.status === 200 ? tokens : { error: "invalid_grant" }, { status: this.status });
  };
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

/** Load the page. Only the storage survives between two loads. */
const loadPage = () =>
  new Session(ISSUER, {
    storage,
    now: () => now,
    navigate: (url) => void visited.push(new URL(url)),
    pageUrl: PAGE_URL,
  });

const lastQuery = () => Object.fromEntries(visited.at(-1)?.searchParams ?? []);

async function signIn(): Promise<Session> {
  await loadPage().begin("");
  const session = loadPage();
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
    expect(await callWith(session)).toBe("id 1");
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
    expect(await callWith(reloaded)).toBe("id 1");
  });

  it("refreshes its token one minute before it expires", async () => {
    const session = await signIn();
    now = HOUR - 60_001;
    expect(await callWith(session)).toBe("id 1");
    now = HOUR - 60_000;
    expect(await callWith(session)).toBe("id 2");
    expect(issuer.grants[1]).toEqual({
      grant_type: "refresh_token",
      client_id: "client7",
      refresh_token: "refresh",
    });
    now += HOUR;
    expect(await callWith(session)).toBe("id 3");
  });

  it("refreshes its token once for concurrent calls", async () => {
    const session = await signIn();
    now = HOUR;
    expect(await Promise.all([1, 2, 3].map(() => callWith(session)))).toEqual(["id 2", "id 2", "id 2"]);
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
    expect(await callWith(session)).toBe("id 3");
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

  it("is removed here and at the issuer on sign-out", async () => {
    (await signIn()).signOut();
    expect(storage.items.size).toBe(0);
    expect(visited.at(-1)?.href).toMatch(/^https:\/\/login\.example\.org\/logout\?/);
    expect(lastQuery()).toEqual({ client_id: "client7", logout_uri: PAGE_URL });
  });
});
