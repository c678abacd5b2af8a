/** What is changed of jobs that are there: one by one with an answer, or all that match. */
import { Clock, Duration, Effect } from "effect"
import { checkPriority, checkTime, encodePayload } from "../EnqueueRow.ts"
import { GroupOrders } from "../GroupOrders.ts"
import { formatJobId, type JobId } from "../Job.ts"
import type { JobChange } from "../JobChange.ts"
import type { JobFilter } from "../JobQuery.ts"
import { JobStore } from "../JobStore.ts"
import { Settings } from "../QueueSettings.ts"
import type { StoreError } from "../StoreError.ts"
import { StoreTurns } from "../StoreTurns.ts"
import { taskCodec } from "../TaskCodec.ts"
import { EnqueueError, InvalidOption, type JobEdit, JobNotFound, WrongState } from "../TaskQueue.ts"
import { TaskRegistry } from "../TaskRegistry.ts"
import type { Looking } from "./Looking.ts"

/** Jobs a bulk change touches in one transaction. */
const changePage = 500

export type Changing = Effect.Success<ReturnType<typeof makeChanging>>

export const makeChanging = Effect.fnUntraced(function* ({ get }: Looking) {
  const store = yield* JobStore
  const turns = yield* StoreTurns
  const registry = yield* TaskRegistry
  const settings = yield* Settings
  const clock = yield* Clock.Clock
  const orders = yield* GroupOrders
  const form = store.traits.payloads

  const change = (
    id: JobId,
    what: JobChange,
    allowed: string
  ): Effect.Effect<void, JobNotFound | WrongState | StoreError> =>
    Effect.suspend(() => store.change({ ids: [id] }, what, { now: clock.currentTimeMillisUnsafe(), limit: 1 })).pipe(
      Effect.flatMap(({ changed, refused }) => {
        if (changed.length > 0) return Effect.sync(() => turns.kick(true))
        const state = refused[0]?.state
        return Effect.fail(
          state === undefined
            ? new JobNotFound({ id })
            : new WrongState({ id, state, message: `Job ${formatJobId(id)} is ${state}; only ${allowed}` })
        )
      })
    )

  const changeWhere = (filter: JobFilter, what: JobChange): Effect.Effect<number, StoreError> =>
    Effect.gen(function* () {
      let count = 0
      for (;;) {
        const { changed, more } = yield* store.change(filter, what, {
          now: clock.currentTimeMillisUnsafe(),
          limit: changePage
        })
        count += changed.length
        if (!more) break
      }
      turns.kick(true)
      return count
    })

  const cancelled = (reason: string | undefined): JobChange => ({
    _tag: "Cancel",
    reason: reason ?? "cancelled by an operator"
  })

  const cancel = (id: JobId, reason?: string) =>
    change(id, cancelled(reason), "waiting and running jobs can be cancelled")

  const edited = (fields: JobEdit): JobChange => ({ _tag: "Edit", rankings: orders.rankings(), ...fields })

  const revived = (): JobChange => ({ _tag: "Retry", rankings: orders.rankings() })

  /** As its task has it, when that is known here. */
  const encoded = (name: string, payload: unknown): unknown => {
    const task = registry.get(name)?.task
    if (task !== undefined) return encodePayload(task, taskCodec(task, form), payload, settings)
    return form === "text" ? JSON.stringify(payload) : payload
  }

  return {
    cancel,
    retry: (id: JobId) => Effect.suspend(() => change(id, revived(), "finished jobs can be retried")),
    remove: (id: JobId) => change(id, { _tag: "Remove" }, "waiting and finished jobs can be removed"),
    edit: (id: JobId, edit: JobEdit) =>
      Effect.gen(function* () {
        const job = edit.payload === undefined ? undefined : yield* get(id)
        const fields = yield* Effect.try({
          try: () => {
            const payload = job === undefined ? {} : { payload: encoded(job.task, edit.payload) }
            if (edit.priority !== undefined) checkPriority(edit.priority)
            if (edit.due !== undefined) checkTime("due", edit.due)
            if (edit.deadline !== undefined) checkTime("deadline", edit.deadline)
            return { ...edit, ...payload }
          },
          catch: (error) =>
            error instanceof EnqueueError
              ? error
              : new EnqueueError({ reason: new InvalidOption({ message: String(error) }) })
        })
        yield* change(id, edited(fields), "waiting jobs can be edited")
      }),
    snooze: (id: JobId, delay: Duration.Input) =>
      Effect.suspend(() =>
        change(
          id,
          edited({ due: clock.currentTimeMillisUnsafe() + Duration.toMillis(Duration.fromInputUnsafe(delay)) }),
          "waiting jobs can be snoozed"
        )
      ),
    reportProgress: (id: JobId, attempt: number, value: unknown) =>
      Effect.gen(function* () {
        const job = yield* get(id)
        if (job.state !== "running" || job.attempt !== attempt) {
          return yield* new WrongState({
            id,
            state: job.state,
            message: `Job ${formatJobId(id)} is ${job.state} (attempt ${job.attempt}); attempt ${attempt} does not run`
          })
        }
        // Not with this process's turns: it would be a note of the session of its worker, which may not be the job's.
        yield* store.turn({
          now: clock.currentTimeMillisUnsafe(),
          session: 0,
          settle: [],
          enqueue: [],
          batches: undefined,
          claim: [],
          progress: [{ id, attempt, value: form === "text" ? JSON.stringify(value) : value }],
          logs: []
        })
      }),
    cancelWhere: (filter: JobFilter, reason?: string) =>
      changeWhere({ ...filter, states: filter.states ?? ["scheduled", "pending", "running"] }, cancelled(reason)),
    retryWhere: (filter: JobFilter) =>
      Effect.suspend(() => changeWhere({ ...filter, states: filter.states ?? ["failed", "cancelled"] }, revived())),
    removeWhere: (filter: JobFilter) =>
      changeWhere(
        { ...filter, states: filter.states ?? ["scheduled", "pending", "completed", "failed", "cancelled"] },
        { _tag: "Remove" }
      )
  }
})
