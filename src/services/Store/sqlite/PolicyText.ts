/** Policies as the file keeps them: JSON text, read once for each text. */
import { type GroupPolicy, type KeyPolicy, noPolicy } from "../../Limits/GroupPolicy.ts"

/** Different texts kept. */
const keptMost = 1_000

const known = new Map<string, GroupPolicy | KeyPolicy>([["{}", noPolicy]])

const parsed = (text: string): GroupPolicy | KeyPolicy => {
  const policy = known.get(text)
  if (policy !== undefined) return policy
  if (known.size >= keptMost) known.clear()
  const read = JSON.parse(text) as GroupPolicy | KeyPolicy
  known.set(text, read)
  return read
}

export const groupPolicyIn = (text: string): GroupPolicy => parsed(text) as GroupPolicy

export const keyPolicyIn = (text: string): KeyPolicy => parsed(text) as KeyPolicy
