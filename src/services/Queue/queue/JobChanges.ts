/** What is changed of jobs that are there: one by one with an answer, or all that match. */
import { Clock, type Duration, Effect } from "effect"
import { encodeLoosePayload, encodePayload } from "../codec/EnqueueRow.ts"
import { GroupOrders } from "../GroupOrders.ts"
import { formatJobId, type JobId, type JobRecord, type JobState, liveStates } from "../Job.ts"
import type { ChangeResult, JobChange } from "../../Store/JobChange.ts"
import { checkFilter, type JobSelection } from "../../Store/JobQuery.ts"
import { JobStore } from "../../Store/JobStore.ts"
import * as Bounds from "../policy/Bounds.ts"
import * as Times from "../policy/Times.ts"
import * as Durations from "../policy/Durations.ts"
import { laneOf } from "../policy/Lane.ts"
import { checkPriority } from "../policy/Rank.ts"
import { Settings } from "../QueueSettings.ts"
import type { StoreError } from "../../Store/StoreError.ts"
import { StoreTurns } from "../../Store/StoreTurns.ts"
import { encodeJson, taskCodec } from "../codec/TaskCodec.ts"
import { EnqueueError, InvalidOption, type JobEdit, type JobNotFound, jobNotFound, WrongState } from "../TaskQueue.ts"
import { TaskRegistry } from "../TaskRegistry.ts"
import { checked } from "./Checked.ts"
import type { Queries } from "./Queries.ts"

/** Jobs a bulk change touches in one transaction. */
const changePage = 500

const editNames: ReadonlySet<string> = new Set<keyof JobEdit>([
  "payload",
  "priority",
  "due",
  "deadline",
  "group",
  "tags"
])

/** With its times in milliseconds since 1970. */
type CheckedEdit = Omit<JobEdit, "due" | "deadline"> & { readonly due?: number; readonly deadline?: number }

export type JobChanges = Effect.Success<ReturnType<typeof makeJobChanges>>

