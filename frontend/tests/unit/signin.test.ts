import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Answer } from "../../src/api/transport";
import { ScanProblem } from "../../src/scan/problem";
import { challengeOf, randomText } from "../../src/signin/pkce";
import { Session } from "../../src/signin/session";

const PAGE = "https://page.example.org/";
const ISSUER = { url: "https://login.example.org", clientId: "client7" };
const HOUR = 3_600_000;

type Grant = Record<string, string>;

/** Takes each code and refresh token as told, and numbers the tokens that it gives. */
class FakeIssuer {
  readonly grants: Grant[] = [];
  status = 200;
  fetch = async (url: string, { body }: { body: URLSearchParams }): Promise<Response> => {
    expect(url).toBe("https://login.example.org/oauth2/token");
    this.grants.push(Object.fromEntries(body));
    const first = body.get("grant_type") === "authorization_code" && { refresh_token: "refresh" };
    const granted = { id_token: `id ${this.grants.length}`, expires_in: HOUR / 1_000, ...first };
    return Response.json(this.status === 200 ? granted : { error: "invalid_grant" }, { status: this.status });
  };
}

class FakeStorage {
  readonly kept = new Map<string, string>();
  getItem = (key: string) => this.kept.get(key) ?? null;
  setItem = (key: string, value: string) => void this.kept.set(key, value);
  removeItem = (key: string) => void this.kept.delete(key);
}

let issuer: FakeIssuer;
let storage: FakeStorage;
let gone: URL[];
let now: number;

beforeEach(() => {
  issuer = new FakeIssuer();
  storage = new FakeStorage();
  gone = [];
  now = 0;
  vi.stubGlobal("fetch", issuer.fetch);
});

afterEach(() => vi.unstubAllGlobals());

/** The page as it is loaded, again or for the first time: what it knows is what the storage keeps. */
const loaded = () =>
  new Session(ISSUER, { storage, now: () => now, go: (url) => void gone.push(new URL(url)), page: PAGE });

const query = () => Object.fromEntries(gone.at(-1)?.searchParams ?? []);

async function signedIn(): Promise<Session> {
  await loaded().begin("");
  const session = loaded();
  await session.complete(`?code=c&state=${query().state}`);
  return session;
}

/** What a call was sent with. */
async function sentBy(session: Session, status = 200): Promise<string | undefined> {
  let sent: string | undefined;
  await session.call(async ({ Authorization }): Promise<Answer> => {
    sent = Authorization;
    return { status, text: "{}", retryAfter: null };
  });
  return sent;
}

async function kindOf(failing: Promise<unknown>): Promise<string> {
  const error = await failing.catch((error: unknown) => error);
  if (error instanceof ScanProblem) return error.problem.kind;
  throw new Error(`It did not fail with a problem, but gave ${error}`);
}

