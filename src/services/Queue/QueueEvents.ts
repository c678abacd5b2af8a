/**
 * What happens to jobs, as this process sees it: the events of the jobs it enqueues, runs and changes. For what happens
 * in all processes read the store (`TaskQueue.list`, `TaskQueue.rollUps`).
 *
 * Events are published after the commit that made them true, in the order of the store's turns, and are at most once: a
 * subscriber that falls 16,384 events behind loses the oldest. With no subscriber an event costs nothing.
 */
import { Context, type Effect, type PubSub, type Scope, type Stream } from "effect"
import type { Failure, JobId } from "./Job.ts"

export type QueueEvent =
  | {
      readonly _tag: "Enqueued"
      readonly id: JobId
      readonly task: string
      readonly group: string
      readonly at: number
    }
  | {
      readonly _tag: "Started"
      readonly id: JobId
      readonly task: string
      readonly group: string
      readonly attempt: number
      /** From due (or enqueue, if later) to start, in milliseconds. */
      readonly waitMs: number
      readonly at: number
    }
  | {
      readonly _tag: "Progress"
      readonly id: JobId
      readonly task: string
      readonly group: string
      readonly value: unknown
      readonly at: number
    }
  | {
      readonly _tag: "Completed"
      readonly id: JobId
      readonly task: string
      readonly group: string
      readonly attempt: number
      readonly runMs: number
      readonly at: number
    }
  /** An attempt failed and another will follow at `due`. */
  | {
      readonly _tag: "Retried"
      readonly id: JobId
      readonly task: string
      readonly group: string
      readonly attempt: number
      readonly runMs: number
      readonly failure: Failure
      readonly due: number
      readonly at: number
    }
  /** Given up (`failed`) or `cancelled`. */
  | {
      readonly _tag: "Failed" | "Cancelled"
      readonly id: JobId
      readonly task: string
      readonly group: string
      readonly attempt: number
      readonly runMs: number
      readonly failure: Failure
      readonly at: number
    }
  /** Handed back unspent: snoozed, or the worker stops. */
  | {
      readonly _tag: "Released"
      readonly id: JobId
      readonly task: string
      readonly group: string
      readonly at: number
    }
  /**
   * Handed back unspent, since the other side takes no more before `until`: the job's key, or its group where no policy
   * has a rule for the key, starts nothing before then.
   */
  | {
      readonly _tag: "LimitHeldBack"
      readonly id: JobId
      readonly task: string
      readonly group: string
      readonly key: string | undefined
      readonly until: number
      readonly at: number
    }
  /**
   * A circuit breaker of a group, or of one of its keys: nothing starts before `until`; its first probe has started;
   * its probes have succeeded. Told by the process whose turn changed it.
   */
  | {
      readonly _tag: "BreakerOpened" | "BreakerHalfOpen" | "BreakerClosed"
      readonly group: string
      readonly key: string | undefined
      readonly until: number
      readonly at: number
    }
  /** A result came too late: the claim had passed on, and the result was dropped. */
  | {
      readonly _tag: "LeaseLost"
      readonly id: JobId
      readonly task: string
      readonly group: string
      readonly attempt: number
      readonly at: number
    }
  /**
   * An attempt ran longer than its task's threshold (`PerformanceProfiler.Settings`). Published at its end, before that
   * is durable.
   */
  | {
      readonly _tag: "SlowTask"
      readonly id: JobId
      readonly task: string
      readonly group: string
      readonly attempt: number
      readonly runMs: number
      readonly thresholdMs: number
      readonly at: number
    }
  /** The event loop did not turn for `blockedMs`; one of `jobs` held it. */
  | {
      readonly _tag: "LoopBlocked"
      readonly jobs: ReadonlyArray<{ readonly id: JobId; readonly task: string }>
      readonly blockedMs: number
      readonly at: number
    }
  /** Jobs of dead or fenced workers: taken back, or buried. */
  | {
      readonly _tag: "Recovered"
      readonly ids: ReadonlyArray<JobId>
      readonly buried: ReadonlyArray<JobId>
      readonly at: number
    }

export class QueueEvents extends Context.Service<
  QueueEvents,
  {
    /** Whether anybody listens. Ask before building an event on a hot path. */
    readonly active: () => boolean
    /** Publishes to all subscribers; synchronous, never waits. */
    readonly publish: (event: QueueEvent) => void
    /** Events from now on, until the scope closes. */
    readonly subscribe: Effect.Effect<PubSub.Subscription<QueueEvent>, never, Scope.Scope>
    /** The same as a stream: events from when it is run. */
    readonly stream: Stream.Stream<QueueEvent>
  }
>()("sluice/services/Queue/QueueEvents") {}
