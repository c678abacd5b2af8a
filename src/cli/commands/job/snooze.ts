import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { Job, TaskQueue } from "../../../services/Queue/index.ts"
import { parseDuration } from "../../input/DurationInput.ts"
import * as JobFlags from "../../JobFlags.ts"
import * as JobReference from "../../JobReference.ts"
import { looking } from "../../OpenStore.ts"
import { output } from "../../Output.ts"

export const snooze = Command.make(
  "snooze",
  {
    job: JobFlags.jobIdArgument(),
    delay: Argument.String("delay").pipe(Argument.withDescription("how long, like 10m"))
  },
  Effect.fnUntraced(function* ({ delay, job: reference }) {
    const id = yield* JobReference.jobOf(reference)
    const out = yield* output
    const parsed = parseDuration(delay)
    if (Result.isFailure(parsed)) return yield* parsed.failure
    yield* TaskQueue.use((queue) => queue.snooze(id, parsed.success))
    yield* out.line(out.quiet ? Job.formatJobId(id) : `${Job.formatJobId(id)} starts no earlier than ${delay} from now`)
  }, looking)
).pipe(
  Command.withDescription("A waiting job starts no earlier than this long from now."),
  Command.withExamples([{ command: "sluice job snooze last 1h" }])
)
