import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Reply, Service, Submission } from "../../src/api/client";
import type { Verdict } from "../../src/api/contract";
import type { Entry, History } from "../../src/history";
import { Desk, outcomeInWords, type Tools } from "../../src/scan/desk";
import { requestIdOf } from "../../src/scan/machine";
import { type ProblemKind, problem, ScanProblem } from "../../src/scan/problem";
import { DEFAULT_QUESTION as CAT, type Question } from "../../src/scan/question";
import { answered, failed, hit, pending } from "./examples";

const reply = (request = pending(), retryAfterMs: number | null = null): Reply => ({ request, retryAfterMs });
const refusal = (kind: ProblemKind, retryAfterMs: number | null = null) =>
  new ScanProblem(problem(kind, `It is ${kind}.`), retryAfterMs);

/** A service that gives these answers in turn, and its last one for ever; it counts its calls. */
function service<A extends unknown[], R = Reply>(...answers: (NoInfer<R> | ScanProblem)[]) {
  const calls: A[] = [];
  const call = async (...args: A) => {
    calls.push(args);
    const answer = answers[Math.min(calls.length, answers.length) - 1];
    if (!answer || answer instanceof ScanProblem) throw answer;
    return answer;
  };
  return Object.assign(call, { calls });
}

class MemoryHistory implements History {
  readonly kept = new Map<string, Entry>();
  load = async () => [...this.kept.values()].reverse();
  save = async (entry: Entry) => void this.kept.set(entry.scan.id, entry);
  forget = async (id: string) => void this.kept.delete(id);
  clear = async () => this.kept.clear();
}

const never = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

let history: MemoryHistory;
let pauses: number[];
let ids: number;

beforeEach(() => {
  history = new MemoryHistory();
  pauses = [];
  ids = 0;
});

type Fakes = Partial<Omit<Tools, "service"> & Service>;

/** A desk whose service takes every picture without wanting its bytes; what is given stands in for any part. */
function deskWith({ announce, upload, post, ask, askMore, ...tools }: Fakes = {}): Desk {
  return new Desk({
    prepare: async (file) => ({
      type: "image/jpeg",
      hash: `hash of ${await file.text()}`,
      preview: new Blob(["small"]),
    }),
    service: {
      announce: announce ?? service(reply()),
      upload: upload ?? (async () => {}),
      post: post ?? service(reply()),
      ask: ask ?? service(reply(answered())),
      askMore: askMore ?? (async () => answered()),
    },
    history,
    pause: async (milliseconds) => void pauses.push(milliseconds),
    online: async () => {},
    awake: async () => {},
    random: () => 0,
    now: () => 0,
    newId: () => String(++ids),
    ...tools,
  });
}

const picture = (name = "cat.jpg", content = name) => new File([content], name);
const states = (desk: Desk) => desk.entries.value.map(({ scan }) => scan.state);
const until = (desk: Desk, ...wanted: string[]) =>
  vi.waitFor(() => expect(states(desk)).toEqual(wanted), { interval: 1 });
const only = (desk: Desk) => desk.entries.value[0] as Entry;
const spoken = (desk: Desk) => desk.spoken.value.map(({ text }) => text.replaceAll("\u00a0", " "));

