/** The alerts over a store: keeps rules and silences, looks, and sends what is due. */
import { hostname } from "node:os"
import { Cause, Clock, DateTime, Duration, Effect, Layer, Metric, Option, Random } from "effect"
import { makeComplaints } from "../Queue/Complaints.ts"
import * as Stores from "../Store/Store.ts"
import * as Bounds from "../Queue/policy/Bounds.ts"
import * as Durations from "../Queue/policy/Durations.ts"
import type { StoreError } from "../Store/StoreError.ts"
import {
  AlertError,
  Alerts,
  type AlertStanding,
  InvalidRule,
  InvalidSilence,
  type NewSilence,
  RuleNotFound,
  SilenceNotFound,
  type SinkAnswer
} from "./Alerts.ts"
import type { AlertRule } from "./AlertRule.ts"
import { checkedSettings, SettingsUnusable } from "./AlertSettings.ts"
import { ArrivalForecast } from "./ArrivalForecast.ts"
import type { Notification } from "./Notification.ts"
import { afterTry } from "./policy/Delivery.ts"
import { samplesOf } from "./policy/Figures.ts"
import { storeLabel } from "./policy/StoreLabel.ts"
import { isSame, type Ledger, type Observed, type Outgoing, pass, silencing } from "./policy/Ledger.ts"
import { metricSpec } from "./policy/Metrics.ts"
import { makeRule, ruleProblem } from "./policy/MakeRule.ts"
import { isBuiltIn, rulesInForce } from "./policy/Rules.ts"
import type { Silence } from "./Silence.ts"
import { NotDelivered, type Sink, SinkError } from "./Sink.ts"
import { makeSinks } from "./sinks/Sinks.ts"
import { AlertDocuments } from "./watch/AlertDocuments.ts"
import { AnomalyWatch } from "./watch/AnomalyWatch.ts"
import { lookAtStore, type Sources } from "./watch/LookAtStore.ts"
import { Outlooks } from "./watch/Outlooks.ts"
import { RecentMinutes } from "./watch/RecentMinutes.ts"

/** A ledger that says the same is written all the same after so long: then it shows that somebody looks. */
const signOfLifeMs = 60_000
/**
 * Longer without a look, and a condition is not taken to have held meanwhile. Above `signOfLifeMs`, since that is all a
 * new leader knows.
 */
const unseenAfterMs = 180_000
/** The history is told like a sink, before all others. */
const history = "history"
const silenceMost = 366 * 86_400_000
/** An ended silence is removed by the leader after so long. */
const silenceKeptMs = 86_400_000

/**
 * Notifications tried in one look, all at once: so a look takes no longer than one send, however many sinks are gone.
 */
const sendMost = 4

/** Lines in one answer: as many as are kept of one rule. */
const historyMost = 1000

/** What a check of `Bounds` answers; what it refuses is the caller's error. */
const checked = <A>(check: () => A, reason: (message: string) => AlertError["reason"]): Effect.Effect<A, AlertError> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(check())
    } catch (error) {
      return error instanceof Bounds.OutOfBounds
        ? Effect.fail(new AlertError({ reason: reason(error.message) }))
        : Effect.die(error)
    }
  })

const silenceNames: ReadonlySet<string> = new Set<keyof NewSilence>(["rule", "subject", "forMs", "by", "why"])

/** The names it is about may be globs, and empty; what people say is made safe to keep. */
const checkSilence = (asked: NewSilence): NewSilence => {
  Bounds.fields("the silence", asked, silenceNames)
  const { by, forMs, rule, subject, why } = asked
  return {
    rule: rule === "" ? rule : Bounds.label("rule", rule),
    subject: subject === "" ? subject : Bounds.label("subject", subject),
    forMs: Durations.duration("a silence", forMs, 1, silenceMost),
    by: Bounds.note(by),
    why: Bounds.note(why)
  }
}

