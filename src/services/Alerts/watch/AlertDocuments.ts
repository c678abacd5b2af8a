/**
 * What the alerts keep in the store, and how it reads. What cannot be read is passed over with a line in the log, so
 * that one bad row stops nothing.
 */
import { Cause, Clock, Effect, Option, Schema } from "effect"
import type { Complain } from "../../Queue/Complaints.ts"
import type { Documents } from "../../Store/Documents.ts"
import type { StoredDocument } from "../../Store/StoredDocument.ts"
import type { StoreError } from "../../Store/StoreError.ts"
import { AlertRule, Severity } from "../AlertRule.ts"
import { metricNames, type Metric } from "../policy/Metrics.ts"
import { Alert, Notification } from "../Notification.ts"
import { emptyLedger, type Ledger } from "../policy/Ledger.ts"
import { Silence } from "../Silence.ts"
import { line } from "../../Text/policy/SafeText.ts"

const ruleKind = "alert-rule"
const silenceKind = "alert-silence"
const stateKind = "alert-state"
const historyKind = "alert-history"
const ledgerKey = "ledger"

/** Of each rule. */
const historyKeep = 1000

const StoredRule = Schema.fromJsonString(
  Schema.Union([Schema.Struct({ off: Schema.Literal(true) }), Schema.Struct({ rule: AlertRule })])
)
const StoredSilence = Schema.fromJsonString(Silence)
/** With the id of its notification: a line that was written twice is read once. */
const StoredAlert = Schema.fromJsonString(Schema.Struct({ id: Schema.String, alert: Alert }))

const Instance = Schema.Struct({
  rule: Schema.String,
  metric: Schema.Literals(metricNames as ReadonlyArray<Metric>),
  severity: Severity,
  threshold: Schema.Finite,
  subject: Schema.String,
  phase: Schema.Literals(["inactive", "pending", "firing"]),
  since: Schema.Finite,
  clearSince: Schema.NullOr(Schema.Finite),
  value: Schema.NullOr(Schema.Finite),
  text: Schema.String,
  onsets: Schema.Array(Schema.Finite),
  announced: Schema.Int,
  announcedAt: Schema.Finite
})

const StoredLedger = Schema.fromJsonString(
  Schema.Struct({
    at: Schema.Finite,
    by: Schema.String,
    sinks: Schema.Array(Schema.String),
    instances: Schema.Array(Instance),
    outgoing: Schema.Array(
      Schema.Struct({
        notification: Notification,
        done: Schema.Array(Schema.String),
        attempts: Schema.Int,
        nextAt: Schema.Finite
      })
    )
  })
)

/** Undefined fields have no place in JSON. */
type Stored = typeof StoredLedger.Type

const toLedger = (stored: Stored): Ledger => ({
  ...stored,
  instances: stored.instances.map((instance) => ({
    ...instance,
    clearSince: instance.clearSince ?? undefined,
    value: instance.value ?? undefined
  }))
})

const fromLedger = (ledger: Ledger): Stored => ({
  ...ledger,
  instances: ledger.instances.map((instance) => ({
    ...instance,
    clearSince: instance.clearSince ?? null,
    value: instance.value ?? null
  }))
})

const readAll = <A>(
  schema: Schema.ConstraintDecoder<A>,
  kind: string,
  documents: ReadonlyArray<StoredDocument>,
  complain: Complain
) => {
  const decode = Schema.decodeUnknownOption(schema)
  return Effect.map(
    Effect.forEach(documents, ({ key, text }) => {
      const value = decode(text)
      return Option.isSome(value)
        ? Effect.succeed([{ key, value: value.value }])
        : Effect.as(
            complain(`${kind} ${key}`, `The ${kind} "${line(key)}" in the store cannot be read`, Cause.empty),
            []
          )
    }),
    (found) => found.flat()
  )
}