describe("a picture", () => {
  it("is sent, asked after and answered", async () => {
    const announce = service(reply(pending(), 2_000));
    const ask = service(reply(pending(), 1_000), reply(answered()));
    const desk = deskWith({ announce, ask });
    desk.add([picture()], CAT);
    await until(desk, "answered");
    expect(pauses).toEqual([2_000, 1_150]);
    expect([announce.calls.length, ask.calls.length]).toEqual([1, 2]);
    expect(spoken(desk)).toEqual(["cat.jpg added", "cat.jpg: Yes: a cat, 97 %"]);
  });

  it("that the service knows is answered at once, without asking after it", async () => {
    const ask = service();
    const desk = deskWith({ announce: service(reply(answered())), ask });
    desk.add([picture()], CAT);
    await until(desk, "answered");
    expect(ask.calls).toHaveLength(0);
  });

  it("is sent under the type that its bytes tell", async () => {
    const announce = service<[Submission, AbortSignal]>(reply());
    const desk = deskWith({ announce });
    desk.add([new File(["x"], "cat.txt", { type: "text/plain" })], CAT);
    await until(desk, "answered");
    expect(announce.calls[0]?.[0].file.type).toBe("image/jpeg");
  });

  it("that the service would refuse is not sent, and never again", async () => {
    const announce = service(reply());
    const desk = deskWith({ announce, prepare: () => Promise.reject(refusal("refused")) });
    desk.add([picture()], CAT);
    await until(desk, "failed");
    desk.retryAll();
    expect(states(desk)).toEqual(["failed"]);
    expect(announce.calls).toHaveLength(0);
  });

  it("is not sent twice for the same question", async () => {
    const announce = service(reply());
    const desk = deskWith({ announce });
    desk.add([picture("cat.jpg", "same"), picture("copy.jpg", "same")], CAT);
    await until(desk, "answered");
    expect(announce.calls).toHaveLength(1);
    expect(desk.pointedAt.value?.id).toBe(only(desk).scan.id);
    expect(spoken(desk)).toContain("copy.jpg is here already; it was not sent again");
  });

  it("may be asked another question", async () => {
    const desk = deskWith();
    desk.add([picture()], CAT);
    desk.add([picture()], { ...CAT, labels: ["dog"] });
    await until(desk, "answered", "answered");
  });

  it("that is not told apart, for want of a hash, is sent each time", async () => {
    const desk = deskWith({ prepare: async () => ({ type: "image/png", hash: null, preview: new Blob() }) });
    desk.add([picture(), picture()], CAT);
    await until(desk, "answered", "answered");
  });
});

describe("a failure", () => {
  it.each([
    [failed("timed_out"), "Timed out: It went wrong."],
    [failed("image_invalid"), "Could not be scanned: It went wrong."],
    [failed("attempts_exhausted"), "Could not be scanned: It went wrong."],
  ])("is never an answer: %#", async (request, words) => {
    const desk = deskWith({ ask: service(reply(request)) });
    desk.add([picture()], CAT);
    await until(desk, "failed");
    expect(outcomeInWords(only(desk).scan)).toBe(words);
  });

  it("of the page itself is told, too", async () => {
    const desk = deskWith({ prepare: () => Promise.reject(new TypeError("no canvas")) });
    desk.add([picture()], CAT);
    await until(desk, "failed");
    expect(outcomeInWords(only(desk).scan)).toContain("TypeError: no canvas");
  });

  it("to send that may pass is tried again a few times, no sooner than the service says", async () => {
    const announce = service(refusal("too_many", 5_000));
    const desk = deskWith({ announce });
    desk.add([picture()], CAT);
    await until(desk, "failed");
    expect(announce.calls).toHaveLength(4);
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(5_000);
    expect(outcomeInWords(only(desk).scan)).toBe("Too many at once: It is too_many.");
  });

  it("that passes ends in an answer", async () => {
    const desk = deskWith({ announce: service(refusal("unavailable"), refusal("too_many"), reply()) });
    desk.add([picture()], CAT);
    await until(desk, "answered");
  });

  it.each(["offline", "signed_out"] as const)("that is %s is tried for as long as it takes", async (kind) => {
    const announce = service(...Array(10).fill(refusal(kind)), reply());
    const desk = deskWith({ announce });
    desk.add([picture()], CAT);
    await until(desk, "answered");
  });

  it("to ask after a request is never its end, unless the service has forgotten it", async () => {
    const ask = service(...Array(20).fill(refusal("unavailable")), refusal("expired"));
    const desk = deskWith({ ask });
    desk.add([picture()], CAT);
    await until(desk, "failed");
    expect(outcomeInWords(only(desk).scan)).toBe("No longer known: It is expired.");
    expect(requestIdOf(only(desk).scan)).toBe("r");
    expect(ask.calls).toHaveLength(21);
  });

  it("can be tried again by hand where it may pass", async () => {
    const desk = deskWith({ ask: service(reply(failed("timed_out")), reply(answered())) });
    desk.add([picture()], CAT);
    await until(desk, "failed");
    desk.retry(only(desk).scan.id);
    await until(desk, "answered");
  });
});

