import { createHash, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { PAGE_URL } from "./page";

export const CLIENT_ID = "client7";

const HOUR = 3_600;

type Answer = (request: IncomingMessage, url: URL, body: Buffer) => Response | Promise<Response>;

/** A server on this machine, and where it is. */
class Local {
  private readonly server: Server;

  constructor(private readonly answer: Answer) {
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
    const answer = await this.answer(request, new URL(request.url ?? "", this.origin), await bodyOf(request));
    // What fetch has unpacked is no longer packed, nor as long as it was.
    const { "content-encoding": _, "content-length": __, ...headers } = Object.fromEntries(answer.headers);
    response.writeHead(answer.status, headers).end(Buffer.from(await answer.arrayBuffer()));
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** Lets people in who follow a link, and speaks OAuth 2.0 as a user pool's domain does: a code is good once, for who began. */
export class Issuer {
  /** The ID tokens that are good. */
  readonly tokens = new Set<string>();
  private readonly codes = new Map<string, URLSearchParams>();
  private readonly server = new Local((_, url, body) => this.answer(url, body));

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

  private answer(url: URL, body: Buffer): Response {
    if (url.pathname === "/oauth2/authorize") return this.authorize(url.searchParams);
    if (url.pathname === "/oauth2/token") return this.grant(new URLSearchParams(body.toString()));
    if (url.pathname === "/logout") return moved(url.searchParams.get("logout_uri") ?? "");
    return new Response(null, { status: 404 });
  }

  private authorize(asked: URLSearchParams): Response {
    if (asked.get("client_id") !== CLIENT_ID || asked.get("response_type") !== "code")
      return new Response("wrong client", { status: 400 });
    const code = randomUUID();
    this.codes.set(code, asked);
    const back = (sent: Record<string, string>) =>
      `${asked.get("redirect_uri")}?${new URLSearchParams({ ...sent, state: asked.get("state") ?? "" })}`;
    const links = `<a href="${back({ code })}">Enter</a> <a href="${back({ error: "access_denied" })}">Turn back</a>`;
    return new Response(links.replaceAll("&", "&amp;"), { headers: { "Content-Type": "text/html" } });
  }

  private grant(sent: URLSearchParams): Response {
    const asked = this.codes.get(sent.get("code") ?? "");
    this.codes.delete(sent.get("code") ?? "");
    const challenge = createHash("sha256").update(sent.get("code_verifier") ?? "");
    const isGood =
      sent.get("client_id") === CLIENT_ID &&
      sent.get("redirect_uri") === asked?.get("redirect_uri") &&
      challenge.digest("base64url") === asked?.get("code_challenge");
    const headers = { "Access-Control-Allow-Origin": "*" };
    if (!isGood) return Response.json({ error: "invalid_grant" }, { status: 400, headers });
    const token = randomUUID();
    this.tokens.add(token);
    return Response.json({ id_token: token, refresh_token: randomUUID(), expires_in: HOUR }, { headers });
  }
}

function moved(to: string): Response {
  return new Response(null, { status: 302, headers: { Location: to } });
}

/** The deployed page and service as they are where callers are known: under one address, and nothing answered without a token. */
export class GuardedService {
  /** What came with each call of the API, and with each upload. */
  readonly shown = { api: [] as (string | undefined)[], storage: [] as (string | undefined)[] };
  private readonly server = new Local((request, url, body) => this.answer(request, url, body));
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

  private async answer(request: IncomingMessage, url: URL, body: Buffer): Promise<Response> {
    const { authorization } = request.headers;
    const isCall = url.pathname.includes("/scanrequest");
    if (isCall) this.shown.api.push(authorization);
    if (request.method === "PUT") this.shown.storage.push(authorization);
    if (isCall && !this.issuer.tokens.has(authorization ?? ""))
      return Response.json({ code: "not_signed_in", message: "Sign in." }, { status: 401 });
    return this.told(url, await this.passed(request, url, body));
  }

  private passed({ method = "GET", headers }: IncomingMessage, { pathname, search }: URL, body: Buffer) {
    const { authorization: _, host: __, connection: ___, "content-length": ____, ...others } = headers;
    const path = pathname.endsWith("/") ? `${pathname}index.html` : pathname;
    return fetch(`${this.deployed}${path}${search}`, {
      method,
      headers: others as Record<string, string>,
      ...(body.length && { body: new Uint8Array(body) }),
    });
  }

  /** What a deployment for known callers says differently: where to sign in, and that the page may speak to it. */
  private async told({ pathname }: URL, answer: Response): Promise<Response> {
    const type = answer.headers.get("Content-Type") ?? "";
    if (!/json|html/.test(type)) return answer;
    const signIn = { url: this.issuer.origin, clientId: CLIENT_ID };
    const text = (await answer.text())
      .replaceAll(this.deployed, this.server.origin)
      .replace("connect-src 'self'", `connect-src 'self' ${this.issuer.origin}`);
    const said = pathname.endsWith("/config.json") ? JSON.stringify({ ...JSON.parse(text), signIn }) : text;
    const { status, headers } = answer;
    return new Response(said, { status, headers });
  }
}
