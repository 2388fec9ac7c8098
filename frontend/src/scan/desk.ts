import { signal } from "@preact/signals";
import PQueue from "p-queue";
import type { Reply, Service, Submission } from "../api/client";
import type { ScanRequest } from "../api/contract";
import type { Entry, History } from "../history";
import type { Prepared } from "../picture/prepare";
import { deliveryOf } from "./delivery";
import { advance, isUnfinished, newScan, requestIdOf, type Scan, type ScanEvent, type State } from "./machine";
import { pauseBefore } from "./pace";
import { type ProblemKind, problem, problemOfFailure, ScanProblem } from "./problem";
import { isSame, type Question } from "./question";
import { problemTitle, verdict } from "./words";

/** The world around the desk. All that wait reject with the signal's reason when it is aborted. */
export interface Tools {
  readonly prepare: (file: Blob) => Promise<Prepared>;
  readonly service: Service;
  readonly history: History;
  readonly pause: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** Resolves once there is a connection, and somebody signed in where the service wants that. */
  readonly online: (signal: AbortSignal) => Promise<void>;
  /** Resolves once somebody looks at the page, too. */
  readonly awake: (signal: AbortSignal) => Promise<void>;
  readonly random: () => number;
  readonly now: () => number;
  readonly newId: () => string;
}

const SENT_AT_ONCE = 3;
const ASKED_AT_ONCE = 4;
const TRIES = 4;
/** What is over when the tools say so, and no sooner for having tried. */
const WAITED_FOR: ReadonlySet<ProblemKind> = new Set(["offline", "signed_out"]);
const KEPT = 200;
const SPOKEN = 6;

/** Every picture of this page and what becomes of it, newest first. */
export class Desk {
  readonly entries = signal<readonly Entry[]>([]);
  /** The last things that screen readers are told. */
  readonly spoken = signal<readonly { id: string; text: string }[]>([]);
  /** The entry that people should look at now. */
  readonly pointedAt = signal<{ readonly id: string } | null>(null);
  /** Why this browser keeps no history, where it keeps none. */
  readonly historyTrouble = signal<string | null>(null);

  private readonly senders = new PQueue({ concurrency: SENT_AT_ONCE });
  private readonly askers = new PQueue({ concurrency: ASKED_AT_ONCE });
  private readonly stops = new Map<string, AbortController>();

  constructor(private readonly tools: Tools) {}

  add(files: readonly File[], question: Question): void {
    const { newId, now } = this.tools;
    const added = files.map(
      (file): Entry => ({
        scan: newScan({ id: newId(), name: file.name, question, hash: null, addedAt: now(), attempt: 0 }),
        preview: null,
        file,
      }),
    );
    this.take(added);
    this.say(added.length === 1 ? `${added[0]?.scan.name} added` : `${added.length} pictures added`);
  }

  /** Shows a request by its id: the entry that has it, or a new one without a picture. */
  open(requestId: string): void {
    const known = this.entries.value.find(({ scan }) => requestIdOf(scan) === requestId);
    const id = known?.scan.id ?? this.tools.newId();
    const subject = { id, name: null, question: null, hash: null, addedAt: this.tools.now(), attempt: 0 };
    if (!known)
      this.take([{ scan: { ...subject, state: "waiting", requestId, setback: null }, preview: null, file: null }]);
    this.pointedAt.value = { id };
  }

  /** Takes up what an earlier page kept, and goes on with what it had not finished. */
  async restore(): Promise<void> {
    const kept = await this.remember(this.tools.history.load(), []);
    for (const { scan } of kept.slice(KEPT)) this.remember(this.tools.history.forget(scan.id), undefined);
    const entries = kept
      .slice(0, KEPT)
      .map((entry) => ({ ...entry, scan: advance(entry.scan, { type: "interrupted" }) }));
    this.entries.value = [...this.entries.value, ...entries];
    for (const { scan } of entries) if (isUnfinished(scan)) this.start(scan.id);
  }

  cancel(id: string): void {
    this.stops.get(id)?.abort();
    this.apply(id, { type: "cancel" });
  }

  cancelAll(): void {
    for (const { scan } of this.entries.value) if (isUnfinished(scan)) this.cancel(scan.id);
  }