/** On the worker that leads; 0 for a rule that is in force and does not fire. */
const firing = Metric.gauge("sluice_alerts_firing", { description: "Alerts that fire, by rule." })

/** A sink that dies has not delivered: the others are told all the same. */
const asRefusal = <A>(sent: Effect.Effect<A, SinkError>): Effect.Effect<A, SinkError> =>
  Effect.catchDefect(sent, (defect) =>
    Effect.fail(
      new SinkError({
        reason: new NotDelivered({ message: defect instanceof Error ? defect.message : "it died without a reason" })
      })
    )
  )

const publish = (rules: ReadonlyArray<AlertRule>, { instances }: Ledger): Effect.Effect<void> =>
  Effect.forEach(
    rules,
    ({ name, severity }) =>
      Metric.update(
        Metric.withAttributes(firing, { rule: name, severity }),
        instances.filter(({ phase, rule }) => rule === name && phase === "firing").length
      ),
    { discard: true }
  )

/** Ledgers are replaced in the version that was read; another writer is met at most so often in a row. */
const conflictsMost = 5

export const layer = Layer.effect(
  Alerts,
  Effect.gen(function* () {
    const store = yield* Stores.store
    const label = storeLabel(store.jobs.traits.label, hostname())
    const settings = yield* checkedSettings
    const sinks = yield* makeSinks
    const clock = yield* Clock.Clock
    const complain = makeComplaints(() => clock.currentTimeMillisUnsafe())
    const documents = new AlertDocuments(store.documents, complain)
    const zone = DateTime.zoneMakeNamed(settings.timeZone)
    if (Option.isNone(zone))
      return yield* new SettingsUnusable({
        message: `there is no time zone ${JSON.stringify(settings.timeZone)}; expected a name like Europe/Vienna`
      })
    const sources: Sources = {
      store,
      recent: new RecentMinutes(store.rollUps),
      watch: new AnomalyWatch(store, zone.value),
      outlooks: new Outlooks(yield* ArrivalForecast)
    }
    const sinkNames = sinks.map(({ name }) => name)
    /** When this process looked last, in milliseconds since 1970. */
    let lookedAt = 0

    const inForce = Effect.map(documents.rules(), rulesInForce)
    const fail = (reason: AlertError["reason"]) => new AlertError({ reason })

    const activeSilences = Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      return (yield* documents.silences()).filter(({ until }) => until > now).sort((a, b) => a.until - b.until)
    })

    // Sending ---------------------------------------------------------------------------------------------------------

    /** One try of one notification at every sink that is left; which of them need no other. */
    const tryOnce = ({ attempts, done, notification }: Outgoing) =>
      Effect.gen(function* () {
        const isLast = attempts + 1 >= settings.tries
        const loud = notification.alerts.filter(({ silencedBy }) => silencedBy === null)
        const told: Notification = { ...notification, alerts: loud }
        const finished: Array<string> = []
        if (!done.includes(history)) {
          yield* documents.appendHistory(notification)
          finished.push(history)
        }
        const left = sinks.filter(({ name }) => !done.includes(name))
        if (loud.length === 0) return [...finished, ...sinkNames]
        yield* Effect.forEach(
          left,
          (sink) =>
            sink.send(told).pipe(
              asRefusal,
              Effect.matchEffect({
                onSuccess: () => Effect.sync(() => void finished.push(sink.name)),
                onFailure: ({ message, reason }) => {
                  const isOver = reason._tag === "Refused" || isLast
                  if (isOver) finished.push(sink.name)
                  return Effect.logWarning(
                    `The alerts of ${new Date(notification.at).toISOString()} ${isOver ? "never reached" : "have not reached"} ${sink.name}: ${message}`
                  )
                }
              })
            ),
          { concurrency: "unbounded", discard: true }
        )
        return finished
      })

    /** Notes what was sent, over what another writer may have written meanwhile. */
    const noteTried = (
      tried: ReadonlyMap<string, ReadonlyArray<string>>,
      read: Read
    ): Effect.Effect<void, StoreError> =>
      Effect.gen(function* () {
        let current = read
        for (let i = 0; i < conflictsMost; i++) {
          const now = yield* Clock.currentTimeMillis
          const outgoing = current.ledger.outgoing.flatMap((each) => {
            const done = tried.get(each.notification.id)
            if (done === undefined) return [each]
            const next = afterTry(each, { done }, [history, ...sinkNames], now, settings.tries)
            return next === undefined ? [] : [next]
          })
          if ((yield* documents.putLedger({ ...current.ledger, outgoing }, current.version)) !== undefined) return
          current = yield* documents.ledger()
        }
      })

    const sendDue = (read: Read, now: number): Effect.Effect<void, StoreError> =>
      Effect.gen(function* () {
        const due = read.ledger.outgoing.filter(({ nextAt }) => nextAt <= now).slice(0, sendMost)
        if (due.length === 0) return
        const tried = yield* Effect.forEach(
          due,
          (outgoing) => Effect.map(tryOnce(outgoing), (done) => [outgoing.notification.id, done] as const),
          { concurrency: sendMost }
        )
        yield* noteTried(new Map(tried), read)
      })

    // Looking ---------------------------------------------------------------------------------------------------------

    interface Read {
      readonly ledger: Ledger
      readonly version: number
    }

    const look = (by: string) =>
      Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        const rules: Array<AlertRule> = []
        for (const { rule, source } of yield* inForce) {
          if (source === "off") continue
          const problem = ruleProblem(rule)
          if (problem === undefined) rules.push(rule)
          else yield* complain(rule.name, `The alert rule ${rule.name} cannot be used: ${problem}`, Cause.empty)
        }
        const silences = yield* documents.silences()
        const { ledger: stored, version } = yield* documents.ledger()
        const seen = yield* lookAtStore(sources, rules, now, complain)
        const before = { ...stored, at: Math.max(stored.at, lookedAt) }
        const observed: Array<Observed> = []
        for (const rule of rules) {
          const samples = yield* Effect.exit(Effect.sync(() => samplesOf(seen, rule)))
          if (samples._tag === "Success") observed.push({ rule, samples: samples.value })
          else yield* complain(rule.name, `The alert rule ${rule.name} failed`, samples.cause)
        }
        const after = pass(before, observed, silences, {
          now,
          by,
          sinks: sinkNames,
          store: label,
          unseenAfterMs,
          remindMs: Duration.toMillis(settings.remind),
          runbooks: settings.runbooks
        })
        for (const { id, until } of silences) if (now - until > silenceKeptMs) yield* documents.removeSilence(id)
        let read: Read = { ledger: stored, version }
        if (!isSame(stored, after) || now - stored.at >= signOfLifeMs) {
          const written = yield* documents.putLedger(after, version)
          // Another leader has decided: what was seen here is old.
          if (written === undefined) return
          read = { ledger: after, version: written }
        }
        lookedAt = now
        yield* publish(rules, after)
        yield* sendDue(read, now)
      })

    // Asking ----------------------------------------------------------------------------------------------------------

    const overview = Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const silences = yield* documents.silences()
      const { ledger } = yield* documents.ledger()
      const order = (standing: AlertStanding) =>
        (standing.phase === "firing" ? 0 : 2) + (standing.severity === "critical" ? 0 : 1)
      const alerts = ledger.instances
        .filter(({ phase }) => phase !== "inactive")
        .map(
          (instance): AlertStanding => ({
            ...instance,
            silencedBy: silencing(silences, instance.rule, instance.subject, now),
            runbook: `${settings.runbooks}${metricSpec(instance.metric).runbook}.md`
          })
        )
        .sort((a, b) => order(a) - order(b) || a.since - b.since)
      return {
        looked: ledger.at === 0 ? undefined : { at: ledger.at, by: ledger.by, sinks: ledger.sinks },
        alerts,
        undelivered: ledger.outgoing.length
      }
    })

    const sample = (now: number): Notification => ({
      id: `test-${now.toString(36)}`,
      at: now,
      store: label,
      alerts: [
        {
          status: "test",
          rule: "test",
          severity: "warning",
          metric: "backlog",
          of: "group",
          subject: "test",
          value: 1,
          threshold: 1,
          text: "test: this is a sample of an alert; nothing is wrong",
          firedAt: now,
          runbook: `${settings.runbooks}backlog.md`,
          silencedBy: null
        }
      ]
    })

    const sendSample = (sink: Sink, notification: Notification): Effect.Effect<SinkAnswer> =>
      sink.send(notification).pipe(
        asRefusal,
        Effect.match({
          onSuccess: (text) => ({ sink: sink.name, delivered: true, text }),
          onFailure: ({ message }) => ({ sink: sink.name, delivered: false, text: message })
        })
      )

    return {
      rules: inForce,
      putRule: Effect.fn("Alerts.putRule")(function* (request) {
        const rule = yield* checked(
          () => makeRule(request),
          (message) => new InvalidRule({ message })
        )
        const problem = ruleProblem(rule)
        if (problem !== undefined) return yield* fail(new InvalidRule({ message: problem }))
        yield* documents.putRule(rule.name, { rule })
        return rule
      }),
      removeRule: Effect.fn("Alerts.removeRule")(function* (name) {
        const found = (yield* inForce).find(({ rule }) => rule.name === name)
        if (found === undefined)
          return yield* fail(
            new RuleNotFound({ name, message: `no rule ${JSON.stringify(name)}; see: sluice alert ls --rules` })
          )
        yield* documents.putRule(
          name,
          found.source === "built in" || found.source === "off" ? { off: true } : undefined
        )
        return found.source === "added" ? "removed" : found.source === "changed" ? "restored" : "off"
      }),
      restoreRule: Effect.fn("Alerts.restoreRule")(function* (name) {
        if (!isBuiltIn(name))
          return yield* fail(
            new RuleNotFound({
              name,
              message: `no built-in rule ${JSON.stringify(name)}; see: sluice alert ls --rules`
            })
          )
        yield* documents.putRule(name, undefined)
      }),
      silences: activeSilences,
      silence: Effect.fn("Alerts.silence")(function* (asked) {
        const { by, forMs, rule, subject, why } = yield* checked(
          () => checkSilence(asked),
          (message) => new InvalidSilence({ message })
        )
        const now = yield* Clock.currentTimeMillis
        if (rule === "" || subject === "")
          return yield* fail(
            new InvalidSilence({ message: "a silence of nothing; name a rule or a group, or * for all" })
          )
        const id = (yield* Random.nextIntBetween(36 ** 5, 36 ** 6)).toString(36)
        const silence: Silence = { id, rule, subject, from: now, until: now + forMs, by, why }
        yield* documents.putSilence(silence)
        return silence
      }),
      endSilence: Effect.fn("Alerts.endSilence")(function* (id) {
        if (!(yield* activeSilences).some((silence) => silence.id === id))
          return yield* fail(
            new SilenceNotFound({
              id,
              message: `no silence ${JSON.stringify(id)} is in force; see: sluice alert ls --silences`
            })
          )
        yield* documents.removeSilence(id)
      }),
      overview,
      history: ({ before, limit, rule }) =>
        documents.history({
          ...(rule !== undefined && { rule }),
          ...(Number.isSafeInteger(before) && { before: before! }),
          limit: Number.isSafeInteger(limit) ? Math.max(1, Math.min(historyMost, limit)) : historyMost
        }),
      test: Effect.gen(function* () {
        const notification = sample(yield* Clock.currentTimeMillis)
        return yield* Effect.forEach(sinks, (sink) => sendSample(sink, notification), { concurrency: "unbounded" })
      }),
      look: Effect.fn("Alerts.look")(look)
    }
  })
)
