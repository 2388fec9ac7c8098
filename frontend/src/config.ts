/** Where the service is, by the config.json beside the page. @throws Error that says what is wrong with it */
export async function readApiUrl(): Promise<string> {
  const response = await fetch("config.json", { cache: "no-store" });
  if (!response.ok)
    throw new Error(`config.json, which says where the service is, was answered with ${response.status}.`);
  const { apiUrl } = (await response.json()) as { apiUrl?: unknown };
  if (typeof apiUrl !== "string") throw new Error("config.json names no apiUrl.");
  return new URL(apiUrl, document.baseURI).href;
}
