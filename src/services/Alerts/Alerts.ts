/**
 * Alerts: rules over what the queue measures, the life of each alert, silences, and what became of it all.
 *
 * One worker leads and looks (`upkeep/AlertLoop.ts`). What it knows rests in the store, replaced whole and only in the
 * version that was read: the next leader goes on where the last one was, and of two that think they lead one decides. A
 * notification is stored together with the decision and sent until each sink has it: at least once, with an id that
 * stays the same. Only a crash between a receiver's answer and the note of it sends twice.
 *
 * Nothing is evaluated while no worker lives: that no worker is there at all must be watched from outside (`sluice
 * worker ls`).
 */
import { Context, type Effect, Schema } from "effect"
import type { StoreError } from "../Store/StoreError.ts"
import type { AlertRule, RuleInForce, Severity } from "./AlertRule.ts"
import type { Alert } from "./Notification.ts"
import type { Instance } from "./policy/Condition.ts"
import type { RuleRequest } from "./policy/MakeRule.ts"
import type { Silence } from "./Silence.ts"

/** The rule cannot be. Correct it; the message says what was expected. Nothing was changed. */
export class InvalidRule extends Schema.TaggedError<InvalidRule>()("InvalidRule", { message: Schema.String }) {}
/** No rule has this name. List them. */
export class RuleNotFound extends Schema.TaggedError<RuleNotFound>()("RuleNotFound", {
  message: Schema.String,
  name: Schema.String
}) {}
/** No silence has this id: it ended, or never was. */
export class SilenceNotFound extends Schema.TaggedError<SilenceNotFound>()("SilenceNotFound", {
  message: Schema.String,
  id: Schema.String
}) {}
/** The silence cannot be: it would end before it begins, or names nothing. */
export class InvalidSilence extends Schema.TaggedError<InvalidSilence>()("InvalidSilence", {
  message: Schema.String
}) {}

export class AlertError extends Schema.TaggedError<AlertError>()("AlertError", {
  reason: Schema.Union([InvalidRule, RuleNotFound, SilenceNotFound, InvalidSilence])
}) {
  override get message() {
    return this.reason.message
  }
}

/** An alert as it stands. */
export interface AlertStanding extends Instance {
  readonly severity: Severity
  /** The silence that keeps it from the sinks now. */
  readonly silencedBy: Silence | undefined
  readonly runbook: string
}

export interface AlertOverview {
  /**
   * When a leader last told, which worker it was, and what it sends to; undefined: none ever looked. At most a minute
   * old while one leads.
   */
  readonly looked: { readonly at: number; readonly by: string; readonly sinks: ReadonlyArray<string> } | undefined
  /** Pending and firing, the worst first. */
  readonly alerts: ReadonlyArray<AlertStanding>
  /** Notifications that have not reached every sink. */
  readonly undelivered: number
}

/** A line of what became of alerts. */
export interface AlertEvent {
  readonly seq: number
  /** When it was decided, in milliseconds since 1970. */
  readonly at: number
  readonly alert: Alert
}

/** What a sink said to a sample. */
export interface SinkAnswer {
  readonly sink: string
  readonly delivered: boolean
  readonly text: string
}

export interface NewSilence {
  readonly rule: string
  readonly subject: string
  readonly forMs: number
  readonly by: string
  readonly why: string
}

export class Alerts extends Context.Service<
  Alerts,
  {
    // Rules.
    /** In force or switched off, by name. */
    readonly rules: Effect.Effect<ReadonlyArray<RuleInForce>, StoreError>
    /** Adds a rule or replaces the one of its name, also a built-in one. In force with the next look. */
    readonly putRule: (request: RuleRequest) => Effect.Effect<AlertRule, AlertError | StoreError>
    /**
     * Removes an added rule, returns a changed one to what is built in, switches a built-in one off. Its alerts
     * resolve.
     */
    readonly removeRule: (name: string) => Effect.Effect<"removed" | "restored" | "off", AlertError | StoreError>
    /** Switches a built-in rule on again. */
    readonly restoreRule: (name: string) => Effect.Effect<void, AlertError | StoreError>

    // Silences.
    /** Those that have not ended, the first to end first. */
    readonly silences: Effect.Effect<ReadonlyArray<Silence>, StoreError>
    readonly silence: (silence: NewSilence) => Effect.Effect<Silence, AlertError | StoreError>
    readonly endSilence: (id: string) => Effect.Effect<void, AlertError | StoreError>

    // Looking.
    readonly overview: Effect.Effect<AlertOverview, StoreError>
    /** Newest first; the newest 1,000 of each rule are kept. */
    readonly history: (options: {
      readonly rule?: string
      readonly before?: number
      readonly limit: number
    }) => Effect.Effect<ReadonlyArray<AlertEvent>, StoreError>

    // Acting.
    /** Sends a sample to each sink of this process at once, one try each. */
    readonly test: Effect.Effect<ReadonlyArray<SinkAnswer>>
    /**
     * One look: evaluates all rules, stores what changed, sends what is due. The leader's loop calls it. Fails with the
     * store and then has decided nothing; a sink that fails is tried again by a later look.
     */
    readonly look: (by: string) => Effect.Effect<void, StoreError>
  }
>()("sluice/services/Alerts/Alerts") {}