  retry(id: string): void {
    const entry = this.entry(id);
    if (!entry || !canRetry(entry)) return;
    this.apply(id, { type: "retry" });
    this.start(id);
  }

  retryAll(): void {
    for (const entry of this.entries.value) if (canRetry(entry)) this.retry(entry.scan.id);
  }

  /** Asks more of an answered picture, without another scan. @throws ScanProblem */
  async askMore(id: string, question: Question): Promise<void> {
    const scan = this.scan(id);
    if (scan?.state !== "answered") return;
    const verdict = await this.tools.service.askMore(scan.requestId, question, new AbortController().signal);
    this.apply(id, { type: "asked", verdict });
  }

  forget(id: string): void {
    this.stops.get(id)?.abort();
    this.entries.value = this.entries.value.filter(({ scan }) => scan.id !== id);
    this.remember(this.tools.history.forget(id), undefined);
  }

  forgetAll(): void {
    for (const stop of this.stops.values()) stop.abort();
    this.entries.value = [];
    this.remember(this.tools.history.clear(), undefined);
    this.say("Everything was forgotten");
  }

  private take(added: readonly Entry[]): void {
    this.entries.value = [...added, ...this.entries.value];
    for (const entry of added) {
      this.remember(this.tools.history.save(entry), undefined);
      this.start(entry.scan.id);
    }
  }

  private async start(id: string): Promise<void> {
    const stop = new AbortController();
    this.stops.set(id, stop);
    try {
      const hint = await this.submit(id, stop.signal);
      await this.follow(id, hint, stop.signal);
    } catch (error) {
      if (!stop.signal.aborted) this.fail(id, error);
    }
    if (this.stops.get(id) === stop) this.stops.delete(id);
  }

  /** Sends the picture, unless it was sent before. Gives the milliseconds after which to ask for its answer. */
  private async submit(id: string, signal: AbortSignal): Promise<number | null> {
    if (this.scan(id)?.state !== "queued") return 0;
    return this.senders.add(() => this.checkAndSend(id, signal), { signal });
  }

  private async checkAndSend(id: string, signal: AbortSignal): Promise<number | null> {
    this.apply(id, { type: "check" });
    const entry = this.entry(id);
    if (!entry?.file || !entry.scan.question) return null;
    const { type, hash, preview } = await this.tools.prepare(entry.file);
    signal.throwIfAborted();
    const twin = this.twin(entry.scan, hash);
    if (twin) return this.pointAtTwin(entry.scan, twin);
    this.apply(id, { type: "send", hash }, { preview });
    const { question, attempt } = entry.scan;
    return this.insist(id, { file: new Blob([entry.file], { type }), hash, question, key: `${id}.${attempt}` }, signal);
  }

  /** The entry that has asked the same of the same picture already. */
  private twin({ id, question }: Scan, hash: string | null): Scan | undefined {
    const asked: readonly State[] = ["sending", "waiting", "answered"];
    return this.entries.value
      .map(({ scan }) => scan)
      .find(
        (scan) =>
          hash && scan.hash === hash && scan.id !== id && asked.includes(scan.state) && isSame(scan.question, question),
      );
  }

  private pointAtTwin(scan: Scan, twin: Scan): null {
    this.forget(scan.id);
    this.pointedAt.value = { id: twin.id };
    this.say(`${scan.name} is here already; it was not sent again`);
    return null;
  }

  private async insist(id: string, submission: Submission, signal: AbortSignal): Promise<number | null> {
    const deliver = deliveryOf(submission, this.tools.service, this.tools.now);
    const onProgress = (sent: number) => this.apply(id, { type: "progress", sent });
    for (let attempt = 1; ; ) {
      try {
        return this.receive(id, await deliver(signal, onProgress));
      } catch (error) {
        const setback = passing(error, signal);
        if (!WAITED_FOR.has(setback.problem.kind) && attempt++ === TRIES) throw error;
        await this.bear(id, setback, attempt, signal);
      }
    }
  }

