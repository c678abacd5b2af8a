/** What a job can be found by beside id, task, group and state: its labels, each with the letter of its kind. */
import type { JobExtra } from "../../Job.ts"
import type { JobFilter } from "../../../Store/JobQuery.ts"

/** The likely rarer ones first: a look-up goes along the first that it has. */
const letters = { batchKey: "b", partitionKey: "p", tag: "g", owner: "o", team: "t" } as const

type Kind = keyof typeof letters

const label = (kind: Kind, value: string): string => `${letters[kind]}:${value}`

/** The labels that a filter asks for: each of them must be on a job that it lets pass. */
export const labelsOfFilter = (filter: Pick<JobFilter, Kind>): ReadonlyArray<string> =>
  (Object.keys(letters) as ReadonlyArray<Kind>).flatMap((kind) =>
    filter[kind] === undefined ? [] : [label(kind, filter[kind])]
  )

export const labelsOf = (
  partitionKey: string | null | undefined,
  extra: JobExtra | undefined
): ReadonlyArray<string> => {
  const labels: Array<string> = []
  if (partitionKey !== null && partitionKey !== undefined) labels.push(label("partitionKey", partitionKey))
  if (extra !== undefined) {
    if (extra.owner !== undefined) labels.push(label("owner", extra.owner))
    if (extra.team !== undefined) labels.push(label("team", extra.team))
    if (extra.batchKey !== undefined) labels.push(label("batchKey", extra.batchKey))
    for (const tag of new Set(extra.tags)) labels.push(label("tag", tag))
  }
  return labels
}