describe("the key of a request", () => {
  const keys = (announce: { calls: [Submission, AbortSignal][] }) => announce.calls.map(([{ key }]) => key);

  it("is the same each time the page tries by itself, and another after a failure", async () => {
    const announce = service<[Submission, AbortSignal]>(...Array(4).fill(refusal("unavailable")), reply());
    const desk = deskWith({ announce });
    desk.add([picture()], CAT);
    await until(desk, "failed");
    desk.retryAll();
    await until(desk, "answered");
    const [first, , , fourth, fifth] = keys(announce);
    expect(fourth).toBe(first);
    expect(fifth).not.toBe(first);
  });

  it("is the same when the page is closed and opened again", async () => {
    let closed = false;
    const announce = service<[Submission, AbortSignal]>(reply());
    const stuck = async (submission: Submission, signal: AbortSignal) => {
      closed = true;
      await announce(submission, signal);
      return never(signal);
    };
    deskWith({ announce: stuck }).add([picture()], CAT);
    await vi.waitFor(() => expect(closed).toBe(true));
    const desk = deskWith({ announce });
    await desk.restore();
    await until(desk, "answered");
    expect(new Set(keys(announce)).size).toBe(1);
    expect(announce.calls).toHaveLength(2);
  });

  it("is another for each question", async () => {
    const announce = service<[Submission, AbortSignal]>(reply());
    const desk = deskWith({ announce });
    desk.add([picture()], CAT);
    desk.add([picture()], { ...CAT, match: "none" });
    await until(desk, "answered", "answered");
    expect(new Set(keys(announce)).size).toBe(2);
  });
});

describe("another question", () => {
  it("about an answered picture is answered in its place, and kept", async () => {
    const further = answered([hit("dog", "Dog")]);
    const askMore = service<[string, Question, AbortSignal], Verdict>(further);
    const desk = deskWith({ askMore });
    desk.add([picture()], CAT);
    await until(desk, "answered");
    await desk.askMore(only(desk).scan.id, { ...CAT, labels: ["dog"] });
    expect(askMore.calls).toEqual([["r", { ...CAT, labels: ["dog"] }, expect.any(AbortSignal)]]);
    expect(only(desk).scan).toMatchObject({ state: "answered", further: [further] });
    expect(spoken(desk).at(-1)).toBe("cat.jpg: Yes: a dog, 97 %");
    expect(history.kept.get(only(desk).scan.id)?.scan).toMatchObject({ further: [further] });
  });

  it("that is not answered leaves the answer as it was", async () => {
    const desk = deskWith({ askMore: () => Promise.reject(refusal("expired")) });
    desk.add([picture()], CAT);
    await until(desk, "answered");
    const before = only(desk);
    await expect(desk.askMore(before.scan.id, CAT)).rejects.toThrow("It is expired.");
    expect(only(desk)).toBe(before);
  });

  it("is not asked of a picture without an answer", async () => {
    const askMore = service<[string, Question, AbortSignal], Verdict>(answered());
    const desk = deskWith({ announce: (_submission, signal) => never(signal), askMore });
    desk.add([picture()], CAT);
    await until(desk, "sending");
    await desk.askMore(only(desk).scan.id, CAT);
    expect(askMore.calls).toHaveLength(0);
  });
});

describe("many pictures", () => {
  it("are sent a few at a time", async () => {
    let now = 0;
    let most = 0;
    const announce: Service["announce"] = async () => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 1));
      now--;
      return reply(answered());
    };
    const desk = deskWith({ announce });
    desk.add(
      Array.from({ length: 12 }, (_, index) => picture(`${index}.jpg`)),
      CAT,
    );
    await until(desk, ...Array(12).fill("answered"));
    expect(most).toBe(3);
  });

  it("are all cancelled, and all tried again", async () => {
    let stuck = true;
    const announce: Service["announce"] = (_submission, signal) => (stuck ? never(signal) : Promise.resolve(reply()));
    const desk = deskWith({ announce });
    desk.add(
      [1, 2, 3, 4, 5].map((one) => picture(`${one}.jpg`)),
      CAT,
    );
    await until(desk, "sending", "sending", "sending", "queued", "queued");
    desk.cancelAll();
    expect(states(desk)).toEqual(Array(5).fill("cancelled"));
    stuck = false;
    desk.retryAll();
    await until(desk, ...Array(5).fill("answered"));
  });
});

