/** What a limited key says of itself. */
import { nextAt } from "../../Limits/policy/KeyAdmission.ts"
import { policyOf } from "../../Limits/policy/KeyRules.ts"
import type { KeyRecord } from "../KeyRecord.ts"
import type { GroupLimits } from "./GroupLimits.ts"
import type { Group } from "./Lane.ts"
import { costIn, slotsIn } from "./StoredJob.ts"

export const recordOf = (limits: GroupLimits, name: string): KeyRecord => {
  const key = limits.keys.get(name)
  const own = limits.own.get(name)
  const job = key?.line.first()
  return {
    group: limits.group.name,
    key: name,
    policy: policyOf(limits.policy, name, own) ?? {},
    ownPolicy: own?.policy,
    held: key?.held ?? 0,
    running: key?.running ?? 0,
    waiting: key?.waiting ?? 0,
    waitingSince: key?.waitingSince,
    nextAt:
      key === undefined || job === undefined
        ? undefined
        : nextAt(key, key.policy, key.window, slotsIn(job), costIn(job)),
    heldBackUntil: key?.heldBackUntil ?? 0,
    tat: key?.tat ?? 0,
    feedback: key?.feedback,
    paused: own?.paused === true
  }
}

/** Whether a key is worth listing. */
const speaks = ({ heldBackUntil, held, ownPolicy, paused, waiting }: KeyRecord): boolean =>
  held > 0 || waiting > 0 || paused || ownPolicy !== undefined || heldBackUntil > 0

/** Keys that have something to say. */
export const recordsOf = (
  groups: Iterable<Group>,
  groupName: string | undefined,
  names: ReadonlyArray<string> | undefined
): Array<KeyRecord> => {
  const records: Array<KeyRecord> = []
  for (const { limits, name } of groups) {
    if (limits === undefined || (groupName !== undefined && name !== groupName)) continue
    for (const key of names ?? new Set([...limits.keys.keys(), ...limits.own.keys()])) {
      const record = recordOf(limits, key)
      if (speaks(record)) records.push(record)
    }
  }
  return records
}