  private async bear(id: string, setback: ScanProblem, attempt: number, signal: AbortSignal): Promise<void> {
    this.apply(id, { type: "setback", problem: setback.problem });
    await this.tools.pause(pauseBefore(attempt, setback.retryAfterMs, this.tools.random()), signal);
    await this.tools.online(signal);
  }

  private async follow(id: string, first: number | null, signal: AbortSignal): Promise<void> {
    let hint = first;
    for (let attempt = 0; this.scan(id)?.state === "waiting"; attempt++) {
      await this.tools.pause(pauseBefore(attempt, hint, this.tools.random()), signal);
      await this.tools.awake(signal);
      hint = await this.ask(id, signal);
    }
  }

  private async ask(id: string, signal: AbortSignal): Promise<number | null> {
    const scan = this.scan(id);
    if (scan?.state !== "waiting") return null;
    try {
      return this.receive(id, await this.askers.add(() => this.tools.service.ask(scan.requestId, signal), { signal }));
    } catch (error) {
      const setback = passing(error, signal);
      this.apply(id, { type: "setback", problem: setback.problem });
      return setback.retryAfterMs;
    }
  }

  private receive(id: string, { request, retryAfterMs }: Reply): number | null {
    this.apply(id, eventOf(request));
    return retryAfterMs;
  }

  private fail(id: string, error: unknown): void {
    const why = error instanceof ScanProblem ? error.problem : problem("failed", `The page met an error: ${error}`);
    const scan = this.scan(id);
    this.apply(id, { type: "failed", problem: why, requestId: scan ? requestIdOf(scan) : null });
  }

  private apply(id: string, event: ScanEvent, found: Partial<Entry> = {}): void {
    const before = this.entry(id);
    if (!before) return;
    const scan = advance(before.scan, event);
    if (scan === before.scan) return;
    const after = { ...before, ...found, scan, file: isOver(scan) ? null : before.file };
    this.entries.value = this.entries.value.map((entry) => (entry === before ? after : entry));
    if (event.type !== "progress") this.remember(this.tools.history.save(after), undefined);
    const outcome = event.type === "asked" ? verdict(event.verdict) : outcomeInWords(scan);
    if (outcome) this.say(`${nameOf(scan)}: ${outcome}`);
  }

  /** A browser without room for a history still answers: the trouble is shown, and the page goes on. */
  private async remember<T>(kept: Promise<T>, otherwise: T): Promise<T> {
    try {
      return await kept;
    } catch (error) {
      this.historyTrouble.value = `This browser keeps no history: ${error}`;
      return otherwise;
    }
  }

  private entry(id: string): Entry | undefined {
    return this.entries.value.find(({ scan }) => scan.id === id);
  }

  private scan(id: string): Scan | undefined {
    return this.entry(id)?.scan;
  }

  private say(text: string): void {
    this.spoken.value = [...this.spoken.value, { id: this.tools.newId(), text }].slice(-SPOKEN);
  }
}

export function canRetry({ scan, file }: Entry): boolean {
  if (scan.state === "cancelled") return file !== null || scan.requestId !== null;
  return scan.state === "failed" && scan.problem.passing && file !== null;
}

export function nameOf({ name }: Scan): string {
  return name ?? "Request";
}

/** The answer or the failure in words; null while there is neither. */
export function outcomeInWords(scan: Scan): string | null {
  if (scan.state === "answered") return verdict(scan.request);
  return scan.state === "failed" ? `${problemTitle(scan.problem.kind)}: ${scan.problem.message}` : null;
}

/** Whether the file is of no more use: it was answered, or would fail in the same way again. */
function isOver(scan: Scan): boolean {
  return scan.state === "answered" || (scan.state === "failed" && !scan.problem.passing);
}

/** The error, where trying again may help. @throws the error itself where it may not */
function passing(error: unknown, signal: AbortSignal): ScanProblem {
  if (!signal.aborted && error instanceof ScanProblem && error.problem.passing) return error;
  throw error;
}

function eventOf(request: ScanRequest): ScanEvent {
  const requestId = request.request_id;
  if (request.status === "pending") return { type: "accepted", requestId };
  if (request.status === "completed") return { type: "answered", request };
  return { type: "failed", problem: problemOfFailure(request.failure), requestId };
}
