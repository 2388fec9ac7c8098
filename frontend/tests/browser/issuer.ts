import { createHash, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { PAGE_URL } from "./harness";

export const CLIENT_ID = "client7";

const HOUR = 3_600;

type Handler = (request: IncomingMessage, url: URL, body: Buffer) => Response | Promise<Response>;

/** An HTTP server on a free local port. */
class LocalServer {
  private readonly server: Server;

  constructor(private readonly handler: Handler) {
    this.server = createServer((request, response) => this.respond(request, response));
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    return this;
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private async respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const result = await this.handler(request, new URL(request.url ?? "", this.origin), await bodyOf(request));
    // fetch has decompressed the body, so these headers no longer describe it.
    const { "content-encoding": _, "content-length": __, ...headers } = Object.fromEntries(result.headers);
    response.writeHead(result.status, headers).end(Buffer.from(await result.arrayBuffer()));
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** Encode an ID token. It is not signed, because the page does not verify signatures. */
function idToken(sub: string): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  return `${encode({ alg: "none" })}.${encode({ iss: "https://pool.example.org", sub, jti: randomUUID() })}.`;
}

/** Return the user of an ID token, or null without a token. */
export function subjectOf(authorization: string | undefined): string | null {
  const claims = authorization?.split(".")[1];
  return claims ? JSON.parse(Buffer.from(claims, "base64url").toString()).sub : null;
}

/** A fake Cognito user pool domain (OAuth 2.0 with PKCE). Its sign-in page has links for Ann and Bob instead of a form. */
export class Issuer {
  /** The valid ID tokens. */
  readonly tokens = new Set<string>();
  /** The refresh tokens that were issued and those that were revoked. */
  readonly refreshTokens: string[] = [];
  readonly revoked: string[] = [];
  /** The response to the next revocations. */
  revocationStatus = 200;
  private readonly codes = new Map<string, { readonly params: URLSearchParams; readonly user: string }>();
  private readonly server = new LocalServer((_, url, body) => this.handle(url, body));

  get origin(): string {
    return this.server.origin;
  }

  async start(): Promise<this> {
    await this.server.start();
    return this;
  }

  stop(): void {
    this.server.stop();
  }

  private handle(url: URL, body: Buffer): Response {
    if (url.pathname === "/oauth2/authorize") return this.authorize(url.searchParams);
    if (url.pathname === "/oauth2/token") return this.grant(new URLSearchParams(body.toString()));
    if (url.pathname === "/oauth2/revoke") return this.revoke(new URLSearchParams(body.toString()));
    if (url.pathname === "/logout") return redirectTo(url.searchParams.get("logout_uri") ?? "");
    return new Response(null, { status: 404 });
  }

  private authorize(params: URLSearchParams): Response {
    if (params.get("client_id") !== CLIENT_ID || params.get("response_type") !== "code")
      return new Response("wrong client", { status: 400 });
    const code = this.issueCode(params, "ann");
    const bobsCode = this.issueCode(params, "bob");
    const redirect = (result: Record<string, string>) =>
      `${params.get("redirect_uri")}?${new URLSearchParams({ ...result, state: params.get("state") ?? "" })}`;
    const links = `<a href="${redirect({ code })}">Enter</a> <a href="${redirect({ code: bobsCode })}">Continue as Bob</a> <a href="${redirect({ error: "access_denied" })}">Cancel</a>`;
    return new Response(links.replaceAll("&", "&amp;"), { headers: { "Content-Type": "text/html" } });
  }

  private issueCode(params: URLSearchParams, user: string): string {
    const code = randomUUID();
    this.codes.set(code, { params, user });
    return code;
  }

  private revoke(params: URLSearchParams): Response {
    if (this.revocationStatus === 200) this.revoked.push(params.get("token") ?? "");
    const headers = { "Access-Control-Allow-Origin": "*" };
    return new Response(null, { status: this.revocationStatus, headers });
  }

  private grant(params: URLSearchParams): Response {
    const { params: authorized, user = "" } = this.codes.get(params.get("code") ?? "") ?? {};
    this.codes.delete(params.get("code") ?? "");
    const challenge = createHash("sha256").update(params.get("code_verifier") ?? "");
    const isValid =
      params.get("client_id") === CLIENT_ID &&
      params.get("redirect_uri") === authorized?.get("redirect_uri") &&
      challenge.digest("base64url") === authorized?.get("code_challenge");
    const headers = { "Access-Control-Allow-Origin": "*" };
    if (!isValid) return Response.json({ error: "invalid_grant" }, { status: 400, headers });
    const [token, refreshToken] = [idToken(user), randomUUID()];
    this.tokens.add(token);
    this.refreshTokens.push(refreshToken);
    return Response.json({ id_token: token, refresh_token: refreshToken, expires_in: HOUR }, { headers });
  }
}

function redirectTo(url: string): Response {
  return new Response(null, { status: 302, headers: { Location: url } });
}

/** A proxy that adds authentication to the deployed page and API. Both have the same origin, as on AWS. */
export class AuthenticatedStack {
  /** The Authorization headers of API calls and of uploads. */
  readonly authorizations = { api: [] as (string | undefined)[], s3: [] as (string | undefined)[] };
  /** The submissions with a valid token. */
  readonly submissions: { readonly user: string | null; readonly key: string | undefined }[] = [];
  private readonly server = new LocalServer((request, url, body) => this.handle(request, url, body));
  private readonly deployed = new URL(PAGE_URL).origin;

  constructor(private readonly issuer: Issuer) {}

  get pageUrl(): string {
    return `${this.server.origin}${new URL(".", PAGE_URL).pathname}`;
  }

  async start(): Promise<this> {
    await this.server.start();
    return this;
  }

  stop(): void {
    this.server.stop();
  }

  private async handle(request: IncomingMessage, url: URL, body: Buffer): Promise<Response> {
    const { authorization } = request.headers;
    const isApiCall = url.pathname.includes("/scanrequest");
    if (isApiCall) this.authorizations.api.push(authorization);
    if (request.method === "PUT") this.authorizations.s3.push(authorization);
    if (isApiCall && !this.issuer.tokens.has(authorization ?? ""))
      return Response.json(
        { code: "not_signed_in", message: "Unauthorized. Send a valid ID token in the Authorization header." },
        { status: 401 },
      );
    if (isApiCall && request.method === "POST")
      this.submissions.push({ user: subjectOf(authorization), key: request.headers["idempotency-key"]?.toString() });
    return this.rewrite(url, await this.forward(request, url, body));
  }

  private forward({ method = "GET", headers }: IncomingMessage, { pathname, search }: URL, body: Buffer) {
    const { authorization: _, host: __, connection: ___, "content-length": ____, ...others } = headers;
    // The local stack rejects web pages of other origins. The proxy is a tool, so it sends no headers of a page.
    delete others.origin;
    delete others["sec-fetch-site"];
    const path = pathname.endsWith("/") ? `${pathname}index.html` : pathname;
    return fetch(`${this.deployed}${path}${search}`, {
      method,
      headers: others as Record<string, string>,
      ...(body.length && { body: new Uint8Array(body) }),
    });
  }

  /** Add the issuer to config.json and to the content security policy, as a deployment with Cognito does. */
  private async rewrite({ pathname }: URL, response: Response): Promise<Response> {
    const type = response.headers.get("Content-Type") ?? "";
    if (!/json|html/.test(type)) return response;
    const signIn = { url: this.issuer.origin, clientId: CLIENT_ID };
    const text = (await response.text())
      .replaceAll(this.deployed, this.server.origin)
      .replace("connect-src 'self'", `connect-src 'self' ${this.issuer.origin}`);
    const content = pathname.endsWith("/config.json") ? JSON.stringify({ ...JSON.parse(text), signIn }) : text;
    const { status, headers } = response;
    return new Response(content, { status, headers });
  }
}
