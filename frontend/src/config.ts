import type { Issuer } from "./signin/tokens";

export interface Config {
  /** Base URL of the API. */
  readonly apiUrl: string;
  /** Where users sign in, or null if the API is open. */
  readonly signIn: Issuer | null;
}

/** Read config.json from the folder of the page. @throws Error if it is missing or invalid */
export async function readConfig(): Promise<Config> {
  const response = await fetch("config.json", { cache: "no-store" });
  if (!response.ok) throw new Error(`Cannot load config.json (${response.status}).`);
  const { apiUrl, signIn } = (await response.json()) as { apiUrl?: unknown; signIn?: Issuer };
  if (typeof apiUrl !== "string") throw new Error("config.json: apiUrl is missing.");
  return { apiUrl: new URL(apiUrl, document.baseURI).href, signIn: signIn ?? null };
}