describe("PKCE", () => {
  it("makes of a verifier the challenge that the standard's own example has", async () => {
    expect(await challengeOf("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")).toBe(
      "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    );
  });

  it("has verifiers of a form and length that the standard allows, and never the same", () => {
    const verifiers = Array.from({ length: 50 }, randomText);
    for (const verifier of verifiers) expect(verifier).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(new Set(verifiers).size).toBe(50);
  });
});

describe("signing in", () => {
  it("leaves for the sign-in page with the challenge and without the verifier", async () => {
    await loaded().begin("?request=r1");
    expect(gone[0]?.href).toMatch(/^https:\/\/login\.example\.org\/oauth2\/authorize\?/);
    expect(query()).toMatchObject({
      response_type: "code",
      client_id: "client7",
      redirect_uri: PAGE,
      scope: "openid email",
      code_challenge_method: "S256",
    });
    const { verifier, state } = JSON.parse([...storage.kept.values()][0] ?? "") as Grant;
    expect(query()).toMatchObject({ state, code_challenge: await challengeOf(verifier ?? "") });
    expect(gone[0]?.href).not.toContain(verifier);
  });

  it("ends where it began, with a token for the code", async () => {
    await loaded().begin("?request=r1");
    const { verifier } = JSON.parse([...storage.kept.values()][0] ?? "") as Grant;
    const session = loaded();
    expect(session.signedIn.value).toBe(false);
    expect(await session.complete(`?code=c&state=${query().state}`)).toBe("?request=r1");
    expect(issuer.grants).toEqual([
      {
        grant_type: "authorization_code",
        client_id: "client7",
        code: "c",
        code_verifier: verifier,
        redirect_uri: PAGE,
      },
    ]);
    expect(session.signedIn.value).toBe(true);
    expect(await sentBy(session)).toBe("id 1");
  });

  it("is not begun by a page that is merely opened", async () => {
    expect(await loaded().complete("?request=r1")).toBe(null);
    expect(issuer.grants).toEqual([]);
  });

  it.each([
    ["a state of somebody else's", () => "?code=c&state=theirs"],
    ["no code", () => `?error=access_denied&state=${query().state}`],
  ])("takes nothing that comes with %s", async (_, search) => {
    await loaded().begin("");
    const session = loaded();
    expect(await kindOf(session.complete(search()))).toBe("signed_out");
    expect([session.signedIn.value, issuer.grants]).toEqual([false, []]);
  });

  it("takes a code once", async () => {
    const session = await signedIn();
    expect(await kindOf(session.complete(`?code=c&state=${query().state}`))).toBe("signed_out");
    expect(issuer.grants).toHaveLength(1);
  });

  it.each([
    [400, "signed_out"],
    [429, "unavailable"],
    [500, "unavailable"],
  ])("a code answered with %i is told as %s", async (status, kind) => {
    await loaded().begin("");
    issuer.status = status;
    expect(await kindOf(loaded().complete(`?code=c&state=${query().state}`))).toBe(kind);
  });
});

describe("somebody who signed in", () => {
  it("is still there after a reload", async () => {
    await signedIn();
    const reloaded = loaded();
    expect(reloaded.signedIn.value).toBe(true);
    expect(await sentBy(reloaded)).toBe("id 1");
  });

  it("calls with the same token until a minute before its end, then with a new one", async () => {
    const session = await signedIn();
    now = HOUR - 60_001;
    expect(await sentBy(session)).toBe("id 1");
    now = HOUR - 60_000;
    expect(await sentBy(session)).toBe("id 2");
    expect(issuer.grants[1]).toEqual({
      grant_type: "refresh_token",
      client_id: "client7",
      refresh_token: "refresh",
    });
    now += HOUR;
    expect(await sentBy(session)).toBe("id 3");
  });

  it("has one new token for all the calls that need one", async () => {
    const session = await signedIn();
    now = HOUR;
    expect(await Promise.all([1, 2, 3].map(() => sentBy(session)))).toEqual(["id 2", "id 2", "id 2"]);
    expect(issuer.grants).toHaveLength(2);
  });

  it("is signed out when the issuer renews the token no more, and nothing is sent", async () => {
    const session = await signedIn();
    [now, issuer.status] = [HOUR, 400];
    expect(await kindOf(sentBy(session))).toBe("signed_out");
    expect(session.signedIn.value).toBe(false);
    expect(await kindOf(sentBy(session))).toBe("signed_out");
    expect(issuer.grants).toHaveLength(2);
  });

  it("stays signed in when the issuer does not answer", async () => {
    const session = await signedIn();
    [now, issuer.status] = [HOUR, 503];
    expect(await kindOf(sentBy(session))).toBe("unavailable");
    issuer.status = 200;
    expect(await sentBy(session)).toBe("id 3");
  });

  it("is signed out when the service does not know the token", async () => {
    const session = await signedIn();
    expect(await kindOf(sentBy(session, 401))).toBe("signed_out");
    expect(loaded().signedIn.value).toBe(false);
  });

  it("stays signed in when the service refuses something else", async () => {
    const session = await signedIn();
    await sentBy(session, 403);
    expect(session.signedIn.value).toBe(true);
  });

  it("leaves nothing behind on signing out, here or on the sign-in page", async () => {
    (await signedIn()).signOut();
    expect(storage.kept.size).toBe(0);
    expect(gone.at(-1)?.href).toMatch(/^https:\/\/login\.example\.org\/logout\?/);
    expect(query()).toEqual({ client_id: "client7", logout_uri: PAGE });
  });
});
