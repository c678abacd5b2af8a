/** Why a job has not started: what `job explain` prints. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Job, type JobId, TaskQueue } from "../../services/Queue/index.ts"
import { AttemptShape, toAttemptShapes } from "../../api/JobShape.ts"
import { LimitReasonShape, toLimitReasonShape } from "../../api/LimitReasonShape.ts"
import { PlaceShape, toPlaceShape } from "../../api/OrderShape.ts"
import * as AttemptInWords from "../AttemptInWords.ts"
import { hint } from "../Hint.ts"
import { output } from "../Output.ts"
import { inWords as placeInWords } from "../PlaceInWords.ts"
import { explain as inWords } from "../Reason.ts"

/** Why a job has not started, as `--json` shows it. */
export const ExplanationShape = Schema.Struct({
  id: Schema.String,
  /** One word, stable: NotDue, NoWorker, GroupFull and so on. */
  reason: Schema.String,
  /** The same as a sentence, and what to do. */
  why: Schema.String,
  advice: Schema.String,
  /** The limit that keeps it, else null. */
  limit: Schema.NullOr(LimitReasonShape),
  /** Its place in the order of its group while it is pending, else null. */
  place: Schema.NullOr(PlaceShape),
  /** Its attempts so far, as in `job get`. */
  attempts: Schema.Array(AttemptShape)
})

export const explainJob = Effect.fnUntraced(function* (id: JobId, json: boolean) {
  const out = yield* output
  const queue = yield* TaskQueue
  const reason = yield* queue.explain(id)
  const place = yield* queue.place(id)
  const job = yield* queue.get(id)
  const now = yield* Clock.currentTimeMillis
  const { advice, why } = inWords(reason, now, job.failure?.message)
  const shownAdvice = advice
    .replace(/\bJOB\b/, Job.formatJobId(id))
    .replace(/^sluice job retry\b/, `sluice job retry ${Job.formatJobId(id)}`)
  const spelled = yield* hint(shownAdvice)
  if (json)
    return yield* out.json(ExplanationShape, {
      id: Job.formatJobId(id),
      reason: reason._tag,
      why,
      advice: spelled,
      limit: toLimitReasonShape(reason),
      place: place === undefined ? null : toPlaceShape(place),
      attempts: toAttemptShapes(job)
    })
  yield* out.line(`${why}${spelled === "" ? "" : `; ${spelled}`}`)
  if (place !== undefined) yield* out.lines(placeInWords(job.group, place, now))
  yield* out.lines(job.attempts.map((attempt) => `attempt ${attempt.number}: ${AttemptInWords.inWords(attempt, now)}`))
})