describe("what is given up", () => {
  it("is not answered later", async () => {
    let finish = (_: Reply) => {};
    const desk = deskWith({
      ask: () =>
        new Promise((resolve) => {
          finish = resolve;
        }),
    });
    desk.add([picture()], CAT);
    await until(desk, "waiting");
    await vi.waitFor(() => expect(pauses).toHaveLength(1));
    desk.cancel(only(desk).scan.id);
    finish(reply(answered()));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(states(desk)).toEqual(["cancelled"]);
  });

  it("while waiting is taken up again without being sent again", async () => {
    const announce = service(reply());
    let asked = 0;
    const ask: Service["ask"] = (_id, signal) => (asked++ === 0 ? never(signal) : Promise.resolve(reply(answered())));
    const desk = deskWith({ announce, ask });
    desk.add([picture()], CAT);
    await vi.waitFor(() => expect(asked).toBe(1));
    desk.cancel(only(desk).scan.id);
    desk.retry(only(desk).scan.id);
    await until(desk, "answered");
    expect(announce.calls).toHaveLength(1);
  });
});

describe("the history", () => {
  it("keeps the file of a picture until it is answered", async () => {
    const ask: Service["ask"] = (_id, signal) => never(signal);
    const desk = deskWith({ ask });
    desk.add([picture()], CAT);
    await until(desk, "waiting");
    expect(history.kept.get(only(desk).scan.id)?.file).not.toBeNull();
    const other = deskWith();
    await other.restore();
    await until(other, "answered");
    expect(history.kept.get(only(other).scan.id)).toMatchObject({ file: null, scan: { state: "answered" } });
  });

  it.each(["queued", "checking", "sending", "waiting"])(
    "takes up a picture that was %s when the page was closed",
    async (state) => {
      const scan = {
        id: "old",
        name: "cat.jpg",
        question: CAT,
        hash: null,
        addedAt: 0,
        attempt: 0,
        sent: 0,
        setback: null,
        requestId: "r",
      };
      await history.save({ scan: { ...scan, state } as Entry["scan"], preview: null, file: picture() });
      const announce = service(reply());
      const desk = deskWith({ announce });
      await desk.restore();
      await until(desk, "answered");
      expect(announce.calls).toHaveLength(state === "waiting" ? 0 : 1);
    },
  );

  it("that does not work is told, and hinders nothing", async () => {
    const full = () => Promise.reject(new Error("no room"));
    Object.assign(history, { load: full, save: full });
    const desk = deskWith();
    await desk.restore();
    desk.add([picture()], CAT);
    await until(desk, "answered");
    expect(desk.historyTrouble.value).toContain("no room");
  });

  it("forgets one, and all", async () => {
    const desk = deskWith();
    desk.add(
      ["a", "b", "c"].map((name) => picture(name)),
      CAT,
    );
    await until(desk, "answered", "answered", "answered");
    desk.forget(only(desk).scan.id);
    expect(history.kept.size).toBe(2);
    desk.forgetAll();
    expect([history.kept.size, desk.entries.value.length]).toEqual([0, 0]);
  });
});

describe("a link to a request", () => {
  it("shows the answer without a picture", async () => {
    const ask = service<[string, AbortSignal]>(reply(answered()));
    const desk = deskWith({ ask });
    desk.open("r");
    await until(desk, "answered");
    expect(ask.calls[0]?.[0]).toBe("r");
    expect(desk.pointedAt.value?.id).toBe(only(desk).scan.id);
  });

  it("points at the picture, where this browser has it", async () => {
    const desk = deskWith();
    desk.add([picture()], CAT);
    await until(desk, "answered");
    desk.open("r");
    expect(desk.entries.value).toHaveLength(1);
    expect(desk.pointedAt.value?.id).toBe(only(desk).scan.id);
  });
});