/** Encoding what our own types describe cannot fail. */
const write = <A, I>(schema: Schema.ConstraintCodec<A, I>, value: A): I => Schema.encodeSync(schema)(value)

/** A rule somebody has put, or that they switched off a built-in one. */
export type PutRule = { readonly off: true } | { readonly rule: AlertRule }

export class AlertDocuments {
  private readonly documents: Documents["Service"]
  private readonly complain: Complain

  constructor(documents: Documents["Service"], complain: Complain) {
    this.documents = documents
    this.complain = complain
  }

  rules(): Effect.Effect<ReadonlyMap<string, PutRule>, StoreError> {
    return this.documents.all(ruleKind).pipe(
      Effect.flatMap((documents) => readAll(StoredRule, ruleKind, documents, this.complain)),
      Effect.map((found) => new Map<string, PutRule>(found.map(({ key, value }) => [key, value])))
    )
  }

  putRule(name: string, rule: PutRule | undefined): Effect.Effect<void, StoreError> {
    return this.put(ruleKind, name, rule === undefined ? undefined : write(StoredRule, rule))
  }

  silences(): Effect.Effect<ReadonlyArray<Silence>, StoreError> {
    return this.documents.all(silenceKind).pipe(
      Effect.flatMap((documents) => readAll(StoredSilence, silenceKind, documents, this.complain)),
      Effect.map((found) => found.map(({ value }) => value))
    )
  }

  putSilence(silence: Silence): Effect.Effect<void, StoreError> {
    return this.put(silenceKind, silence.id, write(StoredSilence, silence))
  }

  removeSilence(id: string): Effect.Effect<void, StoreError> {
    return this.put(silenceKind, id, undefined)
  }

  /** With the version it must be replaced in. A ledger that cannot be read is begun anew. */
  ledger(): Effect.Effect<{ readonly ledger: Ledger; readonly version: number }, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const document = yield* this.documents.get(stateKind, ledgerKey)
      if (document === undefined) return { ledger: emptyLedger, version: 0 }
      const [found] = yield* readAll(StoredLedger, stateKind, [document], this.complain)
      return { ledger: found === undefined ? emptyLedger : toLedger(found.value), version: document.version }
    })
  }

  /** The new version, or undefined when another leader has written meanwhile. */
  putLedger(ledger: Ledger, version: number): Effect.Effect<number | undefined, StoreError> {
    return Effect.flatMap(Clock.currentTimeMillis, (now) =>
      this.documents.put(stateKind, ledgerKey, write(StoredLedger, fromLedger(ledger)), { now, version })
    )
  }

  appendHistory({ alerts, at, id }: Notification): Effect.Effect<void, StoreError> {
    return this.documents.append(
      historyKind,
      alerts.map((alert) => ({ key: alert.rule, text: write(StoredAlert, { id, alert }) })),
      { now: at, keep: historyKeep }
    )
  }

  history(options: { readonly rule?: string; readonly before?: number; readonly limit: number }) {
    const { rule, ...rest } = options
    return this.documents.journal(historyKind, { ...rest, ...(rule === undefined ? {} : { key: rule }) }).pipe(
      Effect.flatMap((entries) =>
        Effect.forEach(entries, (entry) =>
          Effect.map(readAll(StoredAlert, historyKind, [{ ...entry, version: 0 }], this.complain), (found) =>
            found.map(({ value: { alert, id } }) => ({ seq: entry.seq, at: entry.at, id, alert }))
          )
        )
      ),
      Effect.map((found) => {
        const seen = new Set<string>()
        return found.flat().filter(({ alert, id }) => {
          const key = `${id}\u0000${alert.rule}\u0000${alert.subject}`
          return !seen.has(key) && seen.add(key)
        })
      })
    )
  }

  private put(kind: string, key: string, text: string | undefined): Effect.Effect<void, StoreError> {
    return Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.asVoid(this.documents.put(kind, key, text, { now })))
  }
}
