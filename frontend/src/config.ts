import type { Issuer } from "./signin/tokens";

export interface Config {
  /** The service's address. */
  readonly apiUrl: string;
  /** Where its callers sign in; null where it wants to know nobody. */
  readonly signIn: Issuer | null;
}

/** What the config.json beside the page says. @throws Error that says what is wrong with it */
export async function readConfig(): Promise<Config> {
  const response = await fetch("config.json", { cache: "no-store" });
  if (!response.ok)
    throw new Error(`config.json, which says where the service is, was answered with ${response.status}.`);
  const { apiUrl, signIn } = (await response.json()) as { apiUrl?: unknown; signIn?: Issuer };
  if (typeof apiUrl !== "string") throw new Error("config.json names no apiUrl.");
  return { apiUrl: new URL(apiUrl, document.baseURI).href, signIn: signIn ?? null };
}
