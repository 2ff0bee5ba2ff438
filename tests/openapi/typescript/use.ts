// What a website's developer writes against the generated types; run as `node out/use.js API KEY PAGE`.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Post = components["schemas"]["Post"];
type Problem = components["schemas"]["Problem"];

declare const process: { argv: string[]; exitCode: number };

const [, , baseUrl = "", apiKey = "", socialPageId = ""] = process.argv;
const api = createClient<paths>({ baseUrl, headers: { "X-API-KEY": apiKey } });

function need<T>(answer: { data?: T; error?: Problem }): T {
  if (answer.data === undefined) {
    throw new Error(answer.error?.errors?.map((it) => `${it.pointer}: ${it.message}`).join("; ") ?? answer.error?.detail);
  }
  return answer.data;
}

async function main() {
  const me = need(await api.GET("/me"));
  if (me.kind !== "apiKey") throw new Error(`an API key, and it is told as ${me.kind}`);
  const scopes: components["schemas"]["Scope"][] = me.scopes;
  if (!scopes.includes("posts:write")) throw new Error("the key may do everything");

  const made: Post = need(
    await api.POST("/posts", {
      body: { socialPageId, caption: "Hello from TypeScript", media: ["https://example.org/a.jpg"], metadata: { order: 7 } },
      params: { header: { "Idempotency-Key": `typescript-${Date.now()}-${Math.random()}` } },
    }),
  );
  const changed = need(
    await api.PATCH("/posts/{postId}", {
      params: { path: { postId: made.id }, header: { "If-Match": `"${made.revision}"` } },
      body: { media: null, scheduledLocal: "2030-06-01T12:00:00", timezone: "Europe/Berlin" },
    }),
  );
  const status: "draft" | "scheduled" | "publishing" | "published" | "failed" | "canceled" | "deleted" = changed.status;
  if (status !== "draft" && status !== "scheduled") throw new Error(status);

  // What is misspelt is refused when it is compiled, and when it is sent.
  const misspelt: components["schemas"]["PostInput"] = {
    socialPageId,
    // @ts-expect-error `captoin` is not a field
    captoin: "x",
  };
  const wrong = await api.POST("/posts", { body: misspelt });
  const problem: Problem | undefined = wrong.error;
  const error = problem?.errors?.find((it) => it.pointer === "/captoin");
  if (wrong.response.status !== 422 || error?.code !== "unknown_field") throw new Error(JSON.stringify(wrong));

  const listed = need(await api.GET("/posts", { params: { query: { limit: 1, status: "scheduled" } } }));
  const first: Post | undefined = listed.data[0];
  const cursor: string | null = listed.nextCursor;
  if (first?.id !== made.id || cursor === undefined) throw new Error("the newest post comes first");

  need(await api.POST("/posts/{postId}/cancel", { params: { path: { postId: made.id } } }));
  const gone = await api.DELETE("/posts/{postId}", { params: { path: { postId: made.id } } });
  if (gone.response.status !== 204) throw new Error(`${gone.response.status}`);
  const missing = await api.GET("/posts/{postId}", { params: { path: { postId: made.id } } });
  const code: string | undefined = missing.error?.code;
  if (code !== "not_found") throw new Error(code);
}

await main();