export const makeJobChanges = Effect.fnUntraced(function* ({ record }: Queries) {
  const store = yield* JobStore
  const turns = yield* StoreTurns
  const registry = yield* TaskRegistry
  const settings = yield* Settings
  const clock = yield* Clock.Clock
  const orders = yield* GroupOrders
  const { traits } = store

  const change = (
    id: JobId,
    what: JobChange,
    allowed: string
  ): Effect.Effect<void, JobNotFound | WrongState | StoreError> =>
    Effect.suspend(
      (): Effect.Effect<ChangeResult, JobNotFound | StoreError> =>
        Bounds.isJobId(id)
          ? store.change({ ids: [id] }, what, { now: clock.currentTimeMillisUnsafe(), limit: 1 })
          : Effect.fail(jobNotFound(id))
    ).pipe(
      Effect.flatMap(({ changed, refused }) => {
        if (changed.length > 0) return Effect.sync(() => turns.kick(true))
        const state = refused[0]?.state
        return Effect.fail(
          state === undefined
            ? jobNotFound(id)
            : new WrongState({ id, state, message: `Job ${formatJobId(id)} is ${state}; only ${allowed}` })
        )
      })
    )

  /** `states`: those it is meant for, unless the filter says. */
  const changeWhere = (
    filter: JobSelection,
    states: ReadonlyArray<JobState>,
    what: () => JobChange
  ): Effect.Effect<number, InvalidOption | StoreError> =>
    Effect.gen(function* () {
      const which = { states, ...(yield* checked(() => checkFilter(filter))) }
      const change = what()
      let count = 0
      for (;;) {
        const { changed, more } = yield* store.change(which, change, {
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
    reason: reason === undefined ? "cancelled by an operator" : Bounds.note(reason)
  })

  const cancel = (id: JobId, reason?: string) =>
    change(id, cancelled(reason), "waiting and running jobs can be cancelled")

  const edited = (fields: CheckedEdit): JobChange => ({ _tag: "Edit", rankings: orders.rankings(), ...fields })

  const revived = (): JobChange => ({ _tag: "Retry", rankings: orders.rankings() })

  /** As its task has it, when that is known here. */
  const encoded = (name: string, payload: unknown): unknown => {
    const task = registry.get(name)?.task
    return task === undefined
      ? encodeLoosePayload(payload, traits, settings.maxPayloadBytes)
      : encodePayload(task, taskCodec(task, traits), payload, settings)
  }

  /** Throws `EnqueueError` or `OutOfBounds`. */
  const checkedEdit = (edit: JobEdit, job?: JobRecord): CheckedEdit => {
    Bounds.fields("edit", edit, editNames)
    const { deadline, due, group, payload, priority, tags } = edit
    if (job !== undefined && group !== undefined && group !== job.group && laneOf(job.task) !== undefined)
      throw new EnqueueError({
        reason: new InvalidOption({
          message: `Job ${formatJobId(job.id)} is run by the process that added it, in group ${job.group} only`
        })
      })
    return {
      ...(job !== undefined && payload !== undefined && { payload: encoded(job.task, payload) }),
      ...(group !== undefined && { group: Bounds.name("group", group) }),
      ...(tags !== undefined && { tags: [...new Set(Bounds.labels("tags", tags, Bounds.mostTags))] }),
      ...(priority !== undefined && { priority: checkPriority(priority) }),
      ...(due !== undefined && { due: Times.time("due", due) }),
      ...(deadline !== undefined && { deadline: Times.time("deadline", deadline) })
    }
  }

  return {
    cancel,
    retry: (id: JobId) => Effect.suspend(() => change(id, revived(), "finished jobs can be retried")),
    remove: (id: JobId) => change(id, { _tag: "Remove" }, "waiting and finished jobs can be removed"),
    edit: (id: JobId, edit: JobEdit) =>
      Effect.gen(function* () {
        const job = edit.payload === undefined && edit.group === undefined ? undefined : yield* record(id)
        const fields = yield* Effect.try({
          try: () => checkedEdit(edit, job),
          catch: (error) =>
            error instanceof EnqueueError
              ? error
              : new EnqueueError({
                  reason: new InvalidOption({ message: error instanceof Error ? error.message : String(error) })
                })
        })
        yield* change(id, edited(fields), "waiting jobs can be edited")
      }),
    snooze: (id: JobId, delay: Duration.Input) =>
      Effect.flatMap(
        checked(() => clock.currentTimeMillisUnsafe() + Durations.duration("delay", delay)),
        (notBefore) =>
          change(id, { _tag: "Edit", rankings: orders.rankings(), notBefore }, "waiting jobs can be snoozed")
      ),
    reportProgress: (id: JobId, attempt: number, value: unknown) =>
      Effect.gen(function* () {
        const job = yield* record(id)
        if (job.state !== "running" || job.attempt !== attempt) {
          return yield* new WrongState({
            id,
            state: job.state,
            message: `Job ${formatJobId(id)} is ${job.state} (attempt ${job.attempt}); attempt ${attempt} does not run`
          })
        }
        const progress = yield* checked(() => Bounds.orRefuse("value", () => encodeJson(value, traits)))
        // Not with this process's turns: it would be a note of the session of its worker, which may not be the job's.
        yield* store.turn({
          now: clock.currentTimeMillisUnsafe(),
          session: 0,
          settle: [],
          enqueue: [],
          batches: undefined,
          claim: [],
          progress: [{ id, attempt, value: progress }],
          logs: []
        })
      }),
    cancelWhere: (filter: JobSelection, reason?: string) => changeWhere(filter, liveStates, () => cancelled(reason)),
    moveWhere: (filter: JobSelection, group: string) =>
      Effect.flatMap(
        checked(() => checkedEdit({ group })),
        (fields) => changeWhere(filter, ["scheduled", "pending"], () => edited(fields))
      ),
    retryWhere: (filter: JobSelection) => changeWhere(filter, ["failed", "cancelled"], revived),
    removeWhere: (filter: JobSelection) =>
      changeWhere(filter, ["scheduled", "pending", "completed", "failed", "cancelled"], () => ({ _tag: "Remove" }))
  }
})
