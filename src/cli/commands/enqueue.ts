/** `sluice enqueue`: a typed task of the project's own module. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { type EnqueueOptions, Job, TaskQueue } from "../../services/Queue/index.ts"
import { commandFlags, toEnqueueOptions } from "../JobFlags.ts"
import { openActing } from "../OpenStore.ts"
import { output } from "../Output.ts"
import { moduleFile, namedTaskFlags, payloadOf, taskOf } from "../worker/NamedTask.ts"
import { checkKeyed, parents, sayMet, sayWithoutWorker, startFlags, startOptions } from "./add.ts"

const { shell: _, ...jobFlags } = commandFlags

export const command = Command.make(
  "enqueue",
  {
    ...jobFlags,
    ...startFlags,
    ...namedTaskFlags,
    task: Argument.String("task").pipe(Argument.withDescription("the task's name"))
  },
  Effect.fnUntraced(function* (flags) {
    const out = yield* output
    const start = yield* startOptions(flags)
    const opened = yield* openActing({ create: true, thread: false })
    const file = yield* moduleFile(flags.tasks, opened.settings)
    yield* Effect.gen(function* () {
      const queue = yield* TaskQueue
      const task = yield* taskOf(file, flags.task)
      if (task.idempotencyKey === undefined) yield* checkKeyed(flags)
      const payload = yield* payloadOf(task, flags.payload, opened.queueSettings.maxPayloadBytes)
      const options: EnqueueOptions = {
        ...toEnqueueOptions({ ...flags, shell: false }, undefined),
        ...start,
        ...(yield* parents(flags))
      }
      const handle = yield* queue.enqueue(task, payload, options)
      yield* out.line(Job.formatJobId(handle.id))
      yield* sayMet([handle.outcome])
      yield* sayWithoutWorker(task.name, yield* queue.workers)
    }).pipe(Effect.scoped, Effect.provide(opened.layer))
  })
).pipe(
  Command.withDescription("Enqueues a typed task of your own module and prints the job's id."),
  Command.withExamples([
    { command: 'sluice enqueue resize --payload \'{"file": "a.png", "width": 200}\' --tasks ./tasks.ts' }
  ])
)
