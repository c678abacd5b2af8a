/** What a store keeps of the answer to a call that may be asked again (`Asked`), and for how long. */
import type { JobId } from "../../Job.ts"
import type { ClaimedJob, TurnResult } from "../../../Store/Turn.ts"

/** Milliseconds after the last call of an origin until it is forgotten. */
export const answersKeptMs = 86_400_000
/** Forgotten origins are looked for this often, in milliseconds. */
export const answersLookMs = 3_600_000

/**
 * What a call is to a store that answered `last` as the last one of its origin and method. `stale`: a late copy of a
 * call that nobody waits for any more.
 */
export const judgeCall = (last: number | undefined, number: number): "new" | "again" | "stale" =>
  last === undefined || number > last ? "new" : number === last ? "again" : "stale"

export const staleCall = "A late copy of a call that was answered before: nothing was done."

/** Parts of an answer to a turn that are kept in another form. */
type Turned = Pick<TurnResult, "ids" | "jobs" | "batches">

type Claim = readonly [id: JobId, attempt: number]

/**
 * The answer to a turn without what can be read again: ids that follow one another as the first and their number, and
 * of what was claimed the tokens alone.
 */
export interface KeptTurn<A extends Turned> {
  readonly session: number
  readonly ids: ReadonlyArray<readonly [first: number, count: number]>
  readonly jobs: ReadonlyArray<Claim>
  readonly batches: ReadonlyArray<ReadonlyArray<Claim>> | undefined
  readonly rest: Omit<A, keyof Turned>
}

const claimOf = ({ attempt, id }: ClaimedJob): Claim => [id, attempt]

/** Refused ones have the id 0, which follows nothing. */
const runsOf = (ids: ReadonlyArray<JobId>): KeptTurn<Turned>["ids"] => {
  const runs: Array<[first: number, count: number]> = []
  for (const id of ids) {
    const last = runs.at(-1)
    if (last !== undefined && last[0] > 0 && id === last[0] + last[1]) last[1]++
    else runs.push([id, 1])
  }
  return runs
}

/** `session`: the turn's, which took what the answer says was claimed. */
export const keepTurn = <A extends Turned>(session: number, { batches, ids, jobs, ...rest }: A): KeptTurn<A> => ({
  session,
  ids: runsOf(ids),
  jobs: jobs.map(claimOf),
  batches: batches?.map((batch) => batch.map(claimOf)),
  rest
})

/**
 * The answer as it was given first, but that of what was claimed only the jobs come that the session still holds by the
 * same attempt; `held` answers them. Who asks again would run the others beside another worker.
 */
export const answerTurnAgain = <A extends Turned>(
  { batches, ids, jobs, rest, session }: KeptTurn<A>,
  held: (id: JobId, attempt: number, session: number) => ClaimedJob | undefined
): A => {
  const claimed = (claims: ReadonlyArray<Claim>) => claims.flatMap(([id, attempt]) => held(id, attempt, session) ?? [])
  return {
    ...rest,
    ids: ids.flatMap(([first, count]) => Array.from({ length: count }, (_, i) => (first + i) as JobId)),
    jobs: claimed(jobs),
    batches: batches?.map(claimed).filter((batch) => batch.length > 0)
  } as unknown as A
}
